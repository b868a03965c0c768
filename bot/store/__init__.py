"""Every SQL statement of the bot, through sqlite-utils on SQLite. Synchronous on purpose, in short calls."""
