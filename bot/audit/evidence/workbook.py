"""The workbook: a sheet for each population. Made from the package alone; rows go to disk one by one."""

import json
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

from bot.audit.evidence.package import HistoryRow, Package
from bot.audit.evidence.said import OUT_OF_HOURS, happened, in_words, is_out_of_hours

NAME = "evidence.xlsx"
LONGEST = 32_000
"""The most characters in a cell; Excel takes 32,767."""

MOST_ROWS = 1_048_575
"""The most rows that Excel takes below a sheet's headings; more go into another sheet."""

DECIDED = ("request.approved", "request.rejected", "request.withdrawn")
SETTLED = ("request.recorded", "request.settled")
SHEETS: Mapping[str, Sequence[str]] = {
    "Requests": (
        "request", "operation", "subject", "tenant", "place", "requester", "reason", "created_at", "state", "state_at",
        "rule", "approvals_needed", "conditions", "compared", "approvers", "decided_by", "decided_at", "asked_in_period",
        "digest", "policy",
    ),
    "Decisions": ("row", "at", "request", "what", "who", "name", "groups", "rule", "policy", "note", "seconds", "digest"),
    "Calls": ("row", "at", "request", "what", "subject", "method", "address", "body_sha256", "verdict", "track_id"),
    "Refusals": ("row", "at", "request", "who", "wanted", "refusal"),
    "Settlements": ("row", "at", "request", "what", "who", "name", "accepted", "note", "rule", "groups"),
    "Exceptions": ("at", "what", "kind", "number", "bill_run", "who", "request", "explanation", "explained_by", "place"),
    "Statements": ("row", "at", "what", "who", "name", "month", "request", "rows"),
    "People and groups": ("row", "at", "what", "group", "members", "came", "went"),
    "Segregation of duties": (
        "person", "asked", "approved", "both roles", "share of approvals", "fastest, seconds",
        f"approvals out of hours ({OUT_OF_HOURS})",
    ),
    "Pairs": ("asked by", "approved by", "requests"),
    "Policy changes": ("row", "at", "what", "who", "old", "new", "difference"),
    "Starts": ("row", "at", "version", "files", "host", "user", "policy", "clocks_ahead"),
    "Heads": ("row", "at", "what", "sequence", "hash", "signature", "where"),
}  # fmt: skip


class _Book:
    """Writes rows sheet by sheet; an empty sheet says that it is empty."""

    def __init__(self, path: Path, package: Package) -> None:
        import xlsxwriter  # type: ignore[import-untyped] # noqa: PLC0415 - no types; needed seldom

        how = {"constant_memory": True, "strings_to_formulas": False, "strings_to_urls": False}
        self._book = xlsxwriter.Workbook(str(path), how)
        made_at = datetime.fromisoformat(package.made["made_at"]).replace(tzinfo=None)
        self._book.set_properties({"title": "Evidence", "created": made_at})
        self._bold = self._book.add_format(
            {"bold": True, "bottom": 1, "text_wrap": True, "valign": "top"}
        )
        self._sheets: dict[str, Any] = {}
        self._next, self._parts = Counter[str](), Counter[str]()
        for name in SHEETS:
            self._begin(name)

    def _begin(self, name: str) -> None:
        """Begin a sheet with its headings; later sheets of the same name are numbered."""
        self._parts[name] += 1
        part = f"{name} {self._parts[name]}" if self._parts[name] > 1 else name
        sheet = self._sheets[name] = self._book.add_worksheet(part)
        sheet.freeze_panes(1, 0)
        sheet.set_column(0, len(SHEETS[name]) - 1, 20)
        sheet.write_row(0, 0, SHEETS[name], self._bold)
        self._next[name] = 0

    def add(self, name: str, *cells: Any) -> None:
        if self._next[name] == MOST_ROWS:
            self._begin(name)
        self._next[name] += 1
        for column, cell in enumerate(cells):
            self._sheets[name].write(self._next[name], column, _cell(cell))

    def close(self) -> None:
        for name, sheet in self._sheets.items():
            if not self._next[name]:
                sheet.write(1, 0, "none")
            else:
                sheet.autofilter(0, 0, self._next[name], len(SHEETS[name]) - 1)
        self._book.close()


def _cell(value: Any) -> Any:
    if value is None or isinstance(value, int | float):
        return value
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    return text[:LONGEST]


def _spaced(values: Any) -> str:
    """Return a list with spaces between; anything else, which the bot never writes, as it is."""
    if isinstance(values, list):
        return " ".join(map(str, values))
    return "" if values is None else str(values)


