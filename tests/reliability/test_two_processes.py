"""Two real processes on one file: one works, both take clicks, and whatever ends one, nothing is doubled."""

import asyncio
import re
import signal
import sys
import time
from collections import Counter
from pathlib import Path

import pytest
import yaml

from bot.audit.verify import verify_database
from bot.cli.clock import SystemClock
from bot.cli.sandbox import APP_TOKEN, BOT_TOKEN, MANIFEST, POLICY, SIGNING_SECRET
from bot.sandbox.slack.server import LocalSlack
from bot.sandbox.zuora import LocalZuora, World
from bot.store.store import Store
from tests.patient import LONGEST, be_patient_with
from tests.processes import ENVIRONMENT
from tests.stage import ALICE, BOB, CARLA, CHANNEL, EMAILS

ROOT = Path(__file__).parent.parent.parent
WORKS = "work_lock_acquired"
QUICK_START, SOON = 1.0, 10.0
"""Real seconds that a start takes on an idle machine, and in which what takes less than one there must have come.

Where the last start took longer, as much more. What is next slower in the bot takes twenty or thirty.
"""


class Process:
    """A bot in a separate process; its log is read as it grows."""

    def __init__(self, pair, name):
        self._pair = pair
        self.log_file = pair.folder / f"{name}.log"
        self.process: asyncio.subprocess.Process

    async def start(self):
        begun, before = time.monotonic(), self._pair.slack.sockets.connections
        with self.log_file.open("wb") as log:
            self.process = await asyncio.create_subprocess_exec(
                sys.executable, "-m", "tests.reliability.bot_process",
                cwd=self._pair.folder, env=self._pair.environment, stderr=log,
            )  # fmt: skip
        await self._pair.until(lambda: "ready" in self.log or self.ended)
        assert not self.ended, self.log
        await self._pair.until(lambda: self._pair.slack.sockets.connections > before)
        self._pair.soon = SOON * max(1.0, (time.monotonic() - begun) / QUICK_START)
        return self

    @property
    def ended(self):
        return self.process.returncode is not None

    @property
    def log(self):
        return self.log_file.read_text()

    @property
    def works(self):
        return WORKS in self.log

    async def send(self, number):
        self.process.send_signal(number)
        if number in (signal.SIGKILL, signal.SIGTERM):
            async with asyncio.timeout(LONGEST):
                await self.process.wait()


