"""Money: exact, and one currency at a time."""

from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.domain.money import Money, in_words, totals

amounts = st.decimals(
    min_value=-(10**12), max_value=10**12, places=2, allow_nan=False, allow_infinity=False
)
moneys = st.lists(st.builds(Money, st.sampled_from(["EUR", "JPY", "USD"]), amounts), max_size=30)


@pytest.mark.parametrize(
    ("amount", "shown"),
    [
        ("1204310.25", "USD 1,204,310.25"),
        ("0", "USD 0.00"),
        ("5", "USD 5.00"),
        ("5.1", "USD 5.10"),
        ("5.1250", "USD 5.125"),
        ("-17.5", "USD -17.50"),
        ("1E+3", "USD 1,000.00"),
        ("0.1", "USD 0.10"),
    ],
)
def test_an_amount_is_shown_with_its_currency_and_at_least_two_digits(amount, shown):
    assert str(Money("USD", Decimal(amount))) == shown


def test_no_amounts_are_nothing():
    assert in_words([]) == "nothing"
    assert totals([]) == ()


def test_currencies_stand_side_by_side_in_the_order_of_their_codes():
    mixed = [
        Money("USD", Decimal("1.10")),
        Money("EUR", Decimal("2.20")),
        Money("USD", Decimal("0.20")),
    ]

    assert in_words(totals(mixed)) == "EUR 2.20 · USD 1.30"


@settings(max_examples=30)
@given(moneys)
def test_two_currencies_are_never_added_up(moneys):
    for total in totals(moneys):
        own = [money.amount for money in moneys if money.currency == total.currency]
        assert own
        assert total.amount == sum(own, Decimal(0))


@settings(max_examples=30)
@given(moneys)
def test_there_is_one_total_for_each_currency(moneys):
    currencies = [total.currency for total in totals(moneys)]

    assert currencies == sorted({money.currency for money in moneys})


@settings(max_examples=30)
@given(moneys)
def test_sums_are_decimal_and_exact_whatever_the_order(moneys):
    forwards, backwards = totals(moneys), totals(reversed(moneys))

    assert forwards == backwards
    assert all(type(total.amount) is Decimal for total in forwards)


def test_a_float_among_the_amounts_is_an_error_and_not_a_sum():
    with pytest.raises(TypeError):
        totals([Money("USD", Decimal("0.10")), Money("USD", 0.2)])  # type: ignore[arg-type]


@settings(max_examples=30)
@given(amounts)
def test_what_is_shown_reads_back_as_the_same_amount(amount):
    shown = str(Money("EUR", amount)).removeprefix("EUR ").replace(",", "")

    assert Decimal(shown) == amount


@pytest.mark.parametrize(
    ("money", "shown", "plain"),
    [
        (Money("JPY", Decimal("1204310.00")), "JPY 1,204,310", "1204310"),
        (Money("KWD", Decimal("88.12")), "KWD 88.120", "88.120"),
        (Money("USD", Decimal(7)), "USD 7.00", "7.00"),
        (Money("JPY", Decimal("10.5")), "JPY 10.5", "10.5"),
        (Money("XXX", Decimal("1E+3")), "XXX 1,000.00", "1000.00"),
    ],
)
def test_an_amount_has_the_digits_of_its_currency(money, shown, plain):
    assert (str(money), money.plain) == (shown, plain)
