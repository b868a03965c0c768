"""A PostgreSQL server over TCP that a test may stop, freeze and cut off, and the way through which a process reaches it."""

import asyncio
import os
import secrets
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from typing import Any, cast
from urllib.parse import urlsplit, urlunsplit

import psycopg

from tests.patient import LONGEST

HOW = "Install PostgreSQL's server (Debian: `apt-get install postgresql`)."
_SETTINGS = """
listen_addresses = '127.0.0.1'
unix_socket_directories = ''
shared_buffers = {buffers}
max_connections = 100
fsync = {fsync}
log_min_messages = error
"""


def binaries() -> Path | None:
    """The folder with `initdb` and `postgres`; None if there is none."""
    named = shutil.which("postgres")
    found = [Path(named).resolve().parent] if named else []
    found += sorted(Path("/usr/lib/postgresql").glob("*/bin"), reverse=True)
    return next((each for each in found if (each / "initdb").exists()), None)


class NamedServer:
    """The server that `TEST_POSTGRES_URL` names, of a role that may make databases; nobody stops it.

    Args:
        address: Of one of its databases.
    """

    def __init__(self, address: str) -> None:
        self._parts = urlsplit(address)
        self.host, self.port = self._parts.hostname or "127.0.0.1", self._parts.port or 5432

    def url(self, database: str, port: int | None = None) -> str:
        """The address of a database; with a port, by the way that listens there."""
        who, _, place = self._parts.netloc.rpartition("@")
        there = place if port is None else f"127.0.0.1:{port}"
        netloc = f"{who}@{there}" if who else there
        return urlunsplit(self._parts._replace(netloc=netloc, path=f"/{database}"))

    def said(self, sql: str, database: str = "postgres") -> list[Any]:
        """Run something as the role that was named; its rows."""
        with psycopg.connect(self.url(database), autocommit=True) as connection:
            found = connection.execute(cast("Any", sql))
            return found.fetchall() if found.description else []

    def new_database(self) -> str:
        """Make an empty database; its name."""
        name = f"billing_{secrets.token_hex(6)}"
        self.said(f"CREATE DATABASE {name}")
        return name


class TcpServer(NamedServer):
    """One server in a separate folder; it runs as nobody where the test runs as root, as it insists.

    Args:
        durable: Whether a commit waits for the disk, as it does in production.
    """

    def __init__(self, *, durable: bool = False) -> None:
        self._durable = durable
        self.folder = Path(tempfile.mkdtemp(prefix="billing-postgres-tcp-"))
        self._as: dict[str, Any] = {}
        if os.getuid() == 0:
            self._as = {"user": "nobody", "group": "nogroup", "extra_groups": ()}
            shutil.chown(self.folder, "nobody", "nogroup")
        with closing(socket.socket()) as free:
            free.bind(("127.0.0.1", 0))
            self.port = int(free.getsockname()[1])
        self._process: subprocess.Popen[bytes] | None = None
        super().__init__(f"postgresql://billing@127.0.0.1:{self.port}/postgres")

    def open(self) -> None:
        """Make the cluster, and start."""
        self._run(
            "initdb",
            "-D",
            "data",
            "-U",
            "billing",
            "-A",
            "trust",
            "-E",
            "UTF8",
            "--no-locale",
            "-N",
        )
        with (self.folder / "data/postgresql.conf").open("a") as settings:
            fsync, buffers = ("on", "128MB") if self._durable else ("off", "32MB")
            settings.write(_SETTINGS.format(fsync=fsync, buffers=buffers))
        self.start()

    def start(self) -> None:
        """Start, and wait until it answers."""
        with (self.folder / "log").open("ab") as log:
            self._process = subprocess.Popen(  # noqa: S603 - a program of this machine
                [str(_there() / "postgres"), "-D", "data", "-p", str(self.port)],
                cwd=self.folder, stdout=log, stderr=log, start_new_session=True, **self._as,
            )  # fmt: skip
        end = time.monotonic() + 60
        while True:
            with suppress(psycopg.OperationalError):
                psycopg.connect(self.url("postgres"), connect_timeout=2).close()
                return
            assert time.monotonic() < end, (self.folder / "log").read_text()
            time.sleep(0.05)

    def stop(self) -> None:
        """End at once, as by a crash: every connection breaks."""
        if self._process is not None:
            self.freeze(on=False)
            self._process.send_signal(signal.SIGQUIT)
            self._process.wait(LONGEST)
            self._process = None

    def freeze(self, *, on: bool) -> None:
        """Let the whole server stand still, or go on."""
        if self._process is not None:
            number = signal.SIGSTOP if on else signal.SIGCONT
            for each in (self._process.pid, *_children(self._process.pid)):
                with suppress(ProcessLookupError):
                    os.kill(each, number)

    def keep_a_copy(self) -> None:
        """Keep what a standby has that gets nothing more from here on."""
        self.stop()
        shutil.copytree(self.folder / "data", self.folder / "older", dirs_exist_ok=True)
        self.start()

    def put_the_copy_back(self) -> None:
        """Fail over to that standby: it is what answers now."""
        self.stop()
        shutil.rmtree(self.folder / "data")
        _given_to(self._as, shutil.copytree(self.folder / "older", self.folder / "data"))
        self.start()

    def close(self) -> None:
        """Stop, and leave nothing."""
        self.stop()
        shutil.rmtree(self.folder, ignore_errors=True)

    def let_in(self, *lines: str) -> None:
        """Put lines before those that say who may connect."""
        hba = self.folder / "data/pg_hba.conf"
        hba.write_text("\n".join((*lines, hba.read_text())))
        self.said("SELECT pg_reload_conf()")

    def _run(self, program: str, *arguments: str) -> None:
        subprocess.run(  # noqa: S603 - a program of this machine
            [str(_there() / program), *arguments], cwd=self.folder, check=True, timeout=120,
            stdout=subprocess.DEVNULL, **self._as,
        )  # fmt: skip


