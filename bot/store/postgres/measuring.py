"""Figures of a server's database for `/metrics`, and a test write; each over a separate connection."""

import psycopg

from bot.domain.history import Head
from bot.store.errors import NO_ROOM, NOT_ANSWERING, REPLACED, StoreError
from bot.store.measures import Measures, measured
from bot.store.postgres.connection import connect
from bot.store.postgres.dialect import statement
from bot.store.postgres.refused import is_full, refusal
from bot.store.postgres.standing import TROUBLES, is_older


def figures(url: str) -> Measures:
    """Read the figures; in any thread.

    Raises:
        StoreError: The server does not answer.
    """
    try:
        with connect(url) as connection:
            (size,) = connection.execute(
                "SELECT pg_database_size(current_database())"
            ).fetchone() or (0,)
            return measured(lambda sql: connection.execute(statement(sql).sql), size=size, log=0)
    except psycopg.Error as error:
        raise StoreError(f"the database cannot be read: {refusal(error).words}.") from error


def why_not_writable(url: str, head: Head) -> str:
    """Write a row and roll it back, in any thread; return why that failed, without a name, or nothing.

    Args:
        url: The server's database.
        head: A row that the history contains, unless an older copy has replaced the database.
    """
    try:
        with connect(url) as connection:
            if is_older(connection, head):
                return REPLACED
            with connection.transaction():
                connection.execute(
                    "INSERT INTO refused_lately VALUES ('', 'touched', '', 0, '', '')"
                )
                connection.execute(
                    "DELETE FROM refused_lately WHERE team = 'touched' AND number = 0"
                )
    except psycopg.errors.UniqueViolation:
        return ""  # another process does the same right now
    except psycopg.Error as error:
        full = NO_ROOM if is_full(error) else NOT_ANSWERING
        return TROUBLES.get(error.sqlstate or "", full)
    return ""