class Pair:
    """One local Slack, one local Zuora, one file, and the processes that share them."""

    def __init__(self, folder):
        clock = SystemClock()
        self.folder = folder
        self.zuora = LocalZuora(clock, world=World(clock.now()))
        self.slack = LocalSlack(
            clock, manifest=yaml.safe_load(MANIFEST.read_text()), bot_token=BOT_TOKEN,
            app_token=APP_TOKEN, signing_secret=SIGNING_SECRET,
        )  # fmt: skip
        be_patient_with(self.slack)
        self.processes = []
        self.soon = SOON

    async def open(self):
        await self.zuora.start()
        await self.slack.start()
        (self.folder / "policy.toml").write_text(POLICY)
        for number in range(1, 6):
            self.zuora.world.add_bill_run(
                f"BR-0000000{number}", invoices=[("A00000001", "USD", "10.00")]
            )
        self.environment = {
            **ENVIRONMENT,
            "SLACK_BOT_TOKEN": BOT_TOKEN, "SLACK_APP_TOKEN": APP_TOKEN,
            "SLACK_API_URL": self.slack.api_url, "BILLING_CHANNEL": CHANNEL,
            "ZUORA_BASE_URL": self.zuora.base_url, "ZUORA_CLIENT_ID": self.zuora.client_id,
            "ZUORA_CLIENT_SECRET": self.zuora.client_secret, "POLL_SECONDS": "0.2",
        }  # fmt: skip

    async def close(self):
        for each in self.processes:
            if not each.ended:
                each.process.send_signal(signal.SIGCONT)
                await each.send(signal.SIGKILL)
        await self.slack.stop()
        await self.zuora.stop()

    async def start(self, name):
        process = Process(self, name)
        self.processes.append(process)
        return await process.start()

    async def until(self, predicate, seconds=LONGEST):
        end = time.monotonic() + seconds
        while not predicate():
            assert time.monotonic() < end, [each.log[-2000:] for each in self.processes]
            await asyncio.sleep(0.005)

    def next_goes_to(self, position):
        """Have Slack hand its next payload to a process, by the order in which they connected."""
        self.slack.sockets._turn = position - 1

    async def ask_without_waiting(self, run):
        ack = await self.slack.slash(ALICE, CHANNEL, f"/billemail {run}")
        assert ack.ok, ack
        submitted = await self.slack.submit(ALICE, {"reason": "Month end"})
        assert submitted.ok, submitted

    async def ask(self, run):
        before = len(self.cards())
        await self.ask_without_waiting(run)
        await self.until(lambda: len(self.cards()) > before)
        return self.cards()[-1].ts

    def cards(self):
        return self.slack.channel_messages(CHANNEL)

    def card(self, ts):
        return next(message.text for message in self.cards() if message.ts == ts)

    def thread(self, ts):
        return [message.text for message in self.slack.thread(CHANNEL, ts)]

    def orders(self):
        return [call for call in self.zuora.calls if call.path.endswith("/emails")]

    async def until_accepted(self, ts, seconds=LONGEST):
        """Return once the card and the thread's last line say so."""
        await self.until(lambda: "Accepted by Zuora" in self.card(ts), seconds)
        await self.until(
            lambda: re.search(r"Zuora accepted|settled it", "".join(self.thread(ts)[-1:]))
        )

    def check(self):
        """The history is whole and supports every table, and no message stands there twice."""
        path = self.folder / "billing-bot.db"
        assert verify_database(path, key="").findings == ()
        store = Store.open(path)
        try:
            for number in range(1, store.requests.next_number()):
                happened = [each.entry.what.value for each in store.history.of(number)]
                assert happened.count("request.approved") <= 1
                assert happened.count("request.started") <= 1
                assert happened.count("call.sent") <= 1
                assert happened.count("request.ended") <= 1
        finally:
            store.close()
        place = self.slack.workspace.channel(CHANNEL)
        assert place
        sequences = Counter(
            message.metadata["event_payload"]["sequence"]
            for message in place.messages if message.metadata
        )  # fmt: skip
        assert set(sequences.values()) == {1}


@pytest.fixture
async def pair(tmp_path, request):
    made = Pair(tmp_path)
    await made.open()
    if request.node.get_closest_marker("never_repeated"):
        made.environment["REPEAT_LOST"] = "no"
    try:
        yield made
    finally:
        await made.close()


@pytest.fixture
async def both(pair):
    """The worker first, then the other."""
    worker = await pair.start("worker")
    await pair.until(lambda: worker.works)
    other = await pair.start("other")
    return worker, other


async def test_fifty_clicks_at_once_on_two_processes_are_one_decision_one_order_49_answers(
    pair, both
):
    worker, other = both
    ts = await pair.ask("BR-00000001")

    acks = await asyncio.gather(
        *(pair.slack.click((BOB, CARLA)[n % 2], CHANNEL, ts, "approve", value="1", force=True)
          for n in range(50))
    )  # fmt: skip

    def answers():
        return [
            message.text for person in (BOB, CARLA)
            for message in pair.slack.private(person, CHANNEL)
        ]  # fmt: skip

    assert all(ack.ok for ack in acks)
    await pair.until(lambda: len(answers()) >= 49)
    await pair.until_accepted(ts)
    await asyncio.sleep(0.3)  # one more would have come by now
    assert len(answers()) == 49
    assert all("R-1 was approved by" in text for text in answers())
    assert len(pair.orders()) == 1
    assert len(pair.thread(ts)) == 3
    assert worker.works
    assert not other.works
    pair.check()


