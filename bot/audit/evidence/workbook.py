"""The workbook: a sheet for each population. Made from the package alone; rows go to disk one by one."""

import json
import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

from bot.audit.evidence.explained import of_package, signed
from bot.audit.evidence.late import late_rows, of_request
from bot.audit.evidence.lights import lights, verdict
from bot.audit.evidence.package import HistoryRow, Package
from bot.audit.evidence.said import (
    OUT_OF_HOURS,
    confirmed_by,
    happened,
    in_words,
    is_out_of_hours,
    moment,
)

NAME = "evidence.xlsx"
LONGEST = 32_000
"""The most characters in a cell; Excel takes 32,767."""

MOST_ROWS = 1_048_575
"""The most rows that Excel takes below a sheet's headings; more go into another sheet."""

EXACT = 16
"""An amount of fewer characters than this is exact as a number; Excel keeps 15 digits."""

AMOUNT = re.compile(r"-?[0-9]+(\.[0-9]+)?")
"""What can be written as a number; whoever forges a package may have put anything there."""

DECIDED = ("request.approved", "request.rejected", "request.withdrawn")
SETTLED = ("request.recorded", "request.settled")
SHEETS: Mapping[str, Sequence[str]] = {
    "Requests": (
        "request", "operation", "subject", "tenant", "place", "requester", "reason", "created_at", "state", "state_at",
        "rule", "approvals_needed", "conditions", "compared", "approvers", "decided_by", "decided_at", "asked_in_period", "late",
        "digest", "policy",
    ),
    "Decisions": ("row", "at", "request", "what", "who", "name", "person_email", "groups", "rule", "policy", "note", "seconds", "digest"),
    "Calls": ("row", "at", "request", "what", "subject", "method", "address", "body_sha256", "verdict", "track_id"),
    "Documents": ("request", "kind", "number", "currency", "amount", "status", "wrong", "not_checked"),
    "Refusals": ("row", "at", "request", "who", "wanted", "refusal"),
    "Settlements": ("row", "at", "request", "what", "who", "name", "person_email", "accepted", "note", "rule", "groups"),
    "Exceptions": ("at", "what", "kind", "number", "bill_run", "who", "known_from", "request", "explanation", "explained_by", "place"),
    "Brought forward": (
        "package", "at", "what", "kind", "number", "bill_run", "who", "known_from", "request", "explanation", "explained_by", "place",
    ),
    "Explanations": ("row", "at", "who", "name", "number", "explains", "explanation", "written_by"),
    "Late rows": ("row", "at", "clock", "request", "what", "late_why", "package_of_day"),
    "Statements": ("row", "at", "what", "who", "name", "month", "request", "rows"),
    "People and groups": ("row", "at", "what", "group", "members", "came", "went"),
    "Segregation of duties": (
        "person", "asked", "approved", "both roles", "share of approvals", "fastest, seconds",
        "out of hours",
    ),
    "Pairs": ("asked by", "approved by", "requests"),
    "Policy changes": ("row", "at", "what", "who", "old", "new", "difference", "confirmed"),
    "Starts": ("row", "at", "version", "files", "host", "user", "policy", "clocks_ahead"),
    "Heads": ("row", "at", "what", "sequence", "hash", "signature", "where"),
}  # fmt: skip


READ_ME = "Read me"
"""The first sheet: the verdict, the lights, and what each column means."""

