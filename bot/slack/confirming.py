"""The button that confirms a change of the policy."""

from typing import Any

from slack_bolt.async_app import AsyncAck, AsyncApp

from bot.slack.answering import Answering
from bot.slack.looking import click_of_viewer
from bot.workflow.policy_changes import CONFIRM, PolicyChanges


def register(app: AsyncApp, answering: Answering, changes: PolicyChanges) -> None:
    """Connect the button."""

    @app.action(CONFIRM)
    async def pressed(ack: AsyncAck, body: dict[str, Any]) -> None:
        await ack()
        click = await click_of_viewer(answering, body, "confirm a policy")
        if click is None:
            return
        found = changes.lists(click.value)
        names = [name for lists in found or () for name in lists.everybody]
        person = await answering.people.person(click.actor, names)
        words = changes.confirm(click.value, person)
        answering.parts.bells.runner.set()
        await answering.say(click.channel, click.actor, *words)
