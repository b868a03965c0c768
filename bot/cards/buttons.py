"""The buttons of a card: to decide, to see the details, to record the outcome of a lost call."""

from typing import Any

from bot.cards import blocks
from bot.domain.message import Blocks
from bot.domain.request import Request, State
from bot.domain.summary import MAILS_AGAIN, MAY_MAIL_AGAIN, Summary, at_risk
from bot.domain.words import bare, count, listed
from bot.operations.operation import Order
from bot.operations.progress import Progress

APPROVE = "approve"
ASKS_MORE = "…"
"""Ends the label of an *Approve* that opens a form, as Slack's confirmation is too short for its question."""

REJECT = "reject"
DETAILS = "details"
MORE = "more"
RECORD_SENT = "record_sent"
RECORD_NOT_SENT = "record_not_sent"

AGAIN = "again"

WITHDRAW = "withdraw"
CHANGE = "change"
NOTE = "note"
"""Values of the options under *More*, each followed by the request's reference."""

MOST_ON_A_CONFIRMATION = 30

NOT_DONE = frozenset(
    {State.REJECTED, State.WITHDRAWN, State.EXPIRED, State.STOPPED, State.FAILED}
)  # fmt: skip
"""The end states after which something can be asked for again."""


def of(
    request: Request, order: Order[Any, Any], summary: Summary, *, asked_again: bool = False
) -> Blocks:
    """Return the rows of buttons for the request's current state.

    Args:
        request: The request.
        order: What it asks for.
        summary: That of the order.
        asked_again: Whether another request continues it, once it has ended.
    """
    match request.state:
        case State.WAITING:
            return [_waiting(request, order, summary)]
        case State.UNKNOWN:
            return [_unknown(request)]
        case _:
            next_ = () if asked_again else _next(request, order)
            return [blocks.actions(f"more-{request.number}", *next_, _details(request))]


def without_order(request: Request) -> Blocks:
    """Return the buttons of a request whose order cannot be read: to end it, or to record what became of it."""
    if request.state is State.UNKNOWN:
        return [_unknown(request)]
    if request.state is not State.WAITING:
        return []
    withdraw = blocks.overflow(MORE, {f"{WITHDRAW} {request.reference}": "Withdraw…"})
    return [blocks.actions(f"decide-{request.number}", _reject(request), withdraw)]


def _next(request: Request, order: Order[Any, Any]) -> tuple[blocks.Block, ...]:
    """Return the button that asks for what was not done; nothing if Zuora has to be read first."""
    progress = Progress.of(request)
    if request.state not in NOT_DONE or progress.look_first:
        return ()
    if order.each_mailed and progress.calls:
        return (again(request, progress.failed),) if progress.failed else ()
    return (change(request),) if request.typed else ()


def again(request: Request, failed: int) -> blocks.Block:
    """Return the button that opens the form with just the documents whose mail was refused or not sent."""
    return blocks.button(
        f"Ask again for {count(failed, 'failed mail')}…",
        action_id=AGAIN,
        value=request.reference,
        spoken=f"Ask again for what failed of {request.name}",
    )


def change(request: Request) -> blocks.Block:
    """Return the button that opens the request's form again with what was typed."""
    return blocks.button(
        "Change and ask again…",
        action_id=CHANGE,
        value=request.reference,
        spoken=f"Change {request.name} and ask again",
    )


def _waiting(request: Request, order: Order[Any, Any], summary: Summary) -> blocks.Block:
    """Return the row while a decision is open."""
    value = request.reference
    return blocks.actions(
        f"decide-{request.number}",
        _approve(request, order, summary),
        _reject(request),
        _details(request),
        blocks.overflow(
            MORE,
            {
                f"{NOTE} {value}": "Approve with a note…",
                f"{WITHDRAW} {value}": "Withdraw…",
                **({f"{CHANGE} {value}": "Change and ask again…"} if request.typed else {}),
            },
        ),
    )


def _reject(request: Request) -> blocks.Block:
    return blocks.button(
        "Reject…",
        action_id=REJECT,
        value=request.reference,
        spoken=f"Reject {request.name} with a reason",
    )


def _details(request: Request) -> blocks.Block:
    return blocks.button(
        "Details",
        action_id=DETAILS,
        value=request.reference,
        spoken=f"Everything known about {request.name}",
    )


def _approve(request: Request, order: Order[Any, Any], summary: Summary) -> blocks.Block:
    """Return Approve, which asks once more with figures and tenant; the highest tier, and what Slack's question would cut off, use a form.

    It is green only if nothing about the request is unusual.
    """
    asked = asked_once_more(request, order, summary)
    in_a_form = request.rule.type_the_number or len(asked) > blocks.CONFIRMATION_LIMIT
    effect = order.effect()
    sentence = f"{effect[:1].upper()}{effect[1:]}"
    made = blocks.button(
        f"Approve: {effect}{ASKS_MORE if in_a_form else ''}",
        action_id=APPROVE,
        value=request.reference,
        style="danger" if summary.risks else "primary",
        spoken=f"Approve {request.name}: {effect}",
    )
    if not made["text"]["text"].endswith(ASKS_MORE):  # which it also does if the label was too long
        made["confirm"] = blocks.confirmation(
            f"Approve {request.name}?",
            asked,
            sentence if len(sentence) <= MOST_ON_A_CONFIRMATION else "Approve",
        )
    return made


def asked_once_more(request: Request, order: Order[Any, Any], summary: Summary) -> str:
    """Return what an approval does, with amounts, addresses and tenant, for the confirmation and the form.

    Risks other than mailing again are in the order's own words: its headline, amount and warning.
    """
    to = listed(order.typed_addresses())
    of = [
        f"{each.label}: {bare(each.parts)}."
        for each in summary.lines
        if each.label in ("Customer", "Customers")
    ]
    again = [each for each in summary.risks if each in (MAILS_AGAIN, MAY_MAIL_AGAIN)]
    said = [
        f"{at_risk(again)}{summary.headline.removesuffix('.')}. Amount: {summary.money}.",
        *of,
        *([f"To {to}."] if to else []),
        f"{request.tenant}.",
        order.warning(),
    ]
    return " ".join(said)


def _unknown(request: Request) -> blocks.Block:
    """Return a button for each outcome; it opens a form that asks what was seen, and where."""
    value = request.reference
    return blocks.actions(
        f"settle-{request.number}",
        blocks.button(
            "It went through…",
            action_id=RECORD_SENT,
            value=value,
            spoken=f"Record that {request.name} went through",
        ),
        blocks.button(
            "It did not go through…",
            action_id=RECORD_NOT_SENT,
            value=value,
            spoken=f"Record that {request.name} did not go through",
        ),
        _details(request),
    )


def what_was_lost(request: Request) -> str:
    """Return the order whose answer was lost: `the order for BR-00000417`, or `each of the 3 lost orders of R-17`."""
    lost = Progress.of(request).lost
    if lost > 1:
        return f"each of the {lost:,} lost orders of {request.name}"
    return f"the lost order of {request.name}" if lost else f"the order for {request.subject}"