COLUMNS: Mapping[str, tuple[str, str]] = {
    "request": ("Request", "Its number"),
    "operation": ("Operation", "What it does in Zuora"),
    "subject": ("About", "The bill run, document or batch in Zuora"),
    "tenant": ("Zuora", "The kind of environment, its name, and the tenant's number"),
    "place": ("Entity or organization", "Where in the tenant it acts, if there is a choice"),
    "requester": ("Asked by", "Name in Slack, and Slack id"),
    "reason": ("Reason", "As typed"),
    "created_at": ("Asked for at", ""),
    "state": ("State", "What came of it; unknown means that no clear answer came and nobody has settled it yet"),
    "state_at": ("In this state since", ""),
    "rule": ("Rule", "The rule of the policy that applied"),
    "approvals_needed": ("Approvals needed", "By that rule"),
    "conditions": ("The rule is for", "The conditions under which it applies; empty means everything that no other rule is for"),
    "compared": ("Compared with it", "What of this request was compared with those conditions. Credits are below zero; older versions left out the sign"),
    "approvers": ("Approved by", "Everybody, in their order"),
    "decided_by": ("Last decision by", "Who approved, rejected or withdrew last"),
    "decided_at": ("Last decision at", ""),
    "asked_in_period": ("Asked for in the period", "yes, no (in an earlier one), or late: recorded in it with an earlier date"),
    "late": ("Late", "Which of its rows bear a time before the period; Late rows says by which clock, and why they are here"),
    "clock": ("By the clock", "That gave the time"),
    "late_why": ("Why it stands here", "And not in an earlier package"),
    "package_of_day": ("Package of its day", "In which it would stand if it had been recorded on that day"),
    "digest": ("Digest", "The hash of exactly what an approval is bound to (FORMAT.md)"),
    "policy": ("Policy", "The hash of the policy file; Policy changes has its text as differences"),
    "row": ("Row", "Its number in history.jsonl"),
    "at": ("When", ""),
    "what": ("What", "The kind of row or deed. Of a call: sent; answered; lost, no clear answer came; settled, reading Zuora showed the outcome"),
    "who": ("Who", "A Slack id; of an exception the id of a user in Zuora"),
    "known_from": ("How that is known", "Which user Zuora names: the creator, or only who changed it last"),
    "name": ("Name", "As Slack said it at that moment"),
    "person_email": ("Mail address", "As Slack said it at that moment, if the bot may read it (users:read.email)"),
    "groups": ("In groups", "Slack groups by which the person decided"),
    "note": ("Note", "As typed"),
    "seconds": ("Seconds", "From the asking to the decision"),
    "method": ("Method", "HTTP"),
    "address": ("Address", "In Zuora"),
    "body_sha256": ("Hash of the body", "The body itself is in requests.jsonl"),
    "verdict": ("Verdict", "accepted: Zuora took the order. rejected: nothing was done. busy: not done, and tried again. lost: no clear answer came"),
    "track_id": ("Track id", "Zuora's log has the call under it"),
    "wanted": ("Wanted", "What was refused"),
    "refusal": ("Why not", ""),
    "accepted": ("It went through", "What the person saw in Zuora"),
    "kind": ("Kind", "Of thing in Zuora"),
    "number": ("Number", "In Zuora"),
    "currency": ("Currency", ""),
    "amount": ("Amount", "As Zuora gives it when the request was made: a credit memo's is positive"),
    "status": ("Status", "In Zuora when the request was made"),
    "wrong": ("Wrong with it", "Why it should not be sent"),
    "not_checked": ("Not checked", "What Zuora did not say"),
    "bill_run": ("Bill run", "That the document belongs to"),
    "explanation": ("Explanation", "Management's, signed in Slack"),
    "explained_by": ("Signed by", ""),
    "package": ("Package", "That the exception stands in; it was open when the package before this one ended"),
    "explains": ("What it explains", "The exception, and the package that it stands in"),
    "written_by": ("Written by", "Who typed the explanation; who signed it pressed the button"),
    "month": ("Month", "That a statement is about"),
    "rows": ("Rows", "Of the decisions that it is about"),
    "group": ("Group", "Its Slack id"),
    "members": ("Members", "From this moment on"),
    "came": ("Came", "Who was not in it before"),
    "went": ("Went", "Who is in it no more"),
    "person": ("Person", "Name in Slack, and Slack id"),
    "asked": ("Requests asked for", ""),
    "approved": ("Requests approved", ""),
    "both roles": ("Both roles", "Whether this person both asks and approves; nobody can approve their own request"),
    "share of approvals": ("Share of approvals", "Of all in this package"),
    "fastest, seconds": ("Fastest approval, seconds", "From the asking"),
    "out of hours": (f"Approvals out of hours ({OUT_OF_HOURS})", ""),
    "asked by": ("Asked by", ""),
    "approved by": ("Approved by", ""),
    "requests": ("Requests", "How many this pair shares"),
    "old": ("Policy before", "Its hash"),
    "new": ("Policy after", "Its hash"),
    "confirmed": ("Confirmed", "By whom and when; or that nobody has confirmed it"),
    "difference": ("Difference", "Lines taken out (-) and put in (+)"),
    "version": ("Version", "Of Billing Bot"),
    "files": ("Hash of the program", "Of all its installed files"),
    "host": ("Machine", ""),
    "user": ("Account", "Of the machine, under which the bot runs"),
    "clocks_ahead": ("Clocks ahead, seconds", "How far Slack's and Zuora's clocks were ahead of the machine's"),
    "sequence": ("Row that it names", "The head is number and hash of this row"),
    "hash": ("Hash", "Of that row"),
    "signature": ("Signature", "With the key in force"),
    "where": ("Left where", "channel, folder, mail or time stamp"),
}  # fmt: skip
"""The heading of each column and what it means; headings alone need no explanation."""


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
        self._read_me(package)
        for name in SHEETS:
            self._begin(name)

    def _read_me(self, package: Package) -> None:
        """Write the first sheet, with the verdict and the meaning of each column."""
        sheet, found = self._book.add_worksheet(READ_ME), [*lights(package)]
        wrapped = self._book.add_format({"text_wrap": True, "valign": "top"})
        sheet.set_column(0, 1, 26, wrapped)
        sheet.set_column(2, 3, 70, wrapped)
        period = f"from {moment(package.about['start'])} to before {moment(package.about['end'])}"
        lines = [
            ("Verdict", "", verdict(package, found)),
            ("Period", "", f"{period}. All times are in UTC."),
            *(("Light", f"{each.name}: {each.shade}", each.words, each.next) for each in found),
            ("",),
            ("Sheet", "Column", "Meaning"),
            *((name, *COLUMNS[each]) for name, columns in SHEETS.items() for each in columns),
        ]
        for at, cells in enumerate(lines):
            bold = self._bold if cells[0] in {"Verdict", "Sheet"} else wrapped
            for column, cell in enumerate(cells):
                sheet.write_string(at, column, cell, bold)

    def _begin(self, name: str) -> None:
        """Begin a sheet with its headings; later sheets of the same name are numbered."""
        self._parts[name] += 1
        part = f"{name} {self._parts[name]}" if self._parts[name] > 1 else name
        sheet = self._sheets[name] = self._book.add_worksheet(part)
        sheet.freeze_panes(1, 0)
        sheet.set_column(0, len(SHEETS[name]) - 1, 20)
        sheet.write_row(0, 0, [COLUMNS[each][0] for each in SHEETS[name]], self._bold)
        self._next[name] = 0

    def add(self, name: str, *cells: Any) -> None:
        if self._next[name] == MOST_ROWS:
            self._begin(name)
        self._next[name] += 1
        sheet, row = self._sheets[name], self._next[name]
        for column, value in enumerate(map(_cell, cells)):
            if value and isinstance(value, str):  # else each cell is asked what it may be
                sheet.write_string(row, column, value)
            else:
                sheet.write(row, column, value)

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
            f"R-{line['number']}", line["operation"], line["subject"], line["tenant"], line["place_words"], package.named(line["requester"]),
            line["reason"], moment(line["created_at"]), package.state_of(line), moment(line["state_at"]), line["rule"], line["approvals_needed"],
            in_words(line["conditions"] or {}), in_words(line["compared"] or {}), ", ".join(map(package.named, line["approvers"])), package.named(line["decided_by"]), moment(line["decided_at"]),
            line["asked_in_period"], of_request(package, history), line["digest"], line["policy_hash"],
        )  # fmt: skip
        duties.take(history)
        for each in history:
            _of_request(book, each, history[0])
    _others(book, package)
    duties.write(book, package)
    book.close()


