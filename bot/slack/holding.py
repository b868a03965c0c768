"""Answers everything while the database is held or this process ends: says why, and that nothing is done."""

import json
from collections.abc import Awaitable, Callable
from http import HTTPStatus
from typing import Any

from slack_bolt.async_app import AsyncBoltRequest
from slack_bolt.response import BoltResponse

from bot.slack import payloads
from bot.slack.answering import COULD_NOT_RECORD, Answering, not_recorded
from bot.slack.forms import fields
from bot.store.errors import CouldNotRecordError

NOTHING = "Nothing was done"
ENDING = "Nothing was done: Billing Bot is being restarted. Please try again in a minute."
Middleware = Callable[..., Awaitable[BoltResponse | None]]


def held(answering: Answering) -> Middleware:
    """Return the middleware that every command, click, form and shortcut passes before its listener."""

    async def refuse(
        req: AsyncBoltRequest, next_: Callable[[], Awaitable[None]]
    ) -> BoltResponse | None:
        if answering.is_ending:
            return answer_while_ending(answering, req.body)
        try:
            why = answering.parts.store.copies.held
        except CouldNotRecordError:
            why = ""  # the listener meets the same fault, and answers as its command or form must
        if not why:
            await next_()
            return None
        return answer(answering, req.body, why)

    return refuse


def answer_while_ending(answering: Answering, body: dict[str, Any]) -> BoltResponse:
    """Return the answer of a process that ends: what it began now, and its answer, would wait for the next one.

    A form keeps what was typed. Slack delivers an event again that was not acknowledged, and nothing else.
    """
    if body.get("type") == "event_callback":
        return BoltResponse(status=HTTPStatus.SERVICE_UNAVAILABLE, body="")
    if body.get("type") == "view_submission" and (field := _first_field(body)):
        return _json({"response_action": "errors", "errors": {field: ENDING}})
    return answer(answering, body, ENDING)


def _first_field(body: dict[str, Any]) -> str:
    shown = payloads.mapping(body, "view").get("blocks") or ()
    return next((str(each["block_id"]) for each in shown if each.get("type") == "input"), "")


def _json(body: dict[str, Any]) -> BoltResponse:
    return BoltResponse(
        status=HTTPStatus.OK,
        body=json.dumps(body),
        headers={"content-type": ["application/json"]},
    )


def answer_not_recorded(
    answering: Answering, body: dict[str, Any], error: CouldNotRecordError
) -> BoltResponse:
    """Return the answer to a payload that was not recorded, or perhaps not."""
    words = not_recorded(error)
    return answer(answering, body, words, NOTHING if words == COULD_NOT_RECORD else "Not known")


def answer(
    answering: Answering, body: dict[str, Any], why: str, title: str = NOTHING
) -> BoltResponse:
    """Return the sentence as an answer to this kind of payload; a form's has a title."""
    if "command" in body:
        return BoltResponse(status=200, body=why)
    if body.get("type") == "view_submission":
        return _json({"response_action": "update", "view": fields.notice(title, why)})
    answer_click(answering, body, why)
    if sent := payloads.sent_file(body):
        answering.keep(answering.say_now(sent.actor.user_id, sent.actor, why))
    return BoltResponse(status=200, body="")


def answer_click(answering: Answering, body: dict[str, Any], why: str) -> None:
    """Say a sentence privately to whoever clicked a button or chose a shortcut; nothing for other payloads."""
    if body.get("type") in ("block_actions", "shortcut", "message_action"):
        click = payloads.click(body)
        channel = click.channel or click.actor.user_id
        answering.keep(answering.say_now(channel, click.actor, why))
