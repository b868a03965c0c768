"""The work lock, which decides which process works. It dies with its process; it is not a lease that runs out.

On SQLite it is a lock on a file, which a frozen process keeps, so nobody else does its work while it may still wake
up. On PostgreSQL it belongs to a session (`bot.store.postgres.work_lock`).
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
        pid: Its number as it sees it itself.
        works: Whether it is the one that works.
        quiet: Seconds since it last asked the server anything.
    """

    host: str
    pid: int
    works: bool
    quiet: float


class Lock(Protocol):
    """The work lock."""

    @property
    def is_taken(self) -> bool:
        """Return whether this process holds it."""

    @property
    def is_lost(self) -> bool:
        """Return whether this process held it and another may hold it now, so that this one must stop working."""

    @property
    def why_lost(self) -> str:
        """Return how it was lost, as a sentence without its full stop."""

    @property
    def why_unasked(self) -> str:
        """Return why the server cannot be asked for it now, as a sentence without its full stop; empty if it can."""

    @property
    def began_anew(self) -> bool:
        """Return whether the database behind it may be another one than at the start."""

    @property
    def holder(self) -> int:
        """Return this process's number in the database, as `Store.begin_turn` takes it."""

    @property
    def others(self) -> tuple[Session, ...]:
        """Return who else holds it or tries to take it, if a server knows; empty for a file."""

    def take(self) -> bool:
        """Take it if it is free; return whether this process now works."""

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
        """Take the lock if it is free; return whether this process now works."""
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
        """Return whether another process holds it. Several processes can look at once.

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
        """Write a text into the file for the others, if the lock is held.

        Raises:
            OSError: It cannot be written.
        """
        if self._descriptor is not None:
            os.pwrite(self._descriptor, text, 0)
            os.ftruncate(self._descriptor, len(text))

    @property
    def is_lost(self) -> bool:
        """Return whether the locked file was deleted or replaced, so that another process may have the lock."""
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
