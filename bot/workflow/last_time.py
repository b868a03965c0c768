"""How a request compares with the last one of its kind that the bot has stored."""

from collections.abc import Sequence
from decimal import Decimal

from bot.domain.money import Money
from bot.domain.request import Request
from bot.domain.words import Line, Moment, line
from bot.operations.catalog import OPERATIONS, opened
from bot.operations.kinds import KindTotals, money_of
from bot.operations.operation import LastTime
from bot.operations.progress import Progress
from bot.store.store import Store

LABEL = "Against last time"


def against_last_time(store: Store, request: Request) -> tuple[Line, ...]:
    """`+4 % (BR-00000381, 31 Oct: USD 1,158,002.10 (289 invoices))`; nothing without a last time.

    Of a run that is mailed or posted the last one is any other run of which that succeeded; of a
    run that is created the last one that billed the same. A share is given where both came to one
    currency and the same one; nothing else can be compared.
    """
    made: Request | None
    match OPERATIONS[request.operation].last_time:
        case LastTime.WHAT_IT_BILLED:
            before = store.requests.last_like(request, same_subject=True)
            made = _of_its_run(store, before) if before else None
        case LastTime.ANOTHER:
            made = store.requests.last_like(request, same_subject=False)
        case None:
            return ()
    if made is None or made.is_archived or not (then := opened(made).kinds()):
        return ()
    share = _share(opened(request).kinds(), then)
    opening, closing = (f"{share} (", ")") if share else ("", "")
    at = Moment(made.created_at)
    return (line(LABEL, f"{opening}{made.subject}, ", at, f": {money_of(then)}{closing}"),)


def _of_its_run(store: Store, created: Request) -> Request | None:
    """The newest request that posted or mailed the run which another one made."""
    number = Progress.of(created).number
    found = (store.requests.get(each) for each in store.status.about(number, 10) if number)
    return next((each for each in found if each is not None and _is_of_a_run(each)), None)


def _is_of_a_run(request: Request) -> bool:
    """Whether its documents are all of one run, as they are where it is compared with such another."""
    return OPERATIONS[request.operation].last_time is LastTime.ANOTHER


def _share(now: Sequence[KindTotals], then: Sequence[KindTotals]) -> str:
    """`+4 %`; empty where the two cannot be compared."""
    one, other = _total(now), _total(then)
    if one is None or other is None or one.currency != other.currency or not other.amount:
        return ""
    return f"{(one.amount - other.amount) / abs(other.amount):+,.0%}".replace("%", " %")


def _total(kinds: Sequence[KindTotals]) -> Money | None:
    """What they come to in their only currency, credit memos taken off; None where that is unknown."""
    currencies = {money.currency for kind in kinds for money in kind.totals}
    if len(currencies) != 1 or any(kind.not_known for kind in kinds):
        return None
    total = Decimal(0)
    for kind in kinds:
        amount = sum((money.amount for money in kind.totals), Decimal(0))
        total += -abs(amount) if kind.kind == "credit_memo" else amount
    return Money(currencies.pop(), total)
