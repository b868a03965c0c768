"""A month as a file: each request with its documents and their results."""

import asyncio
import io
import json
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from datetime import UTC, datetime
from decimal import Decimal
from functools import cache
from typing import IO, Any, Literal, Protocol

from bot.domain.place import EVERYWHERE, Within
from bot.domain.request import FINAL, Request
from bot.domain.spreadsheet import Sheet
from bot.status.counting import decision_seconds, done_seconds, effect_name, items_of
from bot.status.month import span_of
from bot.store.store import Store

Format = Literal["csv", "json", "xlsx"]
ExportRow = dict[str, Any]
Called = Callable[[str], Awaitable[str]]
"""The name of a person by Slack id; empty if it cannot be read."""


async def nobody(_person: str) -> str:
    """Return no name, for use when Slack is not asked."""
    return ""


DAMAGED = "not counted: its record is damaged and cannot be read"
"""The result of a request of which nothing else is known."""

AT_ONCE = 100
"""How many requests are looked up together."""

ELSEWHERE = (
    "Requests of {month} are archived in {files}. Whoever runs Billing Bot can export the month from that file: "
    "DATABASE_URL=sqlite:///FILE billing-bot export --month {month}"
)

COLUMNS = (
    "request", "operation", "subject", "place", "state", "result", "asked_at", "asked_by", "reason",
    "approved_by", "approval_notes", "denied_by", "decided_by", "decided_at", "decision_reason",
    "ended_at", "seconds_to_decision", "seconds_to_done", "item", "item_result", "zuora_words", "effect", "documents",
    "documents_done", "currency", "amount", "amount_done",
)  # fmt: skip
"""The columns. `documents_done` and `amount_done`, added up by `effect` and `currency`, are the month's figures.

Each row repeats the values that belong to the whole request. The times to decision and to done
stand only in the first, so that their columns have each request once.
"""


async def rows_of_month(
    store: Store, month: str, within: Within = EVERYWHERE, called: Called | None = None
) -> AsyncIterator[ExportRow]:
    """Yield every row of the file, in order; others get their turn in between.

    Args:
        store: The database.
        month: `2026-11`.
        within: The places whose requests are in the file.
        called: Returns the name of a person whom the history does not name; None: the file has Slack's ids.
    """
    first, last = span_of(month)
    after = ("", 0)
    denied = store.history.denied_by_request()
    while slice_ := store.figures.asked_in(first, last, after, AT_ONCE):
        after = slice_[-1]
        for _, number in slice_:
            request = store.requests.get(number)
            await asyncio.sleep(0)
            if request is None:
                yield {**dict.fromkeys(COLUMNS, ""), "request": f"R-{number}", "result": DAMAGED}
                continue
            if not within.has(request.place):
                continue
            names = {} if called is None else await _names(store, request, called)
            by = [each.entry.who for each in denied.get(number, ())]
            async for row in rows_of(store, request, names, by):
                yield row


async def rows_of(
    store: Store, request: Request, names: Mapping[str, str], denied: Sequence[str] = ()
) -> AsyncIterator[ExportRow]:
    """Yield a request's rows: one for each document, or for each currency.

    Args:
        store: The database.
        request: The request.
        names: Names to write in place of Slack's ids.
        denied: Ids of the people who say that a decision in their name was not theirs.
    """
    comma = ", " if names else " "
    noted = [(names.get(each.person, each.person), each.note) for each in request.approvals]
    whole: ExportRow = {
        "request": request.name,
        "operation": request.operation,
        "subject": request.subject,
        "place": request.place_words,
        "state": request.state.value,
        "result": request.result,
        "asked_at": _time(request.created_at),
        "asked_by": names.get(request.requester, request.requester),
        "reason": request.reason,
        "approved_by": comma.join(name for name, _ in noted),
        "approval_notes": " · ".join(f"{name}: {note}" for name, note in noted if note),
        "denied_by": comma.join(names.get(each, each) for each in dict.fromkeys(denied)),
        "decided_by": names.get(request.decided_by or "", request.decided_by or ""),
        "decided_at": _time(request.decided_at),
        "decision_reason": request.decision_reason,
        "ended_at": _time(request.state_at) if request.state in FINAL else "",
    }
    to_decision, to_done = decision_seconds(request), done_seconds(request)
    async for item in items_of(store, request):
        amount = Decimal(item.amount.plain) if item.amount else None
        yield {
            **whole,
            "seconds_to_decision": to_decision,
            "seconds_to_done": to_done,
            "item": item.name,
            "item_result": item.result,
            "zuora_words": item.words,
            "effect": effect_name(request.operation),
            "documents": item.documents,
            "documents_done": item.documents if item.done else 0,
            "currency": item.amount.currency if item.amount else "",
            "amount": amount,
            "amount_done": (amount or Decimal(0)) * item.done,
        }
        to_decision = to_done = None


class ArchivedError(Exception):
    """Requests of the month are archived, so this database cannot write them all."""


