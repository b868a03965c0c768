"""Whatever is typed, a valid body that Zuora takes, or a message at each field that is wrong."""

from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.operations.create_bill_run.batches import batch_named, beyond
from bot.operations.create_bill_run.body import CreateBillRunBody, wire
from bot.operations.create_bill_run.reading import read
from bot.operations.typed import Problems
from bot.sandbox.slack.block_kit import check_view
from bot.sandbox.zuora.options import Knobs
from bot.sandbox.zuora.validation import create_reasons
from bot.slack.forms.ask_form import METADATA_LIMIT, Origin
from bot.slack.forms.catalog import FORMS

AD_HOC = {"scope": "batches", "batches": ["Batch1"], "target_date": "2026-11-30"}
WEEKLY = {
    "scope": "batches", "when": "scheduled", "batches": ["Batch1"], "repeat_type": "Weekly",
    "repeat_from": "2026-12-01", "run_time": "6", "weekly_on": ["Mon"],
}  # fmt: skip
MONTHLY = {**WEEKLY, "repeat_type": "Monthly", "repeat_from": "2026-11-30", "weekly_on": []}
ACCOUNT_ID, SUBSCRIPTION_ID = "a" * 32, "b" * 32


def body(form):
    found = read(form)
    assert isinstance(found, CreateBillRunBody), found
    return found


def as_wire(made):
    return wire(
        made,
        name="x",
        account_id="" if made.batches else ACCOUNT_ID,
        subscription_ids=tuple(SUBSCRIPTION_ID for _ in made.subscriptions),
    )


def reasons(made):
    knobs = Knobs(catch_up=True, multi_org=bool(made.organizations))
    return create_reasons(as_wire(made), knobs)


@pytest.mark.parametrize("form", [AD_HOC, WEEKLY, MONTHLY])
def test_a_plain_form_is_a_body_that_zuora_takes(form):
    assert reasons(body(form)) == []


@pytest.mark.parametrize(
    ("form", "change", "field", "words"),
    [
        (AD_HOC, {"scope": "", "batches": []}, "scope", "Choose batches"),
        (AD_HOC, {"scope": "", "account": "A1"}, "scope", "exclude each other"),
        (AD_HOC, {"batches": []}, "batches", "at least one"),
        (AD_HOC, {"batches": ["AllBatches", "Batch2"]}, "batches", "choose it alone"),
        (AD_HOC, {"batches": ["Batch201"]}, "batches", "ZUORA_BATCHES"),
        (AD_HOC, {"batches": ["Batch0"]}, "batches", "no batch Batch0"),
        (AD_HOC, {"bill_cycle_day": "AsRunDay"}, "bill_cycle_day", "scheduled runs"),
        (AD_HOC, {"bill_cycle_day": "32"}, "bill_cycle_day", "1 to 31"),
        (AD_HOC, {"scope": "account"}, "account", "Type the account number"),
        (AD_HOC, {"scope": "account", "account": "A1\nA2"}, "account", "One account only"),
        (AD_HOC, {"scope": "account", "account": "x" * 256}, "account", "at most 255 characters"),
        (AD_HOC, {"scope": "subscriptions"}, "subscriptions", "one or more"),
        (
            AD_HOC,
            {"scope": "subscriptions", "subscriptions": " ".join(f"S{n}" for n in range(51))},
            "subscriptions",
            "these are 51",
        ),
        (
            WEEKLY,
            {"scope": "subscriptions", "subscriptions": "S1"},
            "when",
            "not for single subscriptions",
        ),
        (AD_HOC, {"when": "later"}, "when", "now or on a schedule"),
        (AD_HOC, {"target_date": ""}, "target_date", "Choose the target date"),
        (AD_HOC, {"target_date": "2026-02-30"}, "target_date", "is not a date"),
        (AD_HOC, {"target_date": "1999-12-31"}, "target_date", "not within the years 2000 to 2199"),
        (
            AD_HOC,
            {"scope": "account", "account": "A1", "bill_cycle_day": "5"},
            "bill_cycle_day",
            "for batches only",
        ),
        (WEEKLY, {"repeat_type": "None", "repeat_to": "2026-12-31"}, "repeat_to", "no last day"),
        (WEEKLY, {"repeat_type": "Daily"}, "weekly_on", "for weekly runs"),
        (WEEKLY, {"on_end_of_month": ["yes"]}, "on_end_of_month", "for monthly runs"),
        (AD_HOC, {"target_date": "30.11.2026"}, "target_date", "like 2026-11-30"),
        (AD_HOC, {"invoice_date": "x"}, "invoice_date", "is not a date"),
        (AD_HOC, {"invoice_months": "1", "invoice_day": "1"}, "invoice_months", "monthly runs"),
        (WEEKLY, {"target_months": "1", "target_day": "1"}, "target_months", "monthly runs"),
        (MONTHLY, {"target_months": "1"}, "target_day", "1 to 31"),
        (MONTHLY, {"target_day": "3"}, "target_months", "whole months"),
        (MONTHLY, {"target_months": "1", "target_day": "32"}, "target_day", "1 to 31"),
        (
            MONTHLY,
            {"invoice_months": "1", "invoice_day": "3", "invoice_date": "2026-11-30"},
            "invoice_date",
            "leave one",
        ),
        (AD_HOC, {"run_type": "Odd"}, "run_type", "Regular or CatchUp"),
        (WEEKLY, {"run_type": "CatchUp"}, "run_type", "cannot be scheduled"),
        (AD_HOC, {"run_type": "CatchUp", "posting": "post"}, "posting", "makes no invoices"),
        (AD_HOC, {"posting": "email"}, "posting", "have it posted too"),
        (AD_HOC, {"posting": "now"}, "posting", "Choose drafts"),
        (AD_HOC, {"exclude": ["OneTime", "Usage", "Recurring"]}, "exclude", "At most two"),
        (AD_HOC, {"exclude": ["Odd"]}, "exclude", "is not among"),
        (AD_HOC, {"leave_out": ["subscriptions", "order_line_items"]}, "leave_out", "Keep one"),
        (AD_HOC, {"options": ["autoPsot"]}, "options", "is not among"),
        (AD_HOC, {"name": "x" * 101}, "name", "these are 101"),
        (AD_HOC, {"name": "a\nb"}, "name", "One line"),
        (AD_HOC, {"organizations": "x" * 101}, "organizations", "commas"),
        (WEEKLY, {"repeat_type": ""}, "repeat_type", "how often"),
        (WEEKLY, {"repeat_from": ""}, "repeat_from", "runs first"),
        (WEEKLY, {"repeat_to": "2026-11-01"}, "repeat_to", "before the first day"),
        (WEEKLY, {"run_time": "24"}, "run_time", "0 to 23"),
        (WEEKLY, {"weekly_on": []}, "weekly_on", "at least one day"),
        (WEEKLY, {"weekly_on": ["Xyz"]}, "weekly_on", "at least one day"),
        (WEEKLY, {"repeat_to": "2026-12-02"}, "weekly_on", "None of these days"),
        (
            MONTHLY,
            {"repeat_from": "2026-11-29", "on_end_of_month": ["yes"]},
            "on_end_of_month",
            "last of its month",
        ),
    ],
)
def test_each_rule_has_a_message_at_its_field(form, change, field, words):
    found = read({**form, **change})

    assert isinstance(found, Problems), found
    assert words in found.by_field[field]


