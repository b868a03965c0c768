"""How long the reads for managers take, and how long they hold the event loop.

    python -m bench.status [--requests 100000] [--history 1000000] [--rounds 20]

It fills two databases, one with 1,000 requests and 10,000 rows of history and one with as many as
asked for, measures each read on both, and prints the medians, their ratio, and the longest time that the
event loop was held. The requests of the large one are laid either over 24 months or all into one.
"""

import argparse
import asyncio
import statistics
import tempfile
import time
from collections.abc import AsyncGenerator, Awaitable, Callable
from datetime import UTC, datetime, timedelta
from datetime import time as time_of_day
from pathlib import Path
from typing import cast
from zoneinfo import ZoneInfo

import click

from bot.cli.pauses import keep_pauses_short
from bot.domain.authority import Person
from bot.domain.policy import Rule
from bot.operations.email_bill_run import EmailBillRunBody
from bot.status import answers
from bot.status.export import rows_of_month
from bot.status.lists import Links
from bot.status.month import catch_up, read_month
from bot.status.morning import Timetable, mornings_digest
from bot.store.database import Guarded
from bot.store.request_rows import COLUMNS, rule_to_text
from bot.store.store import Store
from bot.store.times import to_text
from tests.status.made import run_facts

NOW = datetime(2026, 11, 21, 10, 0, tzinfo=UTC)
LINKS = Links("https://example.slack.com/")
ENDED = ("rejected", "expired", "failed")
OPEN = dict(enumerate(["waiting"] * 30 + ["running"] * 10 + ["unknown"] * 5))
Question = Callable[[Store], Awaitable[object]]


