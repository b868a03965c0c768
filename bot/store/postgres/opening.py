"""Opens a server's database: new enough, without a pooler, and brought up to date."""

import psycopg

from bot.store.errors import StoreBusyError, StoreError
from bot.store.postgres import schema
from bot.store.postgres.connection import Bounded, connect, number_of_another
from bot.store.postgres.database import PostgresDatabase
from bot.store.postgres.refused import refusal

OLDEST = 140_000

TOO_OLD = (
    "DATABASE_URL: the server is older than PostgreSQL 14, which ends no session that says nothing."
)

POOLER = (
    "DATABASE_URL: a pooler there hands one session of the server to several connections, which cannot hold the work "
    "lock: name the server itself, or set the pooler's mode for this database to session."
)


def _refuse_an_old_one(connection: Bounded) -> None:
    if connection.info.server_version < OLDEST:
        raise StoreError(TOO_OLD)


def _refuse_a_pooler(url: str, connection: Bounded) -> None:
    """Refuse to share a session of the server between two connections, one of which holds the work lock."""
    if number_of_another(url) == connection.number:
        raise StoreError(POOLER)


def open_postgres(url: str) -> PostgresDatabase:
    """Connect, and bring the tables up to date.

    Raises:
        StoreError: It cannot be used, or a newer version of the bot has written it.
    """
    connection = None
    try:
        connection = connect(url)
        _refuse_an_old_one(connection)
        _refuse_a_pooler(url, connection)
        schema.bring_up_to_date(connection)
        return PostgresDatabase(url, connection)
    except (psycopg.Error, StoreError) as error:
        broke = connection is not None and connection.closed  # for example after having been frozen
        if connection is not None:
            connection.close()
        if isinstance(error, StoreError):
            raise
        found = refusal(error)
        msg = f"DATABASE_URL: the database cannot be opened: {found.words}."
        raise (StoreError if found.lasts and not broke else StoreBusyError)(msg) from error
