"""The local Slack: one server that behaves as Slack does. Start reading in server.py."""

from bot.sandbox.slack.people import Ack, Submission
from bot.sandbox.slack.server import LocalSlack
from bot.sandbox.slack.workspace import sandbox_workspace

__all__ = ["Ack", "LocalSlack", "Submission", "sandbox_workspace"]
