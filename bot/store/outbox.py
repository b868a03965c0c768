"""The outbox: Slack messages that a transaction caused and that are still to be sent, in order."""

import json
from dataclasses import asdict, replace
from datetime import datetime, timedelta

from bot.domain.digest import canonical, text_hash
from bot.domain.message import Message, MessageKind
from bot.store.engine import Database
from bot.store.outgoing import COLUMNS, LANE, SENT, Outgoing, UnboundMessage, from_row
from bot.store.times import (
    from_text_if_readable,
    from_text_or_long_ago,
    to_text,
    to_text_or_none,
)

ANSWERS_A_MINUTE = 60
"""How many private answers one person can cause in a minute; more are not written."""

_LAST_ANSWER = (
    " You have caused so many answers within a minute that the next ones are left out for a minute."
)


class Outbox:
    """Adds, reads and ends messages; inside the caller's transaction."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def add(self, message: Message, now: datetime, *, not_before: datetime | None = None) -> int:
        """Put a message at the end of its lane; return its sequence. It waits, and its age counts, from `not_before`.

        Two kinds are left out, and 0 is returned: a private answer to somebody who has just caused very many, and a home
        if an older one is still to be sent, because that is drawn when it goes out.
        """
        if message.kind is MessageKind.HOME and self._home_waits(message.user):
            return 0
        if message.kind is MessageKind.PRIVATE:
            left = ANSWERS_A_MINUTE - self._answers_since(message.user, now - timedelta(minutes=1))
            if left <= 0:
                return 0
            if left == 1:
                message = replace(message, text=message.text + _LAST_ANSWER, blocks=[])
        (sequence,) = self._database.execute(
            "INSERT INTO outbox "
            "(request, kind, channel, user, text, blocks, file, created_at, wake_at, tries) "
            "VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, 0) RETURNING sequence",
            [
                message.request, message.kind.value, message.channel, message.user, message.text,
                json.dumps(message.blocks), json.dumps(asdict(message.file)) if message.file else "",
                to_text(not_before or now), to_text_or_none(not_before),
            ],
        ).fetchone()  # fmt: skip
        return int(sequence)

    def _home_waits(self, user: str) -> bool:
        found = self._database.execute(
            "SELECT 1 FROM outbox WHERE kind = 'home' AND ended_at IS NULL AND user = ? AND tries = 0",
            [user],
        )
        return found.fetchone() is not None

    def _answers_since(self, user: str, since: datetime) -> int:
        (number,) = self._database.execute(
            "SELECT COUNT(*) FROM (SELECT 1 FROM outbox "
            "WHERE kind = 'private' AND user = ? AND created_at > ? LIMIT ?) AS lately",
            [user, to_text(since), ANSWERS_A_MINUTE],
        ).fetchone()
        return int(number)

    def open(self, limit: int = 1000) -> list[Outgoing]:
        """Return the messages that are still to be sent, oldest first."""
        rows = self._database.execute(
            f"SELECT {COLUMNS} FROM outbox WHERE ended_at IS NULL "  # noqa: S608 - own names
            "ORDER BY sequence LIMIT ?",
            [limit],
        )
        return [from_row(row) for row in rows]

    def waits_since(self, now: datetime) -> datetime | None:
        """Return since when the oldest message that could have gone out by now has waited; None: nothing waits.

        One whose time is damaged has waited since long ago, whether its text sorts before now or after.
        """
        rows = self._database.execute(
            "SELECT created_at FROM outbox WHERE ended_at IS NULL AND created_at > :now UNION ALL "
            "SELECT created_at FROM (SELECT created_at FROM outbox WHERE ended_at IS NULL "
            "AND created_at <= :now ORDER BY sequence LIMIT 1) AS oldest",
            {"now": to_text(now)},
        )
        times = [from_text_or_long_ago(at) for (at,) in rows]
        return min((at for at in times if at <= now), default=None)

    def heads(self) -> list[tuple[str, datetime | None]]:
        """Return the lanes that have something to send, and when the first message of each is due.

        If Slack refused to let the bot post, a newer message is a reason to try again at once.
        """
        rows = self._database.execute(
            f"SELECT lane, CASE WHEN refused_with BETWEEN 1 AND newest - 1 THEN NULL ELSE wake_at END "  # noqa: S608 - own names
            f"FROM (SELECT {LANE} AS lane, MIN(sequence) AS oldest, MAX(sequence) AS newest "
            "FROM outbox WHERE ended_at IS NULL GROUP BY 1) AS lanes "
            "JOIN outbox ON sequence = oldest ORDER BY oldest"
        )
        return [(lane, from_text_if_readable(wake_at)) for lane, wake_at in rows]

    def of_lane(self, lane: str) -> list[Outgoing]:
        """Return a lane's messages that are still to be sent, oldest first."""
        rows = self._database.execute(
            f"SELECT {COLUMNS} FROM outbox WHERE ended_at IS NULL AND {LANE} = ? "  # noqa: S608 - own names
            "ORDER BY sequence",
            [lane],
        )
        return [from_row(row) for row in rows]

    def rewrite(self, sequence: int, message: Message) -> None:
        """Save the words of a message that was drawn when its turn came, or replaced before."""
        self._database.execute(
            "UPDATE outbox SET text = ?, blocks = ? WHERE sequence = ?",
            [message.text, json.dumps(message.blocks), sequence],
        )

    def trying(self, sequence: int, now: datetime) -> None:
        """Record that a message goes out now, before it does.

        The newest message of its channel is found by the order of one index. Ordered by the sequence alone, a server
        would go through all messages backwards to find that a channel has none yet.
        """
        self._database.execute(
            "UPDATE outbox SET tries = tries + 1, tried_at = ?, after_ts = COALESCE(after_ts, ("
            "SELECT CASE WHEN posted.channel = outbox.channel THEN posted.ts END "
            "FROM outbox AS posted INDEXED BY outbox_posted "
            "WHERE posted.channel <= outbox.channel AND posted.ts IS NOT NULL "
            "AND posted.kind IN ('card', 'notice', 'direct') "
            "ORDER BY posted.channel DESC, posted.sequence DESC LIMIT 1)) "
            "WHERE sequence = ?",
            [to_text(now), sequence],
        )

    def tried_by(self, sequence: int, now: datetime) -> None:
        """Record that a message was tried by now, because the time of its last try is damaged."""
        self._database.execute(
            "UPDATE outbox SET tried_at = ? WHERE sequence = ?", [to_text(now), sequence]
        )

    def later(self, sequence: int, wake_at: datetime, *, never_arrived: bool) -> None:
        """Try again at `wake_at`. `never_arrived`: Slack refused the last try; an earlier try may have arrived."""
        self._database.execute(
            "UPDATE outbox SET wake_at = ?, tries = CASE WHEN tries > ? THEN tries - ? ELSE 0 END WHERE sequence = ?",
            [to_text_or_none(wake_at), int(never_arrived), int(never_arrived), sequence],
        )

    def refused(
        self, outgoing: Outgoing, wake_at: datetime, error: str, *, never_arrived: bool
    ) -> None:
        """Let a message wait that Slack does not let the bot post or look for; the arguments are those of `later`."""
        self.later(outgoing.sequence, wake_at, never_arrived=never_arrived)
        self._database.execute(
            "UPDATE outbox SET refusal = ?, refused_with = (SELECT MAX(sequence) FROM outbox) "
            "WHERE sequence = ?",
            [error, outgoing.sequence],
        )

    def speaks_again(self, channel: str) -> None:
        """Make messages due that waited in a channel where Slack now lets the bot post again."""
        self._database.execute(
            "UPDATE outbox SET wake_at = NULL, refusal = '', refused_with = 0 "
            "WHERE ended_at IS NULL AND refusal <> '' AND channel = ?",
            [channel],
        )

    def refusals(self) -> list[tuple[str, str]]:
        """Return the channels in which Slack does not let the bot post, each with a reason that Slack gave."""
        return self._database.execute(
            "SELECT channel, MIN(refusal) FROM outbox WHERE ended_at IS NULL AND refusal <> '' "
            "GROUP BY channel ORDER BY channel"
        ).fetchall()

    def waits_to_speak(self, request: int) -> bool:
        """Return whether a message of a request waits until Slack lets the bot post."""
        found = self._database.execute(
            "SELECT 1 FROM outbox WHERE ended_at IS NULL AND refusal <> '' AND request = ? "
            "AND kind <> 'direct'",
            [request],
        )
        return found.fetchone() is not None

    def has_direct(self, request: int, user: str, since: datetime) -> bool:
        """Return whether somebody got a direct message about a request since then."""
        found = self._database.execute(
            "SELECT 1 FROM outbox WHERE request = ? AND kind = 'direct' AND user = ? "
            "AND created_at >= ?",
            [request, user, to_text(since)],
        )
        return found.fetchone() is not None

    def is_overtaken(self, reminder: Outgoing) -> bool:
        """Return whether a request has moved on since its reminder was written, or a newer one waits too."""
        found = self._database.execute(
            "SELECT 1 FROM requests WHERE number = :request AND state_at >= :at UNION ALL "
            "SELECT 1 FROM outbox WHERE ended_at IS NULL AND request = :request "
            "AND kind = 'reminder' AND sequence > :sequence",
            {
                "request": reminder.message.request,
                "at": to_text_or_none(reminder.created_at),
                "sequence": reminder.sequence,
            },
        )
        return found.fetchone() is not None

    def progress_shown(self, request: int) -> tuple[bool, datetime | None]:
        """Return whether some of the request's progress is still to be shown, and when some was last shown."""
        row = self._database.execute(
            "SELECT ended_at FROM outbox WHERE request = ? AND kind = 'progress' "
            "ORDER BY sequence DESC LIMIT 1",
            [request],
        ).fetchone()
        at = None if row is None else row[0]
        return row is not None and at is None, from_text_if_readable(at)

    def progress_rests(self, request: int, until: datetime) -> None:
        """Let no progress of a request go out before `until`, because one was just sent."""
        self._database.execute(
            "UPDATE outbox SET wake_at = :until WHERE request = :request AND kind = 'progress' "
            "AND ended_at IS NULL AND (wake_at IS NULL OR wake_at < :until)",
            {"request": request, "until": to_text(until)},
        )

    def make_plain(self, sequence: int, text: str) -> None:
        """Send a message without its blocks, which Slack refused; the text is complete by itself."""
        self._database.execute(
            "UPDATE outbox SET blocks = '[]', tries = 0, text = ? WHERE sequence = ?",
            [text, sequence],
        )

    def make_short(self, sequence: int, text: str) -> None:
        """Send this text instead, because Slack refused the plain text too; a file becomes a line of the thread."""
        self._database.execute(
            "UPDATE outbox SET text = ?, blocks = '[]', file = '', tries = 0, "
            "kind = CASE kind WHEN 'file' THEN 'reply' ELSE kind END WHERE sequence = ?",
            [text, sequence],
        )

    def unbound(self, limit: int) -> list[UnboundMessage]:
        """Return sent messages of requests that no row of the history binds yet, oldest first."""
        rows = self._database.execute(
            f"SELECT request, {', '.join(SENT)} FROM outbox WHERE unbound = 1 "  # noqa: S608 - own names
            "ORDER BY sequence LIMIT ?",
            [limit],
        )
        at = SENT.index("ended_at")
        return [
            UnboundMessage(
                sent[0], request, from_text_or_long_ago(sent[at]), text_hash(canonical(sent))
            )
            for request, *sent in rows
        ]

    def bound(self, sequences: list[int]) -> None:
        """Note that the history binds these messages."""
        self._database.executemany(
            "UPDATE outbox SET unbound = 0 WHERE sequence = ?", [(each,) for each in sequences]
        )

    def end(self, sequence: int, now: datetime, *, outcome: str, ts: str | None = None) -> None:
        """End a message: `sent`, `merged` into a later edit, or `refused` by Slack for good."""
        self._database.execute(
            "UPDATE outbox SET ended_at = ?, outcome = ?, ts = ?, "
            "unbound = CASE WHEN request IS NULL THEN 0 ELSE ? END WHERE sequence = ?",
            [to_text(now), outcome, ts, int(outcome == "sent"), sequence],
        )
