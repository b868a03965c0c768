"""The evidence for a period, as a file that can be checked without the bot."""
