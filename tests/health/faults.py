"""`python -m tests.health.faults`: what each fault shows in `/readyz`, the metrics and the log, and after how many seconds.

Each fault meets a `billing-bot` process of its own, as it is started in earnest. Writes its table into docs/operate.md.
"""

import asyncio
import resource
import signal
import sqlite3
import subprocess
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable, Iterator
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any

from tests.health.operated import SAMPLE, Operated, Site, until
from tests.health.test_outages import PAGE, posted
from tests.processes import ROOT
from tests.stage import EMAILS

GUIDE = ROOT / "docs" / "operate.md"
BEGIN, END = "<!-- faults -->\n", "<!-- end of faults -->"
AT_ONCE = 3
"""Processes side by side: they wait, most of the time."""

LONGEST = 400.0
PAUSE = 0.1
CLOCK_LIMIT = 60.0
HEADER = "| Fault | `/readyz` | `/metrics` | Log | People |\n|---|---|---|---|---|\n"

Do = Callable[[Site, Operated], Awaitable[Operated]]
"""Makes the fault; returns the process that is looked at from then on."""


@dataclass(frozen=True, kw_only=True)
class Fault:
    """One fault, and what is waited for in each place; empty: it does not show there.

    Attributes:
        readyz: A part of `/readyz` and its words.
        metric: A sample as Prometheus shows it, up to its value; `least` is the value from which on it shows.
        log: The beginning of a line.
        mode: How the process is started.
        settings: Its settings, where they differ.
        started: Whether it is there and ready before the fault.
        small_disk: Whether its folder is a disk of 16 MiB, which takes root.
    """

    what: str
    do: Do
    people: str
    readyz: tuple[str, str] | None = None
    metric: str = ""
    is_so: Callable[[float], bool] = lambda value: value >= 1
    log: str = ""
    mode: str = "run"
    settings: dict[str, str] = field(default_factory=dict)
    started: bool = True
    small_disk: bool = False


def is_none(value: float) -> bool:
    """Whether a sample says no."""
    return value == 0


def is_behind(value: float) -> bool:
    """Whether a clock is behind by more than `CLOCK_LIMIT_SECONDS`."""
    return value < -CLOCK_LIMIT


async def no_slack(site: Site, process: Operated) -> Operated:
    """Nobody reaches Slack."""
    site.slack.faults.down = True
    return process


async def handshake_swallowed(site: Site, process: Operated) -> Operated:
    site.slack.faults.add("websocket", "hang", times=1)
    site.slack.sockets.abort()
    return process


async def token_revoked(site: Site, process: Operated) -> Operated:
    """Slack refuses whatever the bot calls."""
    site.slack.faults.add("*", "error", error="token_revoked", times=100_000)
    return process


async def card_refused(site: Site, process: Operated) -> Operated:
    site.slack.faults.add("chat.postMessage", "error", error="missing_scope", times=100_000)
    await site.submit()
    return process


async def no_zuora(site: Site, process: Operated) -> Operated:
    """Zuora's port is closed."""
    await site.zuora.stop()
    return process


async def secret_rotated(site: Site, process: Operated) -> Operated:
    site.zuora.client_secret = site.zuora._service.tokens.client_secret = "rotated"
    site.zuora.faults.add("/object-query/*", kind="unauthorized", times=None)
    return process


async def locked(site: Site, process: Operated) -> Operated:
    """O9; the shell ends with this program."""
    shell = sqlite3.connect(site.database, isolation_level=None)
    shell.execute("BEGIN IMMEDIATE")
    site.settings["shell"] = shell  # kept until the site closes
    return process


async def may_not_grow(_site: Site, process: Operated) -> Operated:
    """No file of the process may grow any more: a quota."""
    _, most = resource.prlimit(process.process.pid, resource.RLIMIT_FSIZE)
    resource.prlimit(process.process.pid, resource.RLIMIT_FSIZE, (4096, most))
    return process


async def disk_full(site: Site, process: Operated) -> Operated:
    """Something else fills the disk."""
    with suppress(OSError), (site.folder / "other").open("wb", buffering=0) as file:
        while True:
            file.write(bytes(4096))
    return process


async def deleted(site: Site, process: Operated) -> Operated:
    site.database.unlink()
    return process


