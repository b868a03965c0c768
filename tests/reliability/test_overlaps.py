"""Requests whose documents overlap, in every order: nobody is mailed twice by a card that did not say so.

All operations, a run that posts and mails by itself, lost answers, records by hand, clocks that are put
right in both directions, restored copies and changes of the policy. `RELIABILITY_EXAMPLES` (default 4 here),
`RELIABILITY_STEPS` and `RELIABILITY_SEARCH` are as for `test_state_machine`.
"""

import asyncio
import os
import re
import tempfile
from collections import Counter
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from bot.cards.buttons import RECORD_NOT_SENT, RECORD_SENT
from bot.wiring.restoring import resume_after_restore
from tests.reliability.truths import check_request, pass_time, rest, took_effect
from tests.reliability.truths import numbers as all_numbers
from tests.stage import ALICE, BOB, CARLA, CHANNEL, Stage
from tests.stories.test_clicks import copied

EXAMPLES = int(os.environ.get("RELIABILITY_EXAMPLES", "4"))
STEPS = int(os.environ.get("RELIABILITY_STEPS", "25"))
SEARCH = os.environ.get("RELIABILITY_SEARCH") == "1"
RUN, DRAFTS, BILLED = "BR-00000001", "BR-00000002", "A00000009"
POST, CANCEL = "post_bill_run", "cancel_bill_run"
EMAILS = "/v1/*/*/emails"
ONE = """
requesters = ["S0BILLING", "U0BOB"]
approvers = ["S0CONTROLLERS", "U0ALICE"]
"""
TWO = f"{ONE}\n[[rule]]\napprovals = 2\n"
AGAIN = f"{ONE}\n[[rule]]\nmails_again = true\napprovals = 2\n"
POLICIES = st.sampled_from([ONE, TWO, AGAIN])
PEOPLE = st.sampled_from([ALICE, BOB, CARLA])
WHICH = st.integers(0, 100)
FOLLOWED = (POST, CANCEL, "create_bill_run")
SAYS_SO = re.compile(r"\bagain\b", re.IGNORECASE)


def numbers(stage):
    """Of the requests that there are: after a copy was put back some numbers are gone."""
    return [each for each in all_numbers(stage) if stage.store.requests.get(each) is not None]