async def test_what_the_other_process_writes_the_worker_works_on_within_a_second(pair, both):
    worker, other = both
    pair.next_goes_to(1)
    ack = await pair.slack.slash(ALICE, CHANNEL, "/billemail BR-00000001")
    assert ack.ok
    pair.next_goes_to(1)
    await pair.slack.submit(ALICE, {"reason": "Month end"})
    begun = time.monotonic()
    await pair.until(lambda: len(pair.cards()) == 1)
    assert time.monotonic() - begun < pair.soon
    ts = pair.cards()[0].ts

    pair.next_goes_to(1)
    await pair.slack.click(BOB, CHANNEL, ts, "approve")
    begun = time.monotonic()
    await pair.until(pair.orders)

    assert time.monotonic() - begun < pair.soon
    await pair.until_accepted(ts)
    assert not other.works
    worker.process.send_signal(signal.SIGSTOP)  # so it was the other that took the clicks
    pair.next_goes_to(1)
    assert (await pair.slack.slash(ALICE, CHANNEL, "/billemail help")).ok
    worker.process.send_signal(signal.SIGCONT)
    pair.check()


@pytest.mark.never_repeated
async def test_the_other_takes_over_within_a_second_of_a_kill(pair, both):
    worker, other = both
    first = await pair.ask("BR-00000001")
    second = await pair.ask("BR-00000002")
    pair.zuora.faults.add(EMAILS, kind="slow", seconds=1.0)
    await pair.slack.click(BOB, CHANNEL, first, "approve")
    await pair.until(lambda: len(pair.orders()) == 1)

    await worker.send(signal.SIGKILL)  # with the order out and its answer to come
    ended = time.monotonic()
    await pair.until(lambda: other.works)

    assert time.monotonic() - ended < pair.soon
    await pair.until(lambda: "we don't know whether" in " ".join(pair.thread(first)))
    await pair.slack.click(CARLA, CHANNEL, second, "approve")
    await pair.until_accepted(second)
    await pair.until_accepted(first)  # reading Zuora settles it
    assert len(pair.orders()) == 2
    assert any("reading Zuora settled it" in text for text in pair.thread(first))
    pair.check()


async def test_a_worker_that_is_frozen_in_the_middle_of_an_order_keeps_its_work(pair, both):
    worker, other = both
    ts = await pair.ask("BR-00000001")
    pair.zuora.faults.add(EMAILS, kind="slow", seconds=0.5)
    pair.next_goes_to(0)
    await pair.slack.click(BOB, CHANNEL, ts, "approve")
    await pair.until(lambda: len(pair.orders()) == 1)

    await worker.send(signal.SIGSTOP)
    pair.next_goes_to(1)
    ack = await pair.slack.click(CARLA, CHANNEL, ts, "approve", value="1", force=True)
    await asyncio.sleep(2.0)  # Zuora has answered, and four times the other has tried the lock
    assert ack.ok
    assert not other.works
    assert len(pair.thread(ts)) <= 2
    await worker.send(signal.SIGCONT)

    await pair.until_accepted(ts)
    await pair.until(lambda: pair.slack.private(CARLA, CHANNEL))
    assert not other.works
    assert len(pair.orders()) == 1
    assert len(pair.thread(ts)) == 3
    pair.check()


async def test_a_rolling_restart_loses_and_doubles_nothing(pair):
    old = await pair.start("old")
    await pair.until(lambda: old.works)
    cards = [await pair.ask(f"BR-0000000{number}") for number in (1, 2, 3, 4)]
    pair.zuora.faults.add(EMAILS, kind="slow", times=4, seconds=0.3)
    await pair.slack.click(BOB, CHANNEL, cards[0], "approve")
    await pair.slack.click(CARLA, CHANNEL, cards[1], "approve")

    new = await pair.start("new")
    await pair.slack.click(BOB, CHANNEL, cards[2], "approve")
    await old.send(signal.SIGTERM)
    ended = time.monotonic()
    await pair.until(lambda: new.works)

    assert time.monotonic() - ended < pair.soon
    assert old.process.returncode == 0
    await pair.slack.click(CARLA, CHANNEL, cards[3], "approve")
    for ts in cards:
        await pair.until_accepted(ts)
        assert len(pair.thread(ts)) == 3
    assert len(pair.orders()) == 4
    assert "Traceback" not in old.log + new.log
    pair.check()


async def test_a_process_whose_lock_file_was_deleted_ends_and_only_the_other_works(pair, both):
    """Without that both would work, and send everything twice."""
    worker, other = both
    (lock,) = pair.folder.glob("*.lock")
    lock.unlink()

    await pair.until(lambda: worker.ended)
    await pair.until(lambda: other.works)

    assert "work_lock_lost" in worker.log
