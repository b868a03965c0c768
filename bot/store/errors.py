"""What can go wrong with the database, as the rest of the bot sees it."""

import sqlite3

DAMAGED, REPLACED = "database damaged", "database deleted or replaced"
LOCKED_BY_OTHERS = "database locked by another program"
"""The one trouble of the database that ends without anybody mending it."""


class StoreError(Exception):
    """The database cannot be used; the message says what to do."""


class StoreBusyError(StoreError):
    """The database cannot be used just now; that passes, by itself or when a disk has room again."""


class CouldNotRecordError(StoreError):
    """Nothing was written and nothing was done: full, read-only, locked or corrupt."""


class ForbiddenByDatabaseError(CouldNotRecordError, sqlite3.IntegrityError):
    """A rule of the database refused it, such as the history being append-only."""
