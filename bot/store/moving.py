"""Copies a whole database from one place to another, on either engine."""

from contextlib import AbstractContextManager

from bot.store.copied_file import FileSource, FileTarget
from bot.store.copying import LookAtTable, Side, Target, copy_all
from bot.store.engine import is_postgres


def copy(source: str, target: str, look: LookAtTable = lambda _table, _rows: None) -> int:
    """Copy everything and compare; return how many rows there are. An interrupted copy continues where it stopped.

    Args:
        source: The path of a file, or the address of a PostgreSQL server.
        target: The same; it must be empty.
        look: Called with each table, and how many of its rows have been read.

    Raises:
        StoreError: A side cannot be used, the target holds something else, or the two are not the same.
    """
    with _source(source) as here, _target(target) as there:
        return copy_all(here, there, look)


def _source(database: str) -> AbstractContextManager[Side]:
    if not is_postgres(database):
        return FileSource.of(database)
    from bot.store.postgres.copied import ServerSide  # noqa: PLC0415 - psycopg is an extra

    return ServerSide.source(database)


def _target(database: str) -> AbstractContextManager[Target]:
    if not is_postgres(database):
        return FileTarget.of(database)
    from bot.store.postgres.copied import ServerSide  # noqa: PLC0415 - psycopg is an extra

    return ServerSide.target(database)
