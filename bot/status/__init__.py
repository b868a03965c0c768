"""What managers ask: how requests stand, what a month came to. Reads only; no Slack."""
