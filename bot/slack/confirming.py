"""The button that confirms a change of the policy."""

from typing import Any

from slack_bolt.async_app import AsyncAck, AsyncApp

from bot.slack import payloads
from bot.slack.answering import Answering
from bot.workflow.policy_changes import CONFIRM, PolicyChanges


def register(app: AsyncApp, answering: Answering, changes: PolicyChanges) -> None:
    """Connect the button."""

    @app.action(CONFIRM)
    async def pressed(ack: AsyncAck, body: dict[str, Any]) -> None:
        await ack()
        click = payloads.click(body)  # who may not look any more could confirm it before
        names = await changes.names(click.value)
        person = await answering.people.person(click.actor, names)
        words = changes.confirm(click.value, person)
        answering.parts.bells.runner.set()
        await answering.say(click.channel, click.actor, *words)
