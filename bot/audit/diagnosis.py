"""Finds out what was changed in a history, from the first row that does not fit and those after it. No I/O."""

from collections.abc import Callable, Sequence

from bot.audit.finding import Finding, Flaw
from bot.domain.history import Head, Row, bound, row_hash, row_text

FARTHEST = 50
"""The farthest move of a row that is still recognised as a move."""

Hasher = Callable[[str], str]


class Diagnosis:
    """Finds out what was changed, from the first row that does not fit and those after it."""

    def __init__(self, last: Head, window: Sequence[Row], hasher: Hasher) -> None:
        self._last = last
        self._row = window[0]
        self._rest = window[1:]
        self._hasher = hasher

    def finding(self) -> Finding:
        """Return the change to the history that would explain the row that does not fit."""
        return next(
            found
            for found in (
                self._not_numbered(),
                self._order(),
                self._moved(),
                self._keyless(),
                self._edited(),
            )
            if found
        )

    def _fits(self, row: Row, *, sequence: int | None = None, before: str | None = None) -> bool:
        """Return whether a row's hash was made for this place in the chain."""
        placed = row._replace(
            sequence=row.sequence if sequence is None else sequence,
            before=row.before if before is None else before,
        )
        return self._hasher(text_of(placed)) == row.hash

    @property
    def _next(self) -> int:
        return self._last.sequence + 1

    def _follower(self) -> Row | None:
        """Return the row that was written after the last good one, if it comes later now."""
        return next((row for row in self._rest if row.before == self._last.hash), None)

    def _not_numbered(self) -> Finding | None:
        """Return the finding for a gap in the sequences: rows are missing, or one was inserted."""
        row = self._row
        if row.sequence == self._next:
            return None
        if row.sequence < self._next or row.before == self._last.hash:
            return Finding(
                Flaw.INSERTED, row.sequence, f"Row {row.sequence} was put in: no row has its place."
            )
        if self._follower():
            return Finding(
                Flaw.REORDERED, self._next, f"Row {self._next} was moved to a later place."
            )
        gone = (
            f"Row {self._next} is"
            if row.sequence == self._next + 1
            else f"Rows {self._next} to {row.sequence - 1} are"
        )
        return Finding(Flaw.DELETED, self._next, f"{gone} missing.")

    def _order(self) -> Finding | None:
        """Return the finding if the next row comes later: this row was put before it, or the two were swapped."""
        row, follower = self._row, self._follower()
        if follower is None or self._fits(row, before=self._last.hash):
            return None
        if row.before in {each.hash for each in self._rest}:
            return Finding(
                Flaw.REORDERED, row.sequence,
                f"Row {row.sequence} was written later than row {follower.sequence}, and now "
                "stands before it.",
            )  # fmt: skip
        return Finding(Flaw.INSERTED, row.sequence, f"Row {row.sequence} was put in.")

    def _moved(self) -> Finding | None:
        """Return the finding if rows were renumbered: each fits the place that it had before."""
        row = self._row
        following = self._rest[0] if self._rest else row
        for steps in range(1, FARTHEST):
            if self._fits(row, sequence=row.sequence + steps) or (
                following is not row and self._fits(following, sequence=following.sequence + steps)
            ):
                return Finding(
                    Flaw.DELETED, row.sequence,
                    f"{_rows(steps, row.sequence)} deleted, and those after were numbered anew.",
                )  # fmt: skip
            if self._fits(row, sequence=row.sequence - steps):
                first = max(1, row.sequence - steps)
                return Finding(
                    Flaw.INSERTED, first,
                    f"{_rows(steps, first)} put in, and those after were numbered anew.",
                )  # fmt: skip
        if following is not row and self._fits(
            following, sequence=following.sequence - 1, before=self._last.hash
        ):
            return Finding(
                Flaw.INSERTED, row.sequence,
                f"Row {row.sequence} was put in, and the next one was made to follow it.",
            )  # fmt: skip
        return self._exchanged()

    def _exchanged(self) -> Finding | None:
        """Return the finding if this place has another row's content: its hash is still the right one."""
        row = self._row
        for other in self._rest[:FARTHEST]:
            content = other._replace(sequence=row.sequence, before=row.before, hash=row.hash)
            if self._fits(content):
                return Finding(
                    Flaw.REORDERED, row.sequence,
                    f"Rows {row.sequence} and {other.sequence} have each other's content.",
                )  # fmt: skip
        return None

    def _keyless(self) -> Finding | None:
        """Return the finding if a row is linked and hashed correctly, but without the bot's key."""
        row = self._row
        if row.before != self._last.hash or row_hash(text_of(row), b"") != row.hash:
            return None
        return Finding(
            Flaw.REBUILT, row.sequence,
            f"From row {row.sequence} on the history was written by somebody without the key.",
        )  # fmt: skip

    def _edited(self) -> Finding:
        """Return the finding that the content was changed, since nothing was moved."""
        row = self._row
        if row.before != self._last.hash and self._fits(row) and self._last.sequence:
            before = self._last.sequence
            return Finding(
                Flaw.EDITED, before,
                f"Row {before} was changed, and its hash with it: row {row.sequence} holds the "
                "hash that it had.",
            )  # fmt: skip
        return Finding(
            Flaw.EDITED, row.sequence, f"Row {row.sequence} was changed after it was written."
        )


def _rows(number: int, first: int) -> str:
    return f"Row {first} was" if number == 1 else f"{number} rows from {first} on were"


def text_of(row: Row) -> str:
    """Return the text of a row that is hashed."""
    return row_text(
        row.before, row.sequence, row.at, row.request, row.what, row.who, row.team, bound(row.data)
    )
