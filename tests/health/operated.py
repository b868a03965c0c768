"""A bot in a separate process, seen from outside as its operator sees it: HTTP, log, signals."""

import asyncio
import re
import sqlite3
import sys
import time
from contextlib import closing
from typing import Any

import aiohttp
import yaml

from bot.cli.clock import SystemClock
from bot.cli.sandbox import APP_TOKEN, BOT_TOKEN, MANIFEST, POLICY, SIGNING_SECRET
from bot.sandbox.slack.server import LocalSlack
from bot.sandbox.zuora import LocalZuora, World
from tests.cli.test_commands import free_port
from tests.patient import LONGEST, be_patient_with
from tests.processes import ENVIRONMENT
from tests.stage import ALICE, BOB, CHANNEL

SECONDS = LONGEST
SAMPLE = re.compile(r"^(\w+)(?:\{(.*)\})? (\S+)$", re.MULTILINE)


class Site:
    """One local Slack, one local Zuora, one folder, and the processes that are started on it."""

    def __init__(self, folder, made_of=None):
        clock = SystemClock()
        self._made_of = made_of or Operated
        self.folder = folder
        self.zuora = LocalZuora(clock, world=World(clock.now()))
        self.slack = LocalSlack(
            clock, manifest=yaml.safe_load(MANIFEST.read_text()), bot_token=BOT_TOKEN,
            app_token=APP_TOKEN, signing_secret=SIGNING_SECRET,
        )  # fmt: skip
        be_patient_with(self.slack)
        self.processes = []
        self.settings = {}

    async def open(self):
        await self.zuora.start()
        await self.slack.start()
        (self.folder / "policy.toml").write_text(POLICY)
        for number in (1, 2, 3):
            self.zuora.world.add_bill_run(
                f"BR-0000000{number}", invoices=[("A00000001", "USD", "10.00")]
            )

    async def close(self):
        for each in self.processes:
            await each.kill()
        await self.slack.stop()
        await self.zuora.stop()

    def environment(self):
        return {
            **ENVIRONMENT,
            "SLACK_BOT_TOKEN": BOT_TOKEN, "SLACK_APP_TOKEN": APP_TOKEN,
            "SLACK_SIGNING_SECRET": SIGNING_SECRET, "SLACK_API_URL": self.slack.api_url,
            "BILLING_CHANNEL": CHANNEL, "ZUORA_BASE_URL": self.zuora.base_url,
            "ZUORA_CLIENT_ID": self.zuora.client_id, "ZUORA_CLIENT_SECRET": self.zuora.client_secret,
            "POLL_SECONDS": "0.2", "REPEAT_LOST": "no", **self.settings,
        }  # fmt: skip

    @property
    def database(self):
        return self.folder / "billing-bot.db"

    async def begin(self, mode="run", **settings):
        """Start a process and do not wait for it."""
        process = self._made_of(self, mode, settings)
        self.processes.append(process)
        await process.begin()
        return process

    async def start(self, mode="run", **settings):
        """Start a process and return it once it is ready to take clicks."""
        process = await self.begin(mode, **settings)
        json = "json" in settings.get("LOG_FORMAT", "")
        await process.until_logged('"event": "ready"' if json else "bot.cli.serve ready")
        if mode == "web":
            self.slack.request_url = f"{process.door}/slack/events"
        else:
            await until(lambda: self.slack.sockets.connections > 0)
        return process

    async def submit(self, run="BR-00000001", reason="Month end"):
        ack = await self.slack.slash(ALICE, CHANNEL, f"/billemail {run}")
        assert ack.ok, ack
        submitted = await self.slack.submit(ALICE, {"reason": reason})
        assert submitted.ok, submitted

    async def ask(self, run="BR-00000001", reason="Month end"):
        before = len(self.cards())
        await self.submit(run, reason)
        await until(lambda: len(self.cards()) > before)
        return self.cards()[-1].ts

    async def approve(self, ts, user=BOB):
        await self.slack.click(user, CHANNEL, ts, "approve")

    def cards(self):
        return self.slack.channel_messages(CHANNEL)

    def state(self, number=1):
        with closing(sqlite3.connect(self.database)) as connection, connection:
            (state,) = connection.execute(
                "SELECT state FROM requests WHERE number = ?", [number]
            ).fetchone()
        connection.close()
        return state


