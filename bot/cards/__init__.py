"""What people read in Slack: cards, lines of a thread and private answers, as values. No I/O."""