def _of_request(book: _Book, row: HistoryRow, asked: HistoryRow) -> None:
    data, name = row.data, f"R-{row.request}"
    if row.what in DECIDED:
        book.add(
            "Decisions",
            row.sequence, moment(row.at), name, _kind(row), row.who, data.get("person_name"), data.get("person_email"), " ".join(data.get("groups", ())),
            data.get("rule"), data.get("policy"), data.get("reason") or data.get("note"), _seconds(asked, row), data.get("digest"),
        )  # fmt: skip
    elif row.what in SETTLED:
        book.add(
            "Settlements",
            row.sequence, moment(row.at), name, _kind(row), row.who or "the bot", data.get("person_name"), data.get("person_email"), _SEEN.get(str(data.get("accepted")), ""),
            data.get("note"), data.get("rule"), " ".join(data.get("groups", ())),
        )  # fmt: skip
    elif row.what.startswith("call."):
        book.add(
            "Calls",
            row.sequence, moment(row.at), name, _kind(row), data.get("subject"), data.get("method"), data.get("address"),
            data.get("body_sha256"), data.get("verdict"), data.get("track_id"),
        )  # fmt: skip


_SEEN = {"True": "yes", "False": "no"}


def _kind(row: HistoryRow) -> str:
    """Return the kind of a row without the family that its sheet is of: `approved`."""
    return row.what.partition(".")[2].replace("_", " ")


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
            moment(row.at),
            name,
            row.who,
            row.data.get("wanted"),
            row.data.get("refusal"),
        )
    _exceptions(book, package)
    for late, *about in late_rows(package):
        clock, why, of_day = about
        name = f"R-{late.request}" if late.request else None
        book.add("Late rows", late.sequence, moment(late.at), clock, name, late.what, why, of_day)
    for row in package.entries("statements.jsonl"):
        data = row.data
        rows = _spaced(data.get("rows"))
        said = data.get("person_name"), data.get("month"), data.get("request"), rows
        book.add("Statements", row.sequence, moment(row.at), _kind(row), row.who, *said)
    for row in package.entries("people.jsonl"):
        for group, members in row.data.get("groups", {}).items():
            change = row.data.get("changed", {}).get(group, {})
            now = "not known: Slack did not list it" if members is None else _spaced(members)
            moved = _spaced(change.get("came")), _spaced(change.get("went"))
            book.add(
                "People and groups", row.sequence, moment(row.at), _kind(row), group, now, *moved
            )
    _documents(book, package)
    _about_the_bot(book, package)


