"""The commands on a PostgreSQL server's database: what is about a file reads a copy, or says in a sentence what to do instead."""

from typing import Any, cast

import psycopg
import pytest
from click.testing import CliRunner

from bot.audit.verify import verify_database
from bot.cli import main
from bot.cli.checks import here
from bot.cli.sandbox import POLICY
from bot.domain.history import Entry, What
from bot.fence import Fence
from bot.policy.file import read_policy
from bot.settings import Settings
from bot.store.engine import without_password
from bot.store.postgres.promises import PostgresServer, asked
from bot.store.postgres.work_lock import PostgresLock
from bot.store.store import Store
from bot.workflow.start import record_policy
from tests.postgres import at, fresh_database, name_of, needs_postgres, said, without_tables
from tests.store.test_schema import NOW

pytestmark = needs_postgres


@pytest.fixture
def address():
    url = fresh_database()
    store = Store.open(url)
    with store.transaction():
        store.record(Entry(what=What.REFUSED, who="U1"), NOW)
    store.close()
    return url


def run(address, *words):
    result = CliRunner().invoke(main, [*words], env={"DATABASE_URL": address, "AUDIT_KEY": ""})
    assert result.exception is None or isinstance(result.exception, SystemExit), result.exception
    return result


def test_a_backup_is_a_whole_file(address, tmp_path):
    result = run(address, "backup", str(tmp_path / "copy.db"))

    assert result.exit_code == 0, result.output
    assert verify_database(tmp_path / "copy.db", key="").entries == 1
    assert [each.name for each in tmp_path.iterdir()] == ["copy.db"]


def test_a_history_is_checked_on_the_server(address):
    result = run(address, "verify")

    assert result.exit_code == 0, result.output
    assert f"{without_password(address)}: whole. 1 rows" in result.output


def test_a_history_that_somebody_changed_on_the_server_is_found(address):
    said(
        "ALTER TABLE history DISABLE TRIGGER USER; UPDATE history SET who = 'U2'; ALTER TABLE history ENABLE TRIGGER USER",
        name_of(address),
    )

    assert run(address, "verify").exit_code != 0


def test_a_rule_that_somebody_switched_off_on_the_server_is_found(address):
    said("ALTER TABLE history DISABLE TRIGGER history_is_never_changed", name_of(address))

    result = run(address, "verify")

    assert result.exit_code != 0
    assert "history_is_never_changed" in result.output


def test_a_month_is_exported(address, tmp_path):
    result = run(address, "export", "--month", "2026-11", "--out", str(tmp_path / "month.csv"))

    assert result.exit_code == 0, result.output
    assert (tmp_path / "month.csv").exists()


@pytest.mark.parametrize(
    ("words", "instead"),
    [
        (["restore", "FILE"], "billing-bot copy sqlite:///"),
        (["archive", "other.db", "--before", "2026-01-01"], "file can be archived"),
    ],
)
def test_what_only_a_file_takes_says_what_to_do_instead(address, tmp_path, words, instead):
    run(address, "backup", str(tmp_path / "copy.db"))

    result = run(
        address, *(str(tmp_path / "copy.db") if word == "FILE" else word for word in words)
    )

    assert result.exit_code != 0
    assert instead in result.output


def settings_of(url):
    return cast("Any", Settings).model_construct(database_url=url)


def noticed(url):
    return [*here.database(settings_of(url)), *here.room(settings_of(url))]


def test_check_says_what_the_server_does_not_promise(address):
    found = noticed(address)

    words = " ".join(each.found for each in found)
    assert "PostgreSQL" in words
    assert "of this version" in words
    assert "waits for no standby" in words
    assert "fsync is off" in words  # of the server for tests


def test_check_names_who_keeps_the_bot_from_writing(address):
    with psycopg.connect(address, application_name="psql") as console:
        console.execute("SELECT turn FROM turns_of_work FOR UPDATE")
        pid = console.info.backend_pid
        held = " ".join(each.found for each in noticed(address))
    free = " ".join(each.found for each in noticed(address))

    assert f"psql (pid {pid}, role " in held
    assert "nothing is recorded until its transaction ends" in held
    assert "nothing is recorded" not in free


def test_check_names_a_rule_that_is_gone(address):
    said("DROP TRIGGER approvals_are_never_deleted ON approvals", name_of(address))

    assert any("approvals_are_never_deleted" in each.found for each in noticed(address))
    (logged,) = here.rules(settings_of(address))
    assert "approvals_are_never_deleted" in logged.found


def test_check_says_that_processes_on_the_database_go_by_another_policy(address, tmp_path):
    here_it_is, there = tmp_path / "policy.toml", tmp_path / "other.toml"
    here_it_is.write_text(POLICY)
    there.write_text(POLICY.replace("S0FINANCE", "S0OTHERS"))
    policy = read_policy(here_it_is)
    store, lock = Store.open(address), PostgresLock(address, Fence())
    with store.transaction():
        record_policy(store, read_policy(there), NOW)
    store.close()
    nobody_works = list(here.same_policy(settings_of(address), policy))
    assert lock.take()
    try:
        (found,) = here.same_policy(settings_of(address), policy)
    finally:
        lock.release()

    assert nobody_works == []
    assert found.about == "POLICY_FILE"
    assert "read last" in found.found


def test_check_says_of_an_empty_database_that_it_is_begun(address):
    assert any("begun at the first start" in each.found for each in noticed(without_tables()))


NOWHERE = "the server has no such database: create it"


@pytest.mark.parametrize(
    "words",
    [
        ["verify"],
        ["backup", "b.db"],
        ["export", "--month", "2026-11", "--out", "x.csv"],
        ["copy", "sqlite:///here.db", "postgresql:///nowhere"],
    ],
    ids=lambda words: words[0],
)
def test_every_command_says_why_a_server_lets_nobody_in(words, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Store.open("here.db").close()
    nowhere = at("nowhere")

    result = run(nowhere, *(word.replace("postgresql:///nowhere", nowhere) for word in words))

    assert result.exit_code != 0
    assert NOWHERE in result.output.splitlines()[-1]
    assert "broken off" not in result.output
    assert "still works" not in result.output


def test_of_a_database_in_which_nothing_was_begun_it_is_said(tmp_path):
    result = run(without_tables(), "backup", str(tmp_path / "copy.db"))

    assert result.exit_code != 0
    assert "start the bot on it first" in result.output


def test_check_says_that_a_server_cannot_be_asked():
    assert any("cannot be asked" in each.found for each in noticed(at("nowhere")))


def test_a_server_that_promises_all_is_not_warned_of():
    whole = PostgresServer(
        "18.4", 180_004, 1, "on", "on", "ANY 1 (*)", "on", "UTF8", is_made=True, pending=0
    )
    weak = whole._replace(
        number=130_000, fsync="off", full_page_writes="off", synchronous="", encoding="SQL_ASCII"
    )

    assert whole.weak == []
    assert len(weak.weak) == 5
    ((found, _),) = whole._replace(commit="remote_write").weak
    assert "waits for no standby's disk" in found


def test_the_bots_sessions_wait_for_the_disk_whatever_the_server_takes_for_good_enough(address):
    for of_server, of_bot in (("off", "on"), ("local", "on"), ("remote_write", "remote_write")):
        said(f"ALTER DATABASE {name_of(address)} SET synchronous_commit = {of_server}", "postgres")

        assert asked(address).commit == of_bot
