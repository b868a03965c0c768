"""Answers an auditor's questions: is the history complete, and what happened? Reads a file, never the bot's store."""
