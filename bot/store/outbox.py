"""The outbox: Slack messages that a transaction caused and that are still to be sent, in order."""

import json
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

from sqlite_utils import Database

from bot.domain.message import File, Kind, Message
from bot.store.times import from_text_or_none, to_text, to_text_or_none

_COLUMNS = "sequence, request, kind, channel, user, text, blocks, file, wake_at, tries, tried_at"


@dataclass(frozen=True, slots=True, kw_only=True)
class Outgoing:
    """A message that is still to be sent.

    Attributes:
        sequence: Order of writing; it goes out with the message as metadata, so that a message
            whose answer was lost can be found again.
        tries: How often it was sent; more than 0 means that it may stand in Slack already.
    """

    sequence: int
    message: Message
    wake_at: datetime | None
    tries: int
    tried_at: datetime | None

    @property
    def lane(self) -> str:
        """Messages of one lane go out one after the other: a request's card and its thread.

        A private answer keeps nobody waiting and waits for nobody.
        """
        message = self.message
        if message.kind is Kind.HOME:
            return f"home-{message.user}"
        if message.kind is Kind.PRIVATE or message.request is None:
            return f"private-{self.sequence}"
        return f"request-{message.request}"

    @property
    def file_name(self) -> str:
        """The file's name, different for every message: `R-17-results.81.csv`; empty for none."""
        if self.message.file is None:
            return ""
        stem, _, ending = self.message.file.name.rpartition(".")
        return f"{stem}.{self.sequence}.{ending}"


_LANE = (
    "CASE WHEN kind = 'home' THEN 'home-' || user "
    "WHEN kind = 'private' OR request IS NULL THEN 'private-' || sequence "
    "ELSE 'request-' || request END"
)
"""`Outgoing.lane`, so that a lane is found without reading all that is to be sent."""


class Outbox:
    """Adds, reads and ends messages; inside a transaction of the caller."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def add(self, message: Message, now: datetime, *, not_before: datetime | None = None) -> int:
        """Put a message at the end of its lane; its sequence. It goes out at `not_before` at first."""
        cursor = self._database.execute(
            "INSERT INTO outbox "
            "(request, kind, channel, user, text, blocks, file, created_at, wake_at, tries) "
            "VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, 0)",
            [
                message.request, message.kind.value, message.channel, message.user, message.text,
                json.dumps(message.blocks), json.dumps(asdict(message.file)) if message.file else "",
                to_text(now), to_text_or_none(not_before),
            ],
        )  # fmt: skip
        return int(cursor.lastrowid or 0)

    def open(self, limit: int = 1000) -> list[Outgoing]:
        """The messages that are still to be sent, oldest first."""
        rows = self._database.execute(
            f"SELECT {_COLUMNS} FROM outbox WHERE ended_at IS NULL "  # noqa: S608 - own names
            "ORDER BY sequence LIMIT ?",
            [limit],
        )
        return [_from_row(row) for row in rows]

    def heads(self, limit: int = 1000) -> list[tuple[str, datetime | None]]:
        """The lanes that have something to send, and when the first message of each is due."""
        rows = self._database.execute(
            f"SELECT {_LANE}, wake_at, MIN(sequence) FROM outbox WHERE ended_at IS NULL "  # noqa: S608 - own names
            "GROUP BY 1 ORDER BY 3 LIMIT ?",
            [limit],
        )
        return [(lane, from_text_or_none(wake_at)) for lane, wake_at, _ in rows]

    def of_lane(self, lane: str) -> list[Outgoing]:
        """A lane's messages that are still to be sent, oldest first."""
        rows = self._database.execute(
            f"SELECT {_COLUMNS} FROM outbox WHERE ended_at IS NULL AND {_LANE} = ? "  # noqa: S608 - own names
            "ORDER BY sequence",
            [lane],
        )
        return [_from_row(row) for row in rows]

    def rewrite(self, sequence: int, message: Message) -> None:
        """Keep what a message says that was drawn when it was its turn, or replaced before it."""
        self._database.execute(
            "UPDATE outbox SET text = ?, blocks = ? WHERE sequence = ?",
            [message.text, json.dumps(message.blocks), sequence],
        )

    def trying(self, sequence: int, now: datetime) -> None:
        """Record that it goes out now, before it does."""
        self._database.execute(
            "UPDATE outbox SET tries = tries + 1, tried_at = ? WHERE sequence = ?",
            [to_text(now), sequence],
        )

    def later(self, sequence: int, wake_at: datetime, *, never_arrived: bool) -> None:
        """Try again at `wake_at`; `never_arrived`: Slack refused it, so it cannot stand there."""
        self._database.execute(
            "UPDATE outbox SET wake_at = ?, tries = CASE WHEN ? THEN 0 ELSE tries END "
            "WHERE sequence = ?",
            [to_text_or_none(wake_at), never_arrived, sequence],
        )

    def progress_told(self, request: int) -> tuple[bool, datetime | None]:
        """Whether some of the request's progress is still to be told, and when some was last."""
        row = self._database.execute(
            "SELECT ended_at FROM outbox WHERE request = ? AND kind = 'progress' "
            "ORDER BY sequence DESC LIMIT 1",
            [request],
        ).fetchone()
        told_at = None if row is None else from_text_or_none(row[0])
        return row is not None and told_at is None, told_at

    def progress_rests(self, request: int, until: datetime) -> None:
        """Let no progress of a request go out before then; one was told just now."""
        self._database.execute(
            "UPDATE outbox SET wake_at = :until WHERE request = :request AND kind = 'progress' "
            "AND ended_at IS NULL AND (wake_at IS NULL OR wake_at < :until)",
            {"request": request, "until": to_text(until)},
        )

    def make_plain(self, sequence: int) -> None:
        """Send it without its blocks: the text alone tells it all. Slack refused the blocks."""
        self._database.execute(
            "UPDATE outbox SET blocks = '[]', tries = 0 WHERE sequence = ?", [sequence]
        )

    def end(self, sequence: int, now: datetime, *, outcome: str, ts: str | None = None) -> None:
        """Done with it: `sent`, `merged` into a later edit, or `refused` by Slack for good."""
        self._database.execute(
            "UPDATE outbox SET ended_at = ?, outcome = ?, ts = ? WHERE sequence = ?",
            [to_text(now), outcome, ts, sequence],
        )


def _from_row(row: tuple[Any, ...]) -> Outgoing:
    sequence, request, kind, channel, user, text, blocks, file, wake_at, tries, tried_at = row
    message = Message(
        kind=Kind(kind),
        request=request,
        channel=channel,
        user=user,
        text=text,
        blocks=json.loads(blocks),
        file=File(**json.loads(file)) if file else None,
    )
    return Outgoing(
        sequence=sequence,
        message=message,
        wake_at=from_text_or_none(wake_at),
        tries=tries,
        tried_at=from_text_or_none(tried_at),
    )
