"""Tables, indexes and triggers on PostgreSQL, derived from SQLite's by rules.

A new database is made from the result of all migrations in SQLite, so there is one schema and no
second one that could differ. Later migrations run through the same rules, and are written so that
both databases understand them.
"""

import re
from collections.abc import Iterator
from datetime import UTC, datetime
from secrets import token_hex
from typing import Any

from sqlite_utils import Database

from bot.domain.history import FIRST_HASH
from bot.store.errors import StoreError
from bot.store.postgres.connection import Bounded
from bot.store.postgres.dialect import statement
from bot.store.schema import format_of_tables, known, migrations, refuse_newer

LOCK = 0x62696C6C  # "bill": the advisory lock under which tables are made and changed
LOCK_TIMEOUT = "2s"
MIGRATION_TIMEOUT = "10min"
_KEEPS_TURNS = "0047_both_engines"

_FUNCTIONS = r"""
CREATE OR REPLACE FUNCTION json_extract(text TEXT, path TEXT) RETURNS TEXT LANGUAGE plpgsql IMMUTABLE STRICT AS $$
DECLARE found json;
BEGIN
  text := replace(text, '\u0000', '\ufffd');
  found := CAST(text AS json) -> substr(path, 3);
  RETURN CASE json_typeof(found) WHEN 'boolean' THEN CASE CAST(found AS TEXT) WHEN 'true' THEN '1' ELSE '0' END
    WHEN 'null' THEN NULL ELSE CAST(text AS json) ->> substr(path, 3) END;
EXCEPTION WHEN data_exception THEN RETURN NULL;
END $$;
CREATE OR REPLACE FUNCTION json_valid(text TEXT) RETURNS BOOLEAN LANGUAGE plpgsql IMMUTABLE STRICT AS $$
BEGIN
  PERFORM CAST(text AS json);
  RETURN TRUE;
EXCEPTION WHEN data_exception THEN RETURN FALSE;
END $$;
CREATE OR REPLACE FUNCTION json_each(text TEXT) RETURNS TABLE (value TEXT) LANGUAGE sql IMMUTABLE STRICT AS $$
  SELECT json_array_elements_text(CAST(replace(text, '\u0000', '\ufffd') AS json))
$$;
CREATE OR REPLACE FUNCTION instr(text TEXT, part TEXT) RETURNS INTEGER LANGUAGE sql IMMUTABLE STRICT AS $$
  SELECT strpos(text, part)
$$;
"""
"""SQLite's functions under the same names; of JSON, they read an object's members, and lists.

If a text in the JSON has the character 0, PostgreSQL returns no member at all, and a trigger that
asks for one would not work."""

_TOO_LONG_TO_INDEX = {
    "requests_to_decide": "(state_at, requester, expires_at)",
    "requests_rules": "(hashtextextended(rule, 0))",
}
"""A rule's text can be longer than what fits into an index of PostgreSQL (2,704 bytes)."""

_TRIGGER = re.compile(
    r"CREATE TRIGGER (?P<name>\w+)\s+(?P<when>BEFORE|AFTER)\s+(?P<what>INSERT|DELETE|UPDATE(?:\s+OF\s[\w,\s]+?)?)"
    r"\s+ON\s+(?P<table>\w+)\s*(?:WHEN\s(?P<condition>.*?))?\s*\bBEGIN\b\s*(?P<body>.*?;)\s*END\s*;?\s*$",
    re.DOTALL,
)
_RAISE = re.compile(r"SELECT\s+RAISE\(ABORT,\s*('(?:[^']|'')*')\)")
_OWN_NUMBER = re.compile(r"[(,]\s*\"?(\w+)\"?\s+INTEGER PRIMARY KEY(?! REFERENCES| CHECK)")
_TABLE = re.compile(r"CREATE TABLE \"?(\w+)\"?")


_NOT_EMPTIED = "CREATE TRIGGER {0}_is_never_emptied BEFORE TRUNCATE ON {0} FOR EACH STATEMENT EXECUTE FUNCTION never_emptied ()"
"""TRUNCATE, which SQLite does not have, bypasses the rules for single rows."""