def _exceptions(book: _Book, package: Package) -> None:
    """Write the exceptions of this package and the open ones of earlier ones, and what was signed about any."""
    for name, found in (("Exceptions", package.exceptions), ("Brought forward", package.forward)):
        for each in found:
            by = package.named(str(each.get("explained_by") or ""))
            told = {"explained_by": by, "package": of_package(each), "at": happened(each)}
            book.add(name, *map((each | told).get, SHEETS[name]))
    for row, about in signed(package):
        said, by = row.data, package.named(str(row.data.get("written_by") or ""))
        known = said.get("person_name"), said["number"], about, said["words"], by
        book.add("Explanations", row.sequence, moment(row.at), row.who, *known)


def _documents(book: _Book, package: Package) -> None:
    """Write the documents of bill runs, amounts as numbers so that they can be added up."""
    for number, kind, name, *more in package.lines("documents.jsonl"):
        currency, amount, status, *doubts = more
        said = (", ".join(map(str, each)) if isinstance(each, list) else each for each in doubts)
        known = _known(currency), _number(amount), _known(status)
        book.add("Documents", f"R-{number}", kind, name, *known, *said)


def _number(amount: Any) -> Any:
    """Return an amount as a number where a cell holds it exactly; else as it is, also if it is none."""
    is_short = isinstance(amount, str) and len(amount) < EXACT
    return float(amount) if is_short and AMOUNT.fullmatch(amount) else _known(amount)


def _known(value: Any) -> Any:
    """Return a value of a document; why it is not known, if it is not."""
    if isinstance(value, dict) and "not_known" in value:
        return f"not known: {value['not_known']}"
    return value


def _about_the_bot(book: _Book, package: Package) -> None:
    """Write the bot's policies, starts and heads."""
    for row in package.entries("policy_changes.jsonl"):
        said = "\n".join(row.data.get("difference", ()))
        hashes = row.data.get("old"), row.data.get("new")
        by = confirmed_by(package, row.sequence) if row.sequence in package.changes.changes else ""
        book.add(
            "Policy changes", row.sequence, moment(row.at), _kind(row), row.who, *hashes, said, by
        )
    for name, file in (("Starts", "starts.jsonl"), ("Heads", "heads.jsonl")):
        for row in package.entries(file):
            known = row._asdict() | row.data
            known |= {"row": row.sequence, "at": moment(row.at), "what": _kind(row)}
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

    def write(self, book: _Book, package: Package) -> None:
        whole = sum(self._approved.values())
        for person in sorted({*self._asked, *self._approved}):
            asked, approved = self._asked[person], self._approved[person]
            book.add(
                "Segregation of duties", package.named(person), asked, approved, "yes" if asked and approved else "no",
                f"{approved / whole:.0%}" if approved else "", self._fastest[person] if approved else None, self._late[person],
            )  # fmt: skip
        for (asker, approver), number in sorted(self._pairs.items()):
            book.add("Pairs", package.named(asker), package.named(approver), number)
