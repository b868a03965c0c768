"""The one-line way: words with values become the form's values, or messages."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.operations.catalog import OPERATIONS
from bot.operations.create_bill_run.body import CreateBillRunBody
from bot.operations.typed import Problems
from bot.slack.forms.catalog import FORMS
from bot.slack.one_line import is_one_line, read_one_line
from bot.slack.one_line_words import SETTERS, WORDS, plain

FORM = FORMS["ask:bill_run"]


def read(text):
    found = read_one_line(text, 50)
    assert not isinstance(found, Problems), found
    return found


def problems(text):
    found = read_one_line(text, 50)
    assert isinstance(found, Problems), found
    return found.by_field


def body(text):
    found = OPERATIONS["create_bill_run"].read(read(text))
    assert isinstance(found, CreateBillRunBody), found
    return found


def test_the_example_of_the_help_is_a_whole_bill_run():
    made = body('batch=Batch1,Batch2 target=2026-11-30 name="November"')

    assert made.batches == ("Batch1", "Batch2")
    assert made.target_date.isoformat() == "2026-11-30"
    assert made.name == "November"
    assert not made.is_scheduled


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("batch=1 target=2026-11-30", True),
        ("  name = x", True),
        ("BR-00000001", False),
        ("help", False),
        ("", False),
        ("=x", False),
    ],
)
def test_a_line_is_one_when_it_begins_with_a_word_and_an_equals_sign(text, wanted):
    assert is_one_line(text) is wanted


def test_the_names_of_zuoras_page_are_understood_in_any_case():
    made = body(
        "batches=Batch3 TARGETDATE=2026-11-30 billRunType=regular autoPost=true auto_email=yes "
        "auto-renewal=1 noEmailForZeroAmountInvoice=yes chargeTypeToExclude=onetime,Usage "
        "includeOrderLineItems=false billCycleDay=5 organizationLabels='Europe, Asia'"
    )

    assert made.auto_post
    assert made.auto_email
    assert made.auto_renewal
    assert made.no_email_for_zero_amount
    assert made.exclude == ("OneTime", "Usage")
    assert not made.include_order_line_items
    assert made.bill_cycle_day == "5"
    assert [each.name for each in made.organizations] == ["Europe", "Asia"]


def test_words_of_a_schedule_make_it_a_scheduled_run():
    made = body("batch=all repeat=weekly from=2026-12-01 hour=6 days=fri,mon")

    assert made.schedule.weekly_on == ("Mon", "Fri")
    assert made.schedule.run_time == 6


def test_quotes_as_phones_make_them_are_quotes():
    assert read("name=“Month end” batch=1")["name"] == "Month end"


def test_a_backslash_is_an_ordinary_character():
    assert read(r"name=a\b batch=1")["name"] == r"a\b"


@pytest.mark.parametrize(
    ("text", "field", "words"),
    [
        ("batch=1 targt=2026-11-30", "targt", "did you mean target?"),
        ("batch=1 xyzzy=1", "xyzzy", "the fields are batch"),
        ("batch=1 November", "November", "has no `=`"),
        ("batch=1 batches=2", "batches", "given twice"),
        ("batch=", "batch", "has no value."),
        ('name="November', "name", "quotation mark"),
        ("batch=1 account=A1", "scope", "Only one of"),
        ("batch=Batch99", "batches", "Batch99 is above Batch50"),
        ("batch=Batch99", "batches", "ZUORA_BATCHES"),
        ("batch=Batch201", "batches", "no batch Batch201"),
        ("batch=1 target=tomorrow", "target_date", "tomorrow is not a date"),
        ("batch=1 target=2026-02-30", "target_date", "not a date"),
        ("batch=1 type=weird", "type", "Regular, CatchUp"),
        ("batch=1 autopost=maybe", "autopost", "yes or no"),
        ("batch=1 autoemail=yes", "posting", "needs autoPost=yes"),
        ("batch=1 exclude=Recurring,Other", "exclude", "choose among"),
        ("batch=1 hour=24 repeat=Daily", "hour", "choose one of 0 to 23."),
        ("batch=1 billCycleDay=32", "billCycleDay", "AllBillCycleDays, AsRunDay and 1 to 31."),
        ("account=A1 billCycleDay=5", "bill_cycle_day", "for batches only"),
        ("batch=1 repeat=Daily days=Sun", "weekly_on", "for weekly runs"),
        ("batch=1 repeat=Monthly target=2026-11-30 targetday=3", "target_date", "not both"),
        ("sub=S-1 repeat=Daily from=2026-12-01 hour=3", "when", "not for single subscriptions"),
    ],
)
def test_what_is_wrong_is_said_with_what_is_right(text, field, words):
    assert words in problems(text)[field]


def test_what_is_missing_is_left_to_the_form():
    assert read("batch=Batch1")["batches"] == ["Batch1"]


def test_every_word_is_understood_as_the_help_spells_it():
    assert {WORDS[plain(word)] for word in SETTERS} == set(SETTERS)


WORD = st.sampled_from([*SETTERS, "unknown", "Batch", ""])
VALUE = st.one_of(
    st.sampled_from(["yes", "no", "all", "1", "2026-11-30", "Weekly", "Monthly", "Mon", "A1"]),
    st.text(max_size=30),
)


@given(st.lists(st.tuples(WORD, VALUE), max_size=8))
def test_whatever_is_typed_the_form_opens_with_it_or_there_are_messages(pairs):
    found = read_one_line(" ".join(f"{word}={value}" for word, value in pairs), 50)

    if isinstance(found, Problems):
        assert found.by_field
        assert all(found.by_field.values())
    else:
        assert len(FORM.blocks(found)) < 100


@given(st.text())
def test_no_text_is_an_exception(text):
    read_one_line(text, 50)
    is_one_line(text)
