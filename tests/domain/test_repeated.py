"""When a line that was typed again is the same order."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from bot.domain.policy import Rule
from bot.domain.repeated import SOON, Typed, still_waiting
from bot.domain.request import Request, State

NOW = datetime(2026, 11, 21, 10, 0, tzinfo=UTC)
REQUEST = Request(
    number=17, operation="create_bill_run", subject="Batch1", body='{"a":1}', facts="{}",
    digest="d", tenant="SANDBOX", requester="U0ANN", team="T1", reason="r",
    rule=Rule(approvers=("U0BEN",)), policy_hash="h", form="f", token="k3f9", state=State.WAITING,
    created_at=NOW, expires_at=NOW + timedelta(hours=24), state_at=NOW, wake_at=None, channel="C1",
)  # fmt: skip
ORDER = Typed(
    operation="create_bill_run", body='{"a":1}', requester="U0ANN", tenant="SANDBOX"
)  # fmt: skip


def test_the_same_order_of_a_moment_ago_that_waits_is_found():
    assert still_waiting(ORDER, [REQUEST], NOW + SOON) is REQUEST


@pytest.mark.parametrize(
    "other",
    [
        {"operation": "post_bill_run"}, {"body": '{"a":2}'}, {"requester": "U0BEN"},
        {"tenant": "PRODUCTION"},
    ],
)  # fmt: skip
def test_an_order_that_differs_in_anything_is_another(other):
    assert still_waiting(replace(ORDER, **other), [REQUEST], NOW) is None


@pytest.mark.parametrize("state", [state for state in State if state is not State.WAITING])
def test_what_was_decided_is_no_longer_waiting(state):
    assert still_waiting(ORDER, [replace(REQUEST, state=state)], NOW) is None


def test_after_a_while_it_is_meant_to_be_asked_again():
    later = NOW + SOON + timedelta(seconds=1)

    assert still_waiting(ORDER, [REQUEST], later) is None
