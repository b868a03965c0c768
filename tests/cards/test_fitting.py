"""A card has at most eight lines of facts, whatever there is to say."""

from itertools import product

import pytest

from bot.cards.blocks import literal
from bot.cards.fitting import MOST_FACTS, fitting, is_marked
from bot.domain.words import line

AMOUNT, WHY, NAME = line("Amount", "USD 7.00"), line("Why", "month end"), line("R-1", "asked")


def also(number):
    return [line("Also", f"R-{n} asks to mail INV{n} too") for n in range(number)]


def alarms(number):
    return [line("Also", f"⚠ R-{n} already mailed INV{n}") for n in range(number)]


def test_what_fits_stays_as_it_is():
    lines = (AMOUNT, *also(1), line("Largest", "Northwind"), WHY, NAME)

    assert fitting(lines) == lines


def test_the_comparison_gives_way_first_then_the_largest_then_what_others_ask():
    rest = [line(f"Fact {n}", "words") for n in range(4)]
    extra = [*also(1), line("Against last time", "+4 %"), line("Largest", "Northwind")]
    labels = [each.label for each in fitting((AMOUNT, *extra, *rest, WHY, NAME))]

    assert "Against last time" not in labels
    assert "Largest" not in labels or "Also" not in labels
    assert len(labels) == MOST_FACTS


COUNTS = list(product((0, 1, 5), (0, 1, 4), (0, 3, 9)))


@pytest.mark.parametrize(("calm", "marked", "more"), COUNTS)
def test_there_are_never_more_than_eight_and_no_warning_is_lost(calm, marked, more):
    facts = [line(f"Fact {n}", "words") for n in range(more)]
    lines = (AMOUNT, *also(calm), *alarms(marked), *facts, line("⚠", "no address"), WHY, NAME)

    shown = fitting(lines)

    assert len(shown) <= MOST_FACTS
    said = " ".join(str(each.parts) for each in shown if is_marked(each))
    assert "no address" in said
    assert all(f"R-{n} already mailed INV{n}" in said for n in range(marked))
    assert {AMOUNT, WHY, NAME} <= set(shown)


def test_warnings_that_share_a_line_keep_their_names():
    marked = [line("⚠ Amount", "INV1 (empty)"), line("⚠ Mails", "the profile is muted")]
    facts = [line(f"Fact {n}", "words") for n in range(5)]

    shown = fitting((AMOUNT, *marked, *facts, WHY, NAME))

    (both,) = [each for each in shown if is_marked(each)]
    assert "".join(map(str, both.parts)) == "Amount: INV1 (empty) · Mails: the profile is muted"


@pytest.mark.parametrize(
    ("typed", "shown"),
    [
        ("plain", "plain"),
        ("\u202eturned", "\u2068\u202eturned\u2069"),
        ("\u2069\u202eout of it", "\u2068\u202eout of it\u2069"),
        ("\u2066left open", "\u2068\u2066left open\u2069\u2069"),
        ("\u2066in\u2069 \u2069out\u2067", "\u2068\u2066in\u2069 out\u2067\u2069\u2069"),
    ],
)
def test_what_is_typed_turns_nothing_that_stands_around_it(typed, shown):
    assert literal(typed) == shown
