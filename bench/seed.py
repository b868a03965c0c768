"""Databases as they are after years: made by bulk inserts of rows that the bot itself has written.

One request is asked for, decided and carried out by the bot's own code on the sandbox; its rows are
the pattern for all others. The chain of the history is computed anew, so that it verifies.
"""

import json
import sqlite3
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from bench.stage import BOB, add_runs, ask_for, place
from bench.watch import until
from bot.domain.authority import Person, Verb
from bot.domain.history import fingerprint, hasher, row_text
from bot.domain.request import State
from bot.reports.status.month import catch_up
from bot.sandbox.slack.workspace import TEAM_ID
from bot.store.requests import KEPT, asked_hash_of
from bot.store.store import Store
from bot.workflow.decide import Decision, decide

OPEN, DONE = 1, 2
BETWEEN = timedelta(seconds=30)
MEMORY_PAGES = -64000  # KiB


async def big_database(
    folder: Path, *, requests: int, still_open: int, history: int, key: str = ""
) -> Path:
    """Make a database of so many requests and rows of history.

    Args:
        folder: Where the file comes.
        requests: How many in all.
        still_open: How many of them, the newest, wait for approval.
        history: Rows of the history; those that the requests do not fill are calls of theirs.
        key: `AUDIT_KEY`.
    """
    path = folder / "billing-bot.db"
    await _pattern(path)
    connection = sqlite3.connect(path, isolation_level=None)
    connection.execute("PRAGMA synchronous = OFF")
    connection.execute(f"PRAGMA cache_size = {MEMORY_PAGES}")
    _multiply(connection, requests, still_open, history, key.encode())
    connection.close()
    return path


async def _pattern(path: Path) -> None:
    """A request that waits and one that was carried out, by the bot itself; both counted."""
    async with place() as here:
        for name in add_runs(here.zuora, 1000, 2):
            here.zuora.world.bill_runs[name].name = "Month end"
        async with here.hands() as bot:
            waits, done = await ask_for(bot, ["BR-00001000", "BR-00001001"])
            person = Person(user_id=BOB, team_id=TEAM_ID, memberships={"S0CONTROLLERS": True})
            decide(bot.parts, Decision(verb=Verb.APPROVE, number=done, person=person))
            bot.start()
            store = bot.parts.store
            await until(lambda: _state(store, done) is State.SUCCEEDED and not store.outbox.open(1))
            await catch_up(store)
        source = sqlite3.connect(here.database)
        target = sqlite3.connect(path)
        source.backup(target)
        source.close()
        target.close()
    if (waits, done) != (OPEN, DONE):
        raise RuntimeError("the pattern has other numbers than it should")


def _state(store: Store, number: int) -> State | None:
    request = store.requests.get(number)
    return request.state if request else None


def _multiply(
    db: sqlite3.Connection, requests: int, still_open: int, history: int, key: bytes
) -> None:
    kept = db.execute(
        "SELECT sql, name FROM sqlite_master WHERE type = 'trigger' AND sql IS NOT NULL"
    ).fetchall()
    for _, name in kept:
        db.execute(f"DROP TRIGGER {name}")
    db.execute("BEGIN")
    rows = {number: _rows_of(db, number) for number in (OPEN, DONE)}
    system = db.execute(
        "SELECT at, request, what, who, team, data FROM history WHERE request IS NULL"
    ).fetchall()
    for table in ("history", "approvals", "calls", "outbox", "figures", "tallies", "figures_due"):
        db.execute(f"DELETE FROM {table}")  # noqa: S608 - own names
    db.execute("DELETE FROM requests")
    chain = _Chain(db, key)
    if key:
        db.execute("INSERT INTO meta VALUES ('audit_key', ?)", [fingerprint(key)])
        chain.begin()
    for at, request, what, who, team, data in system:
        chain.add(at, request, what, who, team, data)
    _add_requests(db, rows, chain, (requests, still_open, history))
    chain.flush()
    db.execute("UPDATE history_head SET sequence = ?, hash = ?", [chain.sequence, chain.last])
    for sql, _ in kept:
        db.execute(sql)
    db.execute("COMMIT")
    db.execute("ANALYZE")
    db.execute("PRAGMA wal_checkpoint(TRUNCATE)")


def _rows_of(db: sqlite3.Connection, number: int) -> dict[str, list[dict[str, Any]]]:
    db.row_factory = sqlite3.Row
    found = {
        table: [
            dict(row)
            for row in db.execute(f"SELECT * FROM {table} WHERE {column} = ?", [number])  # noqa: S608 - own names
        ]
        for table, column in (
            ("requests", "number"), ("history", "request"), ("approvals", "request"),
            ("calls", "request"), ("figures", "request"), ("outbox", "request"),
        )
    }  # fmt: skip
    for row in found["outbox"]:
        del row["sequence"]
    db.row_factory = None
    return found


