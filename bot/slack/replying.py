"""Answers a command that reads Zuora: within 3 s if possible, else later."""

import asyncio
import logging
from collections.abc import Awaitable, Coroutine
from dataclasses import dataclass

from slack_bolt.async_app import AsyncAck, AsyncRespond
from slack_sdk.webhook.async_client import AsyncWebhookClient

from bot.awaited import was_answered
from bot.domain.message import Words
from bot.slack.answering import COULD_NOT_RECORD, SECONDS_FOR_ZUORA, Answering
from bot.slack.errors import NO_ANSWER
from bot.slack.payloads import Command
from bot.slack.web import proxy_for
from bot.store.errors import CouldNotRecordError

logger = logging.getLogger(__name__)

FAULT = "Something went wrong in Billing Bot; its log has the details. Nothing was sent to Zuora."


@dataclass(frozen=True, slots=True)
class TypedCommand:
    """A slash command that waits for its answer.

    Attributes:
        ack: Answers it, within 3 s.
        respond: Answers it later, through its `response_url`.
    """

    command: Command
    ack: AsyncAck
    respond: AsyncRespond


async def reply(
    answering: Answering,
    typed: TypedCommand,
    work: Coroutine[object, object, Words],
    meanwhile: str,
) -> None:
    """Answer a command with the result of some work.

    Slack waits 3 s for the answer to a command. If the work takes longer, `meanwhile` is the answer, and the result
    follows through the command's `response_url`, which works in every channel, even if the bot is not a member.

    Args:
        answering: Holds on to work that outlives the listener.
        typed: The command.
        work: Makes the answer.
        meanwhile: The words while the work goes on.
    """
    task = answering.keep(work)
    done, _ = await asyncio.wait({task}, timeout=SECONDS_FOR_ZUORA)
    if done:
        made = task.result()
        await typed.ack(text=made.text, blocks=made.blocks or None)
        return
    await typed.ack(meanwhile)
    answering.keep(_later(typed.respond, task))


async def _later(respond: AsyncRespond, task: asyncio.Task[Words]) -> None:
    try:
        made = await task
    except Exception:
        logger.exception("listener_failed")
        made = Words(FAULT)
    await say(respond, made)


async def said_if_it_fails(respond: AsyncRespond, work: Awaitable[None]) -> None:
    """Do what an acknowledged command promised; if it fails, say so to the person who typed it."""
    try:
        await work
    except CouldNotRecordError:
        await say(respond, Words(COULD_NOT_RECORD))
    except Exception:
        logger.exception("listener_failed")
        await say(respond, Words(FAULT))


async def say(respond: AsyncRespond, made: Words, *, instead: bool = False) -> None:
    """Answer the person who typed a command after it was acknowledged, or replace the message."""
    if was_answered():
        return
    if not respond.response_url:
        logger.error("answer_could_not_be_sent: Slack gave no address for it")
        return
    try:
        address = AsyncWebhookClient(respond.response_url)
        address.proxy = proxy_for(respond.response_url)
        await address.send(
            text=made.text,
            blocks=made.blocks or None,
            response_type="ephemeral",
            replace_original=instead,
        )
    except NO_ANSWER:
        logger.exception("answer_could_not_be_sent")
