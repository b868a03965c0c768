"""What one request counts for, item by item; figures, picture and file all use it."""

import asyncio
import logging
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from itertools import islice
from typing import Any

from bot.domain.call import Call, Verdict
from bot.domain.known import NotKnown
from bot.domain.money import Money, totals
from bot.domain.operation import Deed
from bot.domain.request import Request, State, UnreadableError
from bot.operations.catalog import OPERATIONS, opened
from bot.operations.kinds import KindTotals, credited
from bot.operations.operation import Order
from bot.store.figures import Counted, Figure
from bot.store.store import Store

logger = logging.getLogger(__name__)

A_TURN = 100
"""How many documents are read and written out before others get a turn, which takes some 10 ms."""

COUNTED = (Deed.MAILED, Deed.POSTED)
LIMITS = (15 * 60, 60 * 60, 4 * 3600, 24 * 3600)
"""Upper ends, in seconds, of the classes of the time to a decision; the last class has none."""

DECISIONS = frozenset({State.REJECTED, State.APPROVED, State.STOPPED, State.RUNNING,
                       State.SUCCEEDED, State.FAILED, State.UNKNOWN})  # fmt: skip
WORDS = {Verdict.ACCEPTED: "accepted", Verdict.REFUSED: "refused", Verdict.BUSY: "not sent yet",
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


async def items_of(store: Store, request: Request) -> AsyncIterator[Item]:
    """Yield each item of a request with its result; of very many documents only a part is in memory at a time.

    Others get a turn now and then. A request that another version of the bot wrote and this one cannot read counts
    only as a request, so that it does not keep a whole month from being shown.
    """
    try:
        order = await asyncio.to_thread(opened, request) if request.packed else opened(request)
    except UnreadableError:
        logger.warning("request_is_of_another_version", extra={"request": request.number})
        for item in _run(request, store.calls.of(request.number), 0, ()):
            yield item
        return
    if order.each_mailed:
        async for item in _documents(store, request, order):
            yield item
        return
    counted, kinds = order.documents(), order.kinds()
    known = sum(kind.count for kind in kinds)
    documents = known if counted is None else min(counted, known) if kinds else counted
    for item in _run(
        request, store.calls.of(request.number), documents, _amounts(kinds, documents)
    ):
        yield item


async def _documents(store: Store, request: Request, order: Order[Any, Any]) -> AsyncIterator[Item]:
    """Yield each document of a list with the call about it, part by part."""
    each = iter(order.each())
    while part := tuple(islice(each, A_TURN)):
        calls = store.calls.about(request.number, [document.number for document in part])
        for number, kind, amount in part:
            credit = None if isinstance(amount, NotKnown) else credited(kind, amount)
            yield _document(number, credit, calls.get(number), request)
        await asyncio.sleep(0)


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


async def figure_of(store: Store, request: Request) -> Figure:
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
    if name := effect_name(request.operation):
        counted.update(await _effect(name, items_of(store, request)))
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


async def _effect(name: str, items: AsyncIterator[Item]) -> Counted:
    """Return what took effect, added up; empty if nothing did."""
    found: dict[tuple[str, str], Decimal] = {}

    def add(group: str, key: str, value: Decimal) -> None:
        found[group, key] = found.get((group, key), Decimal(0)) + value

    async for item in items:
        if not item.done:
            continue
        add("documents", name, Decimal(item.documents))
        if item.amount is None:
            found["unpriced", name] = Decimal(1)
        else:
            add(name, *item.amount)
    return found


def _class(seconds: float) -> int:
    return next((place for place, end in enumerate(LIMITS) if seconds < end), len(LIMITS))
