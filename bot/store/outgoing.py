"""One message of the outbox: what it is, where it waits, and what its hash is made from."""

import json
from dataclasses import dataclass
from datetime import datetime
from enum import Enum, auto
from typing import Any, NamedTuple

from bot.domain.message import Blocks, File, Message, MessageKind
from bot.store.times import WRONG, from_text_if_readable

SENT = (
    "sequence",
    "kind",
    "channel",
    "user",
    "text",
    "blocks",
    "file",
    "created_at",
    "ended_at",
    "outcome",
    "ts",
)
"""The columns of a message that its hash in the history is made from, in this order."""

COLUMNS = (
    "sequence, request, kind, channel, user, text, blocks, file, wake_at, tries, tried_at, "
    "created_at, refused_with, after_ts"
)


class Damage(Enum):
    """What of a message cannot be read: nothing, only its blocks, or what it is."""

    NONE = auto()
    BLOCKS = auto()
    KIND = auto()


@dataclass(frozen=True, slots=True, kw_only=True)
class Outgoing:
    """A message that is still to be sent; a time is None as well if it is damaged, so that this keeps no lane from going on.

    Attributes:
        sequence: Its place in the order of writing; it goes out as metadata, so that a message
            whose answer was lost can be found again.
        tries: How many times it was sent; more than 0 means that it may be in Slack already.
        refused_with: Sequence of the newest message when Slack last refused to let the bot post; 0:
            it was not refused.
        after_ts: Slack's `ts` of a message that was in the channel before this one was first tried;
            empty if none is known.
        damage: What of it cannot be read.
    """

    sequence: int
    message: Message
    wake_at: datetime | None
    tries: int
    tried_at: datetime | None
    created_at: datetime | None
    refused_with: int = 0
    after_ts: str = ""
    damage: Damage = Damage.NONE

    @property
    def lane(self) -> str:
        """Return the message's lane; messages of a lane go out one after another, such as a request's card and thread.

        A private answer has a separate lane.
        """
        message = self.message
        if message.kind is MessageKind.HOME:
            return f"home-{message.user}"
        if message.kind is MessageKind.PRIVATE:
            return f"private-{self.sequence}"
        if message.kind is MessageKind.DIRECT:
            return f"direct-{message.user}"
        if message.request is None:
            return f"notice-{message.channel}"
        return f"request-{message.request}"

    @property
    def file_name(self) -> str:
        """Return the file's name, different for every message: `R-17-results.81.csv`; empty for none."""
        if self.message.file is None:
            return ""
        stem, _, ending = self.message.file.name.rpartition(".")
        return f"{stem}.{self.sequence}.{ending}"


LANE = (
    "CASE WHEN kind IN ('home', 'direct') THEN kind || '-' || user "
    "WHEN kind = 'private' THEN 'private-' || sequence "
    "WHEN request IS NULL THEN 'notice-' || channel "
    "ELSE 'request-' || request END"
)
"""`Outgoing.lane` in SQL, so that a lane is found without reading the whole outbox."""


class UnboundMessage(NamedTuple):
    """A message of a request that is in Slack.

    Attributes:
        hash: SHA-256 (hex) of the canonical list of its `SENT` columns.
    """

    sequence: int
    request: int
    ended_at: datetime
    hash: str


def from_row(row: tuple[Any, ...]) -> Outgoing:
    """Return a message from its `COLUMNS`, whatever of it is damaged."""
    sequence, request, kind, channel, user, text, blocks, file, wake_at, *tried = row
    tries, tried_at, created_at, refused_with, after_ts = tried
    damage, what, shown, attached = Damage.NONE, MessageKind.NOTICE, list[Any](), None
    try:
        shown = _blocks_from(blocks)
    except WRONG:
        damage = Damage.BLOCKS
    try:
        what = MessageKind(kind)
        attached = File(**json.loads(file)) if file else None
    except WRONG:
        damage = Damage.KIND
    return Outgoing(
        sequence=sequence,
        message=Message(
            kind=what,
            request=request,
            channel=channel,
            user=user,
            text=text,
            blocks=shown,
            file=attached,
        ),
        wake_at=from_text_if_readable(wake_at),
        tries=tries,
        tried_at=from_text_if_readable(tried_at),
        created_at=from_text_if_readable(created_at),
        refused_with=refused_with,
        after_ts=after_ts or "",
        damage=damage,
    )


def _blocks_from(text: str) -> Blocks:
    found = json.loads(text)
    if not isinstance(found, list) or not all(isinstance(each, dict) for each in found):
        msg = "no list of blocks"
        raise TypeError(msg)
    return found