def converted(sql: str) -> Iterator[str]:
    """Yield a migration's statement in PostgreSQL's form: one statement or several.

    Raises:
        ValueError: It is a trigger of a shape that no rule knows.
    """
    if sql.lstrip().startswith("CREATE TRIGGER"):
        yield from _trigger(sql)
    elif found := re.match(r"\s*DROP TRIGGER (\w+)", sql):
        yield f"DROP FUNCTION {found[1]} () CASCADE"
    elif found := re.match(r"\s*CREATE (?:UNIQUE )?INDEX (\w+)", sql):
        yield statement(_indexed(found[1], sql)).sql
    elif re.match(r"\s*(?:CREATE|ALTER) TABLE", sql):
        yield _table(sql)
        if made := _TABLE.match(sql.strip()):
            yield _NOT_EMPTIED.format(made[1])
            if found := _OWN_NUMBER.search(sql):
                yield from _numbering(made[1], found[1])
    else:
        yield statement(sql).sql


def _table(sql: str) -> str:
    sql = re.sub(r"\)\s*STRICT(?:, WITHOUT ROWID)?\s*;?\s*$", ")", sql)
    return re.sub(r"\bTEXT\b", 'TEXT COLLATE "C"', statement(sql).sql)


def _indexed(name: str, sql: str) -> str:
    if name in _TOO_LONG_TO_INDEX:
        return re.sub(r"\(.*?\)", _TOO_LONG_TO_INDEX[name], sql, count=1, flags=re.DOTALL)
    return sql


def _numbering(table: str, column: str) -> Iterator[str]:
    """Yield the trigger that numbers a row without a number, as SQLite does; nobody else writes meanwhile."""
    name = f"{table}_number_themselves"
    following = f"(SELECT COALESCE(MAX({column}), 0) + 1 FROM {table})"  # noqa: S608 - own names
    body = f"IF NEW.{column} IS NULL THEN NEW.{column} := {following}; END IF;"
    yield from _function(name, body, "NEW")
    yield f"CREATE TRIGGER a_{name} BEFORE INSERT ON {table} FOR EACH ROW EXECUTE FUNCTION {name} ()"


def _trigger(sql: str) -> Iterator[str]:
    found = _TRIGGER.match(sql.strip())
    if found is None:
        msg = f"no rule for the trigger {sql}"
        raise ValueError(msg)
    name, when, what, table, condition, body = found.groups()
    what = statement(what).sql
    body = _RAISE.sub(r"RAISE EXCEPTION USING ERRCODE = '23000', MESSAGE = \1", body)
    body = statement(body).sql
    if condition:
        body = f"IF {statement(condition).sql} THEN {body} END IF;"
    result = "NULL" if when == "AFTER" else "OLD" if what == "DELETE" else "NEW"
    yield from _function(name, body, result)
    yield f"CREATE TRIGGER {name} {when} {what} ON {table} FOR EACH ROW EXECUTE FUNCTION {name} ()"


def _function(name: str, body: str, result: str) -> Iterator[str]:
    yield (
        f"CREATE FUNCTION {name} () RETURNS trigger LANGUAGE plpgsql AS $$\n"
        f"BEGIN\n{body}\nRETURN {result};\nEND $$"
    )


def baseline() -> Iterator[str]:
    """Yield every statement that makes a new, empty database."""
    yield 'CREATE TABLE migrations (name TEXT COLLATE "C" PRIMARY KEY, applied_at TEXT COLLATE "C" NOT NULL)'
    refusal = "RAISE EXCEPTION USING ERRCODE = '23000', MESSAGE = 'a table is never emptied'"
    yield from _function("never_emptied", f"{refusal};", "NULL")
    pattern = Database(memory=True)
    migrations.apply(pattern)
    found = pattern.execute(
        "SELECT sql FROM sqlite_master WHERE sql IS NOT NULL AND name NOT LIKE '%sqlite_%' "
        "ORDER BY CASE type WHEN 'table' THEN 1 WHEN 'index' THEN 2 ELSE 3 END, rowid"
    ).fetchall()
    for (sql,) in found:
        yield from converted(sql)
    pattern.close()
    yield f"INSERT INTO history_head VALUES (1, 0, '{FIRST_HASH}')"  # noqa: S608 - own words
    yield "INSERT INTO turns_of_work (one, turn) VALUES (1, 0)"
    yield f"INSERT INTO copies VALUES (1, '{token_hex(8)}', 0, '')"  # noqa: S608 - own words


