"""Slack messages in the outbox, as values that are still to be sent."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum, unique
from typing import Any, NamedTuple

Blocks = list[dict[str, Any]]


class Words(NamedTuple):
    """Text and blocks of a private answer; the text is complete by itself."""

    text: str
    blocks: Sequence[dict[str, Any]] = ()


@unique
class MessageKind(StrEnum):
    """How a message reaches Slack."""

    CARD = "card"  # chat.postMessage: the request's one top-level message
    UPDATE = "update"  # chat.update of that card, drawn when it is sent
    REPLY = "reply"  # chat.postMessage into the card's thread
    REMINDER = "reminder"  # the same, but not sent once the request has moved on
    PROGRESS = "progress"  # one message of the thread that is edited as the work continues
    FILE = "file"  # a file uploaded into the thread
    NOTICE = "notice"  # chat.postMessage into a channel, about no request
    PRIVATE = "private"  # chat.postEphemeral to one person
    DIRECT = "direct"  # chat.postMessage to one person, who must learn it however late
    HOME = "home"  # views.publish: one person's home tab, drawn when it is sent


@dataclass(frozen=True, slots=True, kw_only=True)
class File:
    """A text file for the thread, for a list that is too long for a message."""

    name: str
    title: str
    content: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Message:
    """One message.

    Attributes:
        request: The request's number; None if the message is about no request.
        channel: Slack channel id.
        user: Who sees a private message; of a receipt or a statement, its name, which it keeps if Slack refuses the blocks.
        text: Complete by itself, because notifications and screen readers read nothing else. Empty
            if the message is drawn when it is sent; of a receipt, the name of its row until then.
        blocks: Block Kit; may be empty.
    """

    kind: MessageKind
    channel: str
    text: str
    blocks: Blocks
    request: int | None = None
    user: str = ""
    file: File | None = None
