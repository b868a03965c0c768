"""What an approval of a bill run is bound to, how it is worded, and how its states are read."""

from dataclasses import replace
from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.domain.call import Call
from bot.domain.digest import canonical
from bot.operations.catalog import OPERATIONS
from bot.operations.create_bill_run import following, words
from bot.operations.create_bill_run.body import CreateBillRunBody, MonthDay, Organization
from bot.operations.create_bill_run.facts import (
    BilledAccount,
    BilledSubscription,
    CreateFacts,
    OtherRun,
)
from bot.operations.create_bill_run.finding import subscription_problem
from bot.operations.create_bill_run.notes import notes
from bot.operations.create_bill_run.overlap import others_of
from bot.operations.create_bill_run.reading import read
from bot.operations.progress import Progress
from bot.operations.run_documents import RunFacts
from bot.zuora.answers import BillRun, Subscription

CREATE = OPERATIONS["create_bill_run"]
TODAY = date(2026, 11, 21)
BODY = CreateBillRunBody(
    batches=("Batch1",), bill_cycle_day="AllBillCycleDays", target_date=date(2026, 11, 30)
)
FACTS = CreateFacts(today=TODAY, accounts=12, auto_post_allowed=True)
ACCOUNT = BilledAccount(
    id="a" * 32, number="A1", name="Customer", currency="USD", batch="Batch1", bill_to_mail=True
)
_READ = read(
    {
        "scope": "batches", "when": "scheduled", "batches": ["Batch1"], "repeat_type": "Daily",
        "repeat_from": "2026-12-01", "run_time": "6",
    }
)  # fmt: skip
assert isinstance(_READ, CreateBillRunBody)
SCHEDULED = _READ


@pytest.mark.parametrize(
    "change",
    [
        {"name": "November"},
        {"batches": ("Batch2",)},
        {"bill_cycle_day": "1"},
        {"account": "A1"},
        {"subscriptions": ("S1",)},
        {"target_date": date(2026, 12, 1)},
        {"target_month_day": MonthDay(months=1, day=1)},
        {"invoice_date": date(2026, 12, 1)},
        {"invoice_month_day": MonthDay(months=1, day=1)},
        {"run_type": "CatchUp"},
        {"exclude": ("Usage",)},
        {"auto_post": True},
        {"auto_email": True},
        {"auto_renewal": True},
        {"no_email_for_zero_amount": True},
        {"include_subscriptions": False},
        {"include_order_line_items": False},
        {"organizations": (Organization(name="EU"),)},
        {"schedule": SCHEDULED.schedule},
    ],
)
def test_each_effective_field_changes_what_is_bound(change):
    changed = BODY.model_copy(update=change)

    assert canonical(changed.model_dump()) != canonical(BODY.model_dump())


def test_every_field_of_the_body_is_in_the_test_above():
    tested = test_each_effective_field_changes_what_is_bound.pytestmark[0].args[1]

    assert {name for change in tested for name in change} == set(CreateBillRunBody.model_fields)


def subscription(number, version):
    return BilledSubscription(id=f"{number}-{version}", number=number, version=version)


FACTS_FOUND = st.builds(
    CreateFacts,
    account=st.sampled_from(
        [None, ACCOUNT, ACCOUNT.model_copy(update={"currency": "EUR", "name": "Other"})]
    ),
    subscriptions=st.permutations([("S1", 1), ("S2", 1), ("S2", 2)]).map(
        lambda pairs: tuple(subscription(*pair) for pair in dict(pairs).items())
    ),
    accounts=st.one_of(st.none(), st.integers(0, 9)),
    auto_post_allowed=st.sampled_from([None, True]),
    others=st.lists(
        st.builds(
            OtherRun,
            number=st.sampled_from(["BR-1", "BR-2"]),
            name=st.just("x"),
            status=st.sampled_from(["Pending", "Processing"]),
        ),
        unique_by=lambda run: run.number,
    ).map(tuple),
    today=st.dates(),
    pending=st.integers(0, 499),
)


@given(FACTS_FOUND, FACTS_FOUND)
def test_facts_that_are_bound_alike_do_not_differ_and_the_others_do(before, after):
    if (before.account is None) != (after.account is None):
        return  # what the body asks for decides whether there is one
    alike = canonical(before.material()) == canonical(after.material())

    assert alike == (CREATE(BODY, before).differs(after) == [])


def test_a_run_is_of_concern_only_while_it_runs_over_the_same_accounts():
    runs = tuple(
        BillRun(id=number, number=number, status=status, batches=batches, billed_account_id=account)
        for number, status, batches, account in (
            ("BR-1", "Processing", ("Batch1", "Batch2"), ""),
            ("BR-2", "Processing", ("Batch3",), ""),
            ("BR-3", "Completed", ("Batch1",), ""),
            ("BR-4", "Pending", ("AllBatches",), ""),
            ("BR-5", "Pending", (), ACCOUNT.id),
            ("BR-6", "Completed", (), ""),
        )
    )

    def numbers(body, account=None, batches=None):
        return [run.number for run in others_of(runs, body, account, batches or {})]

    assert numbers(BODY) == ["BR-1", "BR-4", "BR-5"]  # whose batch is not known
    assert numbers(BODY, batches={ACCOUNT.id: "Batch2"}) == ["BR-1", "BR-4"]
    assert numbers(BODY, batches={ACCOUNT.id: "Batch1"}) == ["BR-1", "BR-4", "BR-5"]
    assert numbers(BODY.model_copy(update={"batches": ()}), ACCOUNT) == ["BR-1", "BR-4", "BR-5"]
    everything = BODY.model_copy(update={"batches": ("AllBatches",)})
    assert numbers(everything) == ["BR-1", "BR-2", "BR-4", "BR-5"]


