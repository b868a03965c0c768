"""Checks the chain: whether the rows of the history fit their hashes. No I/O.

The first row that does not fit is named, with the change to the history that would explain it. A
hash without a key cannot show that somebody has rebuilt the chain from some row to its end. That
takes the key, or a head that was noted elsewhere.
"""

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum, unique
from itertools import chain as chained
from itertools import islice
from json.encoder import encode_basestring as quoted

from bot.domain.history import (
    START,
    Head,
    Row,
    What,
    bound,
    fingerprint,
    hasher,
    row_hash,
    row_text,
)

WINDOW = 500
"""The number of rows read after the first that does not fit, to find out what was changed."""

MOST_QUOTES = 1000
"""The most texts kept as JSON, so that memory does not grow with the rows."""

FARTHEST = 50
"""The farthest move of a row that is still recognised as a move."""


@unique
class Flaw(StrEnum):
    """The kind of change to a history."""

    EDITED = "edited"
    DELETED = "deleted"
    INSERTED = "inserted"
    REORDERED = "reordered"
    TAIL_CUT = "tail cut"
    GONE = "whole log gone"
    TRIGGER = "trigger missing"
    KEY = "wrong key"
    REBUILT = "rebuilt"
    UNSUPPORTED = "not supported by the history"
    MANIFEST = "file of the evidence changed"
    CONTROL = "control not held"
    NUMBERS = "number missing"
    CLOCK = "clock went back"
    NOT_COMPARED = "head not compared"
    SIGNATURE = "signature wrong"


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that is wrong.

    Attributes:
        sequence: The row of the history that it is about; None if it is about no row.
    """

    flaw: Flaw
    sequence: int | None
    words: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Walked:
    """Result of walking the chain.

    Attributes:
        finding: The first thing that is wrong; None if every row fits.
        rows: How many rows fit.
        last: The last row that fits.
        keyed_from: Sequence of the first row made with a key; None if there is none.
        noted: The hashes of the rows that were asked for and fit.
    """

    finding: Finding | None
    rows: int
    last: Head
    last_at: str
    keyed_from: int | None
    noted: Mapping[int, str]


Hasher = Callable[[str], str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Chain:
    """What the check found about rows that stayed when the rows around them were archived.

    Attributes:
        finding: The first thing that is wrong; None if each is as it was written.
        rows: Sequence and hash of each.
        keyed_from: Sequence of the first row made with a key, if it is among them.
    """

    finding: Finding | None
    rows: list[tuple[int, str]]
    keyed_from: int | None


def stand(rows: Iterable[Row], key: bytes) -> Chain:
    """Check each row alone, because the row before it is elsewhere; a later row records which rows stayed.

    Args:
        rows: In the order of their sequence.
        key: `AUDIT_KEY`, empty for none.
    """
    hashed = hasher(b"")
    keyed_from: int | None = None
    found: list[tuple[int, str]] = []
    for each in rows:
        row = Row(*each)
        if row.what == What.KEY_CHANGED and keyed_from is None:
            keyed_from = row.sequence
            if finding := _wrong_key(row, key):
                return Chain(finding=finding, rows=found, keyed_from=keyed_from)
            hashed = hasher(key)
        if hashed(text_of(row)) != row.hash:
            words = f"Row {row.sequence} was changed after it was written."
            flaw = Finding(Flaw.EDITED, row.sequence, words)
            return Chain(finding=flaw, rows=found, keyed_from=keyed_from)
        found.append((row.sequence, row.hash))
    return Chain(finding=None, rows=found, keyed_from=keyed_from)


class _Quotes(dict[str, str]):
    """Keeps texts as JSON, because the same few people and kinds occur in all rows."""

    def __missing__(self, text: str) -> str:
        if len(self) == MOST_QUOTES:
            self.clear()
        found = self[text] = quoted(text)
        return found


def walk(
    rows: Iterable[Row], *, key: bytes = b"", start: Head = START, keyed: bool = False,
    note: Collection[int] = (),
) -> Walked:  # fmt: skip
    """Walk the chain row by row; memory does not grow with it.

    Args:
        rows: In the order of their sequence.
        key: `AUDIT_KEY`, empty for none.
        start: The row before the first one.
        keyed: Whether the rows before the first one were made with the key.
        note: The sequences whose hashes to return.
    """
    hashed = hasher(key if keyed else b"")
    last, last_hash, last_at, count = start.sequence, start.hash, "", 0
    wanted, noted = frozenset(note), dict[int, str]()
    link, quote = quoted(last_hash), _Quotes()
    keyed_from = start.sequence + 1 if keyed else None
    finding = None
    following = iter(rows)
    key_changed = What.KEY_CHANGED.value
    for row in following:
        sequence, at, request, what, who, team, data, before, stored = row
        if what == key_changed:
            keyed_from = keyed_from or sequence
            finding = _wrong_key(Row(*row), key)
            if finding:
                break
            hashed = hasher(key)
        number = "null" if request is None else request
        text = (  # `row_text`, written out: calling it a million times costs a second
            f"[{link},{sequence},{quoted(at)},{number},{quote[what]},{quote[who]},{quote[team]},"
            f"{bound(data)}]"
        )
        if sequence != last + 1 or before != last_hash or hashed(text) != stored:
            window = [Row(*each) for each in chained([row], islice(following, WINDOW))]
            finding = _Diagnosis(Head(last, last_hash), window, hashed).finding()
            break
        link = f'"{stored}"'  # a hash of ours: nothing in it needs escaping
        last, last_hash, last_at = sequence, stored, at
        count += 1
        if sequence in wanted:
            noted[sequence] = stored
    return Walked(
        finding=finding,
        rows=count,
        last=Head(last, last_hash),
        last_at=last_at,
        keyed_from=keyed_from,
        noted=noted,
    )


def _wrong_key(row: Row, key: bytes) -> Finding | None:
    """Return a finding if this is not the key that the row names; None if it is."""
    ours = fingerprint(key)
    if ours and f'"{ours}"' in row.data:
        return None
    which = "is another one" if key else "is not set"
    return Finding(
        Flaw.KEY, row.sequence,
        f"From row {row.sequence} on the history is made with a key, and AUDIT_KEY {which}. "
        f"Rows 1 to {row.sequence - 1} fit; the others cannot be checked without the key. If the "
        "key is surely right, the history was rebuilt with another one.",
    )  # fmt: skip


class _Diagnosis:
    """Finds out what was changed, from the first row that does not fit and those after it."""

    def __init__(self, last: Head, window: Sequence[Row], hasher: Hasher) -> None:
        self._last = last
        self._row = window[0]
        self._rest = window[1:]
        self._hasher = hasher

    def finding(self) -> Finding:
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


def against_noted(walked: Walked, noted: Iterable[Sequence[Head]]) -> Iterator[Finding]:
    """Yield findings from heads that were noted elsewhere, for example in the audit channel."""
    if walked.finding is not None:
        return
    for each in sorted({head for heads in noted for head in heads}):
        if each.sequence > walked.last.sequence:
            yield Finding(
                Flaw.TAIL_CUT, walked.last.sequence + 1,
                f"The history ends with row {walked.last.sequence}; the head that was noted is of row "
                f"{each.sequence}.",
            )  # fmt: skip
        elif walked.noted.get(each.sequence) != each.hash:
            yield Finding(
                Flaw.REBUILT, each.sequence,
                f"Row {each.sequence} has another hash than the head that was noted: the history was "
                "rebuilt at or before this row.",
            )  # fmt: skip


def days_without(
    rows: Iterable[tuple[int, str]], noted: Iterable[Sequence[Head]]
) -> Iterator[str]:  # fmt: skip
    """Yield a sentence with the days (UTC) that have rows of the history but no noted head."""
    known = {head.sequence for heads in noted for head in heads}
    days: dict[str, bool] = {}
    for sequence, at in rows:
        days[at[:10]] = days.get(at[:10], False) or sequence in known
    without = sorted(day for day, has_one in days.items() if not has_one)
    if without:
        yield f"no head was noted of {len(without)} of {len(days)} days: {', '.join(without)}"
