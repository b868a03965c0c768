"""The errors of the database, as the rest of the bot sees them."""

import logging
import sqlite3

logger = logging.getLogger(__name__)

DAMAGED, REPLACED = "database damaged", "database deleted or replaced"
LOCKED_BY_OTHERS = "database locked by another program"
"""A trouble that ends by itself."""
NEWER = "a newer version of Billing Bot has changed the database's tables"
"""A trouble that arises while this process runs; it then writes nothing more and ends."""
NOT_ANSWERING = "database does not answer"
"""A trouble of the server's, which is asked again and again until it answers."""
NO_ROOM = "database takes no more connections"
"""A trouble for new connections, such as a start's; those that are open go on."""


class StoreError(Exception):
    """The database cannot be used; the message says what to do."""


class StoreBusyError(StoreError):
    """The database cannot be used right now; this passes by itself, or when the disk has room again."""


class CouldNotRecordError(StoreError):
    """Nothing was written and nothing was done: the database is full, read-only, locked or damaged."""


class NotAnsweringError(CouldNotRecordError, StoreBusyError):
    """The server does not answer or refuses writes right now, so nothing was done; a start may try again."""


class NotKnownWhetherRecordedError(CouldNotRecordError, StoreBusyError):
    """A server went away while committing: either everything was written, or nothing."""


class OneFailedError(StoreError):
    """One of several writes in a transaction without savepoints failed, so nothing of any of them was written."""


class ForbiddenByDatabaseError(CouldNotRecordError, sqlite3.IntegrityError):
    """A rule of the database refused it, such as that the history is append-only."""


def forbidden(error: Exception) -> ForbiddenByDatabaseError:
    """Return the error for something that a rule of the database refused."""
    logger.error("the_database_forbids_it: %s", error)
    return ForbiddenByDatabaseError(f"could not record this: {error}")
