"""SQLite and PostgreSQL hold the same: tables, columns, indexes, triggers, and what every statement gives."""

import re
from concurrent.futures import ThreadPoolExecutor
from contextlib import nullcontext

import psycopg
import pytest
from sqlite_utils import Database

from bot.store import schema
from bot.store.errors import NEWER, CouldNotRecordError
from bot.store.migrations.first import by_sql
from bot.store.postgres.connection import connect
from bot.store.postgres.rules import expected, missing
from bot.store.postgres.schema import applied, bring_up_to_date, converted
from bot.store.schema import known, migrations
from bot.store.store import Store
from tests.postgres import fresh_database, name_of, needs_postgres, said, without_tables

pytestmark = needs_postgres


@pytest.fixture(scope="module")
def address():
    return fresh_database()


@pytest.fixture(scope="module")
def pattern():
    database = Database(memory=True)
    migrations.apply(database)
    yield database
    database.close()


def own_tables(pattern):
    return {name for name in pattern.table_names() if not name.startswith(("_sqlite", "sqlite_"))}


def test_both_have_the_same_tables_and_columns(address, pattern):
    with connect(address) as connection:
        found = connection.execute(
            "SELECT table_name, column_name, data_type, is_nullable, column_default, collation_name "
            "FROM information_schema.columns WHERE table_schema = 'public' AND table_name <> 'migrations'"
        ).fetchall()
    there = {
        (
            table,
            column,
            {"text": "TEXT", "bigint": "INTEGER", "bytea": "BLOB"}[kind],
            nullable == "NO",
            default is None,
        )
        for table, column, kind, nullable, default, _ in found
    }
    here = {
        (table, row[1], row[2], bool(row[3] or row[5]), row[4] is None)
        for table in own_tables(pattern)
        for row in pattern.execute(f"PRAGMA table_info({table})")
    }
    assert there == here
    assert {collation for *_, kind, _, _, collation in found if kind == "text"} == {"C"}


def test_both_have_the_same_keys_and_checks(address, pattern):
    with connect(address) as connection:
        found = connection.execute(
            "SELECT CAST(CAST(conrelid AS regclass) AS TEXT), contype::text, pg_get_constraintdef(oid) FROM pg_constraint "
            "WHERE contype IN ('p', 'u', 'f', 'c') AND conrelid <> to_regclass('migrations')"
        ).fetchall()
    for table in own_tables(pattern):
        (sql,) = pattern.execute("SELECT sql FROM sqlite_master WHERE name = ?", [table]).fetchone()
        kinds = [kind for name, kind, _ in found if name == table]
        assert kinds.count("p") == sql.count("PRIMARY KEY"), table
        assert kinds.count("u") == len(re.findall(r"\bUNIQUE\b", sql)), table
        assert kinds.count("f") == sql.count("REFERENCES"), table
        assert kinds.count("c") == len(re.findall(r"\bCHECK \(", sql)), table


def test_both_have_the_same_indexes(address, pattern):
    with connect(address) as connection:
        there = connection.execute(
            "SELECT CAST(indexname AS TEXT), indexdef LIKE '% WHERE %' FROM pg_indexes WHERE schemaname = 'public' "
            "AND indexname NOT LIKE '%_pkey' AND indexname NOT LIKE '%_key'"
        ).fetchall()
    here = pattern.execute(
        "SELECT name, sql LIKE '%WHERE%' FROM sqlite_master WHERE type = 'index' AND sql IS NOT NULL "
        "AND name NOT LIKE '%sqlite%'"
    ).fetchall()
    assert {(name, bool(partial)) for name, partial in there} == {
        (name, bool(partial)) for name, partial in here
    }


def test_both_have_the_same_triggers(address, pattern):
    here = {name for name in pattern.triggers_dict if not name.startswith("sqlite_")}
    numbering = {
        name for name in expected() if name.endswith(("_number_themselves", "_is_never_emptied"))
    }
    assert set(expected()) - numbering == here
    assert missing(address) == []
    said(
        "ALTER TABLE history DISABLE TRIGGER history_has_no_gap",
        name_of(address),
    )
    assert missing(address) == ["history_has_no_gap"]
    said(
        "ALTER TABLE history ENABLE TRIGGER history_has_no_gap",
        name_of(address),
    )