class _Chain:
    """Appends to the history as the bot does, in large pieces."""

    def __init__(self, db: sqlite3.Connection, key: bytes) -> None:
        self._db = db
        self._key = key
        self._hash = hasher(b"")
        self._rows: list[tuple[Any, ...]] = []
        self.sequence = 0
        self.last = "0" * 64

    def begin(self) -> None:
        """From here on with the key."""
        self._hash = hasher(self._key)
        data = json.dumps({"key": fingerprint(self._key)}, separators=(",", ":"))
        self.add("2020-01-01T00:00:00.000000+00:00", None, "audit.key_changed", "", "", data)

    def add(self, at: str, request: int | None, what: str, who: str, team: str, data: str) -> None:
        """One row."""
        self.sequence += 1
        before = self.last
        text = row_text(before, self.sequence, at, request, what, who, team, data)
        self.last = self._hash(text)
        self._rows.append((self.sequence, at, request, what, who, team, data, before, self.last))
        if len(self._rows) >= 5000:  # noqa: PLR2004 - a piece
            self.flush()

    def flush(self) -> None:
        """Write what is gathered."""
        self._db.executemany("INSERT INTO history VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)", self._rows)
        self._rows.clear()


def _add_requests(
    db: sqlite3.Connection,
    rows: dict[int, dict[str, list[dict[str, Any]]]],
    chain: _Chain,
    sizes: tuple[int, int, int],
) -> None:
    requests, still_open, history = sizes
    now = datetime.now(UTC)
    inserts = {
        table: f"INSERT INTO {table} ({', '.join(found[0])}) "  # noqa: S608 - own names
        f"VALUES ({', '.join(':' + name for name in found[0])})"
        for table, found in rows[DONE].items()
    }
    done = requests - still_open
    extra = max(0, history - done * len(rows[DONE]["history"]) - still_open)
    tallies: dict[tuple[str, str, str], float] = {}
    for number in range(1, requests + 1):
        pattern = rows[DONE if number <= done else OPEN]
        for table, row in _copies(pattern, number, now - BETWEEN * (requests - number)):
            if table == "history":
                chain.add(*(row[name] for name in _HISTORY))
                continue
            db.execute(inserts[table], row)
            if table == "figures":
                for name, key, value in json.loads(row["counted"]):
                    place_ = (row["day"], name, key)
                    tallies[place_] = tallies.get(place_, 0) + float(value)
        share = extra * number // requests - extra * (number - 1) // requests
        at = (now - BETWEEN * (requests - number)).isoformat(timespec="microseconds")
        for look in range(share):
            data = f'{{"look":{look},"status":"PostInProgress"}}'
            chain.add(at, number, "request.progressed", "", "", data)
    db.executemany(
        "INSERT INTO tallies VALUES (?, ?, ?, ?)",
        [(*place_, f"{value:.2f}") for place_, value in tallies.items()],
    )


_HISTORY = ("at", "request", "what", "who", "team", "data")


def _copies(
    pattern: dict[str, list[dict[str, Any]]], number: int, at: datetime
) -> Iterator[tuple[str, dict[str, Any]]]:
    """The rows of one request, with its own number, names and times."""
    before = datetime.fromisoformat(pattern["requests"][0]["created_at"])
    moved = at - before
    old = pattern["requests"][0]["number"]
    run = f"BR-{number:08}"
    request = {**pattern["requests"][0], "number": number, "form": f"bench:{number}"}
    request["subject"] = run
    request["card_ts"] = f"{at.timestamp():.6f}"
    for name in ("created_at", "expires_at", "state_at", "wake_at", "decided_at"):
        request[name] = _later(request[name], moved)
    yield "requests", request
    record = asked_hash_of({name: request[name] for name in KEPT})
    for row in pattern["history"]:
        data = _told(row, {"record": record, "subject": run}, f"R-{old}", f"R-{number}")
        yield "history", {**row, "request": number, "at": _later(row["at"], moved), "data": data}
    for row in pattern["approvals"]:
        yield "approvals", {**row, "request": number, "at": _later(row["at"], moved)}
    for row in pattern["calls"]:
        moves = {n: _later(row[n], moved) for n in ("first_sent_at", "sent_at", "answered_at")}
        named = {n: row[n].replace(f"R-{old}", f"R-{number}") for n in ("key", "track_id")}
        yield "calls", {**row, **moves, **named, "request": number}
    for row in pattern["outbox"]:
        yield "outbox", {**row, "request": number}
    for row in pattern["figures"]:
        day = at.date().isoformat()
        yield "figures", {**row, "request": number, "day": day, "month": day[:7]}


def _told(row: dict[str, Any], asked: dict[str, str], old: str, new: str) -> str:
    """The data of a row of history as it is for another request."""
    if row["what"] != "request.asked":
        return (
            str(row["data"]).replace(old, new) if row["what"].startswith("call.") else row["data"]
        )
    data = {**json.loads(row["data"]), **asked}
    return json.dumps(data, sort_keys=True, separators=(",", ":"), ensure_ascii=False)


def _later(text: str | None, by: timedelta) -> str | None:
    if text is None:
        return None
    return (datetime.fromisoformat(text) + by).astimezone(UTC).isoformat(timespec="microseconds")
