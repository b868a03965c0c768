"""The history has a hash of what is in Slack: each message of a request within the hour after it was sent."""

import json
import sqlite3

import pytest

from bot.domain.history import What
from bot.workflow.heads import bind_shown
from tests.audit.test_evidence import checked, lines, made, packet_of
from tests.audit.test_package import Forger, rebuilt, status
from tests.audit.test_verify import Tampering
from tests.stage import BOB


@pytest.fixture
async def mailed(stage):
    """A run was mailed an hour ago."""
    ts = await stage.ask()
    await stage.press(BOB, ts)
    await stage.until_card(ts, "Accepted by Zuora")
    await stage.quiet()
    await stage.pass_time(minutes=61)
    await stage.until(lambda: of_kind(stage))
    return stage


def of_kind(stage):
    return [each for each in stage.store.history.of(1) if each.entry.what is What.SHOWN]


def sent(stage):
    """What was sent about the request: sequence, kind, text."""
    rows = stage.store._database.execute(
        "SELECT sequence, kind, text FROM outbox WHERE request = 1 AND outcome = 'sent' ORDER BY sequence"
    )
    return list(rows)


async def test_every_message_of_a_request_stands_in_the_history_an_hour_later(mailed):
    listed = [number for row in of_kind(mailed) for number, _ in row.entry.data["messages"]]

    assert listed == [sequence for sequence, _, _ in sent(mailed)]
    assert {"card", "update"} <= {kind for _, kind, _ in sent(mailed)}
    assert mailed.store.outbox.unbound(10) == []


async def test_within_the_hour_nothing_is_written_yet(stage):
    await stage.ask()
    await stage.quiet()
    before = len(stage.store.history.all())

    bind_shown(stage.store, stage.clock)

    assert stage.store.outbox.unbound(10)
    assert len(stage.store.history.all()) == before


async def test_what_was_sent_cannot_be_changed_in_the_database(mailed):
    for change in (
        "UPDATE outbox SET text = 'x' WHERE request = 1",
        "UPDATE outbox SET blocks = '[]' WHERE request = 1",
        "UPDATE outbox SET outcome = 'merged' WHERE request = 1",
    ):
        with pytest.raises(sqlite3.IntegrityError, match="never changed"):
            mailed.store._database.execute(change)


@pytest.mark.parametrize(
    ("how", "words"),
    [
        ("UPDATE outbox SET text = 'Stopped' WHERE sequence = ?", "is not as it was sent"),
        ("UPDATE outbox SET ts = '1764500000.000100' WHERE sequence = ?", "is not as it was sent"),
        ("DELETE FROM outbox WHERE sequence = ?", "is gone"),
    ],
)
async def test_an_edit_that_is_changed_in_the_database_is_found(mailed, how, words):
    edit = next(sequence for sequence, kind, _ in sent(mailed) if kind == "update")
    await mailed.stop()
    path = mailed.settings().database_path
    with Tampering(path) as tampering:
        tampering.execute(how, [edit])
    result = checked(path)

    assert result.exit_code == 19, result.output
    assert f"A message of R-1 {words}" in result.output


async def test_a_message_that_was_kept_from_being_bound_is_found(mailed):
    """Whoever writes the database within the hour could say that it is bound, and change it afterwards."""
    mailed.zuora.world.add_bill_run("BR-00000002", invoices=[("A00000001", "USD", "7.00")])
    await mailed.ask(text="BR-00000002")
    await mailed.quiet()
    await mailed.stop()
    path = mailed.settings().database_path
    with Tampering(path) as tampering:
        tampering.execute("UPDATE outbox SET unbound = 0, text = 'Stopped' WHERE request = 2")

    result = checked(path)

    assert result.exit_code == 19, result.output
    assert "A message of R-2 was sent, and no entry binds it" in result.output


async def test_a_message_that_is_changed_in_a_package_is_found_by_both(mailed, tmp_path):
    _, out = await made(mailed, tmp_path)
    assert status(out, "").exit_code == 0
    assert packet_of(out, 1)["messages"]

    for change in (
        lambda packet: packet["messages"][-1].update(text="Stopped"),
        lambda packet: packet["messages"].pop(),
    ):
        forger = Forger(out, "")
        forger.request(1, change)
        result = status(forger.sealed(), "")
        assert result.exit_code == 19, result.output
        assert "a message is not as it was sent to Slack" in result.output


async def test_a_row_that_names_another_message_is_found_in_a_package_that_is_made_anew(
    mailed, tmp_path
):
    _, out = await made(mailed, tmp_path)

    def change(row):
        data = json.loads(row.data)
        if row.what == What.SHOWN:
            data["messages"][0][1] = "0" * 64
        return row._replace(data=json.dumps(data, sort_keys=True, separators=(",", ":")))

    assert status(rebuilt(out, "", change=change), "").exit_code == 19


async def test_masked_messages_are_not_compared_and_the_rest_holds(mailed, tmp_path):
    _, out = await made(mailed, tmp_path, "--redact")

    assert status(out, "").exit_code == 0
    assert [each["number"] for each in lines(out, "population.jsonl")] == [1]
