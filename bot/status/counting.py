"""What one request counts for, item by item; figures, picture and file all use it."""

import logging
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal

from pydantic import ValidationError

from bot.domain.call import Call, Verdict
from bot.domain.known import NotKnown
from bot.domain.money import Money, totals
from bot.domain.operation import Deed
from bot.domain.request import Request, State
from bot.operations.catalog import OPERATIONS, opened
from bot.operations.kinds import KindTotals, credited
from bot.store.figures import Counted, Figure

logger = logging.getLogger(__name__)

COUNTED = (Deed.MAILED, Deed.POSTED)
LIMITS = (15 * 60, 60 * 60, 4 * 3600, 24 * 3600)
"""Upper ends, in seconds, of the classes of the time to a decision; the last class has none."""

DECISIONS = frozenset({State.REJECTED, State.APPROVED, State.STOPPED, State.RUNNING,
                       State.SUCCEEDED, State.FAILED, State.UNKNOWN})  # fmt: skip
WORDS = {Verdict.ACCEPTED: "accepted", Verdict.REJECTED: "refused", Verdict.BUSY: "not sent yet",
         Verdict.LOST: "outcome unknown"}  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class Item:
    """A row of the exported file: a document, or a request's total in one currency.

    Attributes:
        name: The document's or the bill run's number.
        result: How it ended, in words.
        documents: How many documents the row stands for.
        done: Whether it took effect, so that `documents` and `amount` count.
    """

    name: str
    result: str
    words: str
    documents: int
    amount: Money | None
    done: bool


def items_of(request: Request, calls: Sequence[Call]) -> Iterator[Item]:
    """Yield each item of a request with its result; very many documents are read part by part.

    A request that another version of the bot wrote and this one cannot read counts only as a request, so that it does
    not keep a whole month from being shown.
    """
    try:
        order = opened(request)
    except (KeyError, ValidationError):
        logger.warning("request_is_of_another_version", extra={"request": request.number})
        yield from _run(request, calls, 0, ())
        return
    if order.each_mailed:
        by_subject = {call.subject: call for call in calls}
        for number, kind, amount in order.each():
            yield _document(
                number,
                None if isinstance(amount, NotKnown) else credited(kind, amount),
                by_subject.get(number),
                request,
            )
        return
    counted, kinds = order.documents(), order.kinds()
    known = sum(kind.count for kind in kinds)
    documents = known if counted is None else min(counted, known) if kinds else counted
    yield from _run(request, calls, documents, _amounts(kinds, documents))


def _amounts(kinds: Sequence[KindTotals], documents: int) -> tuple[Money, ...]:
    """Return the totals, with credit memos below zero, because Zuora writes those as positive amounts.

    There are none if a run is mailed only in part, because the facts do not show the part's amount, nor if an amount
    is not known.
    """
    if sum(kind.count for kind in kinds) != documents or any(kind.not_known for kind in kinds):
        return ()
    return totals(credited(kind.kind, money) for kind in kinds for money in kind.totals)


def _document(name: str, amount: Money | None, call: Call | None, request: Request) -> Item:
    return Item(
        name=name,
        result=_result(call) if call else request.state.value,
        words=call.words if call else "",
        documents=1,
        amount=amount,
        done=call is not None and call.verdict is Verdict.ACCEPTED,
    )


def _run(
    request: Request, calls: Sequence[Call], documents: int, amounts: Sequence[Money]
) -> tuple[Item, ...]:
    """Return one row for each currency; the first one carries the number of documents."""
    return tuple(
        Item(
            name=request.subject,
            result=request.state.value,
            words=" ".join(call.words for call in calls if call.words),
            documents=0 if place else documents,
            amount=amount,
            done=request.state is State.SUCCEEDED,
        )
        for place, amount in enumerate(amounts or (None,))
    )


def _result(call: Call) -> str:
    if call.verdict is None:
        return "sent, no answer yet" if call.tries else "not sent yet"
    return "not sent" if call.is_held_back else WORDS[call.verdict]


def decision_seconds(request: Request) -> int | None:
    """Return the seconds from the request to its approval or rejection; None for a withdrawal."""
    if request.decided_at is None or request.state not in DECISIONS:
        return None
    return _seconds(request.created_at, request.decided_at)


def done_seconds(request: Request) -> int | None:
    """Return the seconds from the decision to the end of what it started."""
    if request.decided_at is None or request.state not in (State.SUCCEEDED, State.FAILED):
        return None
    return _seconds(request.decided_at, request.state_at)


def _seconds(first: datetime, last: datetime) -> int:
    """Return whole seconds, never below zero, because two processes' clocks may differ."""
    return max(0, round((last - first).total_seconds()))


def figure_of(request: Request, calls: Sequence[Call]) -> Figure:
    """Return what a request counts for on the day it was asked."""
    to_decision, to_done = decision_seconds(request), done_seconds(request)
    counted: dict[tuple[str, str], Decimal] = {
        ("requests", request.state.value): Decimal(1),
        ("operations", f"{request.operation}:{request.state.value}"): Decimal(1),
    }
    if request.place_words:
        counted["places", request.place_words] = Decimal(1)
    if to_decision is not None:
        counted["decided", ""] = Decimal(1)
        counted["waited", str(_class(to_decision))] = Decimal(1)
    if to_done is not None:
        counted["done", ""] = Decimal(1)
    counted.update(_effect(request.operation, items_of(request, calls)))
    return Figure(
        request=request.number,
        day=request.created_at.astimezone(UTC).date().isoformat(),
        to_decision=to_decision,
        to_done=to_done,
        counted=counted,
    )


def effect_name(operation: str) -> str:
    """Return `mailed`, `posted`, or nothing for what does neither."""
    known = OPERATIONS.get(operation)
    return known.deed.value if known and known.deed in COUNTED else ""


def _effect(operation: str, items: Iterable[Item]) -> Counted:
    name = effect_name(operation)
    items = [item for item in items if item.done]
    if not name or not items:
        return {}
    sums: Mapping[str, Decimal] = dict(totals(item.amount for item in items if item.amount))
    unknown = any(item.amount is None for item in items)
    return {
        ("documents", name): Decimal(sum(item.documents for item in items)),
        **({("unpriced", name): Decimal(1)} if unknown else {}),
        **{(name, currency): amount for currency, amount in sums.items()},
    }


def _class(seconds: float) -> int:
    return next((place for place, end in enumerate(LIMITS) if seconds < end), len(LIMITS))
