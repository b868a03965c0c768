"""Billing Bot: Zuora bill runs and billing emails from Slack, each approved by a second person."""
