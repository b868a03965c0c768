"""Clicks, redeliveries, expiry, restarts, clocks and faults in every order; what must hold, holds.

`RELIABILITY_EXAMPLES` is how many lives of a bot are played (default 6) and `RELIABILITY_STEPS` how
long each is (default 25); they are the same each time. `RELIABILITY_SEARCH=1` plays others each time
and shortens what fails. A long search, of about half an hour:
`RELIABILITY_SEARCH=1 RELIABILITY_EXAMPLES=500 RELIABILITY_STEPS=60 pytest tests/reliability/test_state_machine.py`
"""

import asyncio
import os
import tempfile
from datetime import timedelta
from pathlib import Path

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from bot.cards.buttons import RECORD_NOT_SENT, RECORD_SENT
from bot.domain.request import FINAL
from tests.reliability.truths import check_everything, numbers, pass_time, rest
from tests.stage import ALICE, BOB, CARLA, CHANNEL, EMAILS, MARA, Stage

EXAMPLES = int(os.environ.get("RELIABILITY_EXAMPLES", "6"))
STEPS = int(os.environ.get("RELIABILITY_STEPS", "25"))
SEARCH = os.environ.get("RELIABILITY_SEARCH") == "1"
POLICY = """
requesters = ["S0BILLING", "U0BOB"]
approvers = ["S0CONTROLLERS", "U0ALICE"]
viewers = ["S0FINANCE"]

[[rule]]
operations = ["email_bill_run"]
documents_above = 3
approvers = ["U0ALICE", "U0BOB", "U0CARLA"]
approvals = 2
expires_after = "12h"
remind_after = ["2h", "6h"]
"""
SMALL, LARGE = ("BR-00000001", "BR-00000002", "BR-00000003"), ("BR-00000004", "BR-00000005")
PEOPLE = st.sampled_from([ALICE, BOB, CARLA, MARA])
BUTTONS = st.sampled_from(["approve", "approve", "approve", "reject", "withdraw"])
ZUORA_FAULTS = st.sampled_from(
    [
        {"path": EMAILS, "kind": "too_many", "retry_after": 30},
        {"path": EMAILS, "kind": "conflict"},
        {"path": EMAILS, "kind": "status", "status": 503},
        {"path": EMAILS, "kind": "status", "status": 500},
        {"path": EMAILS, "kind": "lose_answer"},
        {"path": EMAILS, "kind": "drop"},
        {"path": EMAILS, "kind": "http200_failure", "category": 30},
        {"path": EMAILS, "kind": "unauthorized"},
        {"path": "*", "kind": "status", "status": 503},
        {"path": "*", "kind": "too_many", "retry_after": 5},
        {"path": "/object-query/*", "kind": "drop"},
    ]
)
SLACK_FAULTS = st.sampled_from(
    [
        ("chat.postMessage", "lose_answer", {}),
        ("chat.postMessage", "drop", {}),
        ("chat.postMessage", "ratelimited", {"retry_after": 20}),
        ("chat.postMessage", "status", {"code": 503}),
        ("chat.update", "lose_answer", {}),
        ("chat.update", "ratelimited", {"retry_after": 20}),
        ("chat.postEphemeral", "drop", {}),
        ("conversations.history", "status", {"code": 500}),
        ("conversations.replies", "error", {"error": "internal_error"}),
        ("usergroups.users.list", "status", {"code": 500}),
        ("users.info", "drop", {}),
        ("views.open", "drop", {}),
    ]
)
WHICH = st.integers(0, 100)


