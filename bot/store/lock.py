"""Which process works: a lock that dies with its process, never a lease that runs out.

A frozen process keeps the lock, so nobody else does its work while it may still wake up.
"""

import fcntl
import os
from pathlib import Path

from bot.store.private import opened_alone


class WorkLock:
    """An exclusive lock on a file beside the database. Taking clicks needs no lock; working does."""

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
        """Whether another process holds it. Who looks is in nobody's way who looks too.

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
        """Whether this process holds it."""
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
        """Whether the file that was locked is gone or another one, so that somebody else may lock it."""
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
