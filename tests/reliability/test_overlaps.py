"""Requests whose documents overlap, in every order: nobody is mailed twice by a card that did not say so.

All operations, a run that posts and mails by itself, lost answers, records by hand, clocks that are put
right in both directions, restored copies and changes of the policy; clicks at once and delivered again,
expiry, restarts, faults and outages of Slack and Zuora, and amounts that change.

`RELIABILITY_EXAMPLES` is how many lives of a bot are played (default 8) and `RELIABILITY_STEPS` how
long each is (default 25); they are the same each time. `RELIABILITY_SEARCH=1` plays others each time
and shortens what fails. A long search, of about half an hour:
`RELIABILITY_SEARCH=1 RELIABILITY_EXAMPLES=300 RELIABILITY_STEPS=60 pytest tests/reliability/test_overlaps.py`
"""

import asyncio
import os
import re
import tempfile
from collections import Counter
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from bot.cards.buttons import RECORD_NOT_SENT, RECORD_SENT
from bot.domain.request import FINAL
from bot.wiring.restoring import resume_after_restore
from tests.reliability.truths import check_everything, numbers, pass_time, rest, took_effect
from tests.stage import ALICE, BOB, CARLA, CHANNEL, MARA, Stage
from tests.stories.test_clicks import copied

EXAMPLES = int(os.environ.get("RELIABILITY_EXAMPLES", "8"))
STEPS = int(os.environ.get("RELIABILITY_STEPS", "25"))
SEARCH = os.environ.get("RELIABILITY_SEARCH") == "1"
RUN, DRAFTS, BILLED = "BR-00000001", "BR-00000002", "A00000009"
POST, CANCEL = "post_bill_run", "cancel_bill_run"
EMAILS = "/v1/*/*/emails"
ONE = """
requesters = ["S0BILLING", "U0BOB"]
approvers = ["S0CONTROLLERS", "U0ALICE"]
viewers = ["S0FINANCE"]
"""
TWO = f"{ONE}\n[[rule]]\napprovals = 2\n"
AGAIN = f"{ONE}\n[[rule]]\nmails_again = true\napprovals = 2\n"
LATE = f'{ONE}\n[[rule]]\nexpires_after = "12h"\nremind_after = ["2h", "6h"]\n'
WITHOUT_BOB = ONE.replace('"S0CONTROLLERS"', '"U0CARLA"')
POLICIES = st.sampled_from([ONE, TWO, AGAIN, LATE, WITHOUT_BOB])
PEOPLE = st.sampled_from([ALICE, BOB, CARLA, MARA])
WHICH = st.integers(0, 100)
SAYS_SO = re.compile(r"\bagain\b", re.IGNORECASE)
LOSES = st.sampled_from(
    [EMAILS, EMAILS, "/v1/bill-runs", "/v1/bill-runs/*/post", "/v1/bill-runs/*/cancel"]
)
ZUORA_FAULTS = st.sampled_from(
    [
        {"path": EMAILS, "kind": "too_many", "retry_after": 30},
        {"path": EMAILS, "kind": "conflict"},
        {"path": EMAILS, "kind": "status", "status": 503},
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
        ("conversations.history", "error", {"error": "token_expired"}),
        ("conversations.replies", "error", {"error": "internal_error"}),
        ("usergroups.users.list", "status", {"code": 500}),
        ("users.info", "drop", {}),
        ("views.open", "drop", {}),
    ]
)


