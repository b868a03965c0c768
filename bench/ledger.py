"""The guard's question, which every form, card, rule and sending asks: what else reaches these documents?

Asked for a run of a thousand documents of which every tenth was mailed before, in a ledger of a
million rows and in one of a thousand.
"""

import sqlite3
import statistics
import tempfile
import time
from pathlib import Path

from bench.figures import Options, Row, ms
from bot.domain.mailing import Mailing
from bot.store.store import Store

DOCUMENTS = 1000
"""Of one request, and of the question."""

ASKED = 20
_REQUEST = """
INSERT INTO requests (number, operation, subject, body, facts, digest, tenant, requester, team,
  reason, rule, policy_hash, form, token, state, created_at, expires_at, state_at, channel, place,
  decision_reason, looks, result, deed)
VALUES (?, 'email_bill_run', ?, '{}', '{}', 'd', 't', 'U0ALICE', 'T1', 'r', '{"approvals": 1}', 'p', ?,
  'k3f9', 'waiting', '2026-11-21T10:00:00.000000Z', '2026-11-22T10:00:00.000000Z',
  '2026-11-21T10:00:00.000000Z', 'C1', '', '', 0, '', 'mailed')
"""


async def measure(options: Options) -> list[Row]:
    """The time of one question in both ledgers, and what a row weighs."""
    many = 20_000 if options.small else 1_000_000
    with tempfile.TemporaryDirectory(prefix="billing-bot-") as folder:
        small, _ = _asked(Path(folder) / "small.db", DOCUMENTS, options.rounds)
        large, weight = _asked(Path(folder) / "large.db", many, options.rounds)
    return [
        Row(
            part="ledger",
            what=f"the guard's question about {DOCUMENTS:,} documents, in a ledger of {many:,} rows",
            ours=ms(statistics.median(large)),
            against=f"in one of {DOCUMENTS:,} rows, {ms(statistics.median(small))}",
            rounds=tuple(one / other for one, other in zip(large, small, strict=True)),
            goal="≤ 2",
            most=2.0,
        ),
        Row(
            part="ledger",
            what=f"a row of the ledger in the file, its indexes with it, of {many:,}",
            ours=f"{weight:.0f} bytes",
        ),
    ]


def _asked(path: Path, rows: int, rounds: int) -> tuple[list[float], float]:
    """The median time of a question in each round, in seconds; and bytes a row."""
    Store.open(path).close()
    weight = _filled(path, rows) / rows
    store = Store.open(path)
    wanted = [_mailing(0, number) for number in range(0, DOCUMENTS, 10)]
    wanted += [_mailing(-1, number) for number in range(DOCUMENTS - len(wanted))]
    try:
        return [_once(store, wanted) for _ in range(rounds)], weight
    finally:
        store.close()


def _once(store: Store, wanted: list[Mailing]) -> float:
    times = []
    for _ in range(ASKED):
        started = time.perf_counter()
        found = store.mailings.effects(wanted, not_of=0)
        times.append(time.perf_counter() - started)
        if len(found) != DOCUMENTS // 10:
            msg = f"the ledger named {len(found)} of {DOCUMENTS // 10} documents"
            raise RuntimeError(msg)
    return statistics.median(times)


def _filled(path: Path, rows: int) -> int:
    """By bulk inserts; how many bytes the file grew by for the rows of the ledger alone."""
    connection = sqlite3.connect(path, isolation_level=None)
    connection.execute("PRAGMA synchronous = OFF")
    connection.execute("BEGIN")
    requests = range(1, rows // DOCUMENTS + 1)
    connection.executemany(
        _REQUEST, ((number, f"BR-{number:08}", f"f{number}") for number in requests)
    )
    connection.execute("COMMIT")
    before = _bytes(connection)
    connection.execute("BEGIN")
    for number in requests:
        connection.executemany(
            "INSERT INTO mailings (request, call, way, document_number, document_id, account, run, "
            "shown) VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
            ((number, *_mailing(number - 1, document)) for document in range(DOCUMENTS)),
        )
    connection.execute("COMMIT")
    grown = _bytes(connection) - before
    connection.close()
    return grown


def _mailing(request: int, document: int) -> Mailing:
    """Documents of the first request are those that the question shares with the ledger."""
    number = request * DOCUMENTS + document if request >= 0 else 10**9 + document
    run = f"BR-{request + 1:08}"
    return Mailing(
        run, "run", f"INV{number:010}", f"{number:032x}", f"A{number:08}", run, ""
    )  # fmt: skip


def _bytes(connection: sqlite3.Connection) -> int:
    (pages,) = connection.execute("PRAGMA page_count").fetchone()
    (size,) = connection.execute("PRAGMA page_size").fetchone()
    return int(pages) * int(size)
