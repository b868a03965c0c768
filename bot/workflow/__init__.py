"""What happens, in order: ask, decide, run. Nothing here knows how Slack looks or speaks."""
