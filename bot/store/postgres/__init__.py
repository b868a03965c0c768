"""PostgreSQL in the place of SQLite's file: nothing here is imported where it is not chosen."""