@given(
    st.lists(st.integers(1, 50).map(lambda n: f"Batch{n}"), min_size=1, unique=True),
    st.booleans(),
    st.booleans(),
)
def test_the_effect_fits_its_button(batches, auto_post, auto_email):
    body = BODY.model_copy(
        update={"batches": tuple(batches), "auto_post": auto_post, "auto_email": auto_email}
    )

    assert len(words.effect(body, FACTS)) <= 60
    assert len(CREATE(body, FACTS).effect() + CREATE(body, FACTS).subject()) <= 150


def test_the_effect_of_a_scheduled_run_for_an_account_fits_its_button():
    body = SCHEDULED.model_copy(update={"batches": (), "account": "A" * 20, "auto_email": True})
    facts = CreateFacts(today=TODAY, account=ACCOUNT.model_copy(update={"number": "A" * 50}))

    assert len(words.effect(body, facts)) <= 60


@pytest.mark.parametrize(
    ("change", "sends", "warning"),
    [
        ({}, False, "nothing is posted or mailed"),
        ({"auto_post": True}, True, "posts itself without another approval"),
        ({"auto_post": True, "auto_email": True}, True, "posts itself and mails customers"),
        ({"run_type": "CatchUp"}, False, "cannot be undone"),
    ],
)
def test_a_run_that_posts_itself_can_send(change, sends, warning):
    body = BODY.model_copy(update=change)

    assert CREATE(body, FACTS).sends() is sends
    assert warning in CREATE(body, FACTS).warning()


@pytest.mark.parametrize(
    ("change", "note"),
    [
        ({"target_date": date(2027, 12, 1)}, "more than a year ahead"),
        ({"target_date": date(2026, 1, 1)}, "long past"),
        ({"invoice_date": date(2026, 11, 30)}, "The invoice date is not today, 21 Nov 2026."),
        ({}, "are not renewed by this run"),
        ({"auto_renewal": True}, "are renewed by this run"),
        ({"batches": ("AllBatches",)}, "every active account of the tenant"),
        ({"auto_post": True, "auto_email": True}, "Invoices of zero are mailed too."),
        ({"run_type": "CatchUp"}, "Whether catch-up runs are enabled in Zuora could not be"),
    ],
)
def test_what_may_not_be_meant_is_a_note(change, note):
    assert any(note in each for each in notes(BODY.model_copy(update=change), FACTS))


def run(**changes):
    return replace(BillRun(id="f" * 32, number="BR-1", status="Completed"), **changes)


def ended(status, body=BODY, seen=("Pending", "Processing"), **changes):
    found = run(status=status, **changes)
    progress = Progress(run_id=found.id, number="BR-1", status=status, seen=(*seen, status))
    return following.ended(body, progress, found, RunFacts.of([], found))


def test_an_empty_run_is_a_success_without_next_steps():
    end = ended("Completed")

    assert end.ended == "succeeded"
    assert "it made no document" in end.result
    assert end.next_steps == ()


def test_a_catch_up_run_is_shown_as_one():
    body = BODY.model_copy(update={"run_type": "CatchUp"})

    assert "the billed-through dates were moved on" in ended("Completed", body).result


def test_an_error_without_words_is_said_to_have_none():
    assert ended("Error").result == "BR-1 ended in Error: Zuora gave no reason."


def test_a_state_that_is_not_known_is_shown_by_its_own_name():
    before = Progress(run_id="1", number="BR-1", status="Pending", seen=("Pending",))

    assert following.moved(before, run(status="Odd")).words == "BR-1 is Odd now."


def test_two_keys_of_one_request_make_two_names():
    one = Call(request=17, subject="x", key="billing-bot:R-17:aa3f9a", track_id="t")

    assert following.unique_name(BODY, one) == "Billing Bot [R-17 3f9a]"
    assert following.unique_name(BODY, one._replace(key="bb11")) == "Billing Bot [R-17 bb11]"


def test_a_subscription_typed_by_number_and_by_id_is_there_twice():
    twice = [Subscription(id="1", number="S1", status="Active", account_id="a")] * 2

    assert "twice" in subscription_problem([], twice)


@pytest.mark.parametrize(
    ("status", "batches", "words"),
    [
        ("", ("Batch1",), "state not known"),
        ("Brewing", ("Batch1",), "Brewing"),
        ("Pending", (), "Pending, whom it bills is not known"),
    ],
)
def test_a_run_of_which_zuora_does_not_say_whom_it_bills_or_whether_it_ended_is_of_concern(
    status, batches, words
):
    run = BillRun(id="x", number="BR-1", status=status, batches=batches)

    (other,) = others_of([run], BODY, None, {})

    assert other.status == words
