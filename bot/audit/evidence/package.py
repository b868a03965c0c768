"""A package as it reads: what the report and the workbook are made of, and nothing else."""

import hashlib
import json
import zipfile
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

from bot.audit import standalone

Facts = dict[str, Any]


class HistoryRow(NamedTuple):
    """A row of the history with its data read."""

    sequence: int
    at: str
    request: int | None
    what: str
    who: str
    data: Facts


class Package:
    """The files of a package, one line or one packet at a time.

    Args:
        archive: Open for reading; the manifest need not be there yet.
        step: Called after each request that was read.
    """

    def __init__(self, archive: zipfile.ZipFile, step: Callable[[], None] = lambda: None) -> None:
        self._archive = archive
        self._step = step
        self.about: Facts = self._json("chain.json")
        self.zuora: Facts = self._json("reconciliation.json")
        self.slack: Facts = self._json("slack.json")
        self.made: Facts = self._json("verification.json")
        self.sample: Facts = self._json("sample.json")

    def _json(self, name: str) -> Facts:
        found: Facts = json.loads(self._archive.read(name))
        return found

    def lines(self, name: str) -> Iterator[Any]:
        """The values in a file of lines."""
        with self._archive.open(name) as lines:
            for line in lines:
                yield json.loads(line)

    def entries(self, name: str) -> Iterator[HistoryRow]:
        """The rows in a file of rows."""
        for line in self.lines(name):
            row = standalone.Row(*line)
            yield entry_of(row._asdict() | {"data": json.loads(row.data)})

    def requests(self) -> Iterator[tuple[Facts, Facts, list[HistoryRow]]]:
        """Each request: its line in the population, its packet, its rows."""
        for line in self.lines("population.jsonl"):
            packet = self._json(f"requests/R-{line['number']}.json")
            yield line, packet, [entry_of(each) for each in packet["history"]]
            self._step()


def entry_of(row: Facts) -> HistoryRow:
    """A row of a packet."""
    return HistoryRow(**{name: row[name] for name in HistoryRow._fields})


def sampled(numbers: list[int], seed: str, size: int) -> list[int]:
    """So many requests, drawn by whoever chose the seed: those whose SHA-256 of `seed:number` comes first."""
    drawn = sorted(numbers, key=lambda each: hashlib.sha256(f"{seed}:{each}".encode()).digest())
    return sorted(drawn[:size])
