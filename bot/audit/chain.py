"""Checks the chain: whether the rows of the history fit their hashes. No I/O.

The first row that does not fit is named, with the change to the history that would explain it. A
hash without a key cannot show that somebody has rebuilt the chain from some row to its end. That
takes the key, or a head that was noted elsewhere.
"""

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain as chained
from itertools import islice
from json.encoder import encode_basestring as quoted

from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.hmac import HMAC

from bot.audit.diagnosis import Diagnosis, text_of
from bot.audit.finding import Finding, Flaw
from bot.domain.history import (
    HAS_SALTS,
    START,
    Head,
    Row,
    What,
    bound,
    fingerprint,
    is_unreadable,
    row_hash,
)

WINDOW = 500
"""The number of rows read after the first that does not fit, to find out what was changed."""

Back = tuple[int, str, str]

MOST_QUOTES = 1000
"""The most texts kept as JSON, so that memory does not grow with the rows."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Walked:
    """Result of walking the chain.

    Attributes:
        finding: The first thing that is wrong; None if every row fits.
        rows: How many rows fit.
        last: The last row that fits.
        keyed_from: Sequence of the first row made with a key; None if there is none.
        noted: The hashes of the rows that were asked for and fit.
        back: Rows that are earlier than the row before them: sequence and both times.
    """

    finding: Finding | None
    rows: int
    last: Head
    last_at: str
    keyed_from: int | None
    noted: Mapping[int, str]
    back: tuple[Back, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Chain:
    """What the check found about rows that stayed when the rows around them were archived.

    Attributes:
        finding: The first thing that is wrong; None if each is as it was written.
        rows: Sequence and hash of each.
        keyed_from: Sequence of the first row made with a key, if it is among them.
        last_at: The time of the last of them.
        back: Rows that are earlier than the row before them: sequence and both times.
    """

    finding: Finding | None
    rows: list[tuple[int, str]]
    keyed_from: int | None
    last_at: str = ""
    back: tuple[Back, ...] = ()


def fast_hasher(key: bytes) -> Callable[[str], str]:
    """Return a function that hashes like `row_hash` with this key; the standard library's HMAC takes two thirds longer."""
    if not key:
        return lambda text: row_hash(text, key)
    begun = HMAC(key, SHA256())

    def hashed(text: str) -> str:
        one = begun.copy()
        one.update(text.encode())
        return one.finalize().hex()

    return hashed


def stand(rows: Iterable[Row], key: bytes) -> Chain:
    """Check each row alone, because the row before it is elsewhere; a later row records which rows stayed.

    Args:
        rows: In the order of their sequence.
        key: `AUDIT_KEY`, empty for none.
    """
    hashed = fast_hasher(b"")
    keyed_from: int | None = None
    found: list[tuple[int, str]] = []
    last_at, back = "", list[Back]()
    for each in rows:
        row = Row(*each)
        if row.what == What.KEY_CHANGED and keyed_from is None:
            keyed_from = row.sequence
            if finding := _wrong_key(row, key):
                return Chain(finding=finding, rows=found, keyed_from=keyed_from)
            hashed = fast_hasher(key)
        if hashed(text_of(row)) != row.hash:
            words = f"Row {row.sequence} was changed after it was written."
            flaw = Finding(Flaw.EDITED, row.sequence, words)
            flaw = _damaged(row.sequence) if is_unreadable(row.at, row.data) else flaw
            return Chain(finding=flaw, rows=found, keyed_from=keyed_from)
        found.append((row.sequence, row.hash))
        if row.at < last_at:
            back.append((row.sequence, row.at, last_at))
        last_at = row.at
    return Chain(finding=None, rows=found, keyed_from=keyed_from, last_at=last_at, back=tuple(back))


class _Quotes(dict[str, str]):
    """Keeps texts as JSON, because the same few people and kinds occur in all rows."""

    def __missing__(self, text: str) -> str:
        if len(self) == MOST_QUOTES:
            self.clear()
        found = self[text] = quoted(text)
        return found


def walk(
    rows: Iterable[Row], *, key: bytes = b"", start: Head = START, keyed: bool = False,
    after: str = "", note: Collection[int] = (),
) -> Walked:  # fmt: skip
    """Walk the chain row by row; memory does not grow with it.

    Args:
        rows: In the order of their sequence.
        key: `AUDIT_KEY`, empty for none.
        start: The row before the first one.
        keyed: Whether the rows before the first one were made with the key.
        after: The time of the row before the first one.
        note: The sequences whose hashes to return.
    """
    hashed = fast_hasher(key if keyed else b"")
    last, last_hash, last_at, count = start.sequence, start.hash, after, 0
    wanted, noted = frozenset(note), dict[int, str]()
    link, quote = quoted(last_hash), _Quotes()
    keyed_from = start.sequence + 1 if keyed else None
    finding, damaged, back = None, None, list[Back]()
    following = iter(rows)
    key_changed = What.KEY_CHANGED.value
    for row in following:
        sequence, at, request, what, who, team, data, before, stored = row
        if what == key_changed:
            keyed_from = keyed_from or sequence
            finding = _wrong_key(Row(*row), key)
            if finding:
                break
            hashed = fast_hasher(key)
        number = "null" if request is None else request
        text = (  # `row_text`, written out: calling it a million times costs a second
            f"[{link},{sequence},{quoted(at)},{number},{quote[what]},{quote[who]},{quote[team]},"
            f"{bound(data) if HAS_SALTS in data else quoted(data)}]"
        )
        if sequence != last + 1 or before != last_hash or hashed(text) != stored:
            if (sequence, before) != (last + 1, last_hash) or not is_unreadable(at, data):
                window = [Row(*each) for each in chained([row], islice(following, WINDOW))]
                finding = Diagnosis(Head(last, last_hash), window, hashed).finding()
                break
            damaged, at = damaged or _damaged(sequence), last_at
        if at < last_at:
            back.append((sequence, at, last_at))
        link = f'"{stored}"'  # a hash of ours: nothing in it needs escaping
        last, last_hash, last_at, count = sequence, stored, at, count + 1
        if sequence in wanted:
            noted[sequence] = stored
    return Walked(
        finding=finding or damaged,
        rows=count,
        last=Head(last, last_hash),
        last_at=last_at,
        keyed_from=keyed_from,
        noted=noted,
        back=tuple(back),
    )


def _damaged(sequence: int) -> Finding:
    words = f"Row {sequence} is damaged: nobody can read its data or its time."
    return Finding(Flaw.DAMAGED, sequence, words)


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