async def replaced(site: Site, process: Operated) -> Operated:
    """Somebody copies another file into its place."""
    other = site.folder / "other.db"
    sqlite3.connect(other).close()
    other.replace(site.database)
    return process


async def damaged(site: Site, process: Operated) -> Operated:
    """Zeros over all pages but the first, once the file has everything."""
    with closing(sqlite3.connect(site.database)) as database:
        database.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    with site.database.open("r+b") as file:
        file.seek(PAGE)
        file.write(bytes(site.database.stat().st_size - PAGE))
    return process


async def frozen(site: Site, process: Operated) -> Operated:
    """O10; the other one is looked at."""
    other = await site.start()
    await other.until_ready(work="stands by", others="there are others")
    process.send(signal.SIGSTOP)
    return other


async def killed(site: Site, process: Operated) -> Operated:
    """Another one stands by and takes over."""
    other = await site.start()
    await other.until_ready(work="stands by")
    process.send(signal.SIGKILL)
    return other


async def lock_lost(site: Site, process: Operated) -> Operated:
    """O11; the process that held it."""
    (site.folder / "billing-bot.db.lock").unlink()
    return process


async def unknown(site: Site, process: Operated) -> Operated:
    """Killed while a call is out; the next start is looked at."""
    ts = await site.ask()
    site.zuora.faults.add(EMAILS, kind="hang")
    await site.approve(ts)
    await until(lambda: any(call.path.endswith("/emails") for call in site.zuora.calls))
    await process.kill()
    return await site.begin()


async def wrongly_signed(_site: Site, process: Operated) -> Operated:
    await posted(process.door, 0, "secret")
    return process


async def signed_long_ago(_site: Site, process: Operated) -> Operated:
    await posted(process.door, 310, "clock")
    return process


async def clock_off(site: Site, process: Operated) -> Operated:
    """Slack says that it is two minutes later."""
    site.slack.clock_ahead = timedelta(minutes=2)
    return process


async def begun_without_slack(site: Site, _process: Operated | None) -> Operated:
    site.slack.faults.down = True
    return await site.begin()


async def begun_with_a_silent_zuora(site: Site, _process: Operated | None) -> Operated:
    site.zuora.faults.add("/oauth/token", kind="hang", times=None)
    return await site.begin()


async def begun_with_a_wrong_app_token(site: Site, _process: Operated | None) -> Operated:
    return await site.begin(SLACK_APP_TOKEN="xapp-of-another-app")


