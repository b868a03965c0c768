"""What must hold at every moment, whatever happened; and a clock that is pushed until all is at rest."""

import asyncio
import re
import sqlite3
from collections import Counter
from datetime import timedelta
from itertools import pairwise

from bot.audit.finding import Flaw
from bot.audit.verify import verify_database
from bot.cards.headline import HEADLINES
from bot.domain.history import What
from bot.domain.request import TRANSITIONS, State
from bot.store.file.state_after import state_after
from bot.store.snapshot import as_file
from tests.patient import LONGEST
from tests.stage import CHANNEL, Stage, nothing_happens

DECISIONS = {What.REJECTED, What.WITHDRAWN, What.EXPIRED}
EFFECTIVE = {None, "slow", "hang", "lose_answer"}
"""Faults of the local Zuora that let a call take effect."""

UNDECIDED = {State.WAITING, State.EXPIRED, State.WITHDRAWN, State.REJECTED}


def decisions(happened) -> list[What]:
    """Entries that decide: a partial approval does not."""
    return [
        written.entry.what
        for written in happened
        if written.entry.what in DECISIONS
        or (written.entry.what is What.APPROVED and not written.entry.data["missing"])
    ]


def states(happened) -> list[State]:
    """Every state that the history says the request had, in order, each once."""
    found: list[State] = []
    for written in happened:
        state = state_after(written.entry.what.value, dict(written.entry.data))
        if state and (not found or found[-1] != state):
            found.append(State(state))
    return found


def orders_of(stage: Stage, number: int) -> list:
    """Calls with effect that reached Zuora for a request, by their track id."""
    return [
        call
        for call in stage.zuora.calls
        if call.method == "POST"
        and call.headers.get("zuora-track-id", "").startswith(f"billing-bot.R-{number}.")
    ]


def took_effect(call) -> bool:
    """Whether the local Zuora did what a call asked."""
    if call.replayed or call.fault not in EFFECTIVE:
        return False
    return call.status in (None, 200)


def check_request(stage: Stage, number: int) -> None:
    """Of one request: its decision, its approvals, its calls, its way from state to state."""
    store = stage.store
    request = store.requests.get(number)
    happened = store.history.of(number)
    assert request is not None
    assert happened[0].entry.what is What.ASKED
    assert [each.entry.what for each in happened].count(What.ASKED) == 1
    assert len(decisions(happened)) <= 1, happened
    way = states(happened)
    assert way[0] is State.WAITING
    assert way[-1] is request.state, (way, request.state)
    for before, after in pairwise(way):
        assert after in TRANSITIONS[before], way
    people = {approval.person for approval in request.approvals}
    assert request.requester not in people
    assert len(people) == len(request.approvals)
    digests = {
        written.entry.data["digest"]
        for written in happened
        if written.entry.what in (What.ASKED, What.APPROVED)
    }
    assert digests == {request.digest}
    check_calls(stage, number)


FOLLOWED = frozenset({"post_bill_run", "cancel_bill_run", "create_bill_run"})
"""Their calls are counted by what they changed in Zuora, not by whether they were a POST."""


def check_calls(stage: Stage, number: int) -> None:
    """Nothing goes out without enough approvals, and nothing takes effect twice."""
    request = stage.request(number)
    if request.operation in FOLLOWED:
        return
    orders = orders_of(stage, number)
    sent = [each for each in stage.happened(number) if each is What.CALL_SENT]
    if orders or sent:
        assert len(request.approvals) >= request.rule.approvals
        assert request.state not in UNDECIDED
        assert What.STARTED in stage.happened(number)
    assert len(orders) <= len(sent) + sum(1 for order in orders if order.status == 401)
    effects = Counter(order.path for order in orders if took_effect(order))
    assert all(times == 1 for times in effects.values()), effects
    if request.state is State.SUCCEEDED:
        assert effects or What.SETTLED in stage.happened(number)


def check_mails(stage: Stage) -> None:
    """No customer has the same document twice from one request."""
    seen = Counter((mail.document, mail.track_id) for mail in stage.zuora.mails)
    assert all(times == 1 for times in seen.values()), seen


