"""Turns of work: a process that begins to work takes the next one, and the one before can write no more."""

from contextlib import suppress
from typing import Final

import psycopg

from bot.store.engine import Database
from bot.store.errors import CouldNotRecordError
from bot.store.postgres.connection import Bounded

KEY: Final = 0x776F726B
"""The advisory lock's key (`work` in ASCII); each database of a server has its own locks."""

HOLDERS: Final = f"""
SELECT 1 FROM pg_locks WHERE locktype = 'advisory' AND granted
  AND database = (SELECT oid FROM pg_database WHERE datname = current_database())
  AND classid = 0 AND objid = {KEY} AND objsubid = 1
"""  # noqa: S608 - own words
"""The session that holds the lock, to be narrowed by `AND pid = …`."""


def is_newer(connection: Bounded, own: int) -> bool:
    """Return whether a newer version of the bot has changed the tables since this process began.

    Args:
        connection: To the server.
        own: The format of this version's tables.
    """
    with suppress(psycopg.errors.UndefinedTable, psycopg.errors.UndefinedColumn):  # not made yet
        (there,) = connection.execute("SELECT format FROM turns_of_work").fetchone() or (0,)
        return bool(there > own)
    return False


def begin_turn(database: Database, holder: int) -> int:
    """Take the next turn of work inside a transaction, which holds the write lock; return its number.

    A process that took the lock and was frozen before this has lost it, and must not take the turn from
    the one that works now.

    Args:
        database: The database.
        holder: The session by which this process holds the lock.

    Raises:
        CouldNotRecordError: That session does not hold it.
    """
    if database.execute(f"{HOLDERS} AND pid = ?", [holder]).fetchone() is None:
        raise CouldNotRecordError("could not record this: another process works now")
    (turn,) = database.execute("UPDATE turns_of_work SET turn = turn + 1 RETURNING turn").fetchone()
    return int(turn)
