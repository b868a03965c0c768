"""Which process works: a lock that dies with its process, never a lease that runs out.

On SQLite it is a file's: a frozen process keeps it, so nobody else does its work while it may still wake up.
On PostgreSQL it is a session's (`bot.store.postgres.work_lock`).
"""

import fcntl
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from bot.store.private import opened_alone


@dataclass(frozen=True, slots=True, kw_only=True)
class Session:
    """A process that tries for the lock on a server, or holds it.

    Attributes:
        host: Its machine, or container.
        pid: As it sees itself.
        works: Whether it is the one that works.
        quiet: Seconds since it last asked the server anything.
    """

    host: str
    pid: int
    works: bool
    quiet: float


class Lock(Protocol):
    """What lets one process work."""

    @property
    def is_taken(self) -> bool:
        """Return whether this process holds it."""

    @property
    def is_lost(self) -> bool:
        """Return whether this process held it, and another may hold it now; or must not work any more."""

    @property
    def why_lost(self) -> str:
        """Return how it was lost, as a sentence without its end."""

    @property
    def why_unasked(self) -> str:
        """Return why its server cannot be asked for it just now, as a sentence without its end; empty if it can."""

    @property
    def began_anew(self) -> bool:
        """Return whether the database behind it may be another one than at the start."""

    @property
    def holder(self) -> int:
        """Return this process's number in the database, as `Store.begin_turn` takes it."""

    @property
    def others(self) -> tuple[Session, ...]:
        """Return who else tries for it, where its server knows; empty for a file's."""

    def take(self) -> bool:
        """Take it if it is free. True: this process runs and sends."""

    def release(self) -> None:
        """Give it back."""


class WorkLock:
    """An exclusive lock on a file beside the database. Taking clicks needs no lock; working does."""

    why_lost = "its file was deleted or replaced"
    why_unasked = ""
    began_anew = False
    holder = 0
    others = ()

    def __init__(self, path: Path) -> None:
        self.path = path
        self._descriptor: int | None = None

    def take(self) -> bool:
        """Take the lock if it is free. True: this process runs and sends."""
        if self._descriptor is not None:
            return True
        descriptor = opened_alone(self.path)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(descriptor)
            return False
        self._descriptor = descriptor
        return True

    @property
    def is_anothers(self) -> bool:
        """Return whether another process holds it. Looking keeps nobody else from looking.

        Raises:
            OSError: The file cannot be opened.
        """
        descriptor = opened_alone(self.path)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
        finally:
            os.close(descriptor)
        return False

    @property
    def is_taken(self) -> bool:
        """Return whether this process holds it."""
        return self._descriptor is not None

    def write(self, text: bytes) -> None:
        """Leave something in the file for the others; nothing where the lock is not held.

        Raises:
            OSError: It cannot be written.
        """
        if self._descriptor is not None:
            os.pwrite(self._descriptor, text, 0)
            os.ftruncate(self._descriptor, len(text))

    @property
    def is_lost(self) -> bool:
        """Return whether the locked file is gone or another one, so that somebody else may lock it."""
        if self._descriptor is None:
            return False
        mine = os.fstat(self._descriptor)
        try:
            there = self.path.stat()
        except OSError:
            return True
        return (mine.st_dev, mine.st_ino) != (there.st_dev, there.st_ino)

    def release(self) -> None:
        """Give it back; the operating system does the same when the process ends."""
        if self._descriptor is not None:
            os.close(self._descriptor)
            self._descriptor = None
