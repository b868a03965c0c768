"""Who gains by a change of the policy: whoever could carry some request further than before."""

import hashlib
from decimal import Decimal
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.domain.confirmations import Confirmations, gain
from bot.domain.place import Place, Unit
from bot.domain.policy import Asked
from bot.policy.file import read_policy

ALICE, BOB, CARLA, DAN = "U0ALICE", "U0BOB", "U0CARLA", "U0DAN"
IN_THE_GROUP = {"S0CONTROLLERS": [BOB, CARLA]}
TOP = f'requesters = ["{ALICE}"]\napprovers = ["{BOB}", "{CARLA}"]\n'
MAILS = f'[[rule]]\noperations = ["email_bill_run"]\napprovers = ["{BOB}"]\n'


def rule(**values):
    lines = (f"{name} = {_toml(value)}" for name, value in values.items())
    return "[[rule]]\n" + "\n".join(lines) + "\n"


def _toml(value):
    if isinstance(value, dict):
        return "{ " + ", ".join(f'{code} = "{amount}"' for code, amount in value.items()) + " }"
    return str(value).lower() if isinstance(value, bool) else repr(value).replace("'", '"')


def row(text):
    return {"text": text, "new": hashlib.sha256(text.encode()).hexdigest()}


def gains(who, before, after, members=IN_THE_GROUP):
    return gain(who, (row(before), row(after)), members)


def changed(*texts):
    """A history of these policies, a row each: 1, 2, 3 and so on."""
    found = Confirmations()
    old = ""
    for number, text in enumerate(texts, 1):
        data = {"old": old, **row(text)}
        found.note(number, "policy.changed", "", data)
        old = data["new"]
    return found


def say(found, sequence, change, who, members=IN_THE_GROUP):
    """Somebody confirms it as the bot would record it; what it says to them."""
    judged = found.judge(change, who, members)
    if judged.needed:
        data = {"change": change, "base": found.base(change), "needed": judged.needed}
        found.note(sequence, "policy.confirmed", who, data)
    return judged


