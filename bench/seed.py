"""Databases as they are after years: made by bulk inserts of rows that the bot itself has written.

One request is asked for, decided and carried out by the bot's own code on the sandbox; its rows are
the pattern for all others. The chain of the history is computed anew, so that it verifies.

Whatever its size, a database covers the same 35 days, so that the same month has as many days and
currencies in it; those that still wait were asked for within the last eight hours. Decisions took
between no time and two hours.
"""

import json
import sqlite3
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

from bench.stage import BOB, add_runs, ask_for, name_of, place
from bench.watch import until
from bot.domain.authority import Person, Verb
from bot.domain.history import bound, fingerprint, hasher, row_text
from bot.domain.request import State
from bot.sandbox.slack.workspace import TEAM_ID
from bot.status.counting import LIMITS
from bot.status.month import catch_up
from bot.store.figures import DAILY
from bot.store.requests import KEPT, asked_hash_of
from bot.store.store import Store
from bot.workflow.decide import decide
from bot.workflow.decision import Decision

OPEN, DONE = 1, 2
DONE_WITHIN, OPEN_WITHIN = timedelta(days=35), timedelta(hours=8)
LONGEST_DECISION = 7200
"""Seconds; the spans between are all there, in no order."""

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
            decide(bot.parts, Decision(verb=Verb.APPROVE, name=name_of(bot, done), person=person))
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
    for table in (
        "history", "approvals", "calls", "outbox", "figures", "tallies", "figures_due",
        "request_subjects",
    ):  # fmt: skip
        db.execute(f"DELETE FROM {table}")  # noqa: S608 - own names
    db.execute("DELETE FROM requests")
    chain = Chain(db, key)
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
            ("request_subjects", "request"),
        )
    }  # fmt: skip
    for row in found["outbox"]:
        del row["sequence"]
    db.row_factory = None
    return found


class Chain:
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
        text = row_text(before, self.sequence, at, request, what, who, team, bound(data))
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
    chain: Chain,
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
    tallies: dict[tuple[str, str, str], Decimal] = {}
    for number in range(1, requests + 1):
        pattern = rows[DONE if number <= done else OPEN]
        at = _asked_at(number, done, still_open, now)
        for table, row in _copies(pattern, number, at):
            if table == "history":
                chain.add(*(row[name] for name in _HISTORY))
                continue
            db.execute(inserts[table], row)
            if table == "figures":
                for place_, value in _tallied(row):
                    tallies[place_] = tallies.get(place_, Decimal(0)) + value
        share = extra * number // requests - extra * (number - 1) // requests
        for look in range(share):
            data = f'{{"look":{look},"status":"PostInProgress"}}'
            at_text = at.isoformat(timespec="microseconds")
            chain.add(at_text, number, "request.progressed", "", "", data)
    db.executemany(
        "INSERT INTO tallies VALUES (?, ?, ?, ?)",
        [(*place_, str(value)) for place_, value in tallies.items()],
    )


def _asked_at(number: int, done: int, still_open: int, now: datetime) -> datetime:
    if number > done:
        return now - OPEN_WITHIN * ((done + still_open - number) / still_open)
    ended = now - OPEN_WITHIN - timedelta(seconds=LONGEST_DECISION)
    return ended - DONE_WITHIN * ((done - number) / done)


def _tallied(row: dict[str, Any]) -> Iterator[tuple[tuple[str, str, str], Decimal]]:
    """What a row of figures adds to the sums, as `bot.store.figures` adds it."""
    for name, key, value in json.loads(row["counted"]):
        yield (row["day"] if name in DAILY else row["month"], name, key), Decimal(value)


_HISTORY = ("at", "request", "what", "who", "team", "data")


def _copies(
    pattern: dict[str, list[dict[str, Any]]], number: int, at: datetime
) -> Iterator[tuple[str, dict[str, Any]]]:
    """The rows of one request, with its own number, names and times."""
    asked = pattern["requests"][0]
    moved = at - datetime.fromisoformat(asked["created_at"])
    waits = asked["decided_at"] is None
    took = timedelta(seconds=0 if waits else number * 7919 % LONGEST_DECISION)
    run = f"BR-{number:08}"
    names = {f"R-{asked['number']}": f"R-{number}", asked["subject"]: run}
    request = {**asked, "number": number, "form": f"bench:{number}", "subject": run}
    request["card_ts"] = f"{at.timestamp():.6f}"
    for name in ("created_at", "expires_at", "wake_at"):
        request[name] = _later(asked[name], moved)
    for name in ("state_at", "decided_at"):
        request[name] = _later(asked[name], moved + took)
    yield "requests", request
    record = asked_hash_of({name: request[name] for name in KEPT})
    for row in pattern["history"]:
        data = _data_of(row, {"record": record, "subject": run}, names)
        by = moved if row["what"] == "request.asked" else moved + took
        yield "history", {**row, "request": number, "at": _later(row["at"], by), "data": data}
    for row in pattern["approvals"]:
        yield "approvals", {**row, "request": number, "at": _later(row["at"], moved + took)}
    for row in pattern["calls"]:
        times = ("first_sent_at", "sent_at", "answered_at")
        moves = {name: _later(row[name], moved + took) for name in times}
        named = {name: _named(row[name], names) for name in ("key", "track_id", "subject")}
        yield "calls", {**row, **moves, **named, "request": number}
    for row in pattern["outbox"]:
        yield "outbox", {**row, "request": number}
    yield "request_subjects", {"subject": run, "request": number}
    for row in pattern["figures"]:
        yield "figures", _figures(row, number, at, int(took.total_seconds()))


def _figures(row: dict[str, Any], number: int, at: datetime, took: int) -> dict[str, Any]:
    """A row of figures on its day, and in the class of the time that its decision took."""
    day = at.date().isoformat()
    found = {**row, "request": number, "day": day, "month": day[:7]}
    if row["to_decision"] is not None:
        seconds = found["to_decision"] = row["to_decision"] + took
        class_ = sum(end <= seconds for end in LIMITS)
        found["counted"] = json.dumps(
            [
                [name, str(class_) if name == "waited" else key, value]
                for name, key, value in json.loads(row["counted"])
            ]
        )
    return found


def _data_of(row: dict[str, Any], asked: dict[str, str], names: dict[str, str]) -> str:
    """The data of a row of history as it is for another request."""
    if row["what"] != "request.asked":
        return _named(row["data"], names) if row["what"].startswith("call.") else str(row["data"])
    data = {**json.loads(row["data"]), **asked}
    return json.dumps(data, sort_keys=True, separators=(",", ":"), ensure_ascii=False)


def _named(text: str, names: dict[str, str]) -> str:
    for old, new in names.items():
        text = text.replace(old, new)
    return text


def _later(text: str | None, by: timedelta) -> str | None:
    if text is None:
        return None
    return (datetime.fromisoformat(text) + by).astimezone(UTC).isoformat(timespec="microseconds")