FAULTS = (
    Fault(
        what="Slack cannot be reached", do=no_slack, readyz=("slack", "slack not connected"),
        metric="billing_bot_slack_connected", is_so=is_none, log="slack_not_connected",
        people="commands and buttons fail in Slack; cards come afterwards",
    ),
    Fault(
        what="The WebSocket is cut and the next handshake swallowed", do=handshake_swallowed,
        readyz=("slack", "slack not connected"), metric="billing_bot_slack_connected", is_so=is_none,
        log="slack_handshake_given_up", people="commands and buttons fail in Slack until then",
    ),
    Fault(
        what="Slack refuses the bot's token", do=token_revoked, readyz=("slack", "slack refuses the bot"),
        metric='billing_bot_slack_calls_total{method="auth.test",outcome="token_revoked"}',
        log="not_ready", people="no card and no answer comes",
    ),
    Fault(
        what="Slack refuses the card (`missing_scope`)", do=card_refused,
        readyz=("slack", "slack refuses messages"),
        metric='billing_bot_slack_calls_total{method="chat.postMessage",outcome="missing_scope"}',
        log="slack_refused_the_message", people="requester and approvers get a direct message",
    ),
    Fault(
        what="Zuora has no port", do=no_zuora, readyz=("zuora", "zuora not reachable"),
        metric='billing_bot_ready{part="zuora"}', is_so=is_none, log="not_ready",
        people="forms say so; the card says what it waits for",
    ),
    Fault(
        what="Zuora refuses the OAuth client (a rotated secret)", do=secret_rotated,
        readyz=("zuora", "zuora login failed"), metric='billing_bot_ready{part="zuora"}', is_so=is_none,
        log="zuora_gives_no_token", people="forms say so; work waits, and the card says for what",
    ),
    Fault(
        what="A shell holds `BEGIN IMMEDIATE`", do=locked,
        readyz=("database", "database locked by another program"),
        metric='billing_bot_ready{part="database"}', is_so=is_none, log="not_ready",
        people="*I could not record this*, at each click",
    ),
    Fault(
        what="The disk is full", do=disk_full, readyz=("database", "database full"), small_disk=True,
        metric='billing_bot_ready{part="database"}', is_so=is_none, log="not_ready",
        people="*I could not record this*, at each click",
    ),
    Fault(
        what="No file may grow any more (a quota)", do=may_not_grow,
        readyz=("database", "database not writable"), metric='billing_bot_ready{part="database"}',
        is_so=is_none, log="not_ready", people="*I could not record this*, at each click",
    ),
    Fault(
        what="The database is deleted", do=deleted, readyz=("database", "database deleted or replaced"),
        metric='billing_bot_ready{part="database"}', is_so=is_none, log="not_ready",
        people="*I could not record this*, at each click",
    ),
    Fault(
        what="… is replaced by another file", do=replaced,
        readyz=("database", "database deleted or replaced"),
        metric='billing_bot_ready{part="database"}', is_so=is_none, log="not_ready",
        people="*I could not record this*, at each click",
    ),
    Fault(
        what="… is damaged", do=damaged, readyz=("database", "database damaged"),
        metric='billing_bot_ready{part="database"}', is_so=is_none, log="not_ready",
        people="*I could not record this*, at each click",
    ),
    Fault(
        what="The process that works is frozen; seen by the other", do=frozen,
        readyz=("others", "the process that works does not answer"),
        metric='billing_bot_other_processes{state="frozen"}', log="another_process_does_not_turn",
        people="every second command is lost, nothing is carried out",
    ),
    Fault(
        what="The process that works is killed; seen by the other", do=killed, readyz=("work", "works"),
        metric="billing_bot_work_lock_held", log="work_lock_acquired", people="the work goes on",
    ),
    Fault(
        what="The lock's file is deleted", do=lock_lost, log="work_lock_lost",
        people="it ends; the work goes on in the process that its supervisor starts, or in the other",
    ),
    Fault(
        what="Killed while a call is out; after the next start", do=unknown,
        metric="billing_bot_unknown_outcomes", log="request.ended",
        people="*OUTCOME UNKNOWN* on the card, and reminders until it is settled",
    ),
    Fault(
        what="Slack's signature is wrong", do=wrongly_signed, mode="web",
        settings={"SLACK_SIGNING_SECRET": "0123456789abcdef0123456789abcdef"},
        metric='billing_bot_signatures_refused_total{why="wrong"}', log="signature_refused",
        people="commands and buttons fail in Slack",
    ),
    Fault(
        what="This machine's clock is 310 s off, or what comes is as old", do=signed_long_ago, mode="web",
        metric='billing_bot_signatures_refused_total{why="old"}', log="signature_is_old",
        people="commands and buttons fail in Slack",
    ),
    Fault(
        what="This machine's clock is two minutes behind Slack's", do=clock_off,
        metric='billing_bot_clock_skew_seconds{whose="slack"}', is_so=is_behind,
        log="clock_is_off", people="decisions are refused with that sentence",
    ),
    Fault(
        what="At a start: Slack cannot be reached", do=begun_without_slack, started=False,
        readyz=("status", "waits for Slack"),
        log="start_waits", people="commands and buttons fail in Slack; it goes on by itself",
    ),
    Fault(
        what="At a start: Zuora's token service says nothing", do=begun_with_a_silent_zuora,
        started=False, readyz=("status", "waits for Zuora"), log="start_waits", people="forms say that Zuora does not answer",
    ),
    Fault(
        what="At a start: Slack refuses the app token", do=begun_with_a_wrong_app_token,
        started=False, log="SLACK_APP_TOKEN", people="commands and buttons fail in Slack; exit status 2",
    ),
)  # fmt: skip


class Earnest(Operated):
    """A process as `billing-bot run` and `web` start it."""

    program = ("-m", "bot")


