"""What a server, a database or a role sets: the bot's sessions are as its statements need them, or it does not start."""

import pytest

from bot.domain.history import Entry, What
from bot.store.errors import CouldNotRecordError, StoreError
from bot.store.postgres.connection import connect
from bot.store.postgres.rules import missing
from bot.store.store import Store
from tests.postgres import at, fresh_database, name_of, needs_postgres, said, without_tables
from tests.store.test_schema import NOW

pytestmark = needs_postgres

ODD = {
    "client_encoding": "LATIN1",
    "default_transaction_isolation": "serializable",
    "standard_conforming_strings": "off",
    "statement_timeout": "'5s'",
    "lock_timeout": "'5ms'",
    "idle_session_timeout": "'9s'",
    "idle_in_transaction_session_timeout": "'9ms'",
    "datestyle": "German",
    "timezone": "'Asia/Kolkata'",
    "search_path": "elsewhere, public",
}
"""Each is what some companies set for whole servers."""


def setting(address, name, value):
    said(f"ALTER DATABASE {name_of(address)} SET {name} = {value}")


def test_whatever_is_set_for_a_database_what_was_written_is_read_and_nothing_is_refused():
    address = fresh_database()
    said("CREATE SCHEMA elsewhere", name_of(address))
    for name, value in ODD.items():
        setting(address, name, value)

    store, another = Store.open(address), Store.open(address)
    try:
        for each in (store, another, store):  # serializable, the second would be refused
            with each.transaction():
                each.record(
                    Entry(what=What.REFUSED, who="U1", data={"said": "Größe 日本 😀\0"}), NOW
                )
        assert [each.entry.data for each in store.history.all()] == [
            {"said": "Größe 日本 😀\0"}
        ] * 3
    finally:
        store.close()
        another.close()
    assert missing(address) == []
    with connect(address) as session:
        found = session.execute("SELECT current_setting('idle_session_timeout')").fetchone()
    assert found == ("0",)


def test_a_database_that_refuses_nothing_is_not_worked_on():
    address = fresh_database()
    setting(address, "session_replication_role", "replica")

    with pytest.raises(StoreError, match="so that the database would refuse nothing"):
        Store.open(address)


def test_a_database_that_lacks_letters_is_not_begun():
    name = name_of(without_tables())
    said(f"DROP DATABASE {name}")
    said(f"CREATE DATABASE {name} ENCODING 'LATIN1' LOCALE 'C' TEMPLATE template0")

    with pytest.raises(StoreError, match="its encoding is LATIN1"):
        Store.open(at(name))


def test_without_the_row_that_is_the_write_lock_nothing_is_written():
    address = fresh_database()
    store = Store.open(address)
    try:
        said("DELETE FROM turns_of_work", name_of(address))
        with (
            pytest.raises(CouldNotRecordError, match="INSERT INTO turns_of_work"),
            store.transaction(),
        ):
            pass
    finally:
        store.close()


def test_a_rule_that_asks_for_a_member_finds_it_whatever_else_stands_in_the_text():
    """Of a text with the character 0 anywhere, PostgreSQL itself gives no member."""
    with connect(fresh_database()) as session:
        asked = "SELECT json_extract($1, '$.by'), (SELECT COUNT(*) FROM json_each($2))"
        found = session.execute(
            asked, [r'{"by":"person","said":"a\u0000b"}', r'["a\u0000"]']
        ).fetchone()

    assert found == ("person", 1)


@pytest.mark.parametrize("table", ["requests", "migrations"])
def test_a_database_with_another_programs_tables_is_not_begun(table):
    address = without_tables()
    said(f"CREATE TABLE {table} (id INTEGER)", name_of(address))

    with pytest.raises(StoreError, match=f"another program's table {table}"):
        Store.open(address)


def test_a_role_with_another_schema_makes_no_second_set_of_tables():
    """One lock for two would let the one that works send nothing of what the other one records."""
    address = fresh_database()
    said("CREATE SCHEMA elsewhere", name_of(address))
    setting(address, "search_path", "elsewhere")

    with pytest.raises(StoreError, match="has a bot's tables in the schema public"):
        Store.open(address)
