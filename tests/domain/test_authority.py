"""Who may do what: the rules as a table, and the four-eyes rule for any policy there can be."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.domain.authority import Person, Refusal, Verb, may_ask, may_decide, may_view
from bot.domain.policy import Policy, Rule
from bot.domain.request import Request, State

NOW = datetime(2026, 11, 21, 10, 0, tzinfo=UTC)
ANN, BEN, CLEO = "U0ANN", "U0BEN", "U0CLEO"
GROUP, OTHER = "S0GROUP", "S0OTHER"
POLICY = Policy(requesters=(ANN, GROUP), approvers=(BEN, OTHER), viewers=(CLEO,), hash="h")
REQUEST = Request(
    number=1, operation="email_bill_run", subject="BR-1", body="{}", facts="{}", digest="d",
    tenant="t", requester=ANN, team="T1", reason="r", rule=Rule(approvers=(BEN, OTHER)), policy_hash="h",
    form="f", token="k3f9", state=State.WAITING, created_at=NOW, expires_at=NOW + timedelta(hours=24),
    state_at=NOW, wake_at=None, channel="C1",
)  # fmt: skip


def person(user_id, barred="", **memberships):
    return Person(user_id=user_id, team_id="T1", memberships=memberships, barred=barred)


@pytest.mark.parametrize(
    ("who", "refusal"),
    [
        (person(ANN), None),
        (person(CLEO, S0GROUP=True), None),
        (person(CLEO, S0GROUP=False), Refusal.NOT_A_REQUESTER),
        (person(CLEO, S0GROUP=None), Refusal.GROUP_UNREADABLE),
        (person(CLEO), Refusal.GROUP_UNREADABLE),
        (person(BEN, S0GROUP=False), Refusal.NOT_A_REQUESTER),
        (person(ANN, S0GROUP=None), None),
        (person(ANN, barred="it is a guest"), Refusal.BARRED),
        (person(""), Refusal.BARRED),
    ],
)
def test_who_may_ask(who, refusal):
    assert may_ask(who, POLICY) is refusal


@pytest.mark.parametrize(
    ("who", "refusal"),
    [
        (person(ANN), None),
        (person(BEN), None),
        (person(CLEO), None),
        (person("U0ZED", S0GROUP=False, S0OTHER=True), None),
        (person("U0ZED", S0GROUP=False, S0OTHER=False), Refusal.NOT_A_VIEWER),
        (person("U0ZED", S0GROUP=False, S0OTHER=None), Refusal.GROUP_UNREADABLE),
        (person(CLEO, barred="it is a bot"), Refusal.BARRED),
    ],
)
def test_who_may_look(who, refusal):
    assert may_view(who, POLICY) is refusal


@pytest.mark.parametrize(
    ("verb", "who", "refusal"),
    [
        (Verb.APPROVE, person(BEN), None),
        (Verb.REJECT, person(BEN), None),
        (Verb.WITHDRAW, person(BEN), Refusal.NOT_THE_REQUESTER),
        (Verb.APPROVE, person(ANN), Refusal.SELF_APPROVAL),
        (Verb.REJECT, person(ANN), Refusal.SELF_APPROVAL),
        (Verb.WITHDRAW, person(ANN), None),
        (Verb.APPROVE, person(CLEO, S0OTHER=True), None),
        (Verb.APPROVE, person(CLEO, S0OTHER=False), Refusal.NOT_AN_APPROVER),
        (Verb.APPROVE, person(CLEO, S0OTHER=None), Refusal.GROUP_UNREADABLE),
        (Verb.APPROVE, person(BEN, barred="it is deactivated"), Refusal.BARRED),
        (Verb.WITHDRAW, person(ANN, barred="it is deactivated"), Refusal.BARRED),
        (Verb.RECORD_SENT, person(BEN), Refusal.NOT_UNKNOWN),
    ],
)
def test_who_may_decide_while_it_waits(verb, who, refusal):
    assert may_decide(verb, who, REQUEST, NOW) is refusal


@pytest.mark.parametrize("state", [s for s in State if s not in (State.WAITING, State.EXPIRED)])
@pytest.mark.parametrize("verb", [Verb.APPROVE, Verb.REJECT])
def test_what_is_decided_stays_decided(verb, state):
    request = replace(REQUEST, state=state)

    assert may_decide(verb, person(BEN), request, NOW) is Refusal.ALREADY_DECIDED


@pytest.mark.parametrize("verb", [Verb.APPROVE, Verb.REJECT])
@pytest.mark.parametrize("late", [timedelta(0), timedelta(seconds=1), timedelta(days=400)])
def test_at_the_second_of_its_end_it_is_too_late(verb, late):
    at = REQUEST.expires_at + late

    assert may_decide(verb, person(BEN), REQUEST, at) is Refusal.EXPIRED
    assert may_decide(verb, person(BEN), replace(REQUEST, state=State.EXPIRED), NOW) is (
        Refusal.EXPIRED
    )


@pytest.mark.parametrize("state", State)
def test_only_an_unknown_outcome_is_settled_and_never_by_the_requester(state):
    request = replace(REQUEST, state=state)
    expected = None if state is State.UNKNOWN else Refusal.NOT_UNKNOWN

    assert may_decide(Verb.RECORD_SENT, person(BEN), request, NOW) is expected
    assert may_decide(Verb.RECORD_SENT, person(ANN), request, NOW) is Refusal.SELF_APPROVAL


def test_a_stranger_learns_nothing_of_the_state():
    decided = replace(REQUEST, state=State.SUCCEEDED)

    assert may_decide(Verb.APPROVE, person(CLEO, S0OTHER=False), decided, NOW) is (
        Refusal.NOT_AN_APPROVER
    )


people = st.sampled_from([ANN, BEN, CLEO, "U0ZED"])
lists = st.lists(st.sampled_from([ANN, BEN, CLEO, GROUP, OTHER]), max_size=5).map(tuple)
memberships = st.dictionaries(
    st.sampled_from([GROUP, OTHER]), st.none() | st.booleans(), max_size=2
)


@settings(max_examples=30)
@given(people, lists, memberships, st.sampled_from(State))
def test_no_list_and_no_group_lets_a_requester_approve(requester, approvers, memberships, state):
    request = replace(REQUEST, requester=requester, rule=Rule(approvers=approvers), state=state)
    own = Person(user_id=requester, team_id="T1", memberships=memberships)

    for verb in (Verb.APPROVE, Verb.REJECT, Verb.RECORD_SENT):
        assert may_decide(verb, own, request, NOW) is Refusal.SELF_APPROVAL


@settings(max_examples=30)
@given(people, lists, memberships)
def test_nobody_approves_who_is_not_named_or_known_to_be_in_a_named_group(
    who, approvers, memberships
):
    request = replace(REQUEST, rule=Rule(approvers=approvers))
    one = Person(user_id=who, team_id="T1", memberships=memberships)

    if may_decide(Verb.APPROVE, one, request, NOW) is None:
        assert who in approvers or any(memberships.get(name) is True for name in approvers)