class Migrating:
    """The database for a migration, which runs SQLite's statements."""

    def __init__(self, connection: Bounded) -> None:
        self._connection = connection

    def execute(self, sql: str) -> None:
        """Run one statement in PostgreSQL's form."""
        for each in converted(sql):
            self._connection.execute(each)


def bring_up_to_date(connection: Bounded) -> None:
    """Make the tables, or bring an older version's up to date; replicas may do it at the same time.

    One transaction under an advisory lock: another process waits, and finds everything done. If
    somebody reads a table for long, the wait is short, so that the working process is not held up.
    Processes of an older version find another format in the row that they lock, and write nothing
    more.

    Raises:
        StoreError: A newer version of the bot has written it.
    """
    every = known()
    if every.keys() == applied(connection):
        return
    with connection.within(600.0), connection.transaction():
        connection.execute(f"SET LOCAL statement_timeout = '{MIGRATION_TIMEOUT}'")
        connection.execute("SET LOCAL lock_timeout = 0")
        connection.execute("SELECT pg_advisory_xact_lock($1)", [LOCK])
        connection.execute(f"SET LOCAL lock_timeout = '{LOCK_TIMEOUT}'")
        done = applied(connection)
        refuse_newer(done)
        connection.execute(_FUNCTIONS)  # those of this version, whichever made the tables
        if _KEEPS_TURNS in done:  # otherwise this and a writer could wait for each other
            connection.execute("SELECT turn FROM turns_of_work FOR UPDATE")
        if not done:
            _refuse_a_second_one(connection)
            made = [*baseline()]
            _refuse_what_is_not_ours(connection, made)
            for each in made:
                connection.execute(each)
        migrating: Any = Migrating(connection)
        for name, migrate in every.items():
            if name in done:
                continue
            if done:
                migrate(migrating)
            now = str(datetime.now(UTC))
            connection.execute("INSERT INTO migrations VALUES ($1, $2)", [name, now])
        connection.execute("UPDATE turns_of_work SET format = $1", [format_of_tables()])


def _refuse_a_second_one(connection: Bounded) -> None:
    """Refuse to make tables beside those of another schema: the work lock is for a whole database.

    Raises:
        StoreError: There are some.
    """
    found = connection.execute(
        "SELECT nspname, current_schema() FROM pg_class JOIN pg_namespace ON pg_namespace.oid = relnamespace "
        "WHERE relname = 'turns_of_work' AND relkind = 'r'"
    ).fetchone()
    if found:
        msg = (
            f"DATABASE_URL: this database has a bot's tables in the schema {found[0]}, and this role would make others in "
            f"{found[1]}. Set its search_path to {found[0]}, or name a database of its own."
        )
        raise StoreError(msg)


def _refuse_what_is_not_ours(connection: Bounded, made: list[str]) -> None:
    """Refuse to make tables if another program has one of the same name.

    Raises:
        StoreError: It has.
    """
    tables = [table[1] for each in made if (table := _TABLE.search(each))]
    found = connection.execute(
        "SELECT relname FROM pg_class WHERE relnamespace = to_regnamespace(current_schema()) AND relname = ANY($1)",
        [tables],
    ).fetchone()
    if found:
        msg = f"DATABASE_URL: this database has another program's table {found[0]}: name a database of the bot's own."
        raise StoreError(msg)


def applied(connection: Bounded) -> set[str]:
    """Return the names of the migrations that the database has; empty if it has no tables yet."""
    (there,) = connection.execute("SELECT to_regclass('turns_of_work') IS NOT NULL").fetchone() or (
        0,
    )
    if not there:
        return set()
    return {name for (name,) in connection.execute("SELECT name FROM migrations")}
