"""Opening the database file, and the one way to write to it."""

import logging
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from sqlite_utils import Database

from bot.store.errors import CouldNotRecordError, StoreError
from bot.store.schema import migrations

__all__ = ["CouldNotRecordError", "StoreError", "open_database", "transaction"]

logger = logging.getLogger(__name__)


def open_database(path: Path | str) -> Database:
    """Open the file, durable and strict, and bring its tables up to date.

    Raises:
        StoreError: It cannot be opened, or a newer version of the bot has written it.
    """
    try:
        connection = sqlite3.connect(path, timeout=5.0, check_same_thread=False)
        for pragma in (
            "journal_mode = WAL",
            "synchronous = FULL",
            "foreign_keys = ON",
            "busy_timeout = 5000",
        ):
            connection.execute(f"PRAGMA {pragma}")
        database = Database(connection)
        refuse_newer(database)
        migrations.apply(database)
    except sqlite3.Error as error:
        msg = f"The database {path} cannot be opened: {error}."
        raise StoreError(msg) from error
    return database


def refuse_newer(database: Database) -> None:
    """Refuse a database that a newer version of the bot has migrated.

    Raises:
        StoreError: In one sentence.
    """
    known = {migration.name for migration in migrations.pending(Database(memory=True))}
    newer = {migration.name for migration in migrations.applied(database)} - known
    if newer:
        msg = (
            f"This database was written by a newer version of Billing Bot "
            f"({', '.join(sorted(newer))}); start that version: nothing was changed."
        )
        raise StoreError(msg)


@contextmanager
def transaction(database: Database) -> Iterator[None]:
    """One durable transaction that nobody else can write between. Never await inside it.

    `BEGIN IMMEDIATE` takes the write lock first, so what is read inside is what is written upon;
    sqlite-utils' own `atomic()` begins deferred and would have to be repeated on a busy file.

    Raises:
        CouldNotRecordError: Nothing was written.
    """
    connection = database.conn
    try:
        connection.execute("BEGIN IMMEDIATE")
        try:
            yield
        except BaseException:
            if connection.in_transaction:
                connection.execute("ROLLBACK")
            raise
        connection.execute("COMMIT")
    except (sqlite3.OperationalError, sqlite3.DatabaseError) as error:
        if isinstance(error, sqlite3.IntegrityError | sqlite3.ProgrammingError):
            raise
        if connection.in_transaction:
            connection.execute("ROLLBACK")
        logger.exception("could_not_record: check the disk's space, rights and health of the file")
        msg = f"could not record this: {error}"
        raise CouldNotRecordError(msg) from error