class Overlaps(RuleBasedStateMachine):
    """One run of four documents, each of which is asked for alone as well; one whose posting mails.

    Whether a rule is drawn depends on nothing of the bot: real time has a part in that.
    """

    def __init__(self) -> None:
        super().__init__()
        self.loop = asyncio.new_event_loop()
        self.folder = tempfile.TemporaryDirectory(prefix="billing-bot-")
        self.stage: Stage | None = None
        self.shown: dict[int, str] = {}
        self.orders = 0
        self.mails = 0
        self.put_back = None

    def play(self, work):
        """Have something done, wait until the bot rests, and look at what went out meanwhile."""

        async def played():
            result = await self.stage.done_as_time_passes(work, step=2, seconds=30)
            await rest(self.stage, push=2, seconds=30)
            return result

        result = self.loop.run_until_complete(played())
        self._look()
        return result

    @initialize()
    def begin(self):
        async def opened():
            self.stage = Stage(Path(self.folder.name), "web")
            self.stage.policy = ONE
            self.stage.changes = {"repeat_lost": "no"}  # what is lost is a person's at once
            stage, world = self.stage, self.stage.zuora.world
            await stage.open()
            line = ("A00000001", "USD", "10.00")
            world.add_bill_run(RUN, invoices=[line, line], credit_memos=[line, line])
            world.add_bill_run(DRAFTS, status="Completed", invoices=[line], credit_memos=[line])
            stage.zuora.knobs = replace(stage.zuora.knobs, inactive_notifications=frozenset())
            world.add_account(BILLED)
            world.add_subscription(BILLED, "100.00")
            await stage.start()

        self.loop.run_until_complete(opened())
        memos = [text for text in self._documents() if text.startswith("CM")]
        for text in (RUN, memos[0], " ".join(memos[:2])):
            self.play(self._ask(ALICE, text))
        self.play(self._approve_all((BOB,)))  # at once, before Zuora shows a mail

    def _documents(self):
        """The numbers of every document, also of what the bot itself has had made."""
        world = self.stage.zuora.world
        return [each.number for run in world.bill_runs.values() for each in world.documents_of(run)]

    def _texts(self):
        """What can be asked for: every run and every document."""
        return [*self.stage.zuora.world.bill_runs, *self._documents()]

    # what people do

    async def _submit(self, person, values):
        slack = self.stage.slack
        if slack.view(person) is not None:
            await slack.submit(person, values)
        while slack.view(person) is not None:
            await slack.close(person)

    async def _ask(self, person, text, **values):
        ack = await self.stage.slack.slash(person, CHANNEL, f"/billemail {text}")
        if ack.ok:
            await self._submit(person, {"reason": "Month end", **values})

    @rule(person=st.sampled_from([ALICE, BOB]), which=WHICH, resend=st.booleans())
    def ask(self, person, which, resend):
        texts = self._texts()
        text, more = texts[which % len(texts)], {"resend": ["yes"]} if resend else {}
        self.play(self._ask(person, text, **more))

    @rule(first=WHICH, second=WHICH)
    def ask_for_several(self, first, second):
        documents = self._documents()
        wanted = {documents[first % len(documents)], documents[second % len(documents)]}
        self.play(self._ask(ALICE, " ".join(sorted(wanted))))

    @rule(step=st.sampled_from([POST, POST, CANCEL]))
    def post_or_cancel(self, step):
        if self._open(POST) or self._open(CANCEL):
            return

        async def asked():
            stage = self.stage
            shown = await stage.show(DRAFTS)
            button = {"type": "button", "value": DRAFTS}
            await stage.slack.click(
                ALICE, CHANNEL, shown.ts, f"run:{step}", force=True, block=button
            )
            await self._submit(ALICE, {"reason": "Month end"})

        self.play(asked())

    @rule()
    def create_a_run_that_posts_and_mails_by_itself(self):
        if self._open("create_bill_run"):
            return

        async def asked():
            line = f"account={BILLED} target=2026-12-31 autoPost=yes autoEmail=yes"
            ack = await self.stage.slack.slash(ALICE, CHANNEL, f"/billrun {line}")
            if ack.ok:
                await self._submit(ALICE, {"reason": "Month end"})

        self.play(asked())

    async def _press(self, person, number, button, reason=""):
        request = self.stage.request(number)
        if not request.card_ts:
            return
        if request.state == "waiting":
            self.shown[number] = self.stage.card(request.card_ts)
        await self.stage.slack.click(
            person, CHANNEL, request.card_ts, button, value=request.reference, force=True
        )
        await self._submit(person, {"reason": reason})

    @rule(person=PEOPLE, which=WHICH)
    def approve(self, person, which):
        found = self._open() or numbers(self.stage)
        self.play(self._press(person, found[which % len(found)], "approve"))

    @rule(people=st.sampled_from([(BOB,), (CARLA,), (BOB, CARLA)]))
    def approve_all_that_wait(self, people):
        self.play(self._approve_all(people))

    async def _approve_all(self, people):
        waiting = self._open()
        for person in people:
            for number in waiting:
                await self._press(person, number, "approve")

    @rule(which=WHICH, person=st.sampled_from([BOB, CARLA]))
    def ask_and_approve(self, which, person):
        texts = self._texts()
        self.play(self._ask(ALICE, texts[which % len(texts)]))
        for number in self._open()[-1:]:
            self.play(self._press(person, number, "approve"))

    def _open(self, operation=""):
        """The numbers of those that wait, of one operation or of all."""
        requests = [self.stage.request(number) for number in numbers(self.stage)]
        return [
            each.number
            for each in requests
            if each.state == "waiting" and operation in ("", each.operation)
        ]

    @rule(person=PEOPLE, which=WHICH, button=st.sampled_from([RECORD_SENT, RECORD_NOT_SENT]))
    def record(self, person, which, button):
        unknown = [n for n in numbers(self.stage) if self.stage.request(n).state == "unknown"]
        if unknown:
            self.play(self._press(person, unknown[which % len(unknown)], button, "Seen at noon"))

    # what time, machines and whoever keeps the policy do

    @rule(kind=st.sampled_from(["lose_answer", "drop", "status"]), times=st.integers(1, 8))
    def answers_are_lost(self, kind, times):
        more = {"status": 500} if kind == "status" else {}
        self.stage.zuora.faults.add(EMAILS, kind=kind, times=times, **more)

    @rule(minutes=st.sampled_from([1, 10, 61, 800]))
    def time_goes_on(self, minutes):
        self.play(pass_time(self.stage, step=max(60.0, minutes * 20), minutes=minutes))

    @rule(minutes=st.sampled_from([-300, -60, -2, 2, 60, 300]))
    def the_clock_is_put_right(self, minutes):
        self.stage.clock.step(minutes=minutes)
        self.play(asyncio.sleep(0))

    @rule(policy=POLICIES)
    def the_policy_changes(self, policy):
        self.stage.policy = policy
        self.stage.zuora.faults.clear()
        self.play(self.stage.restart())

    @precondition(lambda self: self.put_back is None)
    @rule()
    def a_copy_is_made(self):
        self.put_back = self.play(copied(self.stage))

    @precondition(lambda self: self.put_back is not None)
    @rule()
    def the_copy_is_put_back(self):
        async def resumed():
            stage = self.stage
            await self.put_back()
            held = stage.store.copies.held
            await stage.stop()
            if held:
                await resume_after_restore(stage.settings(), stage.clock)
            await stage.start()

        self.stage.zuora.faults.clear()
        self.play(resumed())
        self.put_back = None

    # what must hold

    def _look(self):
        """Each order has the approvals of both rules, and each mail that is not the first said so."""
        stage = self.stage
        for call in stage.zuora.calls[self.orders :]:
            number = _request_of(call.headers.get("zuora-track-id", ""))
            if call.method in ("POST", "PUT") and number and took_effect(call):
                request = stage.request(number)
                people = {each.person for each in request.approvals} - {request.requester}
                needed = max(request.rule.approvals, stage.bot.parts.rules.today(request).approvals)
                assert len(people) >= needed, (number, people, needed)
        self.orders = len(stage.zuora.calls)
        mails = stage.zuora.world.mails
        earlier = Counter(mail.document for mail in mails[: self.mails])
        for mail in mails[self.mails :]:
            number = _request_of(mail.track_id or "")
            if earlier[mail.document]:
                assert SAYS_SO.search(self.shown.get(number, "")), (mail, self.shown.get(number))
            earlier[mail.document] += 1
        self.mails = len(mails)

    @invariant()
    def each_request_is_as_its_history_says(self):
        if self.stage is not None:
            for number in numbers(self.stage):
                if self.stage.request(number).operation not in FOLLOWED:
                    check_request(self.stage, number)

    def teardown(self):
        try:
            if self.stage is not None and self.stage.bot is not None:
                self.stage.zuora.faults.clear()
                self.play(pass_time(self.stage, step=1800, hours=26))
        finally:
            if self.stage is not None:
                self.loop.run_until_complete(self.stage.close())
            self.loop.run_until_complete(self.loop.shutdown_asyncgens())
            self.loop.close()
            self.folder.cleanup()


def _request_of(track_id):
    """The number of the request that a call was made for; 0 for none."""
    found = re.match(r"billing-bot\.R-(\d+)\.", track_id)
    return int(found[1]) if found else 0


Overlaps.TestCase.settings = settings(
    max_examples=EXAMPLES,
    stateful_step_count=STEPS,
    deadline=None,
    derandomize=not SEARCH,
    database=None,
    suppress_health_check=list(HealthCheck),
    phases=[Phase.generate, *([Phase.shrink] if SEARCH else [])],
    print_blob=False,
)


class TestOverlaps(Overlaps.TestCase):
    """Run by pytest."""


@pytest.fixture(autouse=True)
def _quietly(caplog):
    """Refusals and lost answers are no news here."""
    caplog.set_level("CRITICAL")
