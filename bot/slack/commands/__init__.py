"""The slash commands."""

from slack_bolt.async_app import AsyncApp

from bot.slack.answering import Answering
from bot.slack.commands import bill_run, forms, status
from bot.slack.forms.bill_run import BillRunForm
from bot.slack.forms.catalog import Forms
from bot.status.lists import Links


def register(app: AsyncApp, answering: Answering, catalog: Forms, links: Links) -> None:
    """Connect the commands."""
    forms.register(app, answering, catalog)
    bill_run.register(app, answering, catalog[BillRunForm.callback_id])
    status.register(app, answering, links)
