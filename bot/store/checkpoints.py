"""Checkpoints of the write-ahead log, outside the event loop instead of inside somebody's commit."""

import logging
import sqlite3
from contextlib import closing

from sqlite_utils import Database

logger = logging.getLogger(__name__)

MANY_ROWS = 2_000
"""After this many rows a checkpoint is due; the log then has about four megabytes."""


class Checkpoints:
    """Moves what was committed from the log into the database file, now and then.

    SQLite itself would do it in the commit that makes the log too long, and that commit would wait
    some thirty milliseconds longer for the disk. Durability does not depend on it: the log is the
    durable part, and SQLite reads it again after a crash (page *Write-Ahead Logging*).

    Args:
        database: The open database whose rows are counted.
    """

    def __init__(self, database: Database) -> None:
        self._connection = database.conn
        self._before = self._connection.total_changes

    def take_over(self) -> None:
        """Stop this connection's commits from making checkpoints."""
        self._connection.execute("PRAGMA wal_autocheckpoint = 0")

    @property
    def due(self) -> bool:
        """Return whether enough was written for a checkpoint."""
        return self._connection.total_changes - self._before >= MANY_ROWS

    def begin(self) -> str:
        """Start counting anew; return the path for `checkpoint`."""
        self._before = self._connection.total_changes
        return str(self._connection.execute("PRAGMA database_list").fetchone()[2])


def checkpoint(path: str) -> None:
    """Make a checkpoint on a separate connection, in any thread. It waits for nobody, and nobody waits for it."""
    try:
        with closing(sqlite3.connect(path)) as connection:
            connection.execute("PRAGMA wal_checkpoint(PASSIVE)").fetchone()
    except sqlite3.Error:  # the log stays as it is, and the next time does it
        logger.exception("checkpoint_failed")
