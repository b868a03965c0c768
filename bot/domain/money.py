"""Money: decimal amounts beside their currency, never a float, never two currencies added up."""

from collections.abc import Iterable
from decimal import Decimal
from typing import NamedTuple


class Money(NamedTuple):
    """An amount in one currency (ISO 4217 code)."""

    currency: str
    amount: Decimal

    def __str__(self) -> str:
        """As on a card: `USD 1,204,310.25`; two digits at least, more only where they are there."""
        digits = max(2, -int(self.amount.normalize().as_tuple().exponent))
        return f"{self.currency} {self.amount:,.{digits}f}"


def totals(amounts: Iterable[Money]) -> tuple[Money, ...]:
    """One sum for each currency, ordered by currency."""
    sums: dict[str, Decimal] = {}
    for currency, amount in amounts:
        sums[currency] = sums.get(currency, Decimal(0)) + amount
    return tuple(Money(currency, sums[currency]) for currency in sorted(sums))


def in_words(amounts: Iterable[Money]) -> str:
    """`EUR 88,120.00 · USD 1,204,310.25`; `nothing` for no amounts."""
    return " · ".join(str(money) for money in amounts) or "nothing"
