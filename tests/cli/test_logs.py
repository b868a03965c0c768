"""The log cannot be filled: the same trouble is in it only a few times a minute."""

import io
import logging
import sys

import pytest

from bot.cli import logs


@pytest.fixture
def written(monkeypatch):
    """Log as the program does; returns a function that gives what stands there since it was last asked."""
    passed, stream = [600.0], io.StringIO()
    monkeypatch.setattr("bot.cli.logs.time.monotonic", lambda: passed[0])
    monkeypatch.setattr(sys, "stderr", stream)
    root = logging.getLogger()
    before, level = list(root.handlers), root.level
    logs.log_to_stderr()

    def since(seconds=0.0):
        passed[0] += seconds
        lines = stream.getvalue().splitlines()
        stream.truncate(stream.seek(0))
        return lines

    yield since
    root.handlers[:], root.level = before, level


def trouble(number):
    for each in range(number):
        logging.getLogger("bot.somewhere").warning("trouble", extra={"number": each})


def test_the_same_trouble_is_logged_some_times_a_minute_and_the_rest_is_counted(written):
    trouble(1000)
    assert len(written()) == logs.MOST_A_MINUTE

    written(seconds=60)
    trouble(1)

    (line,) = written()
    assert f"left_out={1000 - logs.MOST_A_MINUTE}" in line


def test_another_trouble_and_the_bots_own_work_are_logged_meanwhile(written):
    trouble(1000)
    written()

    logging.getLogger("asyncio").error("another")
    for _ in range(100):
        logging.getLogger("bot").info("work")

    assert len(written()) == 101


def said(user, number):
    for _ in range(number):
        logging.getLogger("bot.slack.app").info("slack_said", extra={"user": user})


def test_what_one_person_does_is_logged_so_often_a_minute_and_others_are_logged_still(written):
    """1,200 clicks."""
    said("U0MARA", 1200)
    said("U0BOB", 1)

    lines = written()
    assert sum("U0MARA" in line for line in lines) == logs.MOST_OF_ONE_A_MINUTE
    assert sum("U0BOB" in line for line in lines) == 1
    written(60)
    said("U0MARA", 1)
    (line,) = written()
    assert f"left_out={1200 - logs.MOST_OF_ONE_A_MINUTE}" in line
