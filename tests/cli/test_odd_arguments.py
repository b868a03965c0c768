"""What an operator in a hurry types wrongly: a sentence that says how to write it, the right exit status, and nothing left behind."""

import socket

import pytest
from click.testing import CliRunner

from bot.cli import main

NO_DATABASE = (
    "There is no database billing-bot.db. Run this in the bot's folder, or set DATABASE_URL."
)
WRONG = [
    ("backup copy.db", 3, NO_DATABASE),
    ("verify", 3, NO_DATABASE),
    ("verify .", 3, ". cannot be read: it is a folder."),
    ("verify nowhere.zip", 3, "nowhere.zip cannot be read: there is no such file."),
    ("archive --before 2020-01-01 old.db", 3, NO_DATABASE),
    ("archive --before tomorrow old.db", 2, "'tomorrow' is not a day; write it like 2026-11-30"),
    ("archive --before 2999-01-01 old.db", 2, "the day must be at least 31 days ago"),
    ("export --month 2026-13", 2, "'2026-13' is not a month; write it like 2026-10"),
    ("export --month 2026-10", 3, NO_DATABASE),
    ("copy sqlite:///a.db sqlite:///b.db", 3, "There is no database a.db."),
    ("copy sqlite:///a.db sqlite:///./a.db", 2, "FROM and TO name the same database"),
    ("copy a.db b.db", 2, "write FROM and TO like sqlite:///billing-bot.db"),
    ("evidence --from 30.11.2026 --to 2026-11-30 --out q.zip", 2, "write it like 2026-11-30"),
    ("evidence --from 2026-11-30 --to 2026-11-01 --out q.zip", 2, "--to is before --from."),
    ("policy explain post_bill_run", 2, "The policy policy.toml cannot be used"),
    ("sandbox --port 70000", 2, "70000 is not in the range"),
    ("sandbox --port 0 --keep nowhere/mine", 2, "nowhere/mine cannot be written: No such file"),
]


@pytest.mark.parametrize(("typed", "status", "words"), WRONG, ids=[each[0] for each in WRONG])
def test_what_is_typed_wrongly_is_refused_in_a_sentence(
    tmp_path, monkeypatch, typed, status, words
):
    monkeypatch.chdir(tmp_path)

    done = CliRunner().invoke(main, typed.split())

    assert (done.exit_code, words in done.output) == (status, True), done.output
    assert "Traceback" not in done.output
    assert list(tmp_path.iterdir()) == []


def test_settings_that_are_missing_and_what_to_do_stand_on_lines_of_their_own(
    tmp_path, monkeypatch
):
    monkeypatch.chdir(tmp_path)

    done = CliRunner().invoke(main, ["check"])

    assert done.exit_code == 2
    assert "\n  ZUORA_CLIENT_ID: is missing\n" in done.output
    assert done.output.endswith("\n  -> set them in the environment or in .env\n")


def test_a_server_that_cannot_be_reached_is_named_once_and_in_words(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "billing-bot.db").write_bytes(b"")

    done = CliRunner().invoke(
        main, ["copy", "sqlite:///billing-bot.db", "postgresql://127.0.0.1:1/x"]
    )

    assert done.exit_code == 2
    assert "work_lock" not in done.output
    assert done.output.startswith("DATABASE_URL: the database cannot be opened: ")


def test_a_port_that_is_taken_is_named(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        done = CliRunner().invoke(main, ["sandbox", "--port", str(port), "--keep", "mine.sandbox"])

    assert done.exit_code == 2
    assert f"Port {port} is taken or not allowed. Choose another with --port" in done.output
    assert list(tmp_path.iterdir()) == []