async def measured(fault: Fault, gate: asyncio.Semaphore) -> str:
    """A row of the table."""
    async with gate:
        with tempfile.TemporaryDirectory() as folder, disk(folder, is_small=fault.small_disk):
            site = Site(Path(folder), made_of=Earnest)
            await site.open()
            try:
                process = await ready(site, fault) if fault.started else None
                row = await seen(fault, site, process)
            finally:
                site.settings.pop("shell", None)
                await site.close()
    print(row, flush=True)  # noqa: T201 - it takes minutes
    return row


@contextmanager
def disk(folder: str, *, is_small: bool) -> Iterator[None]:
    """A separate disk for a folder, where it has to be small."""
    if not is_small:
        yield
        return
    subprocess.run(["/bin/mount", "-t", "tmpfs", "-o", "size=16m", "tmpfs", folder], check=True)  # noqa: S603 - words of this file
    try:
        yield
    finally:
        subprocess.run(["/bin/umount", "--lazy", folder], check=True)  # noqa: S603 - words of this file


async def ready(site: Site, fault: Fault) -> Operated:
    """A process that has been well for as long as it takes that Zuora was asked something."""
    process = await site.start(fault.mode, **fault.settings)
    await process.until_ready(status="ready")
    return process


async def seen(fault: Fault, site: Site, process: Any) -> str:
    """Make the fault, and wait until everything shows it."""
    found: dict[str, float] = {}
    begun = time.monotonic()
    watched = await fault.do(site, process)
    if fault.do in (frozen, killed, unknown):  # which take something before it
        begun = time.monotonic()
    wanted = {
        name for name, is_wanted in
        (("readyz", fault.readyz), ("metrics", fault.metric), ("log", fault.log)) if is_wanted
    }  # fmt: skip
    while wanted - set(found) and time.monotonic() - begun < LONGEST:
        for name in wanted - set(found):
            if await shows(fault, watched, name):
                found[name] = time.monotonic() - begun
        await asyncio.sleep(PAUSE)
    return "| " + " | ".join(
        (
            fault.what,
            cell(f"`{fault.readyz[0]}`: {fault.readyz[1]}" if fault.readyz else "", found.get("readyz")),
            cell(f"`{fault.metric}`" if fault.metric else "", found.get("metrics")),
            cell(f"`{fault.log}`" if fault.log else "", found.get("log")),
            fault.people,
        )
    ) + " |"  # fmt: skip


async def shows(fault: Fault, process: Operated, where: str) -> bool:
    """Whether it is seen there by now."""
    if where == "log":
        return fault.log in process.log
    if where == "readyz":
        part, words = fault.readyz or ("", "")
        status, text = await process.get("/readyz")
        return bool(status) and f'"{part}": "{words}"' in text
    _, text = await process.get("/metrics")
    name, _, labels = fault.metric.rstrip("}").partition("{")
    values = [
        float(value) for each, given, value in SAMPLE.findall(text)
        if each == name and all(label in given.split(",") for label in filter(None, labels.split(",")))
    ]  # fmt: skip
    return bool(values) and fault.is_so(sum(values))


def cell(words: str, seconds: float | None) -> str:
    """What it shows, and after how long."""
    if not words:
        return ""
    if seconds is None:
        return f"{words}: not within {LONGEST:.0f} s"
    return f"{words}, {'under 1' if seconds < 1 else f'{seconds:.0f}'} s"


async def main() -> None:
    """Measure all, or those whose words begin as one of the arguments says, and write their rows."""
    chosen = [
        each for each in FAULTS if not sys.argv[1:] or each.what.startswith(tuple(sys.argv[1:]))
    ]
    gate = asyncio.Semaphore(AT_ONCE)
    rows = await asyncio.gather(*(measured(each, gate) for each in chosen))
    before, _, rest = GUIDE.read_text().partition(BEGIN)
    table, _, after = rest.partition(END)
    written = {row.split(" | ")[0]: row for row in (*table.splitlines(), *rows)}
    kept = [written[f"| {each.what}"] for each in FAULTS if f"| {each.what}" in written]
    GUIDE.write_text(before + BEGIN + HEADER + "".join(f"{row}\n" for row in kept) + END + after)


if __name__ == "__main__":
    asyncio.run(main())
