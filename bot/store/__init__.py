"""SQLite through sqlite-utils: every SQL statement of the bot. Synchronous on purpose, short calls."""