def test_no_table_is_emptied_past_the_rules_for_its_rows(address, pattern):
    with connect(address) as connection:
        for table in own_tables(pattern):
            with pytest.raises(psycopg.IntegrityError, match="never emptied"):
                connection.execute(f"TRUNCATE {table} CASCADE")


def test_a_later_migration_runs_as_it_stands_on_a_database_that_is_there(monkeypatch):
    url = fresh_database()
    sql = """
CREATE TABLE later (position INTEGER PRIMARY KEY, user TEXT NOT NULL DEFAULT '') STRICT;
ALTER TABLE requests ADD COLUMN later INTEGER NOT NULL DEFAULT 0;
CREATE INDEX requests_later ON requests (later) WHERE later > 0;
DROP TRIGGER history_has_no_gap;
CREATE TRIGGER later_stays BEFORE UPDATE OF position, user ON later
BEGIN SELECT RAISE(ABORT, 'stays'); END;
CREATE TRIGGER later_is_kept BEFORE DELETE ON later BEGIN SELECT RAISE(ABORT, 'kept'); END;
INSERT INTO later (user) VALUES ('U1');
"""
    monkeypatch.setattr(migrations, "_migrations", [*migrations._migrations])
    by_sql("9999_later", sql)
    with connect(url) as connection:
        bring_up_to_date(connection)
        bring_up_to_date(connection)
        assert connection.execute('SELECT position, "user" FROM later').fetchall() == [(1, "U1")]
        with pytest.raises(psycopg.IntegrityError, match="kept"):
            connection.execute("DELETE FROM later")
    assert missing(url) == []


@pytest.mark.parametrize("beside", [False, True])
def test_who_runs_an_older_version_writes_on_only_beside_what_says_so(monkeypatch, beside):
    url = fresh_database()
    older = Store.open(url)
    monkeypatch.setattr(migrations, "_migrations", [*migrations._migrations])
    by_sql("9999_later", "CREATE INDEX a_later_one ON calls (request)")
    monkeypatch.setattr(
        schema, "BESIDE_OLDER", schema.BESIDE_OLDER | ({"9999_later"} if beside else set())
    )

    newer = Store.open(url)

    newer.refusals.touch()
    allowed = nullcontext() if beside else pytest.raises(CouldNotRecordError, match=NEWER)
    with allowed, older.transaction():
        older.refusals.touch()
    assert older.trouble == ("" if beside else NEWER)
    for each in (older, newer):
        each.close()


def test_a_rule_that_cannot_be_read_is_never_left_out():
    with pytest.raises(ValueError, match="no rule for the trigger"):
        [*converted("CREATE TRIGGER odd INSTEAD OF INSERT ON a_view BEGIN SELECT 1; END")]


def test_the_tables_are_made_once_however_many_begin_at_once():
    url = without_tables()
    connections = [connect(url) for _ in range(3)]
    with ThreadPoolExecutor() as pool:
        [*pool.map(bring_up_to_date, connections)]
    with connect(url) as connection:
        assert len(applied(connection)) == len(known())
    for each in connections:
        each.close()


def test_the_history_of_an_older_server_loses_the_index_of_its_hashes():
    with connect(fresh_database()) as connection:
        connection.execute("ALTER TABLE history ADD CONSTRAINT history_hash_key UNIQUE (hash)")
        connection.execute("DELETE FROM migrations WHERE name = '0064_no_index_of_hashes'")

        bring_up_to_date(connection)

        left = connection.execute(
            "SELECT indexname FROM pg_indexes WHERE tablename = 'history' AND indexdef LIKE '%(hash)%'"
        ).fetchall()
        assert left == []
        assert len(applied(connection)) == len(known())
