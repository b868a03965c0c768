"""Posting and canceling a bill run: Zuora keeps no key for either, so both are settled in the same way."""

from typing import Any, NamedTuple

import pytest

from tests.stage import ALICE, BOB, CARLA

RUN = "BR-00000002"


class Put(NamedTuple):
    """A PUT about a bill run: its operation, the end of its path, and what it sends."""

    operation: str
    verb: str
    body: dict[str, Any]

    @property
    def path(self):
        return f"/v1/bill-runs/*/{self.verb}"


@pytest.fixture(
    params=[
        Put("cancel_bill_run", "cancel", {"cancelOnce": True}),
        Put("post_bill_run", "post", {}),
    ],
    ids=lambda put: put.verb,
)
def put(request):
    return request.param


@pytest.fixture
def run(stage):
    """A completed bill run with two drafts."""
    return stage.zuora.world.add_bill_run(
        RUN,
        name="December",
        status="Completed",
        invoices=[("A00000001", "USD", "100.00"), ("A00000003", "EUR", "80.00")],
    )


async def approved(stage, put):
    ts = await stage.ask_step(put.operation, RUN)
    await stage.press(BOB, ts)
    return ts


@pytest.mark.parametrize("typed", ["  ", "nonsense", "INV00000001"])
async def test_what_is_no_bill_run_is_said_at_its_field(stage, run, put, typed):
    submitted = await stage.fill_step(put.operation, RUN, bill_run=typed, reason=" ")

    assert "BR-00000001" in submitted.errors["bill_run"]
    assert "reason" in submitted.errors


async def test_an_unknown_run_is_said_at_its_field(stage, run, put):
    submitted = await stage.fill_step(put.operation, RUN, bill_run="BR-00000099")

    assert submitted.errors == {"bill_run": "Zuora knows no bill run, invoice or memo BR-00000099."}


async def test_a_run_that_was_deleted_meanwhile_ends_it(stage, run, put):
    ts = await approved(stage, put)
    await stage.until_card(ts, "Running in Zuora")
    stage.zuora.world.remove_bill_run(run)

    await stage.pass_time(seconds=10)

    await stage.until_card(ts, "Failed")
    assert "no longer knows BR-00000002" in stage.thread(ts)[-1]


async def test_what_reading_cannot_prove_a_person_records(stage, run, put):
    stage.zuora.faults.add(put.path, kind="drop")
    ts = await approved(stage, put)
    await stage.until_card(ts, "OUTCOME UNKNOWN")
    for _ in range(14):
        await stage.pass_time(minutes=10)
    await stage.until_thread(ts, "A person has to look there")

    await stage.record(CARLA, ts, "record_not_sent")

    await stage.until_card(ts, "Failed")
    assert len(stage.puts(put.verb)) == 1


@pytest.mark.parametrize("status", [500, 502])
async def test_a_server_error_is_no_proof_and_is_not_repeated(stage, run, put, status):
    stage.zuora.faults.add(put.path, kind="status", status=status)
    ts = await approved(stage, put)

    await stage.until_card(ts, "OUTCOME UNKNOWN")
    await stage.pass_time(minutes=5)

    assert len(stage.puts(put.verb)) == 1


@pytest.mark.parametrize(
    ("fault", "wait"),
    [({"kind": "too_many", "retry_after": 120}, 121), ({"kind": "conflict"}, 60)],
)
async def test_what_zuora_did_not_take_is_sent_again_later_without_a_key(
    stage, run, put, fault, wait
):
    stage.zuora.faults.add(put.path, **fault)
    ts = await approved(stage, put)
    await stage.until_thread(ts, "Zuora is busy")
    assert len(stage.puts(put.verb)) == 1

    await stage.pass_time(seconds=wait)

    await stage.until_card(ts, "Running in Zuora")
    assert [each.body for each in stage.puts(put.verb)] == [put.body] * 2
    assert all("idempotency-key" not in each.headers for each in stage.puts(put.verb))


REFUSED = {
    "cancel_bill_run": [
        ("Paused", "resume it in Zuora first"),
        ("Processing", "cannot be canceled; wait"),
        ("Error", "nothing to cancel"),
        ("PostInProgress", "it is being posted"),
        ("Posted", "its documents are posted"),
        ("CancelInProgress", "being canceled already"),
        ("Canceled", "canceled already"),
        ("RemoveInProgress", "being deleted"),
        ("Melted", "does not know that state"),
    ],
    "post_bill_run": [
        ("Pending", "it has not run yet"),
        ("Paused", "on hold"),
        ("Processing", "still working on it"),
        ("Error", "it failed"),
        ("PostInProgress", "it is being posted already"),
        ("Posted", "it was posted already"),
        ("CancelInProgress", "it is being canceled"),
        ("Canceled", "it was canceled"),
        ("RemoveInProgress", "it is being deleted"),
        ("Melted", "does not know that state"),
    ],
}


async def test_a_run_in_another_state_is_refused_with_the_reason(stage, run, put):
    for status, words in REFUSED[put.operation]:
        run.status = status

        submitted = await stage.fill_step(put.operation, RUN)

        refusal = submitted.errors["bill_run"]
        assert f"{RUN} is {status}: " in refusal
        assert words in refusal
        assert put.operation == "cancel_bill_run" or "Only a Completed bill run" in refusal
        await stage.slack.close(ALICE)
