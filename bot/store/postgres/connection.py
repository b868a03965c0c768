"""A connection that never waits for long: it holds up the event loop, and a click needs an answer."""

import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any, ClassVar

import psycopg
from psycopg import RawCursor
from psycopg.abc import PQGen
from psycopg.types.numeric import IntDumper
from psycopg.types.string import StrDumperUnknown

from bot.store.waits import Waits

LONGEST_SECONDS = 1.5
"""The longest a server may take: a click is answered within 2 s."""

SECONDS_A_ROW = 0.001
"""The time that each of many rows adds: a list of 50,000 documents is written in one transaction."""

CONNECT_SECONDS = 2  # the least that libpq takes
SECONDS_A_CHARACTER = 2e-6
"""The time that each character of a long value adds: the facts of 20,000 documents are 8 MB."""

LONG = 10_000

IDLE_IN_TRANSACTION_SECONDS = 5
"""The longest that a process frozen inside a transaction holds the write lock."""

NAME = "billing-bot"
_DEFAULTS = {
    "application_name": NAME,
    "connect_timeout": str(CONNECT_SECONDS),
    "target_session_attrs": "read-write",  # of several hosts the one that takes writes
    "keepalives_idle": "5",
    "keepalives_interval": "2",
    "keepalives_count": "3",
    "tcp_user_timeout": "5000",
}
_ALWAYS = {"client_encoding": "UTF8"}
_SESSION = """
SET standard_conforming_strings = on;
SET default_transaction_isolation = 'read committed';
SET client_min_messages = warning;
SET statement_timeout = '60s';
SET lock_timeout = {milliseconds};
SET idle_in_transaction_session_timeout = '{idle}s';
SET tcp_keepalives_idle = 5;
SET tcp_keepalives_interval = 2;
SET tcp_keepalives_count = 3;
SET jit = off;
SELECT set_config('synchronous_commit', 'on', false) WHERE current_setting('synchronous_commit') IN ('off', 'local');
SELECT set_config(name, '0', false) FROM (VALUES ('idle_session_timeout'), ('transaction_timeout')) AS known (name)
  WHERE current_setting(name, true) IS NOT NULL;
SELECT set_config('search_path', COALESCE(
  (SELECT quote_ident(nspname) FROM pg_class JOIN pg_namespace ON pg_namespace.oid = relnamespace
    WHERE pg_class.oid = to_regclass('turns_of_work')),
  quote_ident(current_schema()), ''), false);
SELECT pg_backend_pid(), current_setting('server_encoding'), current_setting('session_replication_role')
"""
"""Settings that the bot's statements rely on, whatever a server, a database or a role sets.

A commit that is answered lasts (`check` names what the server cannot promise). Reads after the write lock see
what was committed by then. A silent session stays, unless its host is gone. The existing
tables are used, even if a schema that comes before theirs was made later.
"""

_ENCODINGS = ("UTF8", "SQL_ASCII")


class _Text(StrDumperUnknown):
    """Text, with U+FFFD instead of the character 0, which PostgreSQL does not take."""

    def dump(self, obj: str) -> bytes | bytearray | memoryview | None:
        return super().dump(obj.replace("\0", "\ufffd"))


class _YesOrNo(IntDumper):
    """True and False, kept as in SQLite: 1 and 0."""

    def dump(self, obj: Any) -> bytes | bytearray | memoryview | None:
        return super().dump(int(obj))


class Bounded(psycopg.Connection[tuple[Any, ...]]):
    """A connection that is closed when something takes longer than its limit."""

    longest: ClassVar[float] = LONGEST_SECONDS
    """Seconds that a transaction, or a statement outside of one, may wait for the server in all."""

    left: float | None = None
    """How long the work in progress may still wait; None: each statement has its own limit."""

    number: int = 0
    """The server's own number for this session; a pooler in between would give libpq another one."""

    more: float = 0.0
    """Additional time for the next statement alone, on top of `longest`."""

    waits: Waits | None = None
    """Notes how long each answer takes, so that work that can wait is postponed."""

    @contextmanager
    def within(self, seconds: float) -> Iterator[None]:
        """Let everything inside wait this long for the server in total; the bot's own work does not count."""
        before, self.left = self.left, seconds
        try:
            yield
        finally:
            self.left = before

    def allow(self, seconds: float) -> None:
        """Let the work in progress wait this much longer."""
        self.more = seconds
        if self.left is not None:
            self.left += seconds

    def wait(self, gen: PQGen[Any], interval: float = 0.1, timeout: float | None = None) -> Any:
        """Wait as psycopg does, but no longer than the limit.

        Raises:
            psycopg.OperationalError: It took too long, and the connection is closed.
        """
        left = self.longest + self.more if self.left is None else max(0.0, self.left)
        begun = time.monotonic()
        if self.waits is not None:
            self.waits.began(begun)
        try:
            return super().wait(
                gen, min(interval, 0.1), left if timeout is None else min(left, timeout)
            )
        except psycopg.OperationalError:
            if time.monotonic() - begun >= left:
                self.pgconn.finish()
            raise
        finally:
            ended = time.monotonic()
            if self.waits is not None:
                self.waits.ended(ended)
            if self.left is not None:
                self.left -= ended - begun


def connect(url: str, **more: str) -> Bounded:
    """Connect, with bounds on everything.

    Args:
        url: `postgresql://…`; its own parameters win.
        more: Parameters of libpq, used if the address does not set them.

    Raises:
        psycopg.Error: The server gives no connection, or none that the bot can work with.
    """
    connection = Bounded.connect(_address(url, more), autocommit=True, cursor_factory=RawCursor)
    connection.prepared_max = None  # as many as the program has; to drop one is a round trip
    try:
        connection.adapters.register_dumper(str, _Text)
        connection.adapters.register_dumper(bool, _YesOrNo)
        wait = round(Bounded.longest * 1000 * 2 / 3)  # for others' writes: less than in all
        said = connection.execute(
            _SESSION.format(milliseconds=wait, idle=IDLE_IN_TRANSACTION_SECONDS)
        )
        connection.number = _number(said)
    except BaseException:
        connection.close()
        raise
    return connection


def number_of_another(url: str) -> int:
    """Return the server's number of a further session, in which nothing is set up.

    Raises:
        psycopg.Error: The server gives none.
    """
    with Bounded.connect(_address(url, {}), autocommit=True) as connection:
        (number,) = connection.execute("SELECT pg_backend_pid()").fetchone() or (0,)
    return int(number)


def _address(url: str, more: Mapping[str, str]) -> str:
    given = psycopg.conninfo.conninfo_to_dict(url)
    return psycopg.conninfo.make_conninfo("", **{**_DEFAULTS, **more, **given, **_ALWAYS})


def _number(said: psycopg.Cursor[tuple[Any, ...]]) -> int:
    """Return the server's number of a session that was set up.

    Raises:
        psycopg.NotSupportedError: The bot cannot write in this session.
    """
    while said.nextset():
        pass
    number, encoding, role = said.fetchone() or (0, "", "")
    if encoding not in _ENCODINGS:
        msg = f"its encoding is {encoding}, which lacks letters of people's names: make it with ENCODING 'UTF8'"
        raise psycopg.NotSupportedError(msg)
    if role != "origin":
        msg = (
            f"session_replication_role is {role} here, so that the database would refuse nothing: "
            "ALTER ROLE … RESET session_replication_role"
        )
        raise psycopg.NotSupportedError(msg)
    return int(number)
