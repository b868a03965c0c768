"""Quotation marks of every kind, around anything."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.domain.clean import clean
from bot.domain.key import as_typed, document_key, listed_in, readings, tokens
from bot.domain.place import parted
from bot.domain.quotes import CLOSING, in_quotes

NUMBERS = st.text(min_size=1, max_size=40).filter(
    lambda text: text.isprintable() and text == clean(text).strip() and text not in (".", "..")
)


@given(NUMBERS)
def test_a_number_in_quotation_marks_is_that_number(number):
    marks = set("".join(CLOSING.values())) | set(CLOSING)
    if set(number) & marks:
        return
    typed = in_quotes(number)

    assert tokens(f"{typed}, {typed}") == [typed, typed]
    assert readings(typed)[0].key == number


@given(NUMBERS, st.sampled_from(["invoice", "debit_memo", "credit_memo"]))
def test_what_the_bot_writes_for_a_document_is_read_as_that_document(number, kind):
    if set(number) & set("".join(CLOSING)):
        return
    typed = as_typed(kind, number)

    assert list(listed_in(f"{typed}\n{typed}")) == [(typed,), (typed,)]
    assert document_key(typed) == (kind, number)


@given(st.text(max_size=60))
def test_nothing_that_is_typed_is_a_fault(typed):
    for whole, *parts in listed_in(typed):
        for each in (whole, *parts):
            assert each.strip() == each
            readings(each)
    parted(typed)


@pytest.mark.parametrize(
    ("typed", "found"),
    [
        ("don't 6\" x", ["don't", '6"', "x"]),
        ("'90s-1 A", ["'90s-1", "A"]),
        ('"a b" "c"', ['"a b"', '"c"']),
        ('"a\nb"', ['"a', 'b"']),
        ("DM:'a, b';x", ["DM:'a, b'", "x"]),
    ],
)
def test_a_mark_that_closes_nothing_is_what_it_is(typed, found):
    assert tokens(typed) == found


@pytest.mark.parametrize("piece", ["'a ", '"', "“ ", "DM:'", "'a\n", "' ", '"a” '])
def test_a_text_full_of_marks_is_cut_to_its_end(piece):
    """Each mark looks for its end in a list: what somebody pastes must not hold everybody up."""
    text = piece * 50_000

    assert "".join("".join(tokens(text)).split()) == "".join(text.split())
