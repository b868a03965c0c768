"""Databases as they are after years: made by bulk inserts of rows that the bot itself has written.

One request is asked for, decided and carried out by the bot's own code on the sandbox; its rows are
the pattern for all others. A copy has its own number, run, documents and times, and every hash that binds them is
made anew, so that `billing-bot verify` finds the database whole, and a package of it.

Whatever its size, a database covers the same 35 days, so that the same month has as many days and
currencies in it; those that still wait were asked for within the last eight hours. Decisions took
between no time and two hours.
"""

import json
import sqlite3
from collections import defaultdict
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from operator import itemgetter
from pathlib import Path
from typing import Any
from zlib import compress, decompress

from bench.stage import add_runs, approval_of, ask_for, place
from bench.watch import until
from bot.audit.chain import fast_hasher
from bot.domain.digest import canonical, digest, text_hash
from bot.domain.history import (
    FIRST_HASH,
    MAY_NAME,
    Head,
    What,
    bound,
    fingerprint,
    row_text,
)
from bot.domain.request import State
from bot.status.counting import LIMITS
from bot.status.month import catch_up
from bot.store.figures import DAILY
from bot.store.mailings_bound import hash_of
from bot.store.request_rows import asked_hash_of, bound_columns
from bot.store.store import Store
from bot.workflow.decide import decide

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
            decide(bot.parts, approval_of(bot, done))
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
        "SELECT at, request, what, who, team, data FROM history "
        "WHERE request IS NULL AND what NOT LIKE 'audit.%'"
    ).fetchall()
    for table in (
        "history", "approvals", "calls", "outbox", "figures", "tallies", "figures_due",
        "request_subjects", "mailings", "facts_in_parts",
    ):  # fmt: skip
        db.execute(f"DELETE FROM {table}")  # noqa: S608 - own names
    db.execute("DELETE FROM requests")
    chain = Chain(db, key)
    if key:
        db.execute("INSERT INTO meta VALUES ('audit_key', ?)", [fingerprint(key)])
    earliest = datetime.now(UTC) - 2 * DONE_WITHIN
    for _, request, what, who, team, data in system:  # the policy was in force before all requests
        chain.add(earliest.isoformat(timespec="microseconds"), request, what, who, team, data)
    _add_requests(db, rows, chain, (requests, still_open, history))
    chain.write()
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
            ("request_subjects", "request"), ("mailings", "request"), ("facts_in_parts", "request"),
        )
    }  # fmt: skip
    for row in found["outbox"]:
        del row["sequence"]
    db.row_factory = None
    return found


class Chain:
    """Takes the rows of a history in any order, and chains them by their times."""

    def __init__(self, db: sqlite3.Connection, key: bytes) -> None:
        self._db = db
        self._key = key
        self._hash = fast_hasher(key)
        self._last = Head(0, FIRST_HASH)
        db.execute("CREATE TEMP TABLE taken (at, request, what, who, team, data)")

    def add(self, at: str, request: int | None, what: str, who: str, team: str, data: str) -> None:
        """Take one row."""
        row = at, request, what, who, team, data
        self._db.execute("INSERT INTO temp.taken VALUES (?, ?, ?, ?, ?, ?)", row)

    def write(self) -> None:
        """Write all of them as the bot does; with a key from the first row on."""
        if self._key:
            data = canonical({"key": fingerprint(self._key)})
            self.add("2020-01-01T00:00:00.000000+00:00", None, What.KEY_CHANGED, "", "", data)
        taken = self._db.execute("SELECT * FROM temp.taken ORDER BY at, rowid")
        self._db.executemany(
            "INSERT INTO history VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
            (self._chained(*row) for row in taken),
        )
        self._db.execute("UPDATE history_head SET sequence = ?, hash = ?", self._last)
        self._db.execute("DROP TABLE temp.taken")

    def _chained(
        self, at: str, request: int | None, what: str, who: str, team: str, data: str
    ) -> tuple[Any, ...]:
        sequence, before = self._last.sequence + 1, self._last.hash
        text = row_text(before, sequence, at, request, what, who, team, bound(data))
        self._last = Head(sequence, self._hash(text))
        return sequence, at, request, what, who, team, data, before, self._last.hash


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
    names = _names(pattern, number)
    request = {**_renamed(asked, names), "number": number, "form": f"bench:{number}"}
    request["card_ts"] = _stamp(asked["card_ts"], moved)
    for name in ("created_at", "expires_at", "wake_at"):
        request[name] = _later(asked[name], moved)
    for name in ("state_at", "decided_at"):
        request[name] = _later(asked[name], moved + took)
    about = _about(pattern, names)
    names[asked["digest"]] = request["digest"] = digest(
        operation=asked["operation"], body=json.loads(request["body"]), **about
    )
    yield "requests", request
    outbox = [
        _message(row, names, moved, moved + took, asked["decided_at"]) for row in pattern["outbox"]
    ]
    mailings = [{**_renamed(row, names), "request": number} for row in pattern["mailings"]]
    hashes = _hashes(request, outbox, mailings)
    for row in pattern["history"]:
        data = _rehashed(_named(row["data"], names), hashes[row["what"]])
        by = moved if row["what"] == "request.asked" else moved + took
        yield "history", {**row, "request": number, "at": _later(row["at"], by), "data": data}
    for row in pattern["approvals"]:
        yield (
            "approvals",
            {**_renamed(row, names), "request": number, "at": _later(row["at"], moved + took)},
        )
    for row in pattern["calls"]:
        times = ("first_sent_at", "sent_at", "answered_at")
        moves = {name: _later(row[name], moved + took) for name in times}
        yield "calls", {**_renamed(row, names), **moves, "request": number}
    yield from (("outbox", {**row, "request": number}) for row in outbox)
    yield from (("mailings", row) for row in mailings)
    for row in pattern["facts_in_parts"]:
        packed = _repacked(row["packed"], names)
        yield "facts_in_parts", {**row, "request": number, "packed": packed}
    yield "request_subjects", {"subject": request["subject"], "request": number}
    for row in pattern["figures"]:
        yield "figures", _figures(row, number, at, int(took.total_seconds()))


