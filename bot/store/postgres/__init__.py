"""PostgreSQL instead of SQLite's file; imported only if the settings choose it."""
