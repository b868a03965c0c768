"""Several real bots on one PostgreSQL server, each on a way of its own that can be cut."""

import asyncio
import sys

from tests.postgres_tcp import TcpServer, Way
from tests.reliability.test_two_processes import Pair, Process


class Replica(Process):
    """A bot in a process of its own, which a supervisor starts again when it ends."""

    def __init__(self, pair, name, way):
        super().__init__(pair, name)
        self.name = name
        self.way = way

    async def start(self):
        before = self._pair.slack.sockets.connections
        database = self._pair.server.url(self._pair.database, self.way.port)
        with self.log_file.open("ab") as log:
            self.process = await asyncio.create_subprocess_exec(
                sys.executable, "-m", "tests.reliability.bot_process",
                cwd=self._pair.folder, stderr=log,
                env={**self._pair.environment, "DATABASE_URL": database},
            )  # fmt: skip
        return before


class Replicas(Pair):
    """One local Slack, one local Zuora, one server, and the processes that share them."""

    def __init__(self, folder, server: TcpServer):
        super().__init__(folder)
        self.server = server
        self.database = server.new_database()
        self.ways = []

    async def start(self, name):
        way = Way(self.server)
        await way.open()
        self.ways.append(way)
        replica = Replica(self, name, way)
        self.processes.append(replica)
        before = await replica.start()
        await self.until(lambda: "ready" in replica.log or replica.ended)
        assert not replica.ended, replica.log
        await self.until(lambda: self.slack.sockets.connections > before)
        return replica

    async def close(self):
        await super().close()
        for way in self.ways:
            await way.close()

    def url(self):
        return self.server.url(self.database)
