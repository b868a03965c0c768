"""The buttons with which people say whether a decision was theirs, and confirm a change of the policy."""

from typing import Any

from slack_bolt.async_app import AsyncAck, AsyncApp

from bot.slack import payloads
from bot.slack.answering import Answering
from bot.workflow.denials import Answers
from bot.workflow.policy_changes import CONFIRM as CONFIRM_POLICY
from bot.workflow.policy_changes import PolicyChanges
from bot.workflow.receipts import NOT_MINE
from bot.workflow.statements import CONFIRM, DENY


def register(app: AsyncApp, answering: Answering, answers: Answers, changes: PolicyChanges) -> None:
    """Connect them."""

    @app.action(NOT_MINE)
    async def not_mine(ack: AsyncAck, body: dict[str, Any]) -> None:
        click = payloads.click(body)
        person = await answering.people.person(click.actor, ())
        words = answers.receipt(person, click.value, click.named)
        await ack()
        await answering.say(click.channel, click.actor, *words)

    async def answered(ack: AsyncAck, body: dict[str, Any], *, mine: bool) -> None:
        click = payloads.click(body)
        person = await answering.people.person(click.actor, ())
        words = answers.statement(person, click.value, mine=mine)
        await ack()
        await answering.say(click.channel, click.actor, *words)

    @app.action(CONFIRM)
    async def confirmed(ack: AsyncAck, body: dict[str, Any]) -> None:
        await answered(ack, body, mine=True)

    @app.action(DENY)
    async def denied(ack: AsyncAck, body: dict[str, Any]) -> None:
        await answered(ack, body, mine=False)

    @app.action(CONFIRM_POLICY)
    async def confirmed_policy(ack: AsyncAck, body: dict[str, Any]) -> None:
        await ack()
        click = payloads.click(body)  # who may not look any more could confirm it before
        names = await changes.names(click.value)
        person = await answering.people.person(click.actor, names)
        words = await changes.confirm(click.value, person)
        answering.parts.bells.runner.set()
        await answering.say(click.channel, click.actor, *words)
