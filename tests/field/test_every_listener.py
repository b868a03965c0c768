"""Who has no right gets nowhere, whichever listener is addressed with whatever payload."""

import json
from dataclasses import replace
from typing import Any

import pytest

from bot.domain.call import Call, Verdict
from bot.domain.operation import Deed
from bot.domain.request import State
from bot.sandbox.slack.workspace import User
from tests.field.listeners import (
    FOREIGN,
    TEAM,
    Listener,
    Who,
    counted_authority,
    dispatch,
    payloads,
    recorded,
)
from tests.stage import BOB, CHANNEL

STRANGER, GUEST, GONE, ALL = "U0STRANGE", "U0GUEST", "U0GONE", "U0ALL"
WHO = {
    "a stranger": Who(STRANGER),
    "a guest": Who(GUEST),
    "a deactivated user": Who(GONE),
    "a user of a foreign team": Who(ALL, FOREIGN),
    "somebody without an id": Who(None),
}
OWN = "whoever decided may say so of their own decision, whatever they may do today; nobody else is heard"
EXEMPT = {
    ("action", "receipt:not_mine"): OWN,
    ("action", "statement:confirm"): OWN,
    ("action", "statement:deny"): OWN,
}
"""Listeners that need no authority, each with the reason."""

JUDGED = {
    (
        "action",
        "policy:confirm",
    ): "who may confirm is judged by what they gain by the change that it names",
}
"""Listeners that ask for something else than authority, each with what; they refuse and record as all do."""

HELP = {
    "/billemail": "help says how the command is used and names no request and no bill run",
    "/billrun": "help says how the command is used and names no request and no bill run",
}
"""What a stranger may use; `/billstatus help` is for those who may look."""
OPENS = ("views.open", "views.push", "views.update")
PATHS = {
    State.WAITING: (),
    State.REJECTED: (State.REJECTED,),
    State.WITHDRAWN: (State.WITHDRAWN,),
    State.EXPIRED: (State.EXPIRED,),
    State.APPROVED: (State.APPROVED,),
    State.STOPPED: (State.APPROVED, State.STOPPED),
    State.RUNNING: (State.APPROVED, State.RUNNING),
    State.SUCCEEDED: (State.APPROVED, State.RUNNING, State.SUCCEEDED),
    State.FAILED: (State.APPROVED, State.RUNNING, State.FAILED),
    State.UNKNOWN: (State.APPROVED, State.RUNNING, State.UNKNOWN),
}
FORGED: list[Any] = [
    "", "0", "-1", "999", "R-1", "1 OR 1=1", "9" * 13, "9" * 3000, "\x00", "BR-00000001",
    "batch=Batch1 target=2026-11-30 reason=Now", "INV00000001", "status", 7, None, [], {},
    json.dumps({"channel": CHANNEL, "parent": 1, "requester": STRANGER, "state": "approved"}),
    json.dumps({"channel": [], "parent": 10**30, "kept": {"bill_run": []}}),
]  # fmt: skip


def test_every_state_is_tried():
    assert set(PATHS) == set(State)


def people(stage):
    """The people of the test: all but the stranger are in every group."""
    workspace = stage.slack.workspace
    for user in (
        User(STRANGER, "stranger", "Stranger"),
        User(GUEST, "guest", "Guest", is_restricted=True),
        User(GONE, "gone", "Gone", deleted=True),
        User(ALL, "all", "In Every Group"),
    ):
        workspace.users[user.id] = user
        workspace.channels[CHANNEL].members.append(user.id)
        if user.id != STRANGER:
            for group in workspace.groups.values():
                group.members.append(user.id)


async def requests_in_every_state(stage):
    """A request of another person in every state; nobody works on any of them."""
    await stage.ask()
    await stage.quiet()
    stage.bot._worker.cancel()
    store, first = stage.store, stage.request()
    now = stage.clock.now()
    with store.transaction():
        for number, path in enumerate(PATHS.values(), 1):
            if number > 1:
                store.requests.add(replace(first, number=number, form=f"F{number}"), Deed.MAILED)
            request = store.requests.get(number)
            if State.APPROVED in path:
                store.requests.approve(request, BOB, TEAM, now)
            for state in path:
                before = store.requests.get(number)
                store.requests.move(before, replace(before, state=state, wake_at=None))
            if State.RUNNING in path:
                store.calls.save(call(number, path[-1]))


def call(number, state):
    verdict = {State.SUCCEEDED: Verdict.ACCEPTED, State.FAILED: Verdict.REFUSED}.get(state)
    return Call(
        request=number,
        subject="BR-00000001",
        key=f"k{number}",
        track_id=f"t{number}",
        verdict=Verdict.LOST if state is State.UNKNOWN else verdict,
    )


@pytest.fixture
async def listening(stage):
    """A stage whose app's registrations are known, with requests in every state."""
    people(stage)
    with recorded() as found:
        await stage.restart()
    await requests_in_every_state(stage)
    stage.store._database.execute("PRAGMA synchronous = OFF")  # nothing here is about durability
    return stage, found


def answer_at(stage, who):
    """Makes response URLs as Slack sends them along with what somebody does."""
    core = stage.slack._core

    def issue():
        token = core.response_urls.issue(who.user_id or BOB, CHANNEL)
        return f"{core.base_url}/actions/T0SANDBOX/{token}"

    return issue


