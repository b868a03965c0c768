"""Decisions with their history and outbox rows, against the same rows by bare `sqlite3`."""

import sqlite3
import time
from pathlib import Path
from typing import Any

from bench.figures import Options, Row
from bench.stage import Place, add_runs, approval_of, ask_for, place
from bot.cli.pauses import give_back_only_long_texts
from bot.wiring.running import Bot
from bot.workflow.decide import decide
from bot.workflow.decision import Decided

FIRST_RUN = 1000
TABLES = ("approvals", "requests", "history", "outbox", "figures_due")
_MOVED = ("state", "state_at", "wake_at", "decided_by", "decided_at")


async def measure(options: Options) -> list[Row]:
    """In turns: a slice of decisions, and the same rows bare."""
    give_back_only_long_texts()  # as a running bot does
    async with place() as here, here.hands() as bot:
        runs = add_runs(here.zuora, FIRST_RUN, options.decisions)
        numbers = await ask_for(bot, runs)
        size = len(numbers) // options.rounds
        bare = _Bare(here)
        rounds, ours, theirs = [], [], []
        for turn in range(options.rounds):
            part = numbers[turn * size : (turn + 1) * size]
            before = bare.highest()
            mine = _decide(bot, part)
            rows = bare.rows_since(before, part)
            their = bare.write(rows, part)
            ours.append(size / mine)
            theirs.append(size / their)
            rounds.append(their / mine)
        bare.close()
    return [
        Row(
            part="decisions",
            what="decisions a second, each one durable commit with its history and outbox rows",
            ours=f"{sorted(ours)[len(ours) // 2]:,.0f}/s",
            against=f"the same rows by bare sqlite3, {sorted(theirs)[len(theirs) // 2]:,.0f}/s",
            rounds=tuple(rounds),
            goal="≥ 0.5",
            least=0.5,
        )
    ]


def _decide(bot: Bot, numbers: list[int]) -> float:
    approvals = [approval_of(bot, number) for number in numbers]  # as a click brings them
    started = time.perf_counter()
    for approval in approvals:
        found = decide(bot.parts, approval)
        if not isinstance(found, Decided):
            raise TypeError(f"{approval.name} was not approved: {found}")
    return time.perf_counter() - started


class _Bare:
    """The same tables and indexes without triggers, in a separate file beside the bot's."""

    def __init__(self, here: Place) -> None:
        self._from = sqlite3.connect(here.database)
        self._to = sqlite3.connect(_copy(here.database), isolation_level=None)
        for pragma in ("journal_mode = WAL", "synchronous = FULL"):
            self._to.execute(f"PRAGMA {pragma}")
        triggers = self._to.execute("SELECT name FROM sqlite_master WHERE type = 'trigger'")
        for (name,) in triggers.fetchall():
            self._to.execute(f"DROP TRIGGER {name}")

    def highest(self) -> dict[str, int]:
        """The last row of each table that only grows."""
        return {
            "history": self._highest("SELECT MAX(sequence) FROM history"),
            "outbox": self._highest("SELECT MAX(sequence) FROM outbox"),
        }

    def _highest(self, sql: str) -> int:
        return int(self._from.execute(sql).fetchone()[0] or 0)

    def rows_since(self, before: dict[str, int], numbers: list[int]) -> dict[str, list[Any]]:
        """What the decisions wrote, table by table."""
        span = (min(numbers), max(numbers))
        found = {
            table: self._from.execute(
                f"SELECT * FROM {table} WHERE sequence > ? ORDER BY sequence",  # noqa: S608 - own names
                [before[table]],
            ).fetchall()
            for table in ("history", "outbox")
        }
        found["approvals"] = self._from.execute(
            "SELECT * FROM approvals WHERE request BETWEEN ? AND ? ORDER BY request", span
        ).fetchall()
        found["requests"] = self._from.execute(
            f"SELECT {', '.join(_MOVED)}, number FROM requests "  # noqa: S608 - own names
            "WHERE number BETWEEN ? AND ? ORDER BY number",
            span,
        ).fetchall()
        return found

    def write(self, rows: dict[str, list[Any]], numbers: list[int]) -> float:
        """Write them, one commit for each decision; the seconds it took."""
        each = {
            table: [
                rows[table][at * len(rows[table]) // len(numbers) :][
                    : len(rows[table]) // len(numbers)
                ]
                for at in range(len(numbers))
            ]
            for table in ("approvals", "history", "outbox")
        }
        insert = {t: f"INSERT INTO {t} VALUES ({', '.join('?' * len(rows[t][0]))})" for t in each}  # noqa: S608 - own names
        move = f"UPDATE requests SET {', '.join(f'{c} = ?' for c in _MOVED)} WHERE number = ?"  # noqa: S608 - own names
        run = self._to.execute
        started = time.perf_counter()
        for at, request in enumerate(rows["requests"]):
            run("BEGIN IMMEDIATE")
            for table, parts in each.items():
                for row in parts[at]:
                    run(insert[table], row)
            run(move, request)
            run("UPDATE history_head SET sequence = ?, hash = ?", [at, str(at)])
            run("INSERT INTO figures_due VALUES (?) ON CONFLICT DO NOTHING", [request[-1]])
            run("COMMIT")
        return time.perf_counter() - started

    def close(self) -> None:
        """Close both files."""
        self._from.close()
        self._to.close()


def _copy(path: Path) -> Path:
    """A copy of a database as it stands now."""
    copy = path.with_name("bare.db")
    with sqlite3.connect(path) as source, sqlite3.connect(copy) as target:
        source.backup(target)
    source.close()
    target.close()
    return copy
