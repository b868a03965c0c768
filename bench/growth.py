"""`python -m bench.growth`: what a request weighs, what five years of a busy team weigh, and what keeping them costs.

Writes its table into docs/operate.md.
"""

import asyncio
import sqlite3
import tempfile
import time
from collections.abc import Callable
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path

from bench.seed import big_database
from bench.stage import ROOT, Place, add_runs, approval_of, ask_for, place
from bench.start import quick_check
from bench.watch import until
from bot.audit.verify import verify_database
from bot.domain.history import Head
from bot.domain.request import State
from bot.store.file.backup import back_up
from bot.store.store import Store
from bot.wiring.running import Bot
from bot.workflow.archiving import archive
from bot.workflow.decide import decide

GUIDE = ROOT / "docs" / "operate.md"
BEGIN, END = "<!-- growth -->\n", "<!-- end of growth -->"
REQUESTS = 5 * 250 * 40
"""Of five years: 40 on each of 250 days."""

SIZES = (2, 200, 2000)
EACH = 5
KIB, MIB = 1024, 1024 * 1024


async def weights() -> list[tuple[str, str]]:
    """Bytes that one mailed run adds to the file, by its documents."""
    found = []
    async with place() as here, here.hands() as bot:
        bot.start()
        for size in SIZES:
            runs = add_runs(here.zuora, size * 1000, EACH)
            for run in runs:
                _fill(here, run, size)
            before = _used(here)
            await _mailed(bot, runs)
            weight = (_used(here) - before) / EACH
            found.append(
                (f"a run of {size:,} documents, asked for, approved and mailed", _kib(weight))
            )
    return found


def _fill(here: Place, run: str, size: int) -> None:
    more = [(f"A{number:08}", "USD", "125.00") for number in range(1, size - 1)]
    here.zuora.world.add_bill_run(f"{run}X", invoices=[("A00000001", "USD", "1.00"), *more])


async def _mailed(bot: Bot, runs: list[str]) -> None:
    numbers = await ask_for(bot, [f"{run}X" for run in runs])
    for number in numbers:
        decide(bot.parts, approval_of(bot, number))
    store = bot.parts.store
    await until(lambda: all(_is_over(store, number) for number in numbers), seconds=600)


def _is_over(store: Store, number: int) -> bool:
    request = store.requests.get(number)
    return request is not None and request.state is State.SUCCEEDED and not store.outbox.open(1)


def _used(here: Place) -> int:
    with closing(sqlite3.connect(here.database)) as db:
        (pages,), (free,), (size,) = (
            db.execute(f"PRAGMA {name}").fetchone()
            for name in ("page_count", "freelist_count", "page_size")
        )
    return int((pages - free) * size)


async def five_years(folder: Path) -> list[tuple[str, str]]:
    """The file after five years, and how long keeping it takes."""
    path = await big_database(folder, requests=REQUESTS, still_open=20, history=11 * REQUESTS)
    copy = folder / "copy.db"
    return [
        (
            f"{REQUESTS:,} requests (five years of 40 a day), {11 * REQUESTS:,} entries",
            _mib(path.stat().st_size),
        ),
        ("a start's check of it (`quick_check`)", f"{quick_check(path):.1f} s"),
        ("`billing-bot backup` of it", _seconds(lambda: back_up(path, copy))),
        ("`billing-bot verify` of it", _seconds(lambda: verify_database(copy, key=""))),
    ]


async def one_year(folder: Path) -> list[tuple[str, str]]:
    """What an archive of most of a year takes, and what it leaves."""
    year = REQUESTS // 5
    path = await big_database(folder, requests=year, still_open=20, history=11 * year)
    size, copy = path.stat().st_size, folder / "copy.db"
    back_up(path, copy)
    store = Store.open(path)
    head, now = Head(*store.history.last()), datetime.now(UTC)
    before = (now - timedelta(days=7)).replace(hour=0, minute=0, second=0, microsecond=0)
    begun = time.perf_counter()
    made = archive(store, copy, head, before, now)
    store.archives.shrink()
    took = time.perf_counter() - begun
    store.close()
    rest, gone = path.stat().st_size, made.requests / year
    return [
        (f"{year:,} requests (a year)", _mib(size)),
        (f"`billing-bot archive` of {gone:.0%} of them, after its copy and check", f"{took:.1f} s"),
        ("the database after that", _mib(rest)),
        (
            "what an archived request leaves in it",
            _kib((rest - (1 - gone) * size) / made.requests),
        ),
    ]


def _seconds(work: Callable[[], object]) -> str:
    begun = time.perf_counter()
    work()
    return f"{time.perf_counter() - begun:.1f} s"


def _kib(weight: float) -> str:
    return f"{weight / KIB:,.1f} KiB"


def _mib(weight: float) -> str:
    return f"{weight / MIB:,.0f} MiB"


async def main() -> None:
    """Measure, and write the table."""
    rows = await weights()
    with tempfile.TemporaryDirectory(prefix="billing-bot-growth-") as folder:
        rows += await five_years(Path(folder))
    with tempfile.TemporaryDirectory(prefix="billing-bot-growth-") as folder:
        rows += await one_year(Path(folder))
    table = "\n".join(
        ["| What | Measured |", "|---|---|", *(f"| {what} | {it} |" for what, it in rows)]
    )
    before, _, rest = GUIDE.read_text().partition(BEGIN)
    GUIDE.write_text(f"{before}{BEGIN}{table}\n{END}{rest.partition(END)[2]}")


if __name__ == "__main__":
    asyncio.run(main())
