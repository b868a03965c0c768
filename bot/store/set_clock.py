"""What has to be written when somebody sets the clock, so that nothing waits longer for it."""

from datetime import datetime, timedelta

from bot.domain.message import MessageKind
from bot.store.engine import Database
from bot.store.times import from_text_if_readable, to_text

LATELY = 100
"""How many messages are looked at to see when the bot last ran."""


class SetClock:
    """Moves what waits for a moment after the time of day has changed; inside the caller's transaction."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def put_back_meanwhile(self, now: datetime) -> timedelta:
        """Return the least by which the clock was put back while nothing ran; zero if nothing shows that it was."""
        (latest,) = self._database.execute(
            "WITH latest (tried_at, ended_at) AS "
            "(SELECT tried_at, ended_at FROM outbox ORDER BY sequence DESC LIMIT ?) "
            "SELECT MAX(at) FROM (SELECT tried_at AS at FROM latest UNION ALL SELECT ended_at FROM latest) AS times",
            [LATELY],
        ).fetchone()
        then = from_text_if_readable(latest)
        return timedelta(0) if then is None else max(then - now, timedelta(0))

    def was_set(self, by: timedelta) -> None:
        """Let nothing wait longer than before.

        Args:
            by: By how much the clock was moved forward; negative: back.
        """
        self._messages(by)
        if by < timedelta(0):
            self._requests(by)

    def _messages(self, by: timedelta) -> None:
        """Let unsent messages wait no longer than before.

        Messages that may be in Slack already, and those that soon lose their use, keep their age.
        """
        rows = self._database.execute(
            "SELECT sequence, kind, wake_at, tried_at, created_at FROM outbox WHERE ended_at IS NULL"
        ).fetchall()
        self._database.executemany(
            "UPDATE outbox SET wake_at = ?, tried_at = ?, created_at = ? WHERE sequence = ?",
            (
                (
                    _moved(wake_at, min(by, timedelta(0))),
                    _moved(tried_at, by),
                    # for the others it says when something happened
                    _moved(created_at, by) if kind == MessageKind.PRIVATE.value else created_at,
                    sequence,
                )
                for sequence, kind, wake_at, tried_at, created_at in rows
            ),
        )

    def _requests(self, by: timedelta) -> None:
        """Let requests that wait for Zuora wait no longer than before.

        Requests that wait for people wait until a time of day, which stays. If the clock was moved forward, everything
        is due sooner, which does no harm.
        """
        rows = self._database.execute(
            "SELECT number, wake_at FROM requests WHERE wake_at IS NOT NULL "
            "AND state IN ('approved', 'running', 'unknown')"
        ).fetchall()
        moved = [(_moved(at, by), number) for number, at in rows]
        self._database.executemany("UPDATE requests SET wake_at = ? WHERE number = ?", moved)
        calls = self._database.execute(
            "SELECT key, retry_at FROM calls WHERE retry_at IS NOT NULL AND verdict = 'busy'"
        ).fetchall()
        later = [(_moved(at, by), key) for key, at in calls]
        self._database.executemany("UPDATE calls SET retry_at = ? WHERE key = ?", later)


def _moved(at: str | None, by: timedelta) -> str | None:
    found = from_text_if_readable(at)
    return at if found is None else to_text(found + by)
