"""Slack's payloads as typed values.

Only ids are read, never names or texts of messages. Of a click or a form, the bot believes only who acted and which
request is named; everything else comes from the database.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any, NamedTuple

from bot.domain.clean import as_key, kept, or_nothing, trimmed, unescaped
from bot.domain.named import Named, named
from bot.operations.typed import Values

WORDS = ("pretext", "title", "text", "value", "fallback")
"""The members of a block or an attachment that hold words."""

LONGEST_PAGE = 6
"""The most digits of a page number."""

DIRECT = "D"
"""The first letter of a direct message's id."""

MOST_TEXT = 4000
"""How many characters of a message are searched for numbers."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Actor:
    """Who acts: Slack user id and the payload's workspace; empty when not given."""

    user_id: str
    team_id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Command:
    """A slash command as typed."""

    actor: Actor
    channel: str
    text: str
    trigger_id: str

    @property
    def word(self) -> str:
        """Return the text in the form in which it is compared with words of the command, such as `help`."""
        return as_key(self.text).lower()


@dataclass(frozen=True, slots=True, kw_only=True)
class Click:
    """A click on a button.

    A click on the Home tab and a shortcut have no channel; they are answered in a direct message,
    so `channel` is the person's id.

    Attributes:
        action_id: Which button it was; empty if the click is not exactly one action.
        value: What the button names, as text.
        chosen: The chosen entry of a menu; empty for a button.
        named: The request that it names; None if it names none.
    """

    actor: Actor
    channel: str
    action_id: str
    value: str
    named: Named | None
    trigger_id: str
    chosen: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Pointed:
    """A message on which a shortcut was used. Its text is only searched for numbers.

    Attributes:
        files: The ids of its files.
    """

    actor: Actor
    channel: str
    ts: str
    thread_ts: str
    text: str
    files: tuple[str, ...]
    trigger_id: str


class SentFile(NamedTuple):
    """A file that somebody sent the bot in a direct message, with Slack's id of it."""

    actor: Actor
    file: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Submission:
    """A submitted form. `view_id` identifies it, also when it is submitted twice."""

    actor: Actor
    view_id: str
    metadata: str
    values: Values


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """A choice in an open form on which the rest of the form depends.

    Attributes:
        draft: Name of the kept values that a button leads to.
        trigger_id: Can open another form for three seconds.
    """

    actor: Actor
    view_id: str
    hash: str
    callback_id: str
    metadata: str
    values: Values
    draft: str = ""
    trigger_id: str = ""


def person_of(body: Any) -> str:
    """Return the id of the person who caused a payload of any kind; empty if it names nobody."""
    if not isinstance(body, Mapping):
        return ""
    event = _mapping(body, "event")
    return _text(body, "user_id") or _text(_mapping(body, "user"), "id") or _text(event, "user")


def command(body: Mapping[str, Any]) -> Command:
    """Read a `slash_commands` payload."""
    return Command(
        actor=Actor(user_id=_text(body, "user_id"), team_id=_text(body, "team_id")),
        channel=_text(body, "channel_id"),
        text=trimmed(unescaped(_text(body, "text"))),
        trigger_id=_text(body, "trigger_id"),
    )


def click(body: Mapping[str, Any]) -> Click:
    """Read a `block_actions` payload with exactly one action, or a global shortcut's."""
    action = _only_action(body)
    actor = _actor(body)
    chosen, _, value = _text(_mapping(action, "selected_option"), "value").partition(" ")
    value = value or _text(action, "value")
    return Click(
        actor=actor,
        channel=_text(_mapping(body, "channel"), "id")
        or _text(_mapping(body, "container"), "channel_id")
        or (actor.user_id if _is_nowhere(body) else ""),
        action_id=_text(action, "action_id"),
        value=value,
        named=_named(value, body),
        trigger_id=_text(body, "trigger_id"),
        chosen=chosen,
    )


def _is_nowhere(body: Mapping[str, Any]) -> bool:
    """Return whether a click comes from a place that is not a channel."""
    view = _text(_mapping(body, "view"), "type")
    return view in ("home", "modal") or _text(body, "type") == "shortcut"


def view_id(body: Mapping[str, Any]) -> str:
    """Return the id of the view on which something was pressed; empty if it was not a view."""
    return _text(_mapping(body, "view"), "id")


