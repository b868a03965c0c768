"""Reads what evidence needs, with SQL over a read-only file; rows are plain values."""

import json
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, NamedTuple

from bot.domain.history import START, Head, Row, is_unreadable, whole
from bot.store.errors import StoreError
from bot.store.file.archived import Archive, archives_of
from bot.store.file.reading import DatabaseFile
from bot.store.outgoing import SENT
from bot.store.request_rows import bound_columns

_SPAN = """
SELECT (SELECT MIN(sequence) FROM history WHERE at >= :start AND at < :end),
  (SELECT MAX(sequence) FROM history WHERE sequence > :after AND at < :end)
"""

_JSON_COLUMNS = frozenset({"body", "facts", "rule", "blocks", "data", "file", "progress", "began"})

_TABLES = {
    "approvals": "SELECT * FROM approvals WHERE request = ? ORDER BY at, person",
    "calls": "SELECT * FROM calls WHERE request = ? ORDER BY subject",
    "messages": (
        f"SELECT {', '.join(SENT)} "  # noqa: S608 - own names
        "FROM temp.messages_of CROSS JOIN outbox USING (sequence) WHERE messages_of.request = ? "
        "ORDER BY sequence"
    ),
    "history": (
        "SELECT sequence, at, what, who, team, data, hash FROM history WHERE request = ? "
        "ORDER BY sequence"
    ),
}

_CONCERNED = """
SELECT DISTINCT request FROM history WHERE sequence BETWEEN ? AND ? AND request IS NOT NULL
ORDER BY request
"""

_STORY = """
SELECT sequence, at, request, what, who, team, data, before, hash FROM history
WHERE request = ? ORDER BY sequence
"""

_ROWS_OF = """
SELECT sequence, at, request, what, who, team, data, before, hash FROM history
WHERE sequence BETWEEN :first AND :last AND substr(what, 1, length(:kind)) = :kind
  AND (:before = '' OR at < :before) ORDER BY sequence
"""

_CARD = """
SELECT text, blocks FROM temp.messages_of CROSS JOIN outbox USING (sequence)
WHERE messages_of.request = ? AND kind = 'card' ORDER BY sequence LIMIT 1
"""


class Span(NamedTuple):
    """A stretch of the history.

    Attributes:
        before: The row before the first one.
        first, last: Sequences; `last` is `first` - 1 for an empty stretch.
        keyed_from: The first row of the history that is made with a key; None if none is.
    """

    before: Head
    first: int
    last: int
    keyed_from: int | None


def span(file: DatabaseFile, period: tuple[str, str], made_at: str, after: Head | None) -> Span:
    """Return the stretch of rows for a period. Dates choose its ends, and no row between them is left out.

    Raises:
        StoreError: Some of them are in an archive.

    Args:
        file: The database.
        period: Its start, and the first moment after it.
        made_at: Now; a period that is not over goes to the last row.
        after: The last row of the package before, after which it begins; without one it begins with the first row whose time is in the period.
    """
    start, end = period
    archives = archives_of(file)
    first, last = file.database.execute(
        _SPAN, {"start": start, "end": end, "after": after.sequence if after else 0}
    ).fetchone()
    _refuse_what_is_archived(archives[-1:], after.sequence + 1 if after else first)
    if made_at < end and (after or first is not None):
        (last,) = file.database.execute("SELECT MAX(sequence) FROM history").fetchone()
    if after:
        return Span(after, after.sequence + 1, last or after.sequence, _keyed_from(file))
    if first is None:
        return Span(START, 1, 0, None)
    row = file.database.execute(
        "SELECT sequence, hash FROM history WHERE sequence < ? ORDER BY sequence DESC LIMIT 1",
        [first],
    ).fetchone()
    before = Head(*row) if row else START
    if before.sequence < first - 1:  # that row is in the archive
        before = archives[-1].last
    return Span(before, first, last, _keyed_from(file))


def _refuse_what_is_archived(newest: list[Archive], first: int | None) -> None:
    for archive in newest:
        if first is not None and first <= archive.last.sequence:
            raise StoreError(
                ARCHIVED.format(first, archive.last.sequence, archive.file, archive.before)
            )


ARCHIVED = (
    "rows {0} to {1} of this period are in the archive {2}. Make the evidence up to the day before {3} from that "
    "file (DATABASE_URL=sqlite:///{2}), and what follows from this database with --after and that package"
)


def _keyed_from(file: DatabaseFile) -> int | None:
    (sequence,) = file.database.execute(
        "SELECT MIN(sequence) FROM history WHERE request IS NULL AND what = 'audit.key_changed'"
    ).fetchone()
    return None if sequence is None else int(sequence)


def concerned(file: DatabaseFile, within: Span) -> Iterator[int]:
    """Yield the numbers of the requests that the rows of a stretch are about."""
    found = file.database.execute(_CONCERNED, [within.first, within.last])
    return (number for (number,) in found)


_DAMAGED = """
SELECT sequence, at, request, what, who, team, data, before, hash FROM main.history
WHERE CASE WHEN json_valid(data) THEN json_type(data) ELSE '' END <> 'object' OR julianday(at) IS NULL OR length(at) <> 32
ORDER BY sequence
"""

