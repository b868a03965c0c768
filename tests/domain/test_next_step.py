"""What a request does next: total, and never a second order for a call that may have arrived."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.domain import next_step as steps
from bot.domain.call import Call, Verdict, track_id
from bot.domain.next_step import MOST_REPEATS, PATIENCE, conclusion, next_step, pause, repeat_at
from bot.domain.policy import Rule
from bot.domain.request import FINAL, Request, State

NOW = datetime(2026, 11, 21, 10, 0, tzinfo=UTC)
REQUEST = Request(
    number=1, operation="email_bill_run", subject="BR-1", body="{}", facts="{}", digest="d",
    tenant="t", requester="U1", team="T1", reason="r", rule=Rule(approvers=("U2",)),
    policy_hash="p", form="f", token="k3f9", state=State.WAITING, created_at=NOW,
    expires_at=NOW + timedelta(hours=24), state_at=NOW, wake_at=NOW, channel="C1",
)  # fmt: skip
CALL = Call(request=1, subject="BR-1", key="k", track_id="t")

calls = st.builds(
    lambda tries, verdict: CALL._replace(tries=tries, verdict=verdict if tries else None),
    st.integers(0, 3),
    st.none() | st.sampled_from(Verdict),
)
requests = st.builds(
    lambda state, looks, hours: replace(
        REQUEST, state=state, looks=looks, expires_at=NOW + timedelta(hours=hours)
    ),
    st.sampled_from(State),
    st.integers(0, 100),
    st.integers(-48, 48),
)
STEPS = (
    steps.Expire, steps.Begin, steps.Send, steps.Conclude, steps.Lose, steps.Settle, steps.Rest,
)  # fmt: skip


@settings(max_examples=30)
@given(requests, st.lists(calls, max_size=5))
def test_there_is_always_a_next_step(request, calls):
    step = next_step(request, calls, NOW)

    assert step is not None
    if request.state in (State.WAITING, State.APPROVED):
        assert isinstance(step, STEPS)


@settings(max_examples=30)
@given(requests, st.lists(calls, max_size=5))
def test_a_call_that_may_have_arrived_is_never_sent_again(request, calls):
    step = next_step(request, calls, NOW)

    if isinstance(step, steps.Send):
        assert step.calls
        for call in step.calls:
            assert call.is_open
            assert not call.is_lost
            assert call.tries == 0 or call.verdict is Verdict.BUSY


@settings(max_examples=30)
@given(requests, st.lists(calls, max_size=5))
def test_only_a_running_request_sends(request, calls):
    if request.state is not State.RUNNING:
        assert not isinstance(next_step(request, calls, NOW), steps.Send)


@settings(max_examples=30)
@given(requests, st.lists(calls, max_size=5))
def test_nothing_is_sent_while_a_call_has_no_answer(request, calls):
    if any(call.tries and call.verdict is None for call in calls):
        assert not isinstance(next_step(request, calls, NOW), steps.Send)


@pytest.mark.parametrize("state", sorted(FINAL))
def test_what_is_at_its_end_rests_for_good(state):
    assert next_step(replace(REQUEST, state=state), (), NOW) == steps.Rest(None)


@pytest.mark.parametrize(
    ("hours", "step"),
    [(0, steps.Expire()), (-1, steps.Expire()), (1, steps.Rest(NOW + timedelta(hours=1)))],
)
def test_a_waiting_request_expires_to_the_second(hours, step):
    request = replace(REQUEST, expires_at=NOW + timedelta(hours=hours))

    assert next_step(request, (), NOW) == step


@pytest.mark.parametrize(
    ("calls", "step"),
    [
        ((CALL,), steps.Send((CALL,))),
        ((CALL._replace(tries=1),), steps.Lose((CALL._replace(tries=1),))),
        (
            (CALL._replace(tries=1, verdict=Verdict.BUSY),),
            steps.Send((CALL._replace(tries=1, verdict=Verdict.BUSY),)),
        ),
        ((CALL._replace(tries=1, verdict=Verdict.ACCEPTED),), steps.Conclude()),
        ((CALL._replace(tries=1, verdict=Verdict.REFUSED),), steps.Conclude()),
        ((CALL._replace(tries=1, verdict=Verdict.LOST),), steps.Conclude()),
        (
            (CALL, CALL._replace(subject="BR-2", tries=1)),
            steps.Lose((CALL._replace(subject="BR-2", tries=1),)),
        ),
    ],
)
def test_a_running_request_does_what_its_calls_say(calls, step):
    assert next_step(replace(REQUEST, state=State.RUNNING), calls, NOW) == step


def test_a_lost_answer_is_looked_for_a_while_and_then_left_to_a_person():
    lost = CALL._replace(tries=1, verdict=Verdict.LOST)
    unknown = replace(REQUEST, state=State.UNKNOWN)

    assert next_step(unknown, (lost,), NOW) == steps.Settle((lost,))
    late = replace(unknown, looks=steps.SETTLE_LOOKS)
    assert next_step(late, (lost,), NOW) == steps.LeaveToPeople()
    left = replace(unknown, looks=steps.SETTLE_LOOKS + 1)
    assert next_step(left, (lost,), NOW) == steps.Rest(unknown.state_at + timedelta(hours=1))


def test_an_unknown_outcome_is_reminded_of_without_an_end_and_before_it_is_looked_for():
    unknown = replace(REQUEST, state=State.UNKNOWN, looks=0)
    hours = []
    now = unknown.state_at
    for hour in range(24 * 40):
        now = unknown.state_at + timedelta(hours=hour)
        if next_step(unknown, (), now) == steps.Remind():
            hours.append(hour)
            unknown = replace(unknown, reminded=unknown.reminders_due(now))

    assert hours == [1, 5, *range(29, 24 * 40, 24)]
    assert not replace(unknown, state=State.RUNNING).reminders_due(now)


@pytest.mark.parametrize(
    ("verdicts", "state"),
    [
        ([Verdict.ACCEPTED], State.SUCCEEDED),
        ([Verdict.ACCEPTED, Verdict.REFUSED], State.FAILED),
        ([Verdict.REFUSED, Verdict.LOST, Verdict.ACCEPTED], State.UNKNOWN),
    ],
)
def test_the_worst_answer_shows_how_it_ended(verdicts, state):
    calls = [CALL._replace(tries=1, verdict=verdict) for verdict in verdicts]

    assert conclusion(calls) is state


@settings(max_examples=30)
@given(st.integers(0, 10_000), st.integers(1, 3600))
def test_pauses_grow_up_to_ten_minutes(looks, seconds):
    first = timedelta(seconds=seconds)

    assert pause(looks, first) <= pause(looks + 1, first) <= timedelta(minutes=10)
    assert pause(0, first) == min(first, timedelta(minutes=10))


@settings(max_examples=30)
@given(st.integers(1, 10**12), st.text(max_size=200))
def test_a_track_id_is_what_zuora_takes_and_carries_the_number(number, subject):
    made = track_id(number, subject)

    assert made.startswith(f"billing-bot.R-{number}.")
    assert len(made) <= 64
    assert made.isascii()
    assert not set(made) & set(":;\"' ")


AGAIN = timedelta(seconds=30)
LOST = CALL._replace(
    tries=1, verdict=Verdict.LOST, content="c", first_sent_at=NOW, sent_at=NOW, words="it broke"
)


@pytest.mark.parametrize(
    ("change", "seconds"),
    [
        ({}, 30),
        ({"repeats": 1}, 60),
        ({"repeats": 5}, 600),
        ({"retry_at": NOW + timedelta(minutes=5)}, 300),
        ({"repeats": MOST_REPEATS}, None),
        ({"content": ""}, None),  # a PUT, or sent by a version before
        ({"no_more": "Zuora gives it again"}, None),
        ({"first_sent_at": NOW - PATIENCE}, None),
        ({"verdict": Verdict.REFUSED}, None),
        ({"sent_at": NOW + timedelta(seconds=1)}, None),  # the clock was put back
    ],
)
def test_a_lost_call_is_sent_again_in_time_and_not_too_often(change, seconds):
    at = repeat_at(LOST._replace(**change), NOW, AGAIN)

    assert at == (None if seconds is None else NOW + timedelta(seconds=seconds))


def test_what_was_given_up_before_it_went_out_is_not_sent_by_a_later_pass():
    running = replace(REQUEST, state=State.RUNNING)
    given_up = CALL._replace(verdict=Verdict.REFUSED, words="it was mailed meanwhile")
    other = CALL._replace(subject="INV2", key="k2")

    assert next_step(running, [given_up, other], NOW) == steps.Send((other,))
    assert next_step(running, [given_up], NOW) == steps.Conclude()


def test_lost_calls_are_repeated_once_nothing_else_is_open_and_then_concluded():
    running = replace(REQUEST, state=State.RUNNING)
    other = CALL._replace(subject="BR-2", key="k2")
    later = NOW + AGAIN

    assert next_step(running, [LOST, other], later, again=AGAIN) == steps.Send((other,))
    assert next_step(running, [LOST], NOW, again=AGAIN) == steps.Rest(later)
    assert next_step(running, [LOST], later, again=AGAIN) == steps.Repeat((LOST,))
    assert next_step(running, [LOST], later) == steps.Conclude()
    assert next_step(running, [LOST], NOW + PATIENCE, again=AGAIN) == steps.Conclude()


def test_what_may_have_been_done_never_gets_another_key():
    with pytest.raises(ValueError, match="may have been done"):
        LOST.sending(NOW, "").with_new_key("another")


def test_a_repetition_that_did_not_go_out_is_none():
    back = LOST.sending(NOW, "").taken_back()

    assert (back.verdict, back.repeats, back.tries) == (Verdict.LOST, 0, 1)
    assert back.words == "it broke; asked again: it was not sent after all"
    assert back.lost_again("HTTP 502").words == "it broke; asked again: HTTP 502"


@pytest.mark.parametrize(
    ("sent", "waits"),
    [
        (timedelta(minutes=-1), timedelta(minutes=2)),  # before the handover: since it was sent
        (
            timedelta(minutes=1),
            timedelta(minutes=3),
        ),  # by a clock that is ahead: since the handover
        (None, timedelta(minutes=3)),
    ],
)
def test_what_another_process_sent_is_left_until_it_is_surely_over(sent, waits):
    """That process may be frozen or cut off, and its call on its way still."""
    handover = steps.Handover(NOW, timedelta(minutes=3))
    call = CALL._replace(tries=1, sent_at=None if sent is None else NOW + sent)
    running = replace(REQUEST, state=State.RUNNING)

    assert next_step(running, (call,), NOW, handover=handover) == steps.Rest(NOW + waits)
    assert next_step(running, (call,), NOW + waits, handover=handover) == steps.Lose((call,))
    assert next_step(running, (call,), NOW) == steps.Lose((call,))
