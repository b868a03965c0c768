"""What happens, in order: ask, decide, run. Nothing here knows what Slack looks like."""
