"""What an auditor asks: is the history whole, and what happened. Reads a file, never the bot's store."""
