"""What `/metrics` shows besides the counters: the state at the moment of the question."""

import asyncio
import logging
from collections.abc import Iterator
from datetime import datetime

from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, generate_latest
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector

from bot.domain.request import State
from bot.health.health import FINE, READY, Health
from bot.metrics import REGISTRY
from bot.store.errors import StoreError
from bot.store.measures import Measures
from bot.store.measuring import figures

logger = logging.getLogger(__name__)

CONTENT_TYPE = CONTENT_TYPE_LATEST
KEPT_SECONDS = 1.0
"""More frequent questions get the same answer, because reading takes a thread and the disk."""


class Exposition:
    """The text that Prometheus reads."""

    def __init__(self, health: Health, database: str) -> None:
        self._health = health
        self._database = database
        self._lock = asyncio.Lock()
        self._kept = b""
        self._read_at = -KEPT_SECONDS

    async def text(self) -> bytes:
        """Return all metrics, at most a second old."""
        async with self._lock:
            now = asyncio.get_running_loop().time()
            if now - self._read_at >= KEPT_SECONDS:
                self._kept = await self._read()
                self._read_at = now
        return self._kept

    async def _read(self) -> bytes:
        found: Measures | None = None
        try:
            found = await asyncio.to_thread(figures, self._database)
        except StoreError as error:
            logger.warning("figures_could_not_be_read", extra={"error": str(error)})
        moment = CollectorRegistry()
        moment.register(_Moment(self._health, found))
        return generate_latest(REGISTRY) + generate_latest(moment)


class _Moment(Collector):
    """The state at one moment."""

    def __init__(self, health: Health, found: Measures | None) -> None:
        self._health = health
        self._found = found

    def collect(self) -> Iterator[GaugeMetricFamily]:
        """Yield every family, without those of the database if it cannot be read."""
        yield from self._of_health()
        if self._found is not None:
            yield from self._of_database(self._found, self._health.clock.now())

    def _of_health(self) -> Iterator[GaugeMetricFamily]:
        health = self._health
        ready = health.ready()
        parts = GaugeMetricFamily(
            "billing_bot_ready",
            "Whether a part is as it should be (1), as /readyz says; part=status is all of them.",
            labels=["part"],
        )
        for part, words in ready.items():
            parts.add_metric([part], words in FINE)
        yield parts
        yield GaugeMetricFamily(
            "billing_bot_alive",
            "Whether the loops turn, as /livez says.",
            health.alive() == READY,
        )
        yield GaugeMetricFamily(
            "billing_bot_work_lock_held", "Whether this process works (1) or stands by (0).",
            health.lock.is_taken,
        )  # fmt: skip
        yield GaugeMetricFamily(
            "billing_bot_slack_connected",
            "Whether Slack's payloads come: the WebSocket is up, or requests are taken.",
            not health.connection(),
        )
        under_way = GaugeMetricFamily(
            "billing_bot_under_way",
            "What the loops are working on: requests (runner), lanes of messages (sender), estimates.",
            labels=["loop"],
        )
        for loop, number in health.loops.under_way().items():
            under_way.add_metric([loop], number)
        yield under_way
        if last := health.last_backup():
            yield GaugeMetricFamily(
                "billing_bot_last_backup_timestamp_seconds",
                "When the timer last copied the database, as seconds since 1970.",
                last.timestamp(),
            )
        others = GaugeMetricFamily(
            "billing_bot_other_processes", "Other processes on the same file.", labels=["state"]
        )
        frozen = sum(each.is_frozen for each in health.looks.others)
        others.add_metric(["frozen"], frozen)
        others.add_metric(["turning"], len(health.looks.others) - frozen)
        yield others

    def _of_database(self, found: Measures, now: datetime) -> Iterator[GaugeMetricFamily]:
        by_state = GaugeMetricFamily(
            "billing_bot_requests", "Requests that have not ended.", labels=["operation", "state"]
        )
        for (operation, state), number in found.open.items():
            by_state.add_metric([operation, state], number)
        yield by_state
        unknown = sum(
            number for (_, state), number in found.open.items() if state == State.UNKNOWN.value
        )
        yield GaugeMetricFamily(
            "billing_bot_unknown_outcomes",
            "Requests with an unknown outcome: Zuora may have done it or not.",
            unknown,
        )
        yield GaugeMetricFamily(
            "billing_bot_oldest_waiting_seconds", "Age of the oldest request that waits for approval.",
            _age(found.waiting_since, now),
        )  # fmt: skip
        yield GaugeMetricFamily(
            "billing_bot_unsent_messages", "Messages that wait to be sent.", found.unsent
        )
        yield GaugeMetricFamily(
            "billing_bot_oldest_unsent_seconds", "Age of the oldest message that waits to be sent.",
            _age(found.unsent_since, now),
        )  # fmt: skip
        yield GaugeMetricFamily(
            "billing_bot_database_bytes", "Size of the database file.", found.size
        )
        yield GaugeMetricFamily(
            "billing_bot_wal_bytes", "Size of the database's write-ahead log.", found.log
        )


def _age(since: datetime | None, now: datetime) -> float:
    return 0.0 if since is None else max(0.0, (now - since).total_seconds())