def _names(pattern: dict[str, list[dict[str, Any]]], number: int) -> dict[str, str]:
    """What the pattern's request, run and documents are called in a copy; no new name holds an old one."""
    asked = pattern["requests"][0]
    names = {f"R-{asked['number']}": f"R-{number}", asked["subject"]: f"BR-{number:08}"}
    names[_about(pattern, {})["facts"]["run_id"]] = f"{number:032x}"
    for place_, row in enumerate(pattern["mailings"]):
        names[row["document_number"]] = f"INV-{number}-{place_}"
        names[row["document_id"]] = f"{number:030x}{place_:02x}"
    names.pop("", None)
    for part in pattern["facts_in_parts"]:
        names[_hash_of(part["packed"])] = _hash_of(_repacked(part["packed"], names))
    return names


def _repacked(packed: bytes, names: dict[str, str]) -> bytes:
    """The lines of a run's documents with other names, in their order."""
    return compress(
        "\n".join(sorted(_named(decompress(packed).decode(), names).split("\n"))).encode()
    )


def _hash_of(packed: bytes) -> str:
    return text_hash(decompress(packed).decode())


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


def _about(pattern: dict[str, list[dict[str, Any]]], names: dict[str, str]) -> dict[str, Any]:
    """The tenant and the facts that the approval of a copy is bound to."""
    (asked,) = (row for row in pattern["history"] if row["what"] == What.ASKED)
    found: dict[str, Any] = json.loads(_named(asked["data"], names))["bound"]
    return found


def _hashes(
    request: dict[str, Any], outbox: list[dict[str, Any]], mailings: list[dict[str, Any]]
) -> defaultdict[str, dict[str, Any]]:
    """What the rows of a copy bind by hashes, by the kind of the row; with nothing for any other kind."""
    plain = [value for name, value in bound_columns(request).items() if name not in MAY_NAME]
    card = next(row for row in outbox if row["kind"] == "card")
    rows = sorted(mailings, key=itemgetter("call", "document_number"))
    can_mail = [
        [*(row[name] for name in MAILED), row["run"] if row["document_number"] else ""]
        for row in rows
    ]
    asked = {
        "record": asked_hash_of(request),
        "plain": text_hash(canonical(plain)),
        "card": {name: text_hash(card[name]) for name in ("text", "blocks")},
    }
    started = {"mailings": hash_of(can_mail), "facts_sha256": text_hash(request["facts"])}
    return defaultdict(dict, {What.ASKED: asked, What.STARTED: started})


MAILED = ("call", "way", "document_number", "document_id", "account", "shown")
"""The columns of `bot.store.mailings.BOUND`, before the run."""


def _rehashed(data: str, hashes: dict[str, Any]) -> str:
    """The data of a row with the hashes that it has, and that are others for a copy."""
    if not hashes:
        return data
    found = json.loads(data)
    return canonical(found | {name: value for name, value in hashes.items() if name in found})


def _message(
    row: dict[str, Any],
    names: dict[str, str],
    moved: timedelta,
    later: timedelta,
    decided: str | None,
) -> dict[str, Any]:
    """A message of a copy; those from after the decision are as late as that is."""
    by = later if decided and row["created_at"] >= decided else moved
    times = {
        name: _later(row[name], by) for name in ("created_at", "ended_at", "tried_at", "wake_at")
    }
    stamps = {name: _stamp(row[name], by) for name in ("ts", "after_ts")}
    return {**_renamed(row, names), **times, **stamps}


def _renamed(row: dict[str, Any], names: dict[str, str]) -> dict[str, Any]:
    """A row with other names in its texts."""
    return {
        name: _named(value, names) if isinstance(value, str) else value
        for name, value in row.items()
    }


def _named(text: str, names: dict[str, str]) -> str:
    for old, new in names.items():
        text = text.replace(old, new)
    return text


def _stamp(ts: str | None, by: timedelta) -> str | None:
    """Slack's `ts`, later."""
    return ts if not ts else f"{float(ts) + by.total_seconds():.6f}"


def _later(text: str | None, by: timedelta) -> str | None:
    if text is None:
        return None
    return (datetime.fromisoformat(text) + by).astimezone(UTC).isoformat(timespec="microseconds")