def _there() -> Path:
    found = binaries()
    assert found, HOW
    return found


def _given_to(somebody: dict[str, Any], folder: Path) -> None:
    """Let whoever runs the server have a folder and what is in it."""
    if somebody:
        for each in (folder, *folder.rglob("*")):
            shutil.chown(each, somebody["user"], somebody["group"])
    folder.chmod(0o700)


def is_still(pid: int) -> bool:
    """Whether a process has been stopped by a signal."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "T"
    except (OSError, IndexError):
        return False


def _children(pid: int) -> list[int]:
    """The processes that a server has made for its connections."""
    named = Path(f"/proc/{pid}/task/{pid}/children")
    return [int(each) for each in named.read_text().split()] if named.exists() else []


class Way:
    """The way from one process to the server: cut, everything that is sent is swallowed and nothing is closed."""

    def __init__(self, server: NamedServer) -> None:
        self._server = server
        self._listening: asyncio.Server | None = None
        self._open = asyncio.Event()
        self._open.set()
        self._later = 0.0
        self._tasks: set[asyncio.Task[None]] = set()
        self.port = 0

    async def open(self) -> None:
        """Listen."""
        self._listening = await asyncio.start_server(self._came, "127.0.0.1", 0)
        self.port = self._listening.sockets[0].getsockname()[1]

    async def close(self) -> None:
        """End every connection."""
        if self._listening is not None:
            self._listening.close()
        for each in self._tasks:
            each.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def cut(self) -> None:
        """Let nothing through any more; what is open stays open for either side."""
        self._open.clear()

    def slow_down(self, seconds: float) -> None:
        """Let each answer of the server arrive this much later."""
        self._later = seconds

    def mend(self) -> None:
        """Let new connections through; those that were cut are reset, as a firewall does that has forgotten them."""
        for each in self._tasks:
            each.cancel()
        self._open.set()

    async def _came(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task
        self._tasks.add(task)
        there: asyncio.StreamWriter | None = None
        try:
            await self._open.wait()
            answers, there = await asyncio.open_connection(self._server.host, self._server.port)
            await asyncio.gather(
                self._pass_on(reader, there), self._pass_on(answers, writer, late=True)
            )
        except (OSError, EOFError, asyncio.CancelledError):
            pass
        finally:
            self._tasks.discard(task)
            for each in (writer, there):
                if each is not None:
                    each.transport.abort()

    async def _pass_on(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, *, late: bool = False
    ) -> None:
        while some := await reader.read(65536):
            await self._open.wait()
            if late and self._later:
                await asyncio.sleep(self._later)
            writer.write(some)
            await writer.drain()
        raise EOFError


@contextmanager
def running() -> Iterator[TcpServer]:
    """A server that runs as long as this."""
    server = TcpServer()
    server.open()
    try:
        yield server
    finally:
        server.close()
