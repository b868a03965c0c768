"""Slack's payloads as typed values.

Only ids are read, never names or texts of messages. Of a click or a form, the bot believes only who acted and which
request is named; everything else comes from the database.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any, NamedTuple

from bot.domain.clean import as_key, kept, trimmed, unescaped
from bot.domain.named import Named, named

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


def only_action(body: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return the only action of a click; an empty mapping if there are none or several."""
    actions = body.get("actions")
    only = actions[0] if isinstance(actions, list) and len(actions) == 1 else None
    return only if isinstance(only, Mapping) else {}


def actor_of(body: Mapping[str, Any]) -> Actor:
    """Return who acts."""
    user = mapping(body, "user")
    team = text_of(user, "team_id") or text_of(mapping(body, "team"), "id")
    return Actor(user_id=text_of(user, "id"), team_id=team)


def files_of(holder: Mapping[str, Any]) -> Iterator[str]:
    """Yield the ids of the files that a field or a message holds."""
    files = holder.get("files")
    for each in files if isinstance(files, list) else ():
        if isinstance(each, Mapping) and (its_id := text_of(each, "id")):
            yield its_id


def mapping(body: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    """Return a member that has members itself; empty if it has none."""
    found = body.get(name)
    return found if isinstance(found, Mapping) else {}


def text_of(body: Mapping[str, Any], name: str) -> str:
    """Return a member that is a text, without what no database takes; empty if it is none."""
    found = body.get(name)
    return kept(found) if isinstance(found, str) else ""


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
        label: What stands on the button, as the bot last drew it for whoever pressed; empty for a menu.
        chosen: The chosen entry of a menu; empty for a button.
        named: The request that it names; None if it names none.
    """

    actor: Actor
    channel: str
    action_id: str
    value: str
    named: Named | None
    trigger_id: str
    label: str = ""
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


def person_of(body: Any) -> str:
    """Return the id of the person who caused a payload of any kind; empty if it names nobody."""
    if not isinstance(body, Mapping):
        return ""
    event = mapping(body, "event")
    return (
        text_of(body, "user_id") or text_of(mapping(body, "user"), "id") or text_of(event, "user")
    )


def command(body: Mapping[str, Any]) -> Command:
    """Read a `slash_commands` payload."""
    return Command(
        actor=Actor(user_id=text_of(body, "user_id"), team_id=text_of(body, "team_id")),
        channel=text_of(body, "channel_id"),
        text=trimmed(unescaped(text_of(body, "text"))),
        trigger_id=text_of(body, "trigger_id"),
    )


def click(body: Mapping[str, Any]) -> Click:
    """Read a `block_actions` payload with exactly one action, or a global shortcut's."""
    action = only_action(body)
    actor = actor_of(body)
    chosen, _, value = text_of(mapping(action, "selected_option"), "value").partition(" ")
    value = value or text_of(action, "value")
    return Click(
        actor=actor,
        channel=text_of(mapping(body, "channel"), "id")
        or text_of(mapping(body, "container"), "channel_id")
        or (actor.user_id if _is_nowhere(body) else ""),
        action_id=text_of(action, "action_id"),
        value=value,
        named=_named(value, body),
        trigger_id=text_of(body, "trigger_id"),
        label=text_of(mapping(action, "text"), "text"),
        chosen=chosen,
    )


def _is_nowhere(body: Mapping[str, Any]) -> bool:
    """Return whether a click comes from a place that is not a channel."""
    view = text_of(mapping(body, "view"), "type")
    return view in ("home", "modal") or text_of(body, "type") == "shortcut"


def pointed(body: Mapping[str, Any]) -> Pointed:
    """Read a `message_action` payload."""
    message = mapping(body, "message")
    return Pointed(
        actor=actor_of(body),
        channel=text_of(mapping(body, "channel"), "id"),
        ts=text_of(body, "message_ts") or text_of(message, "ts"),
        thread_ts=text_of(message, "thread_ts"),
        text=kept(" ".join(_words(message))[:MOST_TEXT]),
        files=tuple(files_of(message)),
        trigger_id=text_of(body, "trigger_id"),
    )


def sent_file(body: Mapping[str, Any]) -> SentFile | None:
    """Read the event `file_shared`; None for any other event, and for a file in a channel, which is not for the bot."""
    event = mapping(body, "event")
    user, file = text_of(event, "user_id"), text_of(event, "file_id")
    directly = text_of(event, "channel_id").startswith(DIRECT)
    if text_of(event, "type") != "file_shared" or not (file and directly):
        return None
    return SentFile(Actor(user_id=user, team_id=text_of(body, "team_id")), file)


def _words(message: Mapping[str, Any]) -> Iterator[str]:
    """Yield the words of a message: its text, and then what its blocks and attachments show.

    Messages of other apps often have their words only there. There is no recursion, because somebody can make a payload
    as deep as they like.
    """
    yield text_of(message, "text")
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


def page_number(text: str) -> int:
    """Return the page that a button of the Home tab turns to; 0, the first, for anything else."""
    return int(text) if text.isascii() and text.isdigit() and len(text) <= LONGEST_PAGE else 0


def _named(value: str, body: Mapping[str, Any]) -> Named | None:
    """Return what a button names, and the message that it is on."""
    found = named(value)
    if found is None:
        return None
    message, container = mapping(body, "message"), mapping(body, "container")
    payload = mapping(mapping(message, "metadata"), "event_payload")
    return replace(
        found,
        channel=text_of(mapping(body, "channel"), "id") or text_of(container, "channel_id"),
        ts=text_of(container, "message_ts") or text_of(message, "ts"),
        thread_ts=text_of(container, "thread_ts") or text_of(message, "thread_ts"),
        database=text_of(payload, "database"),
    )
