"""The buttons of receipts and statements, with which people say whether a decision was theirs."""

from typing import Any

from slack_bolt.async_app import AsyncAck, AsyncApp

from bot.slack import payloads
from bot.slack.answering import Answering
from bot.workflow.denials import Answers
from bot.workflow.receipts import NOT_MINE
from bot.workflow.statements import CONFIRM, DENY


def register(app: AsyncApp, answering: Answering, answers: Answers) -> None:
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
