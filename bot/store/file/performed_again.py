"""The rows by which a request's control can be performed again, with SQL over a read-only file."""

import json
from collections import deque
from collections.abc import Iterator
from itertools import groupby
from operator import itemgetter
from typing import Any

from bot.domain.digest import canonical
from bot.domain.history import Row, What
from bot.store.file.reading import DatabaseFile

_COLUMNS = "sequence, at, request, what, who, team, data, before, hash"

_DECIDED = f"""
SELECT {_COLUMNS} FROM history
WHERE request IN (SELECT number FROM requests) AND what IN ('request.asked', 'request.approved', 'request.rejected', 'request.withdrawn', 'request.expired',
  'request.stopped', 'request.started', 'request.recorded', 'request.settled', 'request.ended',
  'call.sent', 'call.answered', 'call.lost', 'call.settled')
ORDER BY request, sequence
"""  # noqa: S608 - own names

_COUNTED = f"""
SELECT {_COLUMNS} FROM history
WHERE what IN ('request.asked', 'number.kept', 'number.dropped', 'database.resumed', 'bot.started')
  OR sequence = (SELECT MAX(sequence) FROM history)
ORDER BY sequence
"""  # noqa: S608 - own names

_EXPLAINED = f"SELECT {_COLUMNS} FROM history WHERE request IS NULL AND what = 'exception.explained' ORDER BY sequence"  # noqa: S608 - own names

_TAKEN = """
SELECT request, kind, created_at, ended_at, ts FROM outbox
WHERE ts IS NOT NULL AND ended_at IS NOT NULL AND kind IN ('card', 'reply', 'reminder')
"""


def decided(file: DatabaseFile) -> Iterator[tuple[dict[str, Any], list[Row]]]:
    """Yield each request's record, and the rows by which its control can be performed again."""
    for number, rows in groupby(file.database.execute(_DECIDED), key=itemgetter(2)):
        story = [Row(*row) for row in rows]
        if story[0].what == What.ASKED:  # without its first row it is a mismatch already
            (record,) = file.database.query("SELECT * FROM requests WHERE number = ?", [number])
            yield record, story


def explained(file: DatabaseFile) -> Iterator[Row]:
    """Yield the rows in which people signed what somebody did in Zuora outside the bot."""
    return (Row(*found) for found in file.database.execute(_EXPLAINED))


def counted(file: DatabaseFile) -> Iterator[Row]:
    """Yield the rows that matter to the numbers of requests, with a stand-in for each request whose own rows are in an archive."""
    away, kept = deque(_archived(file)), dict[int, int]()
    row = Row(0, "", None, "", "", "", "{}", "", "")
    for found in file.database.execute(_COUNTED):
        row = Row(*found)
        until = _new_number(row)
        while away and away[0] < until:
            yield _stand_in(row, away.popleft(), kept)
        if row.what == What.NUMBER_KEPT:
            kept[until] = row.sequence
        yield row
    for number in away:
        yield _stand_in(row, number, kept)


def _new_number(row: Row) -> int:
    """Return the number that a row introduces, or continues after; 0 if it concerns no number."""
    if row.what not in {What.ASKED, What.NUMBER_KEPT, What.RESUMED}:
        return 0
    data = json.loads(row.data)
    if row.what == What.ASKED:
        return 0 if "kept" in data else row.request or 0
    return int(data["number"] if row.what == What.NUMBER_KEPT else data["numbers_behind"] + 1)


def _stand_in(row: Row, number: int, kept: dict[int, int]) -> Row:
    """Return a row that says an archived request was asked for, under its own number or one that was kept."""
    data = {"kept": kept[number]} if number in kept else {}
    return row._replace(request=number, what=What.ASKED.value, data=canonical(data))


def _archived(file: DatabaseFile) -> list[int]:
    if "archived" not in file.tables:
        return []
    rows = file.database.execute("SELECT request FROM archived ORDER BY request")
    return [number for (number,) in rows]


def taken_by_slack(file: DatabaseFile) -> Iterator[tuple[int, dict[str, Any]]]:
    """Yield messages of requests with the time when Slack took them."""
    if "outbox" in file.tables:
        for each in file.database.query(_TAKEN):
            yield each["request"], each
