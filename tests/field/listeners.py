"""Every listener of the real app as it registers itself, and payloads that fit it."""

import re
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from slack_bolt.async_app import AsyncApp, AsyncBoltRequest
from slack_bolt.response import BoltResponse

from bot.cards.buttons import MORE, WITHDRAW
from bot.domain import authority
from tests.stage import CHANNEL, Stage

TEAM = "T0SANDBOX"
FOREIGN = "T0OTHER"
METHODS = (
    "command", "action", "block_action", "attachment_action", "view", "view_submission",
    "view_closed", "shortcut", "global_shortcut", "message_shortcut", "event", "message",
    "options", "block_suggestion", "dialog_submission", "dialog_cancellation",
    "dialog_suggestion", "function", "step", "assistant",
)  # fmt: skip
AUTHORITY = ("may_ask", "may_view", "may_decide", "still_counts")
Make = Callable[[str, "Who", Any], Iterator[dict[str, Any]]]
SUFFIXES = ("", "post_bill_run", "email_bill_run", "cancel_bill_run", "drop", "x" * 200)
"""What may stand behind the prefix that a listener takes; one is chosen for each payload."""


@dataclass(frozen=True)
class Listener:
    """One registration: the method of Bolt it was made with, and what it listens to."""

    kind: str
    name: str
    is_prefix: bool = False

    def ids(self) -> tuple[str, ...]:
        return tuple(self.name + each for each in SUFFIXES) if self.is_prefix else (self.name,)


def listener_of(kind: str, constraint: Any) -> Listener:
    """Read a constraint: a text, a pattern that begins with a prefix, or a mapping."""
    if isinstance(constraint, Mapping):
        named = [each for key, each in constraint.items() if key in ("callback_id", "action_id")]
        constraint = named[0] if named else constraint["type"]
    if isinstance(constraint, re.Pattern):
        prefix = re.sub(r"\\(.)", r"\1", constraint.pattern.removeprefix("^"))
        found = Listener(kind, prefix, is_prefix=True)
        for each in found.ids():
            assert constraint.search(each), f"teach this test an id that fits {constraint.pattern}"
        return found
    assert isinstance(constraint, str), constraint
    return Listener(kind, constraint)


@contextmanager
def recorded() -> Iterator[list[Listener]]:
    """Note what is registered on any Bolt app while the block lasts."""
    found: list[Listener] = []
    originals = {name: getattr(AsyncApp, name) for name in METHODS}

    def noting(kind: str) -> Callable[..., Any]:
        def register(app: AsyncApp, *args: Any, **named: Any) -> Any:
            constraint = args[0] if args else next(iter(named.values()))
            found.append(listener_of(kind, constraint))
            return originals[kind](app, *args, **named)

        return register

    for name in METHODS:
        setattr(AsyncApp, name, noting(name))
    try:
        yield found
    finally:
        for name, original in originals.items():
            setattr(AsyncApp, name, original)


@contextmanager
def counted_authority() -> Iterator[list[str]]:
    """Note each call of a function that decides who may do what, wherever it is imported."""
    calls: list[str] = []
    changed: list[tuple[Any, str, Any]] = []

    def noting(name: str, original: Callable[..., Any]) -> Callable[..., Any]:
        def asked(*args: Any, **named: Any) -> Any:
            calls.append(name)
            return original(*args, **named)

        return asked

    for name in AUTHORITY:
        original = getattr(authority, name)
        for module in [each for key, each in sys.modules.items() if key.startswith("bot.")]:
            for attribute, value in list(vars(module).items()):
                if value is original:
                    setattr(module, attribute, noting(name, original))
                    changed.append((module, attribute, original))
    try:
        yield calls
    finally:
        for module, attribute, original in changed:
            setattr(module, attribute, original)


@dataclass(frozen=True)
class Who:
    """How somebody appears in a payload; without an id the fields are not there at all."""

    user_id: str | None
    team_id: str = TEAM


async def dispatch(app: AsyncApp, body: Mapping[str, Any]) -> BoltResponse:
    """Hand the app a payload as its Socket Mode handler does."""
    return await app.async_dispatch(AsyncBoltRequest(body=dict(body), mode="socket_mode"))


def payloads(
    listener: Listener, who: Who, values: list[Any], answer_at: Callable[[], str] = str
) -> Iterator[dict[str, Any]]:
    """A payload for each value, of the kind that this listener takes; answered at a URL."""
    for body in _payloads(listener, who, values):
        yield body | ({"response_url": answer_at()} if answer_at is not str else {})


def _payloads(listener: Listener, who: Who, values: list[Any]) -> Iterator[dict[str, Any]]:
    ids, make = listener.ids(), MAKERS.get(listener.kind)
    assert make is not None, f"teach this test to send what {listener.kind} takes"
    for position, value in enumerate(values):
        yield from make(ids[position % len(ids)], who, value)