def test_everything_wrong_is_said_at_once():
    found = read({**AD_HOC, "batches": ["x"], "target_date": "x", "posting": "x", "exclude": "x"})

    assert isinstance(found, Problems)
    assert set(found.by_field) == {"batches", "target_date", "posting", "exclude"}


def test_every_field_reaches_zuora_as_its_page_names_it():
    made = body(
        {
            **MONTHLY, "name": "Nov", "bill_cycle_day": "AsRunDay", "target_months": "1",
            "target_day": "31", "invoice_date": "2026-12-01", "posting": "post_and_email",
            "options": ["auto_renewal", "no_zero_mail"], "exclude": ["Usage"],
            "leave_out": ["order_line_items"], "organizations": f"Europe, {'A' * 32}",
            "repeat_to": "2027-11-30", "on_end_of_month": ["yes"],
        }
    )  # fmt: skip

    assert as_wire(made) == {
        "name": "x",
        "batches": ["Batch1"],
        "billCycleDay": "AsRunDay",
        "targetDateMonthOffset": 1,
        "targetDateDayOfMonth": 31,
        "invoiceDate": "2026-12-01",
        "chargeTypeToExclude": ["Usage"],
        "includeOrderLineItems": False,
        "organizationLabels": [{"organizationName": "Europe"}, {"organizationId": "a" * 32}],
        "schedule": {
            "repeatType": "Monthly",
            "repeatFrom": "2026-11-30",
            "repeatTo": "2027-11-30",
            "runTime": 6,
            "monthlyOnEndOfMonth": True,
        },
        "autoPost": True,
        "autoEmail": True,
        "autoRenewal": True,
        "noEmailForZeroAmountInvoice": True,
    }
    assert reasons(made) == []


def test_a_regular_run_does_not_name_its_type_and_a_catch_up_run_does():
    assert "billRunType" not in as_wire(body(AD_HOC))
    assert as_wire(body({**AD_HOC, "run_type": "CatchUp"}))["billRunType"] == "CatchUp"


def test_a_body_survives_its_own_json():
    made = body({**MONTHLY, "target_months": "-1", "target_day": "31", "organizations": "EU"})

    assert CreateBillRunBody.model_validate_json(made.model_dump_json()) == made


ODD = st.one_of(st.none(), st.booleans(), st.integers(), st.text(max_size=20), st.lists(st.text()))
DATES = st.dates(date(1999, 1, 1), date(2201, 1, 1)).map(str)


def field(*likely):
    return st.one_of(st.sampled_from(likely), ODD)