CHANGES = {
    "a rule needs fewer approvals": (
        TOP + rule(approvals=2), TOP, {BOB: "needs 1 in place of 2 approvals", CARLA: "needs 1", ALICE: "may ask for under the general rule needs 1"},
    ),
    "a rule names one more person": (
        TOP + MAILS, TOP + rule(operations=["email_bill_run"], approvers=[BOB, CARLA]),
        {CARLA: "you may approve under rule 1 what only others could approve before", BOB: "", ALICE: ""},
    ),
    "a rule is removed, and the general rule names somebody else": (
        TOP + MAILS, TOP, {CARLA: "may approve under the general rule", BOB: ""},
    ),
    "an amount from which two are needed is raised": (
        TOP + rule(above={"USD": 1000}, approvals=2), TOP + rule(above={"USD": 5000}, approvals=2),
        {BOB: "under the general rule needs 1 in place of 2", CARLA: "needs 1 in place of 2"},
    ),
    "a number of documents from which two are needed is raised": (
        TOP + rule(documents_above=10, approvals=2), TOP + rule(documents_above=20, approvals=2),
        {BOB: "needs 1 in place of 2"},
    ),
    "a currency is added to the amounts": (
        TOP + rule(above={"USD": 1000}, approvals=2), TOP + rule(above={"USD": 1000, "EUR": 1000}, approvals=2),
        {BOB: "needs 1 in place of 2"},
    ),
    "rules are in another order": (
        TOP + rule(sends=True, approvals=2) + rule(mails_again=True, approvals=1),
        TOP + rule(mails_again=True, approvals=1) + rule(sends=True, approvals=2),
        {BOB: "under rule 1 needs 1 in place of 2"},
    ),
    "a request waits longer": (
        TOP + rule(expires_after="1h"), TOP + rule(expires_after="2h"), {BOB: "waits longer", CARLA: "waits longer"},
    ),
    "somebody may ask": (
        TOP, TOP.replace(f'["{ALICE}"]', f'["{ALICE}", "{CARLA}"]'), {CARLA: "you may ask only since then", BOB: "", ALICE: ""},
    ),
    "production needs no second approval any more": (
        TOP + rule(tenants=["production"], approvals=2), TOP + rule(tenants=["sandbox"], approvals=2), {BOB: "needs 1 in place of 2"},
    ),
    "a rule for one entity is for another": (
        TOP + rule(entities=["Europe"], approvals=2), TOP + rule(entities=["Asia"], approvals=2), {BOB: "needs 1 in place of 2"},
    ),
    "everything becomes stricter": (
        TOP, TOP + rule(approvals=2, expires_after="2h"), {BOB: "", CARLA: "", ALICE: ""},
    ),
    "only a comment is changed": (TOP, f"# reviewed\n{TOP}", {BOB: "", CARLA: "", ALICE: ""}),
    "somebody is taken out": (TOP, TOP.replace(f', "{CARLA}"', ""), {BOB: "", CARLA: ""}),
    "a group replaces its members": (TOP, TOP.replace(f'"{BOB}", "{CARLA}"', '"S0CONTROLLERS"'), {BOB: "", CARLA: ""}),
    "a group that is not known is named": (
        TOP, TOP.replace(f'"{CARLA}"]', f'"{CARLA}", "S0OTHER"]'), {BOB: "", DAN: "what only others could approve"},
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", CHANGES)
def test_whoever_can_carry_a_request_further_gains(name):
    before, after, people = CHANGES[name]
    for who, words in people.items():
        found = gains(who, before, after)
        assert words in found if words else not found, (who, found)


FIRST = {"amounts": rule(above={"USD": 9999, "EUR": 9999}), "places": rule(entities=["Asia"])}
TWICE: dict[str, tuple[str, dict[str, Any], dict[str, Any]]] = {
    "totals in two currencies": (
        FIRST["amounts"], {"above": {"USD": 100, "EUR": 9999}}, {"above": {"EUR": 100, "USD": 9999}},
    ),
    "a part of a mixed list": ("", {"operations": ["email_mixed_list"]}, {"operations": ["email_invoice"]}),
    "a tenant that is not known": ("", {"tenants": ["unknown"]}, {"tenants": ["production"]}),
    "an entity by name and id": (FIRST["places"], {"entities": ["Europe"]}, {"entities": ["1d" * 16]}),
}  # fmt: skip


@pytest.mark.parametrize("name", TWICE)
def test_who_gains_only_where_two_rules_are_for_one_request_gains(name):
    """Whatever only one of the rules is for needs as many approvals as before; in the other order the second one comes first."""
    first, one, other = TWICE[name]
    needs_two, needs_one = rule(approvals=2, **one), rule(**other)
    assert "needs 1 in place of 2" in gains(
        BOB, TOP + first + needs_two + needs_one, TOP + first + needs_one + needs_two
    )
    assert not gains(BOB, TOP + first + needs_one + needs_two, TOP + first + needs_two + needs_one)


NAMES = [
    "email_bill_run",
    "post_bill_run",
    "email_invoice",
    "email_credit_memo",
    "email_mixed_list",
]
RULES = st.fixed_dictionaries(
    {"approvers": st.sampled_from([[BOB, CARLA], ["S0CONTROLLERS"], [BOB, DAN], [CARLA, DAN]])},
    optional={
        "approvals": st.integers(1, 2),
        "operations": st.lists(st.sampled_from(NAMES), min_size=1, max_size=2, unique=True),
        "tenants": st.lists(st.sampled_from(["production", "sandbox", "unknown"]), min_size=1, unique=True),
        "sends": st.booleans(),
        "mails_again": st.booleans(),
        "above": st.dictionaries(st.sampled_from(["USD", "EUR"]), st.integers(0, 3), min_size=1),
        "documents_above": st.integers(0, 3),
        "entities": st.lists(st.sampled_from(["Europe", "Asia", "1d" * 16]), min_size=1, unique=True),
        "expires_after": st.sampled_from(["1h", "2d"]),
    },
)  # fmt: skip
KINDS = NAMES[2:-1]
UNITS = [None, Unit("1d" * 16, "Europe"), Unit("2d" * 16, "Asia"), Unit("3d" * 16, "Africa")]
REQUESTS = st.builds(
    lambda operation, part_of, tenant, sends, again, amounts, documents, unit: Asked(
        operation=operation, tenant=tenant, sends=sends, mails_again=again, amounts=amounts, documents=documents,
        place=Place(unit),
        part_of=part_of if operation in KINDS else "",
    ),
    st.sampled_from(NAMES[:-1]),
    st.sampled_from(["", "email_mixed_list"]), st.sampled_from(["production", "sandbox", "unknown"]), st.booleans(), st.booleans(),
    st.none() | st.lists(st.tuples(st.sampled_from(["USD", "EUR", "GBP"]), st.integers(-4, 4).map(Decimal)), max_size=3),
    st.none() | st.integers(0, 4), st.sampled_from(UNITS),
)  # fmt: skip
CHANGED = st.lists(RULES, max_size=4).flatmap(
    lambda rules: st.tuples(
        st.just(rules), st.permutations(rules) | st.lists(RULES, max_size=4)
    ).map(lambda both: [TOP + "".join(rule(**one) for one in each) for each in both])
)
"""The rules of a policy, and then the same in another order, or others."""


@pytest.fixture(scope="module")
def file(tmp_path_factory):
    return tmp_path_factory.mktemp("policies") / "policy.toml"


@settings(max_examples=300, deadline=None)
@given(CHANGED, st.lists(REQUESTS, min_size=1, max_size=2))
def test_nobody_who_gains_nothing_can_do_more_about_any_request(file, texts, requests):
    """The policies as the bot reads them are asked about requests as it makes them, also for parts of a mixed list."""
    rules = []
    for text in texts:
        Path(file).write_text(text)
        rules.append(read_policy(file).strictest(requests))
    old, new = rules
    for who in (BOB, CARLA, DAN):
        if is_named(who, new) and not gains(who, *texts):
            assert is_named(who, old), f"{who} decides only now"
            assert new.approvals >= old.approvals
            assert new.expires_after <= old.expires_after


def is_named(who, rule):
    groups = {name for name, members in IN_THE_GROUP.items() if who in members}
    return any({*name.split("&")} <= {who, *groups} for name in rule.approvers)


def test_nobody_who_may_not_approve_under_the_last_confirmed_policy_confirms_anything():
    found = changed(TOP, TOP.replace(f'"{CARLA}"]', f'"{CARLA}", "{DAN}"]'))
    for who in (DAN, ALICE):
        judged = found.judge(2, who, {})
        assert (judged.needed, judged.why) == (
            0,
            "you may not approve under the policy that was confirmed last",
        )
        assert judged.may == [BOB, CARLA]


def test_two_changes_of_which_each_is_harmless_are_compared_with_what_was_confirmed():
    """Carla asks since row 2, which nobody confirmed; row 3 says only something else."""
    asks = TOP.replace(f'["{ALICE}"]', f'["{ALICE}", "{CARLA}"]')
    found = changed(TOP, asks, f"# reviewed\n{asks}")
    assert not gains(CARLA, asks, f"# reviewed\n{asks}")
    assert say(found, 4, 3, CARLA).why == "you gain by it: you may ask only since then"
    assert say(found, 5, 3, BOB).needed == 1
    assert found.confirmed() == {1: 0, 3: 5}


def test_a_change_by_which_all_gain_is_confirmed_by_two_or_as_many_as_the_strictest_rule_wanted():
    three = TOP.replace(f'"{CARLA}"]', f'"{CARLA}", "{DAN}"]') + rule(approvals=3)
    found = changed(three, three.replace("approvals = 3", "approvals = 1"))
    for number, who in enumerate((BOB, BOB, CARLA), 3):
        assert say(found, number, 2, who).needed == 3
        assert 2 not in found.confirmed()
    say(found, 6, 2, DAN)
    assert found.confirmed() == {1: 0, 2: 6}
    found.note(7, "statement.denied", CARLA, {"rows": [5]})
    assert found.confirmed() == {1: 0}
    assert found.confirmed(7) == {1: 0, 2: 6}, "at that time it was"


def test_while_somebody_gains_nothing_those_who_gain_are_not_enough():
    found = changed(TOP + MAILS, TOP + rule(operations=["email_bill_run"], approvers=[BOB, CARLA]))
    assert found.judge(2, CARLA, {}).may == [BOB]
    assert found.judge(2, CARLA, {}).needed == 0


def test_a_policy_that_is_put_back_needs_no_confirmation_unless_another_was_confirmed_meanwhile():
    looser = TOP.replace(f'"{CARLA}"]', f'"{CARLA}", "{DAN}"]')
    found = changed(TOP, looser, TOP)
    assert found.confirmed() == {1: 0, 3: 0}
    found = changed(TOP, looser)
    say(found, 3, 2, BOB)
    found.note(4, "policy.changed", "", {"old": row(looser)["new"], **row(TOP)})
    assert found.confirmed() == {1: 0, 2: 3}
    assert found.with_hash(row(TOP)["new"]) == 4


def test_a_confirmation_rests_on_the_one_that_it_was_compared_with():
    """Row 2 is confirmed, and row 3 compared with it; then it was not they who confirmed row 2."""
    more = [TOP.replace(f'"{CARLA}"]', f'"{CARLA}", "U{each}"]') for each in "12"]
    found = changed(TOP, *more)
    say(found, 4, 2, BOB)
    say(found, 5, 3, CARLA)
    assert found.confirmed() == {1: 0, 2: 4, 3: 5}
    found.note(6, "statement.denied", BOB, {"rows": [4]})
    assert found.confirmed() == {1: 0}


def test_a_group_that_slack_does_not_show_lets_nobody_who_gains_confirm():
    before = TOP.replace(f'"{CARLA}"]', '"S0CONTROLLERS"]') + rule(approvals=2)
    found = changed(before, before.replace("approvals = 2", "approvals = 1"))
    judged = found.judge(2, BOB, {})
    assert judged.needed == 0
    assert judged.why.endswith("(Slack does not say who is in S0CONTROLLERS)")
    assert found.judge(2, BOB, IN_THE_GROUP).needed == 2
    assert found.judge(2, ALICE, {}).why == (
        "it is not known whether you may approve under the policy that was confirmed last (Slack does not say who is in S0CONTROLLERS)"
    )


def test_rows_of_older_versions_count_as_they_were_meant():
    """They say neither what they were compared with nor the policy's text."""
    found = Confirmations()
    lists = {"requesters": [ALICE], "approvers": [BOB], "deciders": [BOB, CARLA]}
    for number, (old, new) in enumerate(pairwise(["", "a", "b", "c"]), 1):
        found.note(number, "policy.changed", "", {"old": old, "new": new, **lists})
    found.note(4, "policy.confirmed", BOB, {"change": 2, "new": "b"})
    assert found.confirmed() == {1: 0, 2: 4}
    judged = found.judge(3, BOB, {})
    assert (judged.needed, judged.why) == (2, "")
    assert found.names(3) == (ALICE, BOB, CARLA)


def test_without_a_first_policy_nobody_may_confirm():
    found = Confirmations()
    found.note(5, "policy.changed", "", {"old": "gone", **row(TOP)})
    assert (found.base(5), found.judge(5, BOB, {}).needed) == (0, 0)