def name_of(stage: Stage, number: int = 1) -> str:
    """What the buttons of a request's card carry."""
    return stage.request(number).reference


def frame(kind: str, who: Who) -> dict[str, Any]:
    user = {} if who.user_id is None else {"user": {"id": who.user_id, "team_id": who.team_id}}
    return {
        "type": kind, "token": "t", "api_app_id": "A0SANDBOX", "team": {"id": who.team_id},
        "trigger_id": "1.2.3", "enterprise": None, "is_enterprise_install": False, **user,
    }  # fmt: skip


def command(name: str, who: Who, value: Any) -> dict[str, Any]:
    user = {} if who.user_id is None else {"user_id": who.user_id}
    return {
        "command": name, "text": str(value), "team_id": who.team_id, "channel_id": CHANNEL,
        "trigger_id": "1.2.3", "api_app_id": "A0SANDBOX", **user,
    }  # fmt: skip


def click(action_id: str, who: Who, value: Any, **more: Any) -> dict[str, Any]:
    text = {"type": "plain_text", "text": "Press"}
    action = {
        "type": "button",
        "action_id": action_id,
        "block_id": "b",
        "value": value,
        "text": text,
    }
    if action_id == MORE:
        chosen = {"value": f"{WITHDRAW} {value}"}
        action = {
            "type": "overflow",
            "action_id": action_id,
            "block_id": "b",
            "selected_option": chosen,
        }
    return {
        **frame("block_actions", who),
        "container": {"type": "message", "message_ts": "1.1", "channel_id": CHANNEL},
        "channel": {"id": CHANNEL},
        "view": view("ask:email", value, {}),
        "actions": [action],
        **more,
    }


def submissions(callback_id: str, who: Who, value: Any) -> Iterator[dict[str, Any]]:
    yield {**frame("view_submission", who), "view": view(callback_id, value, typed())}
    if value in ("1", "", "999"):
        for state in ({}, {"bill_run": {"e": 7}, "reason": [], "resend": odd()}):
            yield {**frame("view_submission", who), "view": view(callback_id, value, state)}


def pointing(callback_id: str, who: Who, value: Any) -> dict[str, Any]:
    message = {"ts": "1.1", "text": f"R-{value} BR-00000001", "user": "U0BOT"}
    return {
        **frame("message_action", who), "callback_id": callback_id, "message": message,
        "message_ts": "1.1", "channel": {"id": CHANNEL},
    }  # fmt: skip


def view(callback_id: str, value: Any, state: Any) -> dict[str, Any]:
    return {
        "id": f"V{callback_id}{value!s:.20}", "root_view_id": "", "hash": "h", "type": "modal",
        "callback_id": callback_id, "private_metadata": value if isinstance(value, str) else "",
        "state": {"values": state}, "blocks": [],
    }  # fmt: skip


def typed() -> dict[str, Any]:
    plain = {
        "bill_run": "BR-00000001", "reason": "Now", "typed": "BR-00000001",
        "documents": "INV00000001", "batches": "Batch1", "target_date": "2026-11-30",
    }  # fmt: skip
    return {
        name: {"e": {"type": "plain_text_input", "value": each}} for name, each in plain.items()
    }


def odd() -> dict[str, Any]:
    return {"e": {"type": "checkboxes", "selected_options": [{}, 7, None]}}


def event(name: str, who: Who, value: Any) -> dict[str, Any]:
    user = {} if who.user_id is None else {"user": who.user_id}
    if name == "file_shared":
        user = {f"{key}_id": each for key, each in user.items()}
        user |= {"channel_id": "D0SOMEBODY", "file_id": str(value) or "F0"}
    return {
        "type": "event_callback", "team_id": who.team_id, "api_app_id": "A0SANDBOX",
        "event_id": "Ev1", "event_time": 1,
        "event": {
            "type": name, "channel": CHANNEL, "channel_type": "channel", "ts": "1.1",
            "text": str(value), "tab": "home", **user,
        },
    }  # fmt: skip


def shortcuts(callback_id: str, who: Who, value: Any) -> Iterator[dict[str, Any]]:
    """From everywhere, and on a message."""
    yield {**frame("shortcut", who), "callback_id": callback_id}
    yield pointing(callback_id, who, value)


def closed(callback_id: str, who: Who, value: Any) -> Iterator[dict[str, Any]]:
    yield {**frame("view_closed", who), "view": view(callback_id, value, {})}


def one(make: Callable[..., dict[str, Any]]) -> Make:
    return lambda name, who, value: iter([make(name, who, value)])


MAKERS: dict[str, Make] = {
    "command": one(command),
    "view": submissions,
    "view_submission": submissions,
    "view_closed": closed,
    "action": one(click),
    "block_action": one(click),
    "shortcut": shortcuts,
    "global_shortcut": shortcuts,
    "message_shortcut": one(pointing),
    "event": one(event),
    "message": one(lambda _, who, value: event("message", who, value)),
}
"""By the method of Bolt that a listener is registered with."""
