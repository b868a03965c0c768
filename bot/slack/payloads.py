"""Slack's payloads as typed values. Only ids are read; names and texts of messages never are.

Of a click or a form nothing is believed but who acted and which request it names; everything else
comes from the database.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from bot.operations.operation import Form

WORDS = ("pretext", "title", "text", "value", "fallback")
"""What is read of a block or an attachment."""

MOST_TEXT = 4000
"""So much of a message is searched for a number."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Actor:
    """Who acts: Slack user id and the workspace the payload came from; empty when not said."""

    user_id: str
    team_id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Command:
    """A slash command as typed."""

    actor: Actor
    channel: str
    text: str
    trigger_id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Click:
    """A button's click. `request` is None when the click does not name exactly one request.

    A click on the home tab has no channel; it is answered in a direct message, so `channel` is the
    person's id then.
    """

    actor: Actor
    channel: str
    request: int | None
    trigger_id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Press:
    """A press on a button that opens a form: which one, and what it names."""

    actor: Actor
    channel: str
    action_id: str
    value: str
    trigger_id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Pointed:
    """A message that a shortcut was used on. Its text is only searched for numbers."""

    actor: Actor
    channel: str
    ts: str
    thread_ts: str
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Submission:
    """A submitted form. `view_id` names it: submitted twice, it has the same."""

    actor: Actor
    view_id: str
    metadata: str
    form: Form


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """A choice in an open form on which the rest of the form depends."""

    actor: Actor
    view_id: str
    hash: str
    callback_id: str
    metadata: str
    form: Form


def command(body: Mapping[str, Any]) -> Command:
    """Read a `slash_commands` payload."""
    return Command(
        actor=Actor(user_id=_text(body, "user_id"), team_id=_text(body, "team_id")),
        channel=_text(body, "channel_id"),
        text=_text(body, "text").strip(),
        trigger_id=_text(body, "trigger_id"),
    )


def click(body: Mapping[str, Any]) -> Click:
    """Read a `block_actions` payload with exactly one action whose value is a request's number."""
    value = _text(_only_action(body), "value")
    container = _mapping(body, "container")
    actor = _actor(body)
    at_home = _text(_mapping(body, "view"), "type") == "home"
    return Click(
        actor=actor,
        channel=_text(_mapping(body, "channel"), "id")
        or _text(container, "channel_id")
        or (actor.user_id if at_home else ""),
        request=request_number(value),
        trigger_id=_text(body, "trigger_id"),
    )


def press(body: Mapping[str, Any]) -> Press:
    """Read a `block_actions` payload with exactly one action; any other names nothing."""
    action = _only_action(body)
    clicked = click(body)
    return Press(
        actor=clicked.actor,
        channel=clicked.channel,
        action_id=_text(action, "action_id"),
        value=_text(action, "value"),
        trigger_id=clicked.trigger_id,
    )


def pointed(body: Mapping[str, Any]) -> Pointed:
    """Read a `message_action` payload."""
    message = _mapping(body, "message")
    return Pointed(
        actor=_actor(body),
        channel=_text(_mapping(body, "channel"), "id"),
        ts=_text(body, "message_ts") or _text(message, "ts"),
        thread_ts=_text(message, "thread_ts"),
        text=" ".join(_words(message))[:MOST_TEXT],
    )


def _words(message: Mapping[str, Any]) -> Iterator[str]:
    """What a message says: its text, and then what its blocks and attachments show.

    Other apps' messages often have their words in these alone. No recursion: a payload can be as
    deep as somebody likes.
    """
    yield _text(message, "text")
    left: list[Any] = [message.get("attachments"), message.get("blocks")]
    while left:
        match left.pop():
            case list() as several:
                left.extend(reversed(several))
            case Mapping() as one:
                yield from (one[name] for name in WORDS if isinstance(one.get(name), str))
                left.extend(reversed([each for each in one.values() if not isinstance(each, str)]))
            case _:
                continue


def submission(body: Mapping[str, Any]) -> Submission:
    """Read a `view_submission` payload."""
    view = _mapping(body, "view")
    return Submission(
        actor=_actor(body),
        view_id=_text(view, "root_view_id") or _text(view, "id"),
        metadata=_text(view, "private_metadata"),
        form=_form(_mapping(_mapping(view, "state"), "values")),
    )


def change(body: Mapping[str, Any]) -> Change:
    """Read a `block_actions` payload of an element inside a form."""
    view = _mapping(body, "view")
    return Change(
        actor=_actor(body),
        view_id=_text(view, "id"),
        hash=_text(view, "hash"),
        callback_id=_text(view, "callback_id"),
        metadata=_text(view, "private_metadata"),
        form=_form(_mapping(_mapping(view, "state"), "values")),
    )


def request_number(text: str) -> int | None:
    """A request's number: up to 12 ASCII digits, nothing else."""
    return int(text) if text.isascii() and text.isdigit() and len(text) <= 12 else None  # noqa: PLR2004


def _only_action(body: Mapping[str, Any]) -> Mapping[str, Any]:
    """The one action of a click; of none or of several nothing is believed."""
    actions = body.get("actions")
    only = actions[0] if isinstance(actions, list) and len(actions) == 1 else None
    return only if isinstance(only, Mapping) else {}


def _actor(body: Mapping[str, Any]) -> Actor:
    user = _mapping(body, "user")
    team = _text(user, "team_id") or _text(_mapping(body, "team"), "id")
    return Actor(user_id=_text(user, "id"), team_id=team)


def _form(values: Mapping[str, Any]) -> Form:
    """What was typed, by `block_id`."""
    form: dict[str, Any] = {}
    for block_id in values:
        for state in _mapping(values, block_id).values():
            form[block_id] = _value(state) if isinstance(state, Mapping) else None
    return form


def _value(state: Mapping[str, Any]) -> Any:
    for single in ("value", "selected_date", "selected_time", "selected_user"):
        if single in state:
            return state[single]
    if "selected_option" in state:
        return _mapping(state, "selected_option").get("value")
    if "selected_options" in state:
        options = state["selected_options"]
        listed = options if isinstance(options, list) else []
        return [option.get("value") for option in listed if isinstance(option, Mapping)]
    return None


def _mapping(body: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    found = body.get(name)
    return found if isinstance(found, Mapping) else {}


def _text(body: Mapping[str, Any], name: str) -> str:
    found = body.get(name)
    return found if isinstance(found, str) else ""