class Life(RuleBasedStateMachine):
    """The life of a bot on one file: real sockets to a local Slack and a local Zuora, its own clock."""

    def __init__(self) -> None:
        super().__init__()
        self.loop = asyncio.new_event_loop()
        self.folder = tempfile.TemporaryDirectory(prefix="billing-bot-")
        self.stage: Stage | None = None
        self.clicks = []  # every payload that was delivered, to be delivered again

    def play(self, work):
        """Have something done, and wait until the bot is at rest and everything is true."""

        async def played():
            result = await self.stage.done_as_time_passes(work, step=2, seconds=30)
            await rest(self.stage, push=2, seconds=30)
            return result

        return self.loop.run_until_complete(played())

    @initialize()
    def begin(self):
        async def opened():
            self.stage = Stage(Path(self.folder.name), "web")
            self.stage.policy = POLICY
            self.stage.slack.ack_seconds = 0.5
            await self.stage.open()
            for run in SMALL:
                self.stage.zuora.world.add_bill_run(run, invoices=[("A00000001", "USD", "10.00")])
            for run in LARGE:
                lines = [("A00000001", "USD", "10.00")] * 2 + [("A00000002", "EUR", "5.00")] * 3
                self.stage.zuora.world.add_bill_run(run, invoices=lines)
            await self.stage.start()

        self.loop.run_until_complete(opened())
        self.play(self._ask(ALICE, LARGE[0]))
        self.play(self._ask(BOB, SMALL[0]))

    # what people do

    async def _ask(self, person, run, **values):
        slack = self.stage.slack
        ack = await slack.slash(person, CHANNEL, f"/billemail {run}")
        if ack.ok and slack.view(person) is not None:
            await slack.submit(person, {"reason": "Month end", **values})
            self._keep()
            while slack.view(person) is not None and not slack.faults.down:
                await slack.close(person)

    def _keep(self):
        slack = self.stage.slack
        if slack.last_payload is not None:
            self.clicks.append((slack.last_payload, slack.last_kind))

    def _number(self, which):
        return which % len(numbers(self.stage)) + 1

    def _card(self, number):
        """The `ts` of a card; a click names its request by value, so any will do."""
        return self.stage.request(number).card_ts or "1.000001"

    async def _press(self, person, number, button, reason=""):
        slack = self.stage.slack
        await slack.click(
            person, CHANNEL, self._card(number), button, value=str(number), force=True
        )
        self._keep()
        view = slack.view(person)
        if view is None:
            return
        if "reason" in str(view.get("blocks")):
            await slack.submit(person, {"reason": reason} if reason else {})
            self._keep()
        while slack.view(person) is not None and not slack.faults.down:
            await slack.close(person)

    @rule(person=PEOPLE, run=st.sampled_from(SMALL + LARGE), resend=st.booleans())
    def ask(self, person, run, resend):
        self.play(self._ask(person, run, **({"resend": ["yes"]} if resend else {})))

    @precondition(lambda self: self.stage and len(numbers(self.stage)))
    @rule(person=PEOPLE, which=WHICH, button=BUTTONS)
    def press(self, person, which, button):
        self.play(self._press(person, self._number(which), button, "as seen"))

    @precondition(lambda self: self.stage and len(numbers(self.stage)))
    @rule(which=WHICH, button=st.sampled_from([RECORD_SENT, RECORD_NOT_SENT]), person=PEOPLE)
    def record(self, which, button, person):
        self.play(self._press(person, self._number(which), button, "as seen"))

    @precondition(lambda self: self.stage and len(numbers(self.stage)))
    @rule(which=WHICH, people=st.lists(PEOPLE, min_size=2, max_size=5))
    def press_at_once(self, which, people):
        number = self._number(which)

        async def all_of_them():
            await asyncio.gather(
                *(
                    self.stage.slack.click(
                        person, CHANNEL, self._card(number), "approve",
                        value=str(number), force=True,
                    )
                    for person in people
                )
            )  # fmt: skip

        self.play(all_of_them())

    @precondition(lambda self: self.clicks)
    @rule(which=WHICH, times=st.integers(1, 3))
    def deliver_again(self, which, times):
        payload, kind = self.clicks[which % len(self.clicks)]

        async def again():
            slack = self.stage.slack
            await asyncio.gather(*(slack.deliver(payload, kind) for _ in range(times)))

        self.play(again())

    # what time and machines do

    @rule(minutes=st.sampled_from([0.05, 1, 10, 130, 400, 800, 1500]))
    def time_goes_on(self, minutes):
        self.play(pass_time(self.stage, step=max(60.0, minutes * 20), minutes=minutes))

    @rule(minutes=st.sampled_from([1, 30, 300]))
    def the_clock_is_set_back(self, minutes):
        self.stage.clock._now -= timedelta(minutes=minutes)
        self.play(asyncio.sleep(0))

    @precondition(lambda self: self.stage and not self.stage.slack.faults.down)
    @rule()
    def restart(self):
        async def restarted():
            self.stage.slack.faults.clear()  # a bot that Slack does not answer does not start
            await self.stage.restart()

        self.play(restarted())

    @rule(fault=ZUORA_FAULTS, times=st.integers(1, 3), after=st.integers(0, 2))
    def zuora_fails(self, fault, times, after):
        self.stage.zuora.faults.add(**fault, times=times, after=after)

    @rule(fault=SLACK_FAULTS, times=st.integers(1, 3), after=st.integers(0, 2))
    def slack_fails(self, fault, times, after):
        method, kind, details = fault
        self.stage.slack.faults.add(method, kind, times=times, after=after, **details)

    @rule(slack=st.booleans(), zuora=st.booleans())
    def somebody_is_away(self, slack, zuora):
        self.stage.slack.faults.down = slack
        self.stage.zuora.faults.down = zuora

    @rule(which=WHICH)
    def an_amount_changes_in_zuora(self, which):
        documents = list(self.stage.zuora.world.invoices.values())
        documents[which % len(documents)].amount += 1

    # what must hold

    @invariant()
    def everything_is_true(self):
        if self.stage is not None:
            check_everything(self.stage)

    def teardown(self):
        try:
            if self.stage is not None and self.stage.bot is not None:
                self.loop.run_until_complete(self._in_the_end())
        finally:
            if self.stage is not None:
                self.loop.run_until_complete(self.stage.close())
            self.loop.run_until_complete(self.loop.shutdown_asyncgens())
            self.loop.close()
            self.folder.cleanup()

    async def _in_the_end(self):
        """All is well again: nothing stays on its way, everything is told, each card is right."""
        stage = self.stage
        stage.slack.faults.clear()
        stage.zuora.faults.clear()
        await pass_time(stage, step=1800, hours=16)
        await pass_time(stage, step=3600, hours=48)
        check_everything(stage)
        assert stage.store.outbox.open() == []
        for number in numbers(stage):
            request = stage.request(number)
            assert request.state in FINAL or request.state == "unknown", request


Life.TestCase.settings = settings(
    max_examples=EXAMPLES,
    stateful_step_count=STEPS,
    deadline=None,
    derandomize=not SEARCH,
    database=None,
    suppress_health_check=list(HealthCheck),
    phases=[Phase.generate, *([Phase.shrink] if SEARCH else [])],
    print_blob=False,
)


class TestLife(Life.TestCase):
    """Run by pytest."""


@pytest.fixture(autouse=True)
def _briefly_and_quietly(caplog, monkeypatch):
    """A form that waits for Zuora soon says so; refusals and lost answers are no news here."""
    monkeypatch.setattr("bot.slack.asking.SECONDS_FOR_ZUORA", 0.05)
    caplog.set_level("CRITICAL")
