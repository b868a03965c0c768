"""Reads a package, for the report and the workbook."""

import hashlib
import heapq
import json
import lzma
import zipfile
import zlib
from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import cached_property
from typing import Any, NamedTuple

from bot.audit.confirmed import ChangesOfPolicy
from bot.audit.control import STANDS, InForce
from bot.audit.elsewhere import NOT_COMPARED, texts_of
from bot.audit.rows import APPROVED, ASKED, PUT_BACK, FileRow, Json, is_damaged
from bot.domain.history import SALTS, What

DAMAGED = (
    zipfile.BadZipFile, zlib.error, lzma.LZMAError, LookupError, ValueError, TypeError, AttributeError, EOFError,
    RuntimeError, ArithmeticError,
)  # fmt: skip
"""Errors that Python raises for a zip with some bytes changed."""

DECIDED = {APPROVED, "request.rejected"}
"""The rows by which a request counts as decided under a policy."""

A_DAMAGED_ROW = '"data": {"damaged": {'
"""How a row of a request stands in its line if nobody could read it."""


class HistoryRow(NamedTuple):
    """A row of the history with its data read."""

    sequence: int
    at: str
    request: int | None
    what: str
    who: str
    data: Json


class Package:
    """The files of a package, one line or one packet at a time.

    Args:
        archive: The zip, open for reading; the manifest may still be missing.
        step: Called after each request that was read.
    """

    def __init__(self, archive: zipfile.ZipFile, step: Callable[[], None] = lambda: None) -> None:
        self._archive = archive
        self._step = step
        self.about: Json = about_of(archive)

    @cached_property
    def zuora(self) -> Json:
        """Return how much of Zuora was read."""
        return self._json("reconciliation.json")

    @cached_property
    def slack(self) -> Json:
        """Return what was found in Slack."""
        return self._json("slack.json")

    @cached_property
    def made(self) -> Json:
        """Return who made it, and what a check of the database found then."""
        return self._json("verification.json")

    @cached_property
    def sample(self) -> Json:
        """Return the auditor's seed, and the requests that it draws."""
        drawn = self._json("sample.json")
        numbers = (line["number"] for line in self.lines("population.jsonl"))
        return drawn | {"numbers": sampled(numbers, drawn["seed"], drawn["size"])}

    def _json(self, name: str) -> Json:
        found: Json = json.loads(self._archive.read(name))
        return found

    def lines(self, name: str) -> Iterator[Any]:
        """Yield the values in a file of lines."""
        return map(json.loads, texts_of(self._archive, name))

    def entries(self, name: str) -> Iterator[HistoryRow]:
        """Yield the rows in a file of rows."""
        for line in self.lines(name):
            row = FileRow(*line)
            yield entry_of(row._asdict() | {"data": json.loads(row.data)})

    def requests(self) -> Iterator[tuple[Json, Json, list[HistoryRow]]]:
        """Yield each request: its line in the population, its packet, its rows."""
        for line, packet in zip(
            self.lines("population.jsonl"), self.lines("requests.jsonl"), strict=True
        ):
            yield line, packet, [entry_of(each) for each in packet["history"]]
            self._step()

    @cached_property
    def overdue(self) -> Json:
        """Return when each waiting request's time ended, by number; no row says yet that it expired."""
        both = zip(
            self.lines("population.jsonl"), texts_of(self._archive, "requests.jsonl"), strict=True
        )
        waiting = (text for line, text in both if line["state"] == "waiting")
        records = (json.loads(text)["record"] for text in waiting)
        return {
            record["number"]: record["expires_at"]
            for record in records
            if record["expires_at"] <= self.now
        }

    @cached_property
    def now(self) -> str:
        """Return when it was made, or the time of its last row if that is later."""
        made_at: str = self.about["made_at"]
        return max(made_at, max((row.at for row in self.history()), default=""))

    @cached_property
    def names(self) -> Mapping[str, str]:
        """Return what Slack last called each person of the period's rows, by Slack id."""
        with self._archive.open("history.jsonl") as lines:
            rows = [FileRow(*json.loads(line)) for line in lines if b"person_name" in line]
        said = ((row.who, json.loads(row.data).get("person_name")) for row in rows)
        return {who: name for who, name in said if isinstance(name, str)}

    def named(self, who: str) -> str:
        """Return a person with the name: `Bob Tanaka (U0BOB)`; only the id if no row has the name."""
        return f"{self.names[who]} ({who})" if who in self.names else who

    @property
    def signing_keys(self) -> Iterator[tuple[int, str]]:
        """Yield each public key that signs heads here, with the row from which on it does."""
        before: tuple[int, str] = tuple(self.about["signing_key"])
        if before[0]:
            yield before
        for each in self.entries("heads.jsonl"):
            if each.what == What.SIGNING_KEY:
                yield each.sequence, str(each.data.get("public", ""))

    @property
    def forward(self) -> Iterator[Json]:
        """Yield the exceptions of earlier packages that were open when the package before ended."""
        return self.lines("brought_forward.jsonl")

    @property
    def open_before(self) -> int:
        """Return how many of these nobody has explained since."""
        return sum(not each.get("explanation") for each in self.forward)

    @property
    def unexplained(self) -> int:
        """Return how many deeds in Zuora no request did and nobody has explained."""
        deeds = (each for each in self.exceptions if each["what"] != NOT_COMPARED)
        return sum(not each.get("explanation") for each in deeds)

    @property
    def denied(self) -> Iterator[HistoryRow]:
        """Yield the rows in which somebody denied a decision or a statement in their name."""
        return (row for row in self.entries("statements.jsonl") if row.what == "statement.denied")

    @cached_property
    def denied_rows(self) -> dict[int, int]:
        """Return the row of each denied decision, with the row that denies it."""
        return {row: each.sequence for each in self.denied for row in each.data.get("rows", ())}

    @cached_property
    def damaged(self) -> list[int]:
        """Return the rows of the period that nobody could read when it was made."""
        lines = (line for line in texts_of(self._archive, "history.jsonl") if "damaged" in line)
        return [
            row.sequence
            for row in (FileRow(*json.loads(line)) for line in lines)
            if is_damaged(row)
        ]

    @property
    def put_back(self) -> list[int]:
        """Return the rows before which an older copy of the database was put back."""
        lines = texts_of(self._archive, "history.jsonl")
        named = [FileRow(*json.loads(line)) for line in lines if PUT_BACK in line]
        return [row.sequence for row in named if row.what == PUT_BACK]

    @property
    def changes(self) -> ChangesOfPolicy:
        """Return the changes of the policy, and which of them are confirmed by the rows here."""
        return self.stands.changes

    @cached_property
    def stands(self) -> InForce:
        """Return what was in force by the rows here, and what these leave open."""
        stands, kinds = InForce(), STANDS | DECIDED | {ASKED}
        named = tuple(f'"{kind}"' for kind in kinds)
        for name in ("standing.jsonl", "history.jsonl"):
            for line in texts_of(self._archive, name):
                if not any(kind in line for kind in named):
                    continue
                row = FileRow(*json.loads(line))
                if is_damaged(row):
                    continue
                if row.what in STANDS:
                    list(stands.note(row))
                elif row.what in DECIDED | {ASKED}:
                    data = json.loads(row.data)
                    stands.open.look([(row, data)], stands)
                    record = {"number": row.request, "policy_hash": data.get("policy")}
                    list(stands.changes.began(record, [(row, data)]))
        stands.open.damaged(
            json.loads(line)["record"]["number"]
            for line in texts_of(self._archive, "requests.jsonl")
            if A_DAMAGED_ROW in line
        )
        return stands

    @property
    def left_open(self) -> list[str]:
        """Return what of the control could not be compared, in words."""
        return self.stands.open.words()

    @cached_property
    def not_confirmed(self) -> list[int]:
        """Return the changes of the policy that nobody has confirmed, of the period or in force in it."""
        confirmed = self.changes.confirmed()
        return [
            row for row, _ in self.changes.open(self.about["first"] - 1) if row not in confirmed
        ]

    def history(self) -> Iterator[FileRow]:
        """Yield the rows of the period."""
        return (FileRow(*line) for line in self.lines("history.jsonl"))

    def rows_before(self) -> Iterator[FileRow]:
        """Yield the rows from before the period that say what was in force in it."""
        rows = (FileRow(*line) for line in self.lines("standing.jsonl"))
        return (row for row in rows if row.sequence < self.about["first"])

    def state_of(self, line: Json) -> str:
        """Return a request's state; never just `waiting` if its time has ended."""
        is_over = line["number"] in self.overdue
        return "waiting, time ended, not recorded yet" if is_over else str(line["state"])

    @property
    def exceptions(self) -> Iterator[Json]:
        """Yield the exceptions: what Zuora shows without a request, or that Zuora was not compared."""
        return self.lines("exceptions.jsonl")

    @property
    def not_compared(self) -> str:
        """Return why Zuora was not compared; empty if it was."""
        found = (each for each in self.exceptions if each.get("what") == NOT_COMPARED)
        return next((str(each.get("why")) for each in found), "")


def about_of(archive: zipfile.ZipFile) -> Json:
    """Return what a package says about itself, with `first` row, number of `rows` and `requests`, and `over`."""
    about: Json = json.loads(archive.read("chain.json"))
    before, over = about["before"]["sequence"], about["made_at"] >= about["end"]
    requests = sum(1 for _ in texts_of(archive, "population.jsonl"))
    rows = about["last"] - before
    return about | {"first": before + 1, "rows": rows, "requests": requests, "over": over}


def entry_of(row: Json) -> HistoryRow:
    """Return a packet's row as people read it, without salts and commitments."""
    data = {name: value for name, value in row["data"].items() if name not in {SALTS, "sealed"}}
    return HistoryRow(**{name: row[name] for name in HistoryRow._fields} | {"data": data})


def sampled(numbers: Iterable[int], seed: str, size: int) -> list[int]:
    """Return this many requests: those whose SHA-256 of `seed:number` comes first."""

    def place(number: int) -> bytes:
        return hashlib.sha256(f"{seed}:{number}".encode()).digest()

    return sorted(heapq.nsmallest(size, numbers, key=place))
