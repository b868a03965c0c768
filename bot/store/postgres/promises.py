"""How durable a server's commits are, for `billing-bot check`."""

from typing import NamedTuple

import psycopg
from sqlite_utils import Database

from bot.store.copying import HALF_COPIED
from bot.store.errors import StoreError
from bot.store.postgres import schema
from bot.store.postgres.connection import connect
from bot.store.postgres.copied import is_half_copied
from bot.store.schema import migrations

OLDEST = 140_000
"""The oldest version that the bot is made for, as the server numbers it: 14."""

_ASKED = """
SELECT current_setting('server_version'), CAST(current_setting('server_version_num') AS BIGINT),
  pg_database_size(current_database()), current_setting('fsync'), current_setting('full_page_writes'),
  current_setting('synchronous_standby_names'), current_setting('synchronous_commit'),
  current_setting('server_encoding'),
  (SELECT COUNT(*) FROM pg_stat_replication)
"""


class PostgresServer(NamedTuple):
    """What a server says about itself.

    Attributes:
        version: As words; `number` as 150004.
        size: Bytes of the database.
        synchronous: The standbys that a commit waits for; empty for none.
        commit: What it waits for there, as the bot's own sessions have it (`connect` raises `off` and `local`).
        standbys: How many follow it just now.
        is_made: Whether the database has its tables.
        pending: Steps that the next start takes.
    """

    version: str
    number: int
    size: int
    fsync: str
    full_page_writes: str
    synchronous: str
    commit: str
    encoding: str
    standbys: int
    is_made: bool
    pending: int

    @property
    def weak(self) -> list[tuple[str, str]]:
        """Return what the server does not promise, and what to do; the worst first."""
        return _weak(self)


def asked(url: str) -> PostgresServer:
    """Ask a server, without changing anything there.

    Raises:
        StoreError: It cannot be reached, or a newer version of the bot has written the database.
    """
    try:
        with connect(url) as connection:
            if is_half_copied(connection):
                raise StoreError(HALF_COPIED)
            found = connection.execute(_ASKED).fetchone()
            done = schema.applied(connection)
    except psycopg.Error as error:
        raise StoreError(f"the server cannot be asked: {str(error).strip()}.") from error
    every = {each.name for each in migrations.pending(Database(memory=True))}
    schema.refuse_newer(done - every)
    return PostgresServer._make([*(found or ()), bool(done), len(every - done)])


def _weak(server: PostgresServer) -> list[tuple[str, str]]:
    found = []
    if server.fsync != "on":
        found.append(
            (
                "fsync is off: what was committed is lost when the server's machine fails",
                "set fsync = on",
            )
        )
    if server.full_page_writes != "on":
        found.append(
            ("full_page_writes is off: a power cut can break pages", "set full_page_writes = on")
        )
    if server.encoding != "UTF8":
        found.append(
            (f"the encoding is {server.encoding}", "make the database with ENCODING 'UTF8'")
        )
    if server.number < OLDEST:
        found.append((f"PostgreSQL {server.version} is older than 14", "upgrade the server"))
    if not server.synchronous:
        words = "a commit waits for no standby (synchronous_standby_names is empty): with the server's machine the last decisions are lost"
        found.append((words, "name a synchronous standby, or rely on the server's storage"))
    elif server.commit == "remote_write":
        words = "a commit waits for no standby's disk (synchronous_commit is remote_write): with both machines the last decisions are lost"
        found.append((words, "set synchronous_commit = on"))
    return found