async def export(
    store: Store,
    month: str,
    kind: Format,
    into: IO[bytes],
    called: Called = nobody,
    *,
    within: Within = EVERYWHERE,
) -> None:
    """Write the month's file, row by row as they are read.

    Args:
        store: What the bot knows.
        month: `2026-11`.
        kind: The file's form.
        into: The open file; it can be read from wherever it is moved to.
        called: Returns the name of a person whom the history does not name. JSON always has Slack's
            ids; the other forms have them only for people without a known name.
        within: The places whose requests are in the file.

    Raises:
        ArchivedError: Some of its requests are archived; the message says where.
    """
    if files := store.archives.asked_between(*span_of(month)):
        raise ArchivedError(ELSEWHERE.format(month=month, files=" and ".join(files)))
    rows = rows_of_month(store, month, within, None if kind == "json" else called)
    with WRITERS[kind](into) as written:
        async for row in rows:
            written.row(row)


async def _names(store: Store, request: Request, called: Called) -> dict[str, str]:
    """Return the names of everybody who asked for, approved or decided a request; the id if no name is known."""
    recorded = store.history.names(request.number)
    people = (request.requester, *(each.person for each in request.approvals), request.decided_by)
    return {each: recorded.get(each) or await called(each) or each for each in people if each}


class ExportWriter(Protocol):
    """A file that is being written."""

    def row(self, row: ExportRow) -> None:
        """Write the next row."""
        ...


@contextmanager
def as_csv(into: IO[bytes]) -> Iterator[ExportWriter]:
    """Write comma-separated UTF-8 with the byte order mark that spreadsheets look for; no cell is a formula."""
    text = io.TextIOWrapper(into, "utf-8-sig", newline="")
    try:
        yield _Csv(Sheet(text))
    finally:
        text.detach()  # writes what is left, and leaves the file open


class _Csv:
    def __init__(self, sheet: Sheet) -> None:
        self._sheet = sheet
        sheet.row(COLUMNS)

    def row(self, row: ExportRow) -> None:
        """Write the next row."""
        self._sheet.row(row[name] for name in COLUMNS)


@contextmanager
def as_json(into: IO[bytes]) -> Iterator[ExportWriter]:
    """Write a list of objects; amounts are text, so that no reader rounds them."""
    into.write(b"[")
    written = _Json(into)
    yield written
    into.write(b"\n]" if written.begun else b"]")


class _Json:
    def __init__(self, into: IO[bytes]) -> None:
        self._into = into
        self.begun = False

    def row(self, row: ExportRow) -> None:
        """Write the next row."""
        plain = {**row, "amount": _text(row["amount"]), "amount_done": _text(row["amount_done"])}
        text = json.dumps(plain, ensure_ascii=False, indent=1).replace("\n", "\n ")
        self._into.write(f"{',' if self.begun else ''}\n {text}".encode())
        self.begun = True


@contextmanager
def as_xlsx(into: IO[bytes]) -> Iterator[ExportWriter]:
    """Write a workbook; every text is written as text, so no spreadsheet takes it for a formula.

    Rows that are written go into a temporary file and not into memory.
    """
    import xlsxwriter  # type: ignore[import-untyped] # noqa: PLC0415 - no types; needed seldom

    options = {"constant_memory": True, "strings_to_formulas": False}
    with xlsxwriter.Workbook(into, options) as book:
        written = _Xlsx(book)
        yield written
        written.finish()


class _Xlsx:
    def __init__(self, book: Any) -> None:
        self._sheet = book.add_worksheet("requests")
        self._sheet.freeze_panes(1, 1)
        for column, name in enumerate(COLUMNS):
            self._sheet.write_string(0, column, name)
        self._form = cache(lambda digits: book.add_format({"num_format": f"{0:.{digits}f}"}))
        self._lines = 0

    def row(self, row: ExportRow) -> None:
        """Write the next row."""
        self._lines += 1
        for column, name in enumerate(COLUMNS):
            _write(self._sheet, (self._lines, column), row[name], self._form)

    def finish(self) -> None:
        """Offer a filter over everything that was written."""
        self._sheet.autofilter(0, 0, max(1, self._lines), len(COLUMNS) - 1)


def _write(sheet: Any, cell: tuple[int, int], value: Any, form: Callable[[int], Any]) -> None:
    if isinstance(value, Decimal):  # shown with the digits of its currency
        sheet.write_number(*cell, float(value), form(-int(value.as_tuple().exponent)))
    elif isinstance(value, int | float):
        sheet.write_number(*cell, float(value))
    elif value is not None:
        sheet.write_string(*cell, str(value)[:32767])


WRITERS: dict[Format, Callable[[IO[bytes]], AbstractContextManager[ExportWriter]]] = {
    "csv": as_csv, "json": as_json, "xlsx": as_xlsx,
}  # fmt: skip


def _text(value: Decimal | None) -> str | None:
    return None if value is None else str(value)


def _time(at: datetime | None) -> str:
    return at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ") if at else ""
