"""The slash commands: what was typed behind them decides which form opens."""

from slack_bolt.async_app import AsyncApp

from bot.slack.answering import Answering
from bot.slack.commands import bill_run, forms, status
from bot.status.lists import Links


def register(app: AsyncApp, answering: Answering, links: Links) -> None:
    """Connect the commands."""
    forms.register(app, answering)
    bill_run.register(app, answering)
    status.register(app, answering, links)
