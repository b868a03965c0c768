"""Which other processes use the same database.

On SQLite each process has a small file. It keeps a lock on it as long as it lives, frozen or not, and writes into
it now and then, so a process that is gone and one that is frozen look different, in any container. On PostgreSQL
the server knows the processes by the sessions in which they hold the work lock or try to take it.
"""

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from bot.domain.clock import Clock
from bot.store.engine import is_postgres
from bot.store.lock import Lock, Session, WorkLock
from bot.store.private import beside

MOST = 8
"""How many processes are counted at most; two are usual."""

QUIET_SECONDS = 20.0
"""A process that has not written for this many seconds is frozen."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Other:
    """Another process on the same file.

    Attributes:
        pid: Its number as it sees it itself.
        works: Whether it is the one that works.
        quiet: Seconds since it last wrote.
        host: Its machine or container, if that may be another one than this process's.
    """

    pid: int
    works: bool
    quiet: float
    host: str = ""

    @property
    def name(self) -> str:
        """Return its number, and where it runs: `17 on host-a`."""
        return f"{self.pid} on {self.host}" if self.host else str(self.pid)

    @property
    def is_frozen(self) -> bool:
        """Return whether it is frozen; Slack may still give it every second click."""
        return self.quiet > QUIET_SECONDS


class Neighbours(Protocol):
    """This process and the others on the same database."""

    def write(self, *, works: bool) -> None:
        """Record that this process is alive.

        Raises:
            OSError: It cannot be recorded.
        """

    def others(self) -> tuple[Other, ...]:
        """Return the other processes that live.

        Raises:
            OSError: They cannot be seen.
        """

    def leave(self) -> None:
        """Leave: this process ends."""


def processes_of(database: str, lock: Lock, clock: Clock) -> Neighbours:
    """Return this process and its neighbours on a database, seen through files or through the server's lock."""
    return OnServer(lock) if is_postgres(database) else Processes(database, clock)


def others_on(database: str, clock: Clock) -> tuple[Other, ...]:
    """Return every process that works on a database or stands by, for a caller that is not one of them.

    Raises:
        OSError: They cannot be seen.
    """
    if not is_postgres(database):
        return Processes(database, clock).others()
    from bot.store.postgres.work_lock import others_at  # noqa: PLC0415 - psycopg is an extra

    return tuple(map(_on_server, others_at(database)))


class OnServer:
    """This process and the others on one server; the lock's own thread asks for them now and then.

    Args:
        lock: The work lock of this process.
    """

    def __init__(self, lock: Lock) -> None:
        self._lock = lock

    def write(self, *, works: bool) -> None:
        """Do nothing, because the server sees each heartbeat of the lock."""

    def others(self) -> tuple[Other, ...]:
        """Return the other processes, as of a few seconds ago."""
        return tuple(map(_on_server, self._lock.others))

    def leave(self) -> None:
        """Do nothing, because the lock's session ends with the process."""


def _on_server(session: Session) -> Other:
    return Other(pid=session.pid, works=session.works, quiet=session.quiet, host=session.host)


class Processes:
    """This process and the others on the same file.

    Args:
        database: The database file; the small files are beside it.
        clock: Its monotonic time is the same for all processes of a machine.
    """

    def __init__(self, database: str, clock: Clock) -> None:
        self._paths = [beside(database, f".process-{number}") for number in range(1, MOST + 1)]
        self._clock = clock
        self._mine: WorkLock | None = None

    def write(self, *, works: bool) -> None:
        """Record that this process is alive.

        Raises:
            OSError: The file cannot be written.
        """
        if self._mine is None or self._mine.is_lost:
            self._mine = self._taken()
        if self._mine is not None:
            said = {"pid": os.getpid(), "works": works, "at": self._clock.monotonic()}
            self._mine.write(json.dumps(said).encode())

    def others(self) -> tuple[Other, ...]:
        """Return the other processes that live.

        Raises:
            OSError: Their files cannot be read.
        """
        found = []
        for path in self._paths:
            is_mine = self._mine is not None and path == self._mine.path
            if not is_mine and path.exists() and WorkLock(path).is_anothers:
                found.append(self._read(path))
        return tuple(found)

    def leave(self) -> None:
        """Leave: this process ends."""
        if self._mine is not None:
            self._mine.release()
            self._mine = None

    def _taken(self) -> WorkLock | None:
        for path in self._paths:
            lock = WorkLock(path)
            if lock.take():
                lock.write(b"")  # what it holds is left from a process that has ended
                return lock
        return None

    def _read(self, path: Path) -> Other:
        said = _json(path.read_bytes())
        at = said.get("at")
        quiet = self._clock.monotonic() - float(at) if isinstance(at, int | float) else 0.0
        pid = said.get("pid")
        return Other(
            pid=pid if isinstance(pid, int) else 0, works=said.get("works") is True, quiet=quiet
        )


def _json(text: bytes) -> Mapping[str, Any]:
    try:
        found = json.loads(text)
    except ValueError:  # it is being written
        return {}
    return found if isinstance(found, dict) else {}
