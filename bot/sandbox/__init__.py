"""The sandbox: a local Slack, a local Zuora and the page. It knows nothing of the bot."""
