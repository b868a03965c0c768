"""Several real bots on one PostgreSQL server, each over its own connection, which can be cut."""

import asyncio
import sys
from collections import Counter

from bot.audit.verify import verify_database
from bot.store.moving import copy
from tests.postgres_tcp import Way
from tests.reliability.test_two_processes import Pair, Process
from tests.stage import CHANNEL


class Replica(Process):
    """A bot in a separate process, and its way to the server."""

    def __init__(self, pair, name, way):
        super().__init__(pair, name)
        self.way = way

    async def start(self, **how):
        """Start it, as `spawn` does, and wait for its connection to Slack."""
        before = self._pair.slack.sockets.connections
        await self.spawn(**how)
        await self._pair.until(lambda: self._pair.slack.sockets.connections > before or self.ended)
        assert not self.ended, self.log
        return self

    async def spawn(self, *, freezes_before="", direct=False, newer=""):
        """Start it.

        `freezes_before`: it stands still once, before a request to this path goes out. `direct`: it does not
        go by the way that can be cut. `newer`: what its version does to the tables.
        """
        database = self._pair.server.url(self._pair.database, None if direct else self.way.port)
        how = ["--freezes-before", freezes_before] if freezes_before else []
        how += ["--of-a-version-that", newer] if newer else []
        with self.log_file.open("ab") as log:
            self.process = await asyncio.create_subprocess_exec(
                sys.executable, "-m", "tests.replicas.bot_process", *how,
                cwd=self._pair.folder, stderr=log,
                env={**self._pair.environment, "DATABASE_URL": database},
            )  # fmt: skip


class Replicas(Pair):
    """One local Slack, one local Zuora, one server, and the processes that share them."""

    def __init__(self, folder, server):
        super().__init__(folder)
        self.server = server
        self.database = server.new_database()
        self.ways = []

    async def start(self, name, **how):
        way = Way(self.server)
        await way.open()
        self.ways.append(way)
        replica = Replica(self, name, way)
        self.processes.append(replica)
        return await replica.start(**how)

    async def worker_and(self, *others, **how):
        """A process that works, and others that stand by."""
        worker = await self.start("worker", **how)
        await self.until(lambda: worker.works)
        return worker, *[await self.start(each) for each in others]

    async def close(self):
        await super().close()
        for way in self.ways:
            await way.close()

    def check(self):
        """The history is whole and supports every table, and no message stands there twice."""
        file = self.folder / "copied.db"
        copy(self.server.url(self.database), str(file))
        assert verify_database(file, key="").findings == ()
        place = self.slack.workspace.channel(CHANNEL)
        assert place
        sequences = Counter(
            message.metadata["event_payload"]["sequence"]
            for message in place.messages if message.metadata
        )  # fmt: skip
        assert set(sequences.values()) <= {1}
