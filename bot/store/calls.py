"""The table of calls to Zuora that have an effect."""

from typing import Any

from sqlite_utils import Database

from bot.domain.call import Call, Verdict
from bot.store.times import from_text_or_none, to_text_or_none

_COLUMNS = (
    "request", "subject", "key", "track_id", "tries", "first_sent_at", "sent_at", "answered_at",
    "verdict", "http_status", "zuora_request_id", "words",
)  # fmt: skip
_TIMES = ("first_sent_at", "sent_at", "answered_at")
_SELECT = f"SELECT {', '.join(_COLUMNS)} FROM calls"  # noqa: S608 - names of this module alone
_SAVE = (
    f"INSERT INTO calls ({', '.join(_COLUMNS)}) "  # noqa: S608 - names of this module alone
    f"VALUES ({', '.join(':' + column for column in _COLUMNS)}) "
    "ON CONFLICT (request, subject) DO UPDATE SET "
    + ", ".join(f"{c} = excluded.{c}" for c in _COLUMNS if c not in ("request", "subject"))
)


class Calls:
    """Saves and reads calls; inside a transaction of the caller."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def save(self, call: Call) -> None:
        """Write a call as it now stands."""
        row: dict[str, Any] = {column: getattr(call, column) for column in _COLUMNS}
        row["verdict"] = None if call.verdict is None else call.verdict.value
        for column in _TIMES:
            row[column] = to_text_or_none(row[column])
        self._database.execute(_SAVE, row)

    def of(self, request: int) -> tuple[Call, ...]:
        """All calls of a request, ordered by subject."""
        rows = self._database.execute(f"{_SELECT} WHERE request = ? ORDER BY subject", [request])
        return tuple(_from_row(row) for row in rows)


def _from_row(values: tuple[Any, ...]) -> Call:
    row = dict(zip(_COLUMNS, values, strict=True))
    row["verdict"] = None if row["verdict"] is None else Verdict(row["verdict"])
    for column in _TIMES:
        row[column] = from_text_or_none(row[column])
    return Call(**row)
