"""Gives the bot room where it counts real seconds: a test must not take another way because others use its machine.

A form turns into *Reading Zuora* after two real seconds, and a person whom Slack did not name within two is refused. In
production that is right; here both servers work in the bot's own process, which may get a tenth of a core. Whoever tests
such a limit makes it short (`monkeypatch`).
"""

from importlib import import_module

import pytest
from hypothesis import settings

from bot.sandbox.slack.handles import Triggers
from bot.sandbox.slack.server import LocalSlack
from bot.sandbox.zuora import LocalZuora
from bot.slack.answering import Answering
from bot.slack.sender import Sender
from bot.workflow.runner import Runner
from tests.crash.clock import PatientClock

LONG = 20.0
"""Real seconds: fewer than a click may take (`tests.stage.ACK_SECONDS`), so that what hangs is still found."""
LONGEST = 180.0
"""Real seconds in which something must have come that waits for nothing but the machine."""

LIMITS = {
    "bot.slack.asking": ("SECONDS_FOR_ZUORA",),
    "bot.slack.replying": ("SECONDS_FOR_ZUORA",),
    "bot.slack.sent_files": ("SECONDS_FOR_ZUORA",),
    "bot.slack.commands.forms": ("SECONDS_TO_OPEN",),
    "bot.slack.deciding": ("SECONDS_TO_ANSWER",),
    "bot.slack.people": ("SECONDS_TO_ANSWER",),
    "bot.slack.door": ("SECONDS_TO_SPEAK",),
}
"""What counts real seconds while somebody waits for an answer, in the modules that look it up."""


def be_patient() -> None:
    """From now on give each of them long, in this process; those that it starts are as in production."""
    for module, names in LIMITS.items():
        for name in names:
            room = import_module(module)
            assert getattr(room, name) < LONG
            setattr(room, name, LONG)
    settings.register_profile("patient", settings.default, deadline=None)
    settings.load_profile("patient")
    for server in (LocalSlack, LocalZuora):
        setattr(server.until, "__defaults__", (LONGEST,))  # noqa: B010 - mypy takes a method's for read-only


def be_patient_with(slack: LocalSlack) -> None:
    """Let people wait longer in real time than Slack does, for bots that are processes of their own."""
    clock = PatientClock()
    clock.slow = 10.0
    slack.ack_seconds = LONG
    slack._core.triggers = Triggers(clock)


def opens_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let a form open without waiting for a Zuora that does not answer while the clock stands still."""
    monkeypatch.setattr("bot.slack.commands.forms.SECONDS_TO_OPEN", 0.05)


def waits_for_ever(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let an end that waits for something wait without a bound, so that it shows on any machine."""
    for method in (Answering.drain, Runner.stop, Sender.stop):
        assert method.__defaults__ == (8.0,)
        monkeypatch.setattr(method, "__defaults__", (float("inf"),))
