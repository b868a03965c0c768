"""Slack is heard on a separate event loop: clicks and probes are answered whatever the work waits for."""

import asyncio
import socket

import aiohttp
import psycopg

from tests.stage import BOB, CHANNEL

COULD_NOT = "I could not record this"
RUNS = [f"BR-0000000{number}" for number in range(1, 6)]


class Probe:
    """What `/healthz` and `/livez` of a process say."""

    def __init__(self):
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = free.getsockname()[1]

    async def says(self, path="healthz"):
        async with (
            aiohttp.ClientSession() as session,
            session.get(f"http://127.0.0.1:{self.port}/{path}") as answer,
        ):
            return (await answer.json())["status"]

    async def until(self, status):
        for _ in range(600):
            if await self.says() == status:
                return
            await asyncio.sleep(0.1)
        raise AssertionError(status)


def refused(replicas):
    return [each for each in replicas.slack.private(BOB, CHANNEL) if COULD_NOT in each.text]


async def pressed(replicas, probe, cards):
    """Press *Approve* on all of them at once; what `/healthz` and `/livez` said until everybody had an answer."""
    before, said = len(refused(replicas)), set()
    clicks = asyncio.gather(*(replicas.slack.click(BOB, CHANNEL, ts, "approve") for ts in cards))
    while len(refused(replicas)) < before + len(cards):
        said |= {await probe.says(), await probe.says("livez")}
    assert all(ack.ok for ack in await clicks)
    return said


async def test_while_the_server_is_slow_or_holds_a_lock_each_click_and_each_probe_is_answered_and_nothing_is_recorded(
    replicas,
):
    """Every answer of the server comes within its limit, and all together would take a minute."""
    probe = Probe()
    replicas.environment |= {"LONGEST_SECONDS": "3", "HEALTH_PORT": str(probe.port)}
    replicas.slack.ack_seconds = 30.0
    (worker,) = await replicas.worker_and()
    cards = [await replicas.ask(run) for run in RUNS]
    await probe.until("ready")

    worker.way.slow_down(0.6)
    assert "database does not answer" in await pressed(replicas, probe, cards)
    worker.way.slow_down(0.0)
    await probe.until("ready")
    with psycopg.connect(replicas.server.url(replicas.database)) as other:
        other.execute("LOCK TABLE requests")
        said = await pressed(replicas, probe, cards)
    assert "database does not answer" in said
    assert "failed" not in said
    await probe.until("ready")

    assert len(refused(replicas)) == 2 * len(cards)
    assert not replicas.server.said("SELECT 1 FROM approvals", replicas.database)
    await replicas.slack.click(BOB, CHANNEL, cards[0], "approve")
    await replicas.until_accepted(cards[0])
    assert len(replicas.orders()) == 1
    replicas.check()