def pointed(body: Mapping[str, Any]) -> Pointed:
    """Read a `message_action` payload."""
    message = _mapping(body, "message")
    return Pointed(
        actor=_actor(body),
        channel=_text(_mapping(body, "channel"), "id"),
        ts=_text(body, "message_ts") or _text(message, "ts"),
        thread_ts=_text(message, "thread_ts"),
        text=kept(" ".join(_words(message))[:MOST_TEXT]),
        files=tuple(_files(message)),
        trigger_id=_text(body, "trigger_id"),
    )


def sent_file(body: Mapping[str, Any]) -> SentFile | None:
    """Read the event `file_shared`; None for any other event, and for a file in a channel, which is not for the bot."""
    event = _mapping(body, "event")
    user, file = _text(event, "user_id"), _text(event, "file_id")
    directly = _text(event, "channel_id").startswith(DIRECT)
    if _text(event, "type") != "file_shared" or not (file and directly):
        return None
    return SentFile(Actor(user_id=user, team_id=_text(body, "team_id")), file)


def _words(message: Mapping[str, Any]) -> Iterator[str]:
    """Yield the words of a message: its text, and then what its blocks and attachments show.

    Messages of other apps often have their words only there. There is no recursion, because somebody can make a payload
    as deep as they like.
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
        values=_values(_mapping(_mapping(view, "state"), "values")),
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
        values=_values(_mapping(_mapping(view, "state"), "values")),
        draft=_text(_only_action(body), "value"),
        trigger_id=_text(body, "trigger_id"),
    )


def page_number(text: str) -> int:
    """Return the page that a button of the Home tab turns to; 0, the first, for anything else."""
    return int(text) if text.isascii() and text.isdigit() and len(text) <= LONGEST_PAGE else 0


def _named(value: str, body: Mapping[str, Any]) -> Named | None:
    """Return what a button names, and the message that it is on."""
    found = named(value)
    if found is None:
        return None
    message, container = _mapping(body, "message"), _mapping(body, "container")
    payload = _mapping(_mapping(message, "metadata"), "event_payload")
    return replace(
        found,
        channel=_text(_mapping(body, "channel"), "id") or _text(container, "channel_id"),
        ts=_text(container, "message_ts") or _text(message, "ts"),
        thread_ts=_text(container, "thread_ts") or _text(message, "thread_ts"),
        database=_text(payload, "database"),
    )


def _only_action(body: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return the only action of a click; an empty mapping if there are none or several."""
    actions = body.get("actions")
    only = actions[0] if isinstance(actions, list) and len(actions) == 1 else None
    return only if isinstance(only, Mapping) else {}


def _actor(body: Mapping[str, Any]) -> Actor:
    user = _mapping(body, "user")
    team = _text(user, "team_id") or _text(_mapping(body, "team"), "id")
    return Actor(user_id=_text(user, "id"), team_id=team)


def _values(state: Mapping[str, Any]) -> Values:
    """Return what was typed, by `block_id`."""
    values: dict[str, Any] = {}
    for block_id in state:
        for element in _mapping(state, block_id).values():
            values[block_id] = _value(element) if isinstance(element, Mapping) else None
    return values


def _value(state: Mapping[str, Any]) -> Any:
    """Return the value of an element of a form; text exactly as typed, or empty if nothing of it is visible."""
    if "value" in state:
        typed = state["value"]
        return or_nothing(kept(typed)) if isinstance(typed, str) else typed
    for single in ("selected_date", "selected_time", "selected_user"):
        if single in state:
            return state[single]
    if "files" in state:
        return list(_files(state))
    if "selected_option" in state:
        return _mapping(state, "selected_option").get("value")
    if "selected_options" in state:
        options = state["selected_options"]
        listed = options if isinstance(options, list) else []
        return [option.get("value") for option in listed if isinstance(option, Mapping)]
    return None


def _files(holder: Mapping[str, Any]) -> Iterator[str]:
    """Yield the ids of the files that a field or a message holds."""
    files = holder.get("files")
    for each in files if isinstance(files, list) else ():
        if isinstance(each, Mapping) and (its_id := _text(each, "id")):
            yield its_id


def _mapping(body: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    found = body.get(name)
    return found if isinstance(found, Mapping) else {}


def _text(body: Mapping[str, Any], name: str) -> str:
    found = body.get(name)
    return kept(found) if isinstance(found, str) else ""
