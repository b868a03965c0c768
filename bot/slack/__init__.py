"""The Slack edge, without rules: listeners, payloads and forms take in; the sender sends."""