class Operated:
    """One process."""

    program = ("-m", "tests.reliability.bot_process")

    def __init__(self, site, mode, settings):
        self._site = site
        self._mode = mode
        self._settings = settings
        self._log = site.folder / f"process-{len(site.processes)}.log"
        self.health = f"http://127.0.0.1:{free_port()}"
        self.door = f"http://127.0.0.1:{free_port()}"
        self.process: asyncio.subprocess.Process

    async def begin(self):
        environment = self._site.environment() | {
            "HEALTH_PORT": self.health.rpartition(":")[2], "PORT": self.door.rpartition(":")[2],
            **self._settings,
        }  # fmt: skip
        environment = {
            name: value for name, value in environment.items() if value or name == "DIGEST_TIME"
        }
        with self._log.open("wb") as log:
            self.process = await asyncio.create_subprocess_exec(
                sys.executable, *self.program, self._mode,
                cwd=self._site.folder, env=environment, stderr=log,
            )  # fmt: skip

    @property
    def log(self):
        return self._log.read_text()

    @property
    def ended(self):
        return self.process.returncode is not None

    def send(self, number):
        self.process.send_signal(number)

    async def end(self, number):
        """Send a signal, and return the exit status."""
        self.send(number)
        async with asyncio.timeout(SECONDS):
            return await self.process.wait()

    async def kill(self):
        if not self.ended:
            self.process.kill()
            await self.process.wait()

    async def until_logged(self, words, seconds=SECONDS):
        await until(lambda: words in self.log or self.ended, seconds, lambda: self.log[-3000:])
        assert words in self.log, self.log

    async def get(self, path, base=None):
        """Status and text of an answer; 0 where there is none."""
        timeout = aiohttp.ClientTimeout(total=SECONDS)
        try:
            async with (
                aiohttp.ClientSession(timeout=timeout) as http,
                http.get((base or self.health) + path) as answer,
            ):
                return answer.status, await answer.text()
        except (aiohttp.ClientError, TimeoutError) as error:
            return 0, repr(error)

    async def ready(self):
        """What `/readyz` says, with its HTTP status as `http`."""
        async with aiohttp.ClientSession() as http, http.get(f"{self.health}/readyz") as answer:
            return {"http": answer.status, **await answer.json()}

    async def until_ready(self, seconds=SECONDS, **parts):
        """Return what `/readyz` says once it says this of these parts."""
        found: dict[str, Any] = {}
        end = time.monotonic() + seconds
        while not (found and all(found[name] == words for name, words in parts.items())):
            assert time.monotonic() < end, (parts, found, self.log[-2000:])
            found = await self.ready()
            await asyncio.sleep(0.05)
        return found

    async def metric(self, name, **labels):
        """The sum of a metric's samples that have these labels; None if there is none."""
        _, text = await self.get("/metrics")
        wanted = [f'{label}="{value}"' for label, value in labels.items()]
        found = [
            float(value) for each, given, value in SAMPLE.findall(text)
            if each == name and all(label in given.split(",") for label in wanted)
        ]  # fmt: skip
        return sum(found) if found else None

    async def until_metric(self, name, is_right, seconds=SECONDS, **labels):
        value, end = None, time.monotonic() + seconds
        while value is None or not is_right(value):
            assert time.monotonic() < end, (name, labels, value, self.log[-2000:])
            value = await self.metric(name, **labels)
            await asyncio.sleep(0.1)
        return value


async def until(predicate, seconds=SECONDS, shown=lambda: ""):
    end = time.monotonic() + seconds
    while not predicate():
        assert time.monotonic() < end, shown()
        await asyncio.sleep(0.01)
