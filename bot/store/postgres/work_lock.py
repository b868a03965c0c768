"""The lock that decides which process works if several machines share one PostgreSQL server.

It is a session advisory lock on a separate connection: the server gives it to nobody else until
that session has ended. The connection has to go straight to the server; a pooler that shares
sessions cannot hold a lock.
"""

import logging
import os
import socket
from threading import Event, Thread
from typing import Final

import psycopg

from bot.fence import FRESH_SECONDS, Fence, seconds
from bot.store.errors import NEWER
from bot.store.lock import Session
from bot.store.postgres.connection import NAME, Bounded, connect
from bot.store.postgres.refused import refusal
from bot.store.postgres.turns import HOLDERS, KEY, is_newer
from bot.store.schema import format_of_tables

logger = logging.getLogger(__name__)

HEARTBEAT_SECONDS: Final = 5.0
TRY_SECONDS: Final = 0.25
"""Seconds between two tries of a process that stands by: it works within a second after another one died."""

PATIENCE_SECONDS: Final = 30.0
"""The most a heartbeat may take: a server that stands still for a while has ended no session."""

FIRST_ANSWER_SECONDS: Final = 2.0
GIVE_BACK_SECONDS: Final = 1.0
AGAIN_SECONDS: Final = 0.5

_TRY = f"""
SELECT got,
  CASE WHEN got THEN set_config('idle_session_timeout', '{FRESH_SECONDS:.0f}s', false) END
FROM (SELECT pg_try_advisory_lock({KEY}) AS got OFFSET 0) AS tried
"""  # noqa: S608 - own words
"""The process with the lock loses it after this much silence, whatever the cause."""

_GIVE_BACK = f"SELECT pg_advisory_unlock({KEY})"
_MINE = f"""
SELECT EXISTS ({HOLDERS} AND pid = pg_backend_pid())
"""

_WHO = f"""
SELECT application_name, EXTRACT(EPOCH FROM clock_timestamp() - state_change)::float8,
  EXISTS ({HOLDERS} AND pg_locks.pid = pg_stat_activity.pid)
FROM pg_stat_activity
WHERE datname = current_database() AND application_name LIKE '{NAME} lock %' AND pid <> pg_backend_pid()
"""  # noqa: S608 - own words


class PostgresLock:
    """The lock of one process, kept by a separate thread: a busy event loop does not lose it.

    Args:
        url: `postgresql://…`.
        fence: Each answered heartbeat opens it.
    """

    def __init__(self, url: str, fence: Fence) -> None:
        self._url = url
        self.fence = fence
        self.holder = 0
        """The server's number for the session that tries for the lock, or holds it."""
        self._format = format_of_tables()
        self._sessions = 0
        self.others: tuple[Session, ...] = ()
        self.why_lost = ""
        self.why_unasked = ""
        self._is_taken = False
        self._thread: Thread | None = None
        self._answered = Event()
        self._ending = Event()

    def take(self) -> bool:
        """Keep trying for the lock from now on; return whether this process has it already."""
        if self._thread is None:
            self._thread = Thread(target=self._keep, name="work lock", daemon=True)
            self._thread.start()
            self._answered.wait(FIRST_ANSWER_SECONDS)
        return self._is_taken and not self.is_lost

    @property
    def began_anew(self) -> bool:
        """Return whether the first session has ended, so that the server may be another one than at the start."""
        return self._sessions > 1

    @property
    def is_taken(self) -> bool:
        """Return whether this process holds it."""
        return self._is_taken

    @property
    def is_lost(self) -> bool:
        """Return whether another process may hold it now, or this one must not work any more."""
        return bool(self.why_lost)

    def release(self) -> None:
        """Give the lock back, so that it is free when this returns; the server takes it back later if it does not answer now."""
        self.fence.shut()
        self._ending.set()
        if self._thread is not None:
            self._thread.join(FIRST_ANSWER_SECONDS)
        self._is_taken = False

    def _keep(self) -> None:
        while not self._ending.is_set() and not self.is_lost:
            try:
                with connect(self._url, application_name=_own_name()) as connection:
                    self._sessions += 1
                    self.why_unasked = ""
                    self._hold(connection)
            except (psycopg.Error, OSError) as error:
                self._failed(refusal(error).words)
            self._answered.set()
            self._ending.wait(AGAIN_SECONDS)

    def _hold(self, connection: Bounded) -> None:
        self.holder = connection.number
        looked_at = float("-inf")
        while not self._ending.is_set():
            asked_at = seconds()
            with connection.within(PATIENCE_SECONDS):
                row = connection.execute(_MINE if self._is_taken else _TRY).fetchone()
            has_it = bool(row and row[0])
            if self._is_taken and not has_it:
                self._failed(
                    "its session no longer holds it; DATABASE_URL must name the server itself, no pooler"
                )
                return
            if has_it:
                self.fence.answered(asked_at)
                self._is_taken = True
            if asked_at - looked_at >= HEARTBEAT_SECONDS:
                if is_newer(connection, self._format):
                    self.fence.shut()
                    self.why_lost = NEWER
                    return
                self.others, looked_at = _sessions(connection), asked_at
            self._answered.set()
            self._ending.wait(HEARTBEAT_SECONDS if has_it else TRY_SECONDS)
        if self._is_taken:  # a session ends on the server only some time after it was closed here
            with connection.within(GIVE_BACK_SECONDS):
                connection.execute(_GIVE_BACK)

    def _failed(self, why: str) -> None:
        """Handle the end of the session: a process with the lock has lost it, a waiting one tries again."""
        if self._is_taken and not self._ending.is_set():
            self.fence.shut()
            self.why_lost = f"its session with PostgreSQL ended ({why})"
        elif why != self.why_unasked:
            logger.warning("work_lock_cannot_be_asked_for: %s", why)
        self.why_unasked = why


def others_at(url: str) -> tuple[Session, ...]:
    """Return every process that works on this database, or stands by.

    Raises:
        OSError: The server does not answer.
    """
    try:
        with connect(url) as connection:
            return _sessions(connection)
    except psycopg.Error as error:
        raise OSError(refusal(error).words) from error


def _sessions(connection: Bounded) -> tuple[Session, ...]:
    return tuple(
        _session(name, quiet or 0.0, works=works) for name, quiet, works in connection.execute(_WHO)
    )


def _session(name: str, quiet: float, *, works: bool) -> Session:
    host, _, pid = name.removeprefix(f"{NAME} lock ").rpartition(":")
    return Session(host=host, pid=int(pid) if pid.isdecimal() else 0, works=works, quiet=quiet)


def _own_name() -> str:
    """Return a name of at most 63 bytes, which the server keeps; its end differs between processes."""
    pid = f":{os.getpid()}"
    return f"{NAME} lock {socket.gethostname()[: 63 - len(NAME) - 6 - len(pid)]}{pid}"
