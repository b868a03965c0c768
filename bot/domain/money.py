"""Money: decimal amounts with their currency; never a float, and never a sum over two currencies."""

from collections.abc import Iterable
from decimal import Decimal
from typing import NamedTuple

from bot.domain.known import NotKnown

DIGITS = {
    **dict.fromkeys(("BIF", "CLP", "DJF", "GNF", "ISK", "JPY", "KMF", "KRW", "PYG", "RWF", "UGX",
                     "UYI", "VND", "VUV", "XAF", "XOF", "XPF"), 0),
    **dict.fromkeys(("BHD", "IQD", "JOD", "KWD", "LYD", "OMR", "TND"), 3),
    **dict.fromkeys(("CLF", "UYW"), 4),
}  # fmt: skip
"""Digits after the point, for currencies that do not have two, by ISO 4217."""


class Money(NamedTuple):
    """An amount in one currency (ISO 4217 code)."""

    currency: str
    amount: Decimal

    def __str__(self) -> str:
        """Return it as on a card: `USD 1,204,310.25`, `JPY 1,204,310`, `KWD 88.120`."""
        return f"{self.currency} {self.amount:,.{self.digits}f}"

    @property
    def plain(self) -> str:
        """Return the amount for a file: `1204310.25`, with the digits of its currency."""
        return f"{self.amount:.{self.digits}f}"

    @property
    def digits(self) -> int:
        """Return how many decimals to show: those of its currency, or more if it has more, so that nothing is rounded."""
        there = -int(self.amount.normalize().as_tuple().exponent)
        return max(DIGITS.get(self.currency, 2), there)


Amount = Money | NotKnown
"""An amount that was read, or why there is none to rely on."""


def spoken(amount: Amount) -> str:
    """Return `USD 100.00`, or `amount not known (missing)`."""
    return f"amount not known ({amount.why})" if isinstance(amount, NotKnown) else str(amount)


def apart(amounts: Iterable[Money]) -> tuple[Money, ...]:
    """Return for each currency the sum of the positive amounts and the sum of the negative ones.

    In one sum, a large invoice and a large negative one would cancel out, and asking for both would stay
    below any limit of the policy.
    """
    sums: dict[tuple[str, bool], Decimal] = {}
    for currency, amount in amounts:
        below = amount < 0
        sums[currency, below] = sums.get((currency, below), Decimal(0)) + amount
    pointless = {key for key, total in sums.items() if not total and (key[0], not key[1]) in sums}
    return tuple(
        Money(currency, sums[currency, below])
        for currency, below in sorted(sums)
        if (currency, below) not in pointless
    )


def totals(amounts: Iterable[Money]) -> tuple[Money, ...]:
    """Return one sum for each currency, ordered by currency."""
    sums: dict[str, Decimal] = {}
    for currency, amount in amounts:
        sums[currency] = sums.get(currency, Decimal(0)) + amount
    return tuple(Money(currency, sums[currency]) for currency in sorted(sums))


def in_words(amounts: Iterable[Money]) -> str:
    """Return `EUR 88,120.00 · USD 1,204,310.25`; `nothing` for no amounts."""
    return " · ".join(str(money) for money in amounts) or "nothing"