def write(path: Path, package: Package) -> None:
    """Write the workbook to a file."""
    book, duties = _Book(path, package), _Duties()
    for line, _, history in package.requests():
        book.add(
            "Requests",
            f"R-{line['number']}", line["operation"], line["subject"], line["tenant"], line["place_words"], line["requester"],
            line["reason"], line["created_at"], package.state_of(line), line["state_at"], line["rule"], line["approvals_needed"],
            in_words(line["conditions"] or {}), in_words(line["compared"] or {}), " ".join(line["approvers"]), line["decided_by"], line["decided_at"],
            line["asked_in_period"], line["digest"], line["policy_hash"],
        )  # fmt: skip
        duties.take(history)
        for each in history:
            _of_request(book, each, history[0])
    _others(book, package)
    duties.write(book)
    book.close()


def _of_request(book: _Book, row: HistoryRow, asked: HistoryRow) -> None:
    data, name = row.data, f"R-{row.request}"
    if row.what in DECIDED:
        book.add(
            "Decisions",
            row.sequence, row.at, name, row.what, row.who, data.get("person_name"), " ".join(data.get("groups", ())),
            data.get("rule"), data.get("policy"), data.get("reason") or data.get("note"), _seconds(asked, row), data.get("digest"),
        )  # fmt: skip
    elif row.what in SETTLED:
        book.add(
            "Settlements",
            row.sequence, row.at, name, row.what, row.who or "the bot", data.get("person_name"), str(data.get("accepted")),
            data.get("note"), data.get("rule"), " ".join(data.get("groups", ())),
        )  # fmt: skip
    elif row.what.startswith("call."):
        book.add(
            "Calls",
            row.sequence, row.at, name, row.what, data.get("subject"), data.get("method"), data.get("address"),
            data.get("body_sha256"), data.get("verdict"), data.get("track_id"),
        )  # fmt: skip


def _seconds(asked: HistoryRow, row: HistoryRow) -> int:
    return round(
        (datetime.fromisoformat(row.at) - datetime.fromisoformat(asked.at)).total_seconds()
    )


def _others(book: _Book, package: Package) -> None:
    """Write the rows that are about no request."""
    for row in package.entries("refusals.jsonl"):
        name = f"R-{row.request}" if row.request else None
        book.add(
            "Refusals",
            row.sequence,
            row.at,
            name,
            row.who,
            row.data.get("wanted"),
            row.data.get("refusal"),
        )
    for each in package.exceptions:
        columns = SHEETS["Exceptions"][1:]
        book.add("Exceptions", happened(each), *(each.get(column) for column in columns))
    for row in package.entries("statements.jsonl"):
        data = row.data
        rows = _spaced(data.get("rows"))
        said = data.get("person_name"), data.get("month"), data.get("request"), rows
        book.add("Statements", row.sequence, row.at, row.what, row.who, *said)
    for row in package.entries("people.jsonl"):
        for group, members in row.data["groups"].items():
            change = row.data.get("changed", {}).get(group, {})
            listed = (_spaced(each) for each in (members, change.get("came"), change.get("went")))
            book.add("People and groups", row.sequence, row.at, row.what, group, *listed)
    _about_the_bot(book, package)


def _about_the_bot(book: _Book, package: Package) -> None:
    """Write the bot's policies, starts and heads."""
    for row in package.entries("policy_changes.jsonl"):
        said = "\n".join(row.data.get("difference", ()))
        hashes = row.data.get("old"), row.data.get("new")
        book.add("Policy changes", row.sequence, row.at, row.what, row.who, *hashes, said)
    for name, file in (("Starts", "starts.jsonl"), ("Heads", "heads.jsonl")):
        for row in package.entries(file):
            known = row._asdict() | row.data | {"row": row.sequence}
            known["sequence"] = row.data.get("sequence")
            book.add(name, *(known.get(column) for column in SHEETS[name]))


class _Duties:
    """Counts who asks and who approves: people in both roles, pairs, seconds, out of hours, shares."""

    def __init__(self) -> None:
        self._asked: Counter[str] = Counter()
        self._approved: Counter[str] = Counter()
        self._pairs: Counter[tuple[str, str]] = Counter()
        self._late: Counter[str] = Counter()
        self._fastest: dict[str, int] = defaultdict(lambda: 10**9)

    def take(self, history: Iterable[HistoryRow]) -> None:
        rows = list(history)
        asked = rows[0]
        self._asked[asked.who] += 1
        for row in rows:
            if row.what == "request.approved":
                self._approved[row.who] += 1
                self._pairs[asked.who, row.who] += 1
                self._fastest[row.who] = min(self._fastest[row.who], _seconds(asked, row))
                self._late[row.who] += is_out_of_hours(row.at)

    def write(self, book: _Book) -> None:
        whole = sum(self._approved.values())
        for person in sorted({*self._asked, *self._approved}):
            asked, approved = self._asked[person], self._approved[person]
            book.add(
                "Segregation of duties", person, asked, approved, "yes" if asked and approved else "no",
                f"{approved / whole:.0%}" if approved else "", self._fastest[person] if approved else None, self._late[person],
            )  # fmt: skip
        for (asker, approver), number in sorted(self._pairs.items()):
            book.add("Pairs", asker, approver, number)
