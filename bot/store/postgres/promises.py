"""How durable a server's commits are, for `billing-bot check`."""

import json
from typing import Any, LiteralString, NamedTuple

import psycopg

from bot.store.copying import HALF_COPIED
from bot.store.errors import StoreError
from bot.store.file.reading import POLICY_READ_LAST
from bot.store.postgres import schema
from bot.store.postgres.connection import NAME, connect
from bot.store.postgres.copied import is_half_copied
from bot.store.postgres.refused import refusal
from bot.store.schema import known, refuse_newer

OLDEST = 140_000
"""The oldest version that the bot supports, as the server numbers it: 14."""

_ASKED = """
SELECT current_setting('server_version'), CAST(current_setting('server_version_num') AS BIGINT),
  pg_database_size(current_database()), current_setting('fsync'), current_setting('full_page_writes'),
  current_setting('synchronous_standby_names'), current_setting('synchronous_commit'),
  current_setting('server_encoding')
"""

_HOLDS = f"""
SELECT DISTINCT pid, COALESCE(NULLIF(application_name, ''), 'a program'), CAST(usename AS TEXT)
FROM pg_locks JOIN pg_stat_activity USING (pid) JOIN pg_class ON pg_class.oid = relation
WHERE granted AND relnamespace = to_regnamespace(current_schema())
  AND pg_locks.database = (SELECT oid FROM pg_database WHERE datname = current_database())
  AND (mode IN ('ShareLock', 'ShareRowExclusiveLock', 'ExclusiveLock', 'AccessExclusiveLock')
    OR relname = 'turns_of_work' AND mode = 'RowShareLock')
  AND COALESCE(application_name, '') NOT LIKE '{NAME}%'
ORDER BY pid
"""  # noqa: S608 - own words
"""The sessions that hold a lock the bot's writes need; mostly a console with an open transaction."""


class Holder(NamedTuple):
    """Another program's session that keeps the bot from writing."""

    pid: int
    program: str
    role: str


class PostgresServer(NamedTuple):
    """What a server says about itself.

    Attributes:
        version: As words; `number` as 150004.
        size: Bytes of the database.
        synchronous: The standbys that a commit waits for; empty if none.
        commit: `synchronous_commit` of the bot's sessions (`connect` changes `off` and `local` to
        `on`).
        is_made: Whether the database has its tables.
        pending: Steps that the next start takes.
        holders: The sessions that keep the bot from writing right now.
    """

    version: str
    number: int
    size: int
    fsync: str
    full_page_writes: str
    synchronous: str
    commit: str
    encoding: str
    is_made: bool
    pending: int
    holders: tuple[Holder, ...] = ()

    @property
    def weak(self) -> list[tuple[str, str]]:
        """Return what the server does not promise, and what to do; the worst first."""
        found = [
            (
                f"{each.program} (pid {each.pid}, role {each.role}) holds a table: nothing is recorded until its transaction ends",
                f"end it there, or SELECT pg_terminate_backend({each.pid})",
            )
            for each in self.holders
        ]
        if self.fsync != "on":
            found.append(
                (
                    "fsync is off: what was committed is lost when the server's machine fails",
                    "set fsync = on",
                )
            )
        if self.full_page_writes != "on":
            found.append(
                (
                    "full_page_writes is off: a power cut can break pages",
                    "set full_page_writes = on",
                )
            )
        if self.encoding != "UTF8":
            found.append(
                (f"the encoding is {self.encoding}", "make the database with ENCODING 'UTF8'")
            )
        if self.number < OLDEST:
            found.append((f"PostgreSQL {self.version} is older than 14", "upgrade the server"))
        if not self.synchronous:
            words = "a commit waits for no standby (synchronous_standby_names is empty): with the server's machine the last decisions are lost"
            found.append((words, "name a synchronous standby, or rely on the server's storage"))
        elif self.commit == "remote_write":
            words = "a commit waits for no standby's disk (synchronous_commit is remote_write): with both machines the last decisions are lost"
            found.append((words, "set synchronous_commit = on"))
        return found


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
            holders = tuple(map(Holder._make, connection.execute(_HOLDS)))
    except psycopg.Error as error:
        raise StoreError(f"the server cannot be asked: {refusal(error).words}.") from error
    refuse_newer(done)
    return PostgresServer._make([*(found or ()), bool(done), len({*known()} - done), holders])


def policy_read_last(url: str) -> str:
    """Return the hash of the policy that a process on a server's database has read last; empty before the first.

    Raises:
        StoreError: It cannot be asked.
    """
    found = _first(url, POLICY_READ_LAST)
    return str(json.loads(found[0])["new"]) if found else ""


def newest_message(url: str) -> int:
    """Return the newest message of the outbox of a server's database.

    Raises:
        StoreError: It cannot be asked.
    """
    found = _first(url, "SELECT MAX(sequence) FROM outbox")
    return int((found and found[0]) or 0)


def _first(url: str, sql: LiteralString) -> tuple[Any, ...] | None:
    try:
        with connect(url) as connection:
            return connection.execute(sql).fetchone()
    except psycopg.Error as error:
        raise StoreError(refusal(error).words) from error