class Overlaps(RuleBasedStateMachine):
    """One run of four documents, each of which is asked for alone as well; one whose posting mails.

    Whether a rule is drawn depends on nothing of the bot: real time has a part in that.
    """

    def __init__(self) -> None:
        super().__init__()
        self.loop = asyncio.new_event_loop()
        self.folder = tempfile.TemporaryDirectory(prefix="billing-bot-")
        self.opened: Stage | None = None
        self.shown: dict[int, str] = {}
        self.orders = 0
        self.mails = 0
        self.put_back: Any = None
        self.known = 0  # calls to Zuora of which the copy knows
        self.clicks: list[Any] = []  # every payload that was delivered, to be delivered again

    @property
    def stage(self) -> Stage:
        assert self.opened
        return self.opened

    def play(self, work):
        """Have something done, wait until the bot rests, and look at what went out meanwhile."""

        async def played():
            result = await self.stage.done_as_time_passes(work, step=2, seconds=60)
            await rest(self.stage, push=2)
            return result

        result = self.loop.run_until_complete(played())
        self._look()
        return result

    @initialize(repeat_lost=st.sampled_from(["no", "no", "yes"]))
    def begin(self, repeat_lost):
        async def opened():
            self.opened = Stage(Path(self.folder.name), "web")
            self.stage.policy = ONE
            self.stage.slack.ack_seconds = 0.5
            self.stage.changes = {
                "repeat_lost": repeat_lost
            }  # no: what is lost is a person's at once
            stage, world = self.stage, self.stage.zuora.world
            await stage.open()
            line = ("A00000001", "USD", "10.00")
            run = world.add_bill_run(RUN, invoices=[line, line], credit_memos=[line, line])
            run.posted_at = stage.clock.now() - timedelta(days=3)  # posting mails, and did then
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
        view = slack.view(person)
        if view is not None and view.get("submit"):
            await slack.submit(person, values if "reason" in str(view.get("blocks")) else {})
            self._keep()
        while slack.view(person) is not None and not slack.faults.down:
            await slack.close(person)

    def _keep(self):
        slack = self.stage.slack
        if slack.last_payload is not None:
            self.clicks.append((slack.last_payload, slack.last_kind))

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
            ack = await stage.slack.slash(ALICE, CHANNEL, f"/billrun {DRAFTS}")
            private = stage.slack.private(ALICE, CHANNEL)
            if not ack.ok or not private:
                return
            shown, button = private[-1], {"type": "button", "value": DRAFTS}
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
        ts = request.card_ts
        if not ts:
            return
        self._seen(request)
        await self.stage.slack.click(
            person, CHANNEL, ts, button, value=request.reference, force=True
        )
        self._keep()
        await self._submit(person, {"reason": reason})

    def _seen(self, request):
        """What the card showed to whoever presses now."""
        if request.state == "waiting":
            self.shown[request.number] = self.stage.card(request.card_ts)

    @rule(person=PEOPLE, which=WHICH)
    def approve(self, person, which):
        found = self._open() or numbers(self.stage)
        if found:
            self.play(self._press(person, found[which % len(found)], "approve"))

    @rule(person=PEOPLE, which=WHICH, button=st.sampled_from(["reject", "withdraw"]))
    def end(self, person, which, button):
        found = self._open() or numbers(self.stage)
        if found:
            self.play(self._press(person, found[which % len(found)], button, "As seen"))

    @rule(which=WHICH, people=st.lists(PEOPLE, min_size=2, max_size=5))
    def approve_at_once(self, which, people):
        found = self._open() or numbers(self.stage)
        if not found:
            return
        request = self.stage.request(found[which % len(found)])
        ts = request.card_ts
        if not ts:
            return
        self._seen(request)

        async def all_of_them():
            await asyncio.gather(
                *(
                    self.stage.slack.click(
                        person, CHANNEL, ts, "approve",
                        value=request.reference, force=True,
                    )
                    for person in people
                )
            )  # fmt: skip

        self.play(all_of_them())

    @rule(which=WHICH, times=st.integers(1, 3))
    def deliver_again(self, which, times):
        if not self.clicks:
            return
        payload, kind = self.clicks[which % len(self.clicks)]

        async def again():
            slack = self.stage.slack
            await asyncio.gather(*(slack.deliver(payload, kind) for _ in range(times)))

        self.play(again())

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

    @rule(
        path=LOSES, kind=st.sampled_from(["lose_answer", "drop", "status"]), times=st.integers(1, 8)
    )
    def answers_are_lost(self, path, kind, times):
        more: dict[str, Any] = {"status": 500} if kind == "status" else {}
        method: dict[str, Any] = (
            {} if path == EMAILS else {"method": "POST" if path == "/v1/bill-runs" else "PUT"}
        )
        self.stage.zuora.faults.add(path, kind=kind, times=times, **method, **more)

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

    def _all_is_well(self):
        """A bot that Slack does not answer does not start, and waits for Zuora."""
        self.stage.slack.faults.clear()
        self.stage.zuora.faults.clear()

    @rule(minutes=st.sampled_from([0.05, 1, 10, 61, 400, 800, 1500]))
    def time_goes_on(self, minutes):
        self.play(pass_time(self.stage, step=max(60.0, minutes * 20), minutes=minutes))

    @rule(minutes=st.sampled_from([-300, -60, -2, 2, 60, 300]))
    def the_clock_is_put_right(self, minutes):
        self.stage.clock.step(minutes=minutes)
        self.play(asyncio.sleep(0))

    @rule(policy=POLICIES)
    def the_policy_changes(self, policy):
        self.stage.policy = policy
        self._all_is_well()
        self.play(self.stage.restart())

    @rule()
    def a_copy_is_made(self):
        self._all_is_well()
        self.play(pass_time(self.stage, step=300, minutes=20))
        if not self.stage.store.outbox.open():
            self.put_back = self.play(copied(self.stage))
            self.known = len(self.stage.zuora.calls)

    @rule()
    def the_copy_is_put_back(self):
        if self.put_back is None:
            return

        async def resumed():
            stage = self.stage
            await self.put_back()
            held = stage.store.copies.held
            await stage.stop()
            if held:
                await stage.gone()
                await resume_after_restore(stage.settings(), stage.clock)
            await stage.start()

        self._all_is_well()
        del self.stage.zuora.calls[
            self.known :
        ]  # of these the copy knows nothing; their mails stay
        self.orders = min(self.orders, self.known)
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
                if stage.policy == WITHOUT_BOB:
                    people -= {BOB}
                assert stage.bot
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
    def everything_is_true(self):
        if self.opened is not None:
            check_everything(self.stage)

    def _in_the_end(self):
        """All is well again: nothing stays on its way, everything is said, each card is right."""
        self._all_is_well()
        self.play(pass_time(self.stage, step=1800, hours=26))
        self.play(pass_time(self.stage, step=3600, hours=48))
        check_everything(self.stage)
        assert self.stage.store.outbox.open() == []
        for number in numbers(self.stage):
            request = self.stage.request(number)
            assert request.state in FINAL or request.state == "unknown", request

    def teardown(self):
        try:
            if self.opened is not None and self.opened.bot is not None:
                self._in_the_end()
        finally:
            if self.opened is not None:
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


class TestOverlaps(Overlaps.TestCase):  # type: ignore[valid-type, misc]  # hypothesis makes it
    """Run by pytest."""


@pytest.fixture(autouse=True)
def _briefly_and_quietly(caplog, monkeypatch):
    """A form that waits for Zuora soon says so; refusals and lost answers are no news here."""
    monkeypatch.setattr("bot.slack.asking.SECONDS_FOR_ZUORA", 0.05)
    caplog.set_level("CRITICAL")