FORMS_TYPED = st.fixed_dictionaries(
    {},
    optional={
        "scope": field("batches", "account", "subscriptions"),
        "when": field("adhoc", "scheduled"),
        "name": st.text(max_size=120),
        "batches": field(["Batch1", "Batch50"], ["AllBatches"], "7, 8", ["AllBatches", "Batch1"]),
        "bill_cycle_day": field("AllBillCycleDays", "AsRunDay", "1", "31", "32"),
        "account": field("A1", ACCOUNT_ID, "A1 A2"),
        "subscriptions": field("S1", "S1, S2", " ".join(f"S{n}" for n in range(51))),
        "target_date": st.one_of(DATES, ODD),
        "target_by": field("date", "month"),
        "target_months": field("0", "1", "-1", "25"),
        "target_day": field("1", "31", "0"),
        "invoice_date": st.one_of(DATES, ODD),
        "invoice_by": field("date", "month"),
        "invoice_months": field("0", "+1"),
        "invoice_day": field("1", "31"),
        "run_type": field("Regular", "CatchUp"),
        "posting": field("draft", "post", "post_and_email"),
        "options": field(["auto_renewal"], ["no_zero_mail"], []),
        "exclude": field([], ["Usage"], ["Usage", "OneTime"], ["Usage", "OneTime", "Recurring"]),
        "leave_out": field([], ["subscriptions"]),
        "organizations": field("", "EU", ACCOUNT_ID),
        "repeat_type": field("None", "Daily", "Weekly", "Monthly"),
        "repeat_from": st.one_of(DATES, st.just("2026-11-30"), ODD),
        "repeat_to": st.one_of(DATES, ODD),
        "run_time": field("0", "23", "24"),
        "weekly_on": field(["Mon"], ["Mon", "Sun"], []),
        "on_end_of_month": field(["yes"], []),
    },
)


def some(*choices):
    return st.sampled_from(choices)


FILLED = st.fixed_dictionaries(
    {
        "scope": some("batches", "batches", "account"),
        "when": some("adhoc", "scheduled"),
        "batches": some(["Batch1"], ["Batch2", "Batch50"], ["AllBatches"]),
        "account": some("A1", ACCOUNT_ID),
        "target_date": st.dates(date(2026, 1, 1), date(2028, 1, 1)).map(str),
        "repeat_type": some("None", "Daily", "Weekly", "Monthly"),
        "repeat_from": some("2026-12-01", "2026-11-30", "2027-02-28"),
        "run_time": some("0", "23"),
        "weekly_on": some(["Mon"], ["Sun", "Mon"]),
    },
    optional={
        "name": st.text(st.characters(categories=["L", "N", "P"]), max_size=100),
        "bill_cycle_day": some("AllBillCycleDays", "1", "31"),
        "invoice_date": some("2026-12-24"),
        "invoice_by": some("date", "month"),
        "invoice_months": some("0", "-1"),
        "invoice_day": some("31"),
        "run_type": some("Regular", "CatchUp"),
        "posting": some("draft", "post", "post_and_email"),
        "options": some(["auto_renewal"], ["no_zero_mail"], []),
        "exclude": some([], ["Usage"], ["Usage", "OneTime"]),
        "leave_out": some([], ["subscriptions"], ["order_line_items"]),
        "organizations": some("EU", f"EU, {ACCOUNT_ID}"),
        "repeat_to": some("2027-12-01"),
        "on_end_of_month": some(["yes"], []),
    },
)
"""Mostly right, so that bodies come of it; `FORMS_TYPED` is mostly wrong."""

SUBSCRIPTIONS = st.builds(
    lambda form, numbers: {**form, "scope": "subscriptions", "subscriptions": " ".join(numbers)},
    FILLED,
    st.lists(st.text("ABS-123", min_size=1, max_size=9), min_size=1, max_size=52),
)

SPOILED = st.builds(
    lambda form, names: {name: None if name in names else form[name] for name in form},
    FILLED,
    st.sets(some("run_time", "repeat_type", "repeat_from", "weekly_on", "batches", "when")),
)
"""Right but for some fields that are empty."""


@given(st.one_of(FORMS_TYPED, FILLED, SPOILED, SUBSCRIPTIONS))
def test_whatever_is_typed_there_is_a_body_that_zuora_takes_or_there_are_messages(form):
    found = read(form)

    if isinstance(found, Problems):
        assert found.by_field
        assert all(found.by_field.values())
    else:
        assert reasons(found) == []


@given(st.one_of(FORMS_TYPED, FILLED))
def test_whatever_was_typed_slack_takes_the_form_with_it(typed):
    values = {name: value for name, value in typed.items() if not isinstance(value, bool | int)}

    form = FORMS["ask:bill_run"]

    view = form.view(values, Origin(channel="C1"))
    if len(view["private_metadata"]) > METADATA_LIMIT:  # then `drawn` keeps it in the database
        view = form.view_of(form.all_blocks(values), Origin(channel="C1", draft="a draft"))

    assert check_view(view, "modal") == []
    assert len(view["private_metadata"]) <= METADATA_LIMIT


@given(st.integers(1, 200), st.integers(50, 200))
def test_a_batch_is_there_up_to_the_highest_that_is_set(number, highest):
    batch = batch_named(str(number))

    assert batch == f"Batch{number}"
    assert (beyond([batch], highest) == "") == (number <= highest)
    assert beyond(["AllBatches"], highest) == ""