_READABLE = (
    "CREATE TEMP TABLE readable (sequence INTEGER PRIMARY KEY, at TEXT NOT NULL, data TEXT NOT NULL)",
    """
    CREATE TEMP VIEW history AS
    SELECT h.sequence, COALESCE(r.at, h.at) AS at, h.request, h.what, h.who, h.team, COALESCE(r.data, h.data) AS data,
      h.before, h.hash FROM main.history AS h LEFT JOIN temp.readable AS r ON r.sequence = h.sequence
    """,
)
"""Puts a history in which each row can be read in the place of the stored one, for every statement of this connection."""

_NEAR = """
SELECT at FROM main.history WHERE julianday(at) NOT NULL AND length(at) = 32
ORDER BY sequence > :sequence, abs(sequence - :sequence) LIMIT 1
"""
"""The time of the row before that has a time, else of the one after."""


def made_readable(file: DatabaseFile, *, hide: bool) -> list[int]:
    """Let damaged rows of the history be read as such; return which these are. The file stays as it is.

    Args:
        file: The database.
        hide: Whether only the hash of what stands in them is shown, because it may hold a customer's name.
    """
    damaged = [Row(*row) for row in file.database.execute(_DAMAGED)]
    damaged = [row for row in damaged if is_unreadable(row.at, row.data)]
    if not damaged:
        return []
    shown = [whole(row, _near(file, row.sequence), hide=hide) for row in damaged]
    for statement in _READABLE:
        file.database.execute(statement)
    file.database.executemany(
        "INSERT INTO temp.readable VALUES (?, ?, ?)",
        [(each.sequence, each.at, each.data) for each in shown],
    )
    return [each.sequence for each in damaged]


def _near(file: DatabaseFile, sequence: int) -> str:
    found = file.database.execute(_NEAR, {"sequence": sequence}).fetchone()
    return str(found[0]) if found else "2000-01-01T00:00:00.000000+00:00"


def made_ready(file: DatabaseFile) -> None:
    """Note outside the file which messages are about which request.

    The outbox has no index for that, so each request would otherwise be looked for in the whole outbox.
    """
    file.database.execute(
        "CREATE TEMP TABLE IF NOT EXISTS messages_of "
        "(request INTEGER, sequence INTEGER, PRIMARY KEY (request, sequence)) WITHOUT ROWID"
    )
    file.database.execute(
        "INSERT OR IGNORE INTO temp.messages_of "
        "SELECT request, sequence FROM outbox WHERE request IS NOT NULL"
    )


def how_many(file: DatabaseFile, within: Span) -> int:
    """Return how many requests the rows of a stretch are about."""
    sql = f"SELECT COUNT(*) FROM ({_CONCERNED})"  # noqa: S608 - own words
    (number,) = file.database.execute(sql, [within.first, within.last]).fetchone()
    return int(number)


def rows_of(file: DatabaseFile, within: Span, kind: str, before: str) -> Iterator[Row]:
    """Yield the rows of a stretch whose kind begins with `kind`, before `before` if that is given."""
    return file.database.execute(
        _ROWS_OF, {"first": within.first, "last": within.last, "kind": kind, "before": before}
    )


def standing(file: DatabaseFile, within: Span, signed: Sequence[int]) -> Iterator[Row]:
    """Yield rows from outside a stretch, on which it rests.

    Args:
        file: The database.
        within: The stretch. The policies and groups that were in force, and the denials, since its oldest request was asked for come first.
        signed: The rows in which explanations were signed; those from outside the stretch are given. So are the signing keys that were
        begun after it, of which the last signs the package.
    """
    (first,) = file.database.execute(
        f"SELECT MIN(sequence) FROM history WHERE request IN ({_CONCERNED}) AND what = 'request.asked'",  # noqa: S608 - own words
        [within.first, within.last],
    ).fetchone()
    found = {
        Row(*row) for row in file.standing(min(first or within.first, within.first), within.first)
    }
    later = (each["row"] for each in file.signing_keys() if each["row"] > within.last)
    outside = (
        file.row(each) for each in (*signed, *later) if not within.first <= each <= within.last
    )
    return iter(sorted({*found, *filter(None, outside)}))


def story(file: DatabaseFile, number: int) -> Iterator[Row]:
    """Yield every row about a request, as plain tuples of a `Row`'s fields."""
    return file.database.execute(_STORY, [number])


def kept(file: DatabaseFile, number: int) -> dict[str, Any]:
    """Return what a request's first row binds, as it is stored, and its messages.

    Returns:
        `record`: columns in the order in which they are hashed. `card`: text and blocks, or None.
    """
    (row,) = file.database.query("SELECT * FROM requests WHERE number = ?", [number])
    card = file.database.execute(_CARD, [number]).fetchone()
    return {
        "record": bound_columns(row),
        "card": dict(zip(("text", "blocks"), card, strict=True)) if card else None,
        "messages": list(file.database.query(_TABLES["messages"], [number])),
    }


def packet(file: DatabaseFile, number: int) -> dict[str, Any]:
    """Return everything about one request."""
    (request,) = _rows(file.database.query("SELECT * FROM requests WHERE number = ?", [number]))
    return {
        "request": request,
        **{name: list(_rows(file.database.query(sql, [number]))) for name, sql in _TABLES.items()},
    }


def _rows(found: Iterable[dict[str, Any]]) -> Iterator[dict[str, Any]]:
    """Yield rows with their JSON read."""
    for row in found:
        yield {
            name: json.loads(value) if name in _JSON_COLUMNS and value else value
            for name, value in row.items()
        }