def check_messages(stage: Stage) -> None:
    """No message stands in Slack twice, and each thread is in the order of the outbox.

    Of each database: with an older copy that is put back the sequences go on from an older one.
    """
    place = stage.slack.workspace.channel(CHANNEL)
    assert place
    payloads = [
        (message, message.metadata["event_payload"])
        for message in place.messages
        if message.metadata and not message.deleted
    ]
    sequences = Counter((payload["database"], payload["sequence"]) for _, payload in payloads)
    assert all(times == 1 for times in sequences.values()), sequences
    cards = Counter(
        (payload["database"], payload["request"])
        for message, payload in payloads
        if not message.is_reply and payload["request"]
    )
    assert all(times == 1 for times in cards.values()), cards
    threads = {
        (payload["database"], message.thread_ts)
        for message, payload in payloads
        if message.is_reply
    }
    for database, ts in threads:
        order = [
            payload["sequence"]
            for message, payload in payloads
            if (payload["database"], message.thread_ts) == (database, ts)
        ]
        replies = order[1:] if order[0] == min(order) else order
        assert replies == sorted(replies), order


SAYS = {
    **{state: re.escape(words) for state, words in HEADLINES.items()},
    State.RUNNING: "Approved, being sent to Zuora|Running in Zuora|Sent, outcome not known yet",
    State.FAILED: r"Failed|[\d,]+ of [\d,]+ failed",
    State.STOPPED: r"Stopped\. Nothing was sent|Stopped, look in Zuora first",
    State.SUCCEEDED: "Accepted by Zuora|Created (scheduled )?bill run|Posted|Canceled",
}
"""How a card begins, whatever the operation."""


def check_cards(stage: Stage) -> None:
    """Once nothing is left to be sent, each card says the state that its request has."""
    if stage.store.outbox.open():
        return
    shown = stage.slack.channel_messages(CHANNEL)
    for number in numbers(stage):
        request = stage.request(number)
        (message,) = [m for m in shown if m.ts == request.card_ts]
        if request.state is State.WAITING:
            assert "· waiting for " in message.text.splitlines()[1], message.text
        else:
            assert re.match(SAYS[request.state], message.text), (request.state, message.text)


def check_history(stage: Stage) -> None:
    """The chain is whole and without a gap, and every other table says what it says.

    That the clock was put back is true where it was.
    """
    with as_file(stage.settings().database_path) as file:
        verified = verify_database(file, key="")
    found = [each for each in verified.findings if each.flaw is not Flaw.CLOCK]
    assert found == [], found


def numbers(stage: Stage) -> list[int]:
    """The numbers of all requests; after a copy was put back some are gone."""
    everyone = range(1, stage.store.requests.next_number())
    return [each for each in everyone if stage.store.requests.get(each) is not None]


def check_everything(stage: Stage) -> None:
    """All of it."""
    check_history(stage)
    for number in numbers(stage):
        check_request(stage, number)
    check_mails(stage)
    check_messages(stage)
    check_cards(stage)


def at_rest(stage: Stage) -> bool:
    """Whether the bot has nothing to do at this moment of the clock."""
    assert stage.bot is not None
    bot, now = stage.bot, stage.clock.now()
    if bot.runner.under_way or bot.sender.under_way:
        return False
    try:
        heads = stage.store.outbox.heads()
        due = stage.store.requests.due(now, 1)
    except sqlite3.Error:
        return False
    return not due and all(wake_at and wake_at > now for _, wake_at in heads)


async def rest(stage: Stage, push: float = 1.0, seconds: float = LONGEST) -> None:
    """Return once the bot is at rest; the clock is pushed where something waits for it.

    Args:
        push: Seconds by which it is moved each time that nothing has happened for 8 ms.
        seconds: Real time that this may take.
    """
    loop = asyncio.get_running_loop()
    end = loop.time() + seconds
    while True:
        await nothing_happens(8, lambda: at_rest(stage))
        if at_rest(stage):
            for _ in range(5):  # until the loops that wait on the clock have begun to
                await asyncio.sleep(0)
            return
        assert loop.time() < end, "the bot does not come to rest"
        stage.clock.advance(seconds=push)


async def pass_time(stage: Stage, step: float = 60.0, **span: float) -> None:
    """Let the clock go on in steps, the bot coming to rest after each; where it waits, in sixtieths of a long step."""
    push = max(5.0, step / 60)
    end = stage.clock.now() + timedelta(**span)
    while stage.clock.now() < end:
        await rest(stage, push=push)
        stage.clock.advance(seconds=min(step, max(0.0, (end - stage.clock.now()).total_seconds())))
    await rest(stage, push=push)
