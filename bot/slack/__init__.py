"""The Slack edge. In: listeners, payloads, forms. Out: the sender. No rules."""
