"""A test that hangs ends."""

import asyncio
import signal
import time
from contextlib import suppress

import pytest

from tests.hanging import ended_after


def test_a_test_that_hangs_in_the_loop_fails_and_says_what_it_waits_for():
    async def waits_for_a_message_that_never_comes():
        signal.setitimer(signal.ITIMER_REAL, 0.01)  # not before the loop runs it
        await asyncio.Event().wait()

    said = "waits_for_a_message_that_never_comes"
    with pytest.raises(pytest.fail.Exception, match=said), ended_after(60):
        asyncio.run(waits_for_a_message_that_never_comes())


def sleep_for_ever():
    while True:
        time.sleep(60)


def sleep_on_after_the_first_failure():
    with suppress(pytest.fail.Exception):
        sleep_for_ever()
    sleep_for_ever()


def test_a_test_that_hangs_outside_of_a_loop_fails_where_it_stands():
    with pytest.raises(pytest.fail.Exception, match=r"not ended after 0\.01 s$"), ended_after(0.01):
        sleep_for_ever()


def test_a_failure_that_something_swallows_comes_again(monkeypatch):
    monkeypatch.setattr("tests.hanging.AGAIN", 0.01)
    with pytest.raises(pytest.fail.Exception), ended_after(0.01):
        sleep_on_after_the_first_failure()


def test_one_that_ends_leaves_no_alarm_behind():
    before = signal.getsignal(signal.SIGALRM)
    with ended_after(60):
        pass
    assert signal.getitimer(signal.ITIMER_REAL) == (0.0, 0.0)
    assert signal.getsignal(signal.SIGALRM) is before
