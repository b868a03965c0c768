"""What can go wrong with the database, as the rest of the bot sees it."""

import logging
import sqlite3

logger = logging.getLogger(__name__)

DAMAGED, REPLACED = "database damaged", "database deleted or replaced"
LOCKED_BY_OTHERS = "database locked by another program"
"""A trouble of the database that ends without anybody mending it."""
NOT_ANSWERING = "database does not answer"
"""Another one: of a server, which is asked again and again until it does."""


class StoreError(Exception):
    """The database cannot be used; the message says what to do."""


class StoreBusyError(StoreError):
    """The database cannot be used just now; that passes, by itself or when a disk has room again."""


class CouldNotRecordError(StoreError):
    """Nothing was written and nothing was done: full, read-only, locked or corrupt."""


class NotAnsweringError(CouldNotRecordError, StoreBusyError):
    """The server does not answer or takes nothing just now, so nothing was done; a start is worth trying again."""


class NotKnownWhetherRecordedError(CouldNotRecordError, StoreBusyError):
    """A server went away while it was to commit: all of it was written, or nothing."""


class ForbiddenByDatabaseError(CouldNotRecordError, sqlite3.IntegrityError):
    """A rule of the database refused it, such as the history being append-only."""


def forbidden(error: Exception) -> ForbiddenByDatabaseError:
    """Return what is raised where a rule of the database refused something."""
    logger.error("the_database_forbids_it: %s", error)
    return ForbiddenByDatabaseError(f"could not record this: {error}")