def fill(path: Path, requests: int, history: int, months: int) -> Store:
    """A database of so many requests and rows of history, written straight into its tables."""
    store = Store.open(path)
    database = store._database  # noqa: SLF001 - filled past the rules that slow single rows down
    database.execute("PRAGMA synchronous = OFF")
    triggers = database.execute(
        "SELECT name, sql FROM sqlite_master WHERE type = 'trigger'"
    ).fetchall()
    for name, _ in triggers:
        database.execute(f"DROP TRIGGER {name}")
    connection = cast("Guarded", database).conn
    facts, body = run_facts().model_dump_json(), EmailBillRunBody(bill_run="BR-1").model_dump_json()
    rule = rule_to_text(Rule(approvers=("U0BOB",)))
    connection.execute("BEGIN")
    connection.executemany(
        # The columns are names of the program.
        f"INSERT INTO requests ({', '.join(COLUMNS)}) VALUES ({', '.join('?' * len(COLUMNS))})",  # noqa: S608 - own names
        (_row(n, requests, months, facts, body, rule) for n in range(1, requests + 1)),
    )
    connection.executemany(
        "INSERT INTO calls (request, subject, key, track_id, tries, sent_at, verdict, words, "
        "zuora_request_id) VALUES (?, ?, ?, 't', 1, ?, 'accepted', '', '')",
        ((n, f"INV{n:08}", f"k{n}", _text(n, requests, months)) for n in range(1, requests + 1)),
    )
    connection.executemany(
        "INSERT INTO history (sequence, at, request, what, who, team, data, before, hash) "
        "VALUES (?, ?, ?, ?, 'U0ALICE', 'T', '{}', '', ?)",
        (
            (n, _text(n * requests // history, requests, months), 1 + n % requests,
             "refused" if n % 50 == 0 else "call.sent" if n % 3 else "request.asked", f"h{n}")
            for n in range(1, history + 1)
        ),
    )  # fmt: skip
    connection.execute("INSERT INTO refusals SELECT substr(at,1,10), COUNT(*) FROM history "
                       "WHERE what = 'refused' GROUP BY 1")  # fmt: skip
    connection.execute("INSERT INTO figures_due SELECT number FROM requests")
    connection.execute("INSERT INTO request_subjects SELECT subject, number FROM requests "
                       "UNION SELECT subject, request FROM calls")  # fmt: skip
    connection.execute("COMMIT")
    for _, sql in triggers:
        database.execute(sql)
    return store


def _at(n: int, requests: int, months: int) -> datetime:
    first = datetime(2026, 10, 1, 8, tzinfo=UTC) - timedelta(days=30.4 * (months - 1))
    return first + timedelta(days=30.4 * months) * (n / (requests + 1))


def _text(n: int, requests: int, months: int) -> str:
    return to_text(_at(n, requests, months))


def _row(n: int, requests: int, months: int, facts: str, body: str, rule: str) -> list[object]:
    left = requests - n  # the open ones are the newest, as many in a small database as in a large
    state = OPEN.get(left, ENDED[n % 60] if n % 60 < len(ENDED) else "succeeded")
    at = _at(n, requests, months)
    decided = None if state in ("waiting", "expired") else at + timedelta(seconds=n % 9000)
    row = {
        "number": n, "operation": "email_bill_run", "subject": f"BR-{n:08}", "body": body,
        "facts": facts, "digest": "d", "tenant": "T", "requester": f"U{n % 50}", "team": "T",
        "reason": "Month end", "rule": rule, "policy_hash": "h", "form": f"f{n}", "state": state,
        "created_at": to_text(at), "expires_at": to_text(NOW + timedelta(days=1)),
        "state_at": to_text((decided or at) + timedelta(seconds=n % 90)), "wake_at": None,
        "channel": "C0BILLING", "card_ts": f"{n}.000001",
        "decided_by": "U0BOB" if decided else None,
        "decided_at": to_text(decided) if decided else None, "decision_reason": "", "looks": 0,
        "result": "", "parent": None, "progress": "", "progress_ts": None, "reminded": 0,
        "typed": "",
    }  # fmt: skip
    return [row[name] for name in COLUMNS]


def reads(last: int) -> dict[str, Question]:
    """Each read, by what is typed for it."""
    bob = Person(user_id="U0BOB", team_id="T")
    morning = Timetable(at=time_of_day(8), zone=ZoneInfo("Europe/Berlin"), days=frozenset(range(7)))

    async def now(answer: Callable[[], object]) -> object:
        return answer()

    async def first_slice(store: Store) -> object:
        rows = rows_of_month(store, "2026-10")
        found = [await anext(rows) for _ in range(40)]
        if isinstance(rows, AsyncGenerator):
            await rows.aclose()
        return found

    return {
        "/billstatus": lambda store: now(lambda: answers.overview(store, LINKS)),
        "mine": lambda store: now(lambda: answers.mine(store, LINKS, "U7")),
        "waiting": lambda store: now(lambda: answers.waiting(store, LINKS, bob, NOW)),
        "R-…": lambda store: now(lambda: answers.story(store, LINKS, last // 2)),
        "BR-…": lambda store: now(lambda: answers.about_lines(store, LINKS, f"BR-{last // 2:08}")),
        "INV…": lambda store: now(lambda: answers.about_lines(store, LINKS, f"INV{last // 2:08}")),
        "month": lambda store: read_month(store, "2026-10"),
        "digest": lambda store: now(lambda: mornings_digest(store, LINKS, morning, NOW)),
        "export, 40 rows": first_slice,
    }


async def held(work: Awaitable[object]) -> tuple[float, float]:
    """Seconds that the work took, and the longest that it kept the event loop to itself."""
    longest, running = 0.0, True

    async def tick() -> None:
        nonlocal longest
        before = time.perf_counter()
        while running:
            await asyncio.sleep(0)
            now = time.perf_counter()
            longest, before = max(longest, now - before), now

    ticker = asyncio.create_task(tick())
    await asyncio.sleep(0)
    start = time.perf_counter()
    await work
    took = time.perf_counter() - start
    running = False
    await ticker
    return took, longest


async def measure(store: Store, last: int, rounds: int) -> dict[str, tuple[float, float]]:
    """Median and longest hold in milliseconds, for each read."""
    found = {}
    keep_pauses_short()
    for name, read in reads(last).items():
        await read(store)
        runs = [await held(read(store)) for _ in range(rounds)]
        found[name] = (
            statistics.median(took for took, _ in runs) * 1000,
            max(hold for _, hold in runs) * 1000,
        )
    return found


async def compare(requests: int, history: int, rounds: int) -> None:
    """Measure both sizes and print the result."""
    with tempfile.TemporaryDirectory() as folder:
        for months in (24, 1):
            small = await _filled(Path(folder) / f"small{months}.db", 1000, 10_000, months)
            large = await _filled(Path(folder) / f"large{months}.db", requests, history, months)
            click.echo(f"\n{requests:,} requests over {months} months; ms with 1,000 | with all | "
                  "ratio | longest hold")  # fmt: skip
            before = await measure(small, 1000, rounds)
            after = await measure(large, requests, rounds)
            for name, (took, hold) in after.items():
                ratio = took / before[name][0]
                click.echo(
                    f"  {name:16} {before[name][0]:7.2f} {took:7.2f} {ratio:6.2f} {hold:7.2f}"
                )
            small.close()
            large.close()


async def _filled(path: Path, requests: int, history: int, months: int) -> Store:
    start = time.perf_counter()
    store = fill(path, requests, history, months)
    database = store._database  # noqa: SLF001 - the disk is not what is measured while filling
    database.execute("PRAGMA synchronous = OFF")
    await catch_up(store)
    database.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
    database.execute("PRAGMA synchronous = FULL")
    made = time.perf_counter()
    database.execute("INSERT INTO figures_due SELECT number FROM requests LIMIT 500")
    cast("Guarded", database).conn.commit()
    took, hold = await held(catch_up(store))
    click.echo(f"{path.name}: filled in {made - start:.0f} s; 500 requests counted in {took:.2f} s, "
          f"longest hold {hold * 1000:.1f} ms")  # fmt: skip
    return store


def main() -> None:
    """Read the options and measure."""
    options = argparse.ArgumentParser()
    options.add_argument("--requests", type=int, default=100_000)
    options.add_argument("--history", type=int, default=1_000_000)
    options.add_argument("--rounds", type=int, default=20)
    given = options.parse_args()
    asyncio.run(compare(given.requests, given.history, given.rounds))


if __name__ == "__main__":
    main()