def rows(stage, sql, *values):
    return stage.store._database.execute(sql, values).fetchall()


def state_of(stage):
    """Everything that must stay as it is."""
    tables = [rows(stage, f"SELECT * FROM {name}") for name in ("requests", "approvals", "calls")]  # noqa: S608
    opened = [each for each in stage.slack.calls if each.method in OPENS]
    return tables, len(stage.zuora.calls), len(opened)


def refusals(stage, after=0):
    """The refusals behind a row of the history, and the number of its last row."""
    found = rows(stage, "SELECT sequence, what, data FROM history WHERE sequence > ?", after)
    last = max((sequence for sequence, _, _ in found), default=after)
    return [json.loads(data) for _, what, data in found if what == "refused"], last


def answers(stage, after=0):
    """What was answered privately by way of the outbox, and the number of its last row."""
    found = rows(stage, "SELECT sequence, user, text FROM outbox WHERE sequence > ?", after)
    last = max((sequence for sequence, _, _ in found), default=after)
    return [(user, text) for _, user, text in found if user], last


def values():
    return [*(str(number) for number in range(1, len(PATHS) + 1)), *FORGED]


async def test_every_registration_is_seen(listening):
    stage, found = listening

    assert len(found) == len(stage.bot.app._async_listeners) > 0
    assert {each.kind for each in found} >= {"command", "action", "view"}


@pytest.mark.parametrize("who", WHO.values(), ids=WHO)
async def test_whoever_has_no_right_changes_nothing_and_is_answered_and_recorded(listening, who):
    stage, found = listening
    before = state_of(stage)
    marks = {"history": refusals(stage)[1], "outbox": answers(stage)[1]}

    with counted_authority() as asked:
        for listener in found:
            if (listener.kind, listener.name) in EXEMPT:
                continue
            for body in payloads(listener, who, values(), answer_at(stage, who)):
                await refused(stage, listener, who, body, asked, marks)
            assert state_of(stage) == before, listener


def directly(stage, who, after):
    """What was said in a direct message; Slack itself lets none through to a deactivated account."""
    return [
        str(call.args["text"])
        for call in stage.slack.calls[after:]
        if call.method == "chat.postMessage" and call.args["channel"] == who.user_id
    ]


def homes_to_be_drawn(stage, who):
    """A person's home that has not gone out yet; it answers for each time that it was opened since."""
    found = rows(
        stage,
        "SELECT sequence, user FROM outbox WHERE sequence > ? AND kind = 'home' AND ended_at IS NULL",
        0,
    )
    return ["home" for _, user in found if user == who.user_id]


async def refused(stage, listener, who, body, asked, marks):
    """Send it, and look for the answer, the refusal in the history and the question who may."""
    questions = len(asked)
    calls = len(stage.slack.calls)
    direct = len(stage.slack.private(who.user_id or "nobody"))
    what = f"{listener} {json.dumps(body)[:700]}"
    stage.clock.advance(seconds=2)  # the many of one minute are counted in one row

    stage.clock.advance(seconds=10)  # so that no refusal is one of too many in a minute
    response = await dispatch(stage.bot.app, body)
    await stage.bot.answering.drain()

    assert response.status == 200, what
    new, marks["history"] = refusals(stage, marks["history"])
    said, marks["outbox"] = answers(stage, marks["outbox"])
    assert new, f"nothing in the history: {what}"
    unknown = all(each["refusal"] in ("no_such_request", "no_such_change") for each in new)
    assert unknown or len(asked) > questions, f"authority was not asked: {what}"
    assert all(user == who.user_id for user, _ in said), f"somebody else was answered: {what}"
    words = [text for _, text in said]
    words += [each.text for each in stage.slack.private(who.user_id or "nobody")[direct:]]
    words += [response.body] if response.body else []
    words += directly(stage, who, calls)
    words += homes_to_be_drawn(stage, who) if "home" in listener.name else []
    assert words or who.user_id is None, f"no answer: {what}"
    for each in words:
        assert "BR-0" not in each, f"the answer names a bill run: {what}"
        assert "350.50" not in each, f"the answer shows an amount: {what}"


async def test_who_has_every_right_goes_through_the_same_authority(listening):
    stage, found = listening

    with counted_authority() as asked:
        for listener in found:
            if (listener.kind, listener.name) in {**EXEMPT, **JUDGED}:
                continue
            questions = len(asked)
            for body in payloads(listener, Who(ALL), ["1"], answer_at(stage, Who(ALL))):
                assert (await dispatch(stage.bot.app, body)).status == 200
            await stage.bot.answering.drain()
            assert len(asked) > questions, listener


async def test_help_shows_nothing_and_changes_nothing(listening):
    stage, found = listening
    before, history = state_of(stage), refusals(stage)

    for name in HELP:
        assert Listener("command", name) in found
        for who in WHO.values():
            for body in payloads(Listener("command", name), who, ["help", "HELP", " help "]):
                response = await dispatch(stage.bot.app, body)
                assert response.status == 200
                assert name in response.body
                assert "350.50" not in response.body
                assert "R-1" not in response.body

    assert state_of(stage) == before
    assert refusals(stage) == history
