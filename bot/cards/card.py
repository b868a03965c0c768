"""The card of a request: what will happen, to whom, for how much, who asked, who decided."""

from collections.abc import Sequence
from dataclasses import replace

from bot.cards import blocks
from bot.domain.message import Blocks, Kind, Message
from bot.domain.request import Request, State
from bot.domain.words import Line, Mention, Moment, Part, count, line
from bot.operations.catalog import STEPS, opened, operation_named
from bot.operations.operation import Progress

APPROVE = "approve"
REJECT = "reject"
WITHDRAW = "withdraw"
CHANGE = "change"
RECORD_SENT = "record_sent"
RECORD_NOT_SENT = "record_not_sent"

NEXT = "next:"
"""Buttons that open the form of a new request; what they open it with comes from the database."""

MOST_ON_A_CONFIRMATION = 30
HEADLINES = {
    State.WAITING: "Waiting for approval",
    State.REJECTED: "Rejected",
    State.WITHDRAWN: "Withdrawn",
    State.EXPIRED: "Expired",
    State.APPROVED: "Approved, not sent yet",
    State.STOPPED: "Stopped, nothing was sent to Zuora",
    State.RUNNING: "Approved, being sent to Zuora",
    State.SUCCEEDED: "Done",
    State.FAILED: "Failed",
    State.UNKNOWN: "OUTCOME UNKNOWN",
}


def card(request: Request, kind: Kind = Kind.UPDATE, also: Sequence[Line] = ()) -> Message:
    """The card as it must look for the request's present state. Its plain text says it all.

    Args:
        request: As it stands.
        kind: A new message, or an edit.
        also: What other requests do to the same documents.
    """
    order = opened(request)
    title = f"{headline(request)}: {order.title()}"
    lines = (
        line("Zuora", request.tenant),
        *order.lines(),
        *also,
        line("Why", request.reason),
        line(request.name, *_who_and_when(request)),
        *((line("Continues", f"R-{request.parent}"),) if request.parent else ()),
        *_needs(request),
        *_decision(request),
        *_progress(request),
        *_ending(request),
    )
    text = blocks.fitted(
        [blocks.as_text([title]), *(blocks.lines_as_text([each]) for each in lines)]
    )
    buttons = _buttons(request, order.effect(), order.warning())
    return Message(
        kind=kind,
        request=request.number,
        channel=request.channel,
        text=text,
        blocks=_as_blocks(title, lines, buttons),
    )


def card_edit(request: Request) -> Message:
    """That the card has to be edited: it is drawn when it goes out, for the state of that moment."""
    return Message(
        kind=Kind.UPDATE, request=request.number, channel=request.channel, text="", blocks=[]
    )


def _as_blocks(title: str, lines: Sequence[Line], buttons: Blocks) -> Blocks:
    return [blocks.header(title), blocks.labelled(lines), *buttons]


def headline(request: Request) -> str:
    """The state in words; a success is called what its operation can claim and no more."""
    if request.state is State.RUNNING and request.progress:
        return "Running in Zuora"
    if request.state is State.SUCCEEDED:
        return operation_named(request.operation).done
    return of_many(request.state, request.progress) or HEADLINES[request.state]


def of_many(state: State, told: str) -> str:
    """`3 of 500 failed`: what became of many calls; empty where one word holds for all of them.

    Args:
        state: Of the request.
        told: Its progress, as it is saved.
    """
    if not told or state not in (State.FAILED, State.UNKNOWN, State.STOPPED):
        return ""
    progress = Progress.model_validate_json(told)
    if state is State.STOPPED and progress.look_first:
        return "Stopped, look in Zuora first"
    if state is State.UNKNOWN and 0 < progress.lost < progress.calls:
        return f"{HEADLINES[State.UNKNOWN]} for {progress.lost:,} of {progress.calls:,}"
    if state is State.FAILED and 0 < progress.failed < progress.calls:
        return f"{progress.failed:,} of {progress.calls:,} failed"
    return ""


def _progress(request: Request) -> tuple[Line, ...]:
    if not request.progress:
        return ()
    progress = Progress.model_validate_json(request.progress)
    if not progress.number:
        return ()
    seen = f"{progress.number} · {progress.status}"
    if progress.unread:
        seen = f"{seen} when it could last be read; {progress.unread}"
    return (line("Seen in Zuora", seen),)


def change_and_ask_again(message: Message, request: Request) -> Message:
    """A message with the button that opens the request's form again with what was typed."""
    if not request.typed:
        return message
    button = blocks.button(
        "Change and ask again…",
        action_id=CHANGE,
        value=request.reference,
        spoken=f"Change {request.name} and ask again",
    )
    row = blocks.actions(f"change-{request.number}", button)
    return replace(message, blocks=[*message.blocks, row])


def next_steps(message: Message, request: Request, names: Sequence[str]) -> Message:
    """A message with a button for each operation that is legal now on the run it speaks of."""
    if not names:
        return message
    buttons = [
        blocks.button(
            STEPS[name].button,
            action_id=f"{NEXT}{name}",
            value=request.reference,
            spoken=STEPS[name].button,
        )
        for name in names
    ]
    row = blocks.actions(f"next-{request.number}", *buttons)
    return replace(message, blocks=[*message.blocks, row])


def _who_and_when(request: Request) -> tuple[Part, ...]:
    parts: list[Part] = ["asked by ", Mention(request.requester), " ", Moment(request.created_at)]
    if request.state is State.WAITING:
        parts += [" · expires ", Moment(request.expires_at)]
    return tuple(parts)


def _needs(request: Request) -> tuple[Line, ...]:
    if request.state is not State.WAITING:
        return ()
    missing = request.rule.approvals - len(request.approvals)
    words = {1: "one", 2: "two", 3: "three"}.get(missing, f"{missing}")
    number = f"{words} more of " if request.approvals else f"{words} of "
    approvers = approvers_in_words(request.rule.approvers)
    return (line("Needs", number, *approvers, ", never who asked"),)


def _decision(request: Request) -> tuple[Line, ...]:
    approved = tuple(
        line("Approved", "by ", Mention(approval.person), " ", Moment(approval.at))
        for approval in request.approvals
    )
    ended = {State.REJECTED: "Rejected", State.WITHDRAWN: "Withdrawn"}.get(request.state)
    if ended is None or request.decided_by is None or request.decided_at is None:
        return approved
    why: tuple[Part, ...] = (f" · {request.decision_reason}",) if request.decision_reason else ()
    by = line(ended, "by ", Mention(request.decided_by), " ", Moment(request.decided_at), *why)
    return (*approved, by)


def _ending(request: Request) -> tuple[Line, ...]:
    return (line(result_label(request), request.result),) if request.result else ()


def result_label(request: Request) -> str:
    """What `request.result` is: how it ended, or what it waits for while nothing of it is followed."""
    under_way = request.state in (State.APPROVED, State.RUNNING) and not request.progress
    return "Waits" if under_way else "Result"


def _buttons(request: Request, effect: str, warning: str) -> Blocks:
    match request.state:
        case State.WAITING:
            return [_waiting_buttons(request, effect, warning)]
        case State.UNKNOWN:
            return [_unknown_buttons(request)]
        case _:
            return []


def waiting_buttons(request: Request) -> blocks.Block:
    """The buttons of a waiting request's card, without the rest of it.

    They depend on nothing that changes while it waits.
    """
    order = opened(request)
    return _waiting_buttons(request, order.effect(), order.warning())


def _waiting_buttons(request: Request, effect: str, warning: str) -> blocks.Block:
    value = request.reference
    return blocks.actions(
        f"decide-{request.number}",
        _approve_button(request, effect, warning),
        blocks.button(
            "Reject…", action_id=REJECT, value=value, spoken=f"Reject {request.name} with a reason"
        ),
        blocks.button(
            "Withdraw…",
            action_id=WITHDRAW,
            value=value,
            spoken=f"Withdraw {request.name}",
        ),
    )


def _approve_button(request: Request, effect: str, warning: str) -> blocks.Block:
    """Asks once more, with the number and the tenant; the largest tier has a form for that."""
    typing = request.rule.type_the_number
    sentence = f"{effect[:1].upper()}{effect[1:]}"
    return blocks.button(
        f"Approve: {effect}{'…' if typing else ''}",
        action_id=APPROVE,
        value=request.reference,
        style="primary",
        spoken=f"Approve {request.name}: {effect}",
        confirm=None
        if typing
        else blocks.confirmation(
            f"Approve {request.name}?",
            f"{sentence}: {request.subject}, in {request.tenant}. {warning}",
            sentence if len(sentence) <= MOST_ON_A_CONFIRMATION else "Approve",
        ),
    )


def _unknown_buttons(request: Request) -> blocks.Block:
    value = request.reference
    lost = Progress.model_validate_json(request.progress or "{}").lost
    whose = f"the {count(lost, 'lost call')} of {request.name}" if lost else request.subject
    return blocks.actions(
        f"settle-{request.number}",
        blocks.button(
            "It went through: record that",
            action_id=RECORD_SENT,
            value=value,
            spoken=f"Record that {request.name} went through",
            confirm=blocks.confirmation(
                "Record that it went through?",
                f"You looked in Zuora and saw that the order for {whose} went through. "
                "Nothing is sent by this.",
                "It went through",
            ),
        ),
        blocks.button(
            "It did not go through: record that",
            action_id=RECORD_NOT_SENT,
            value=value,
            spoken=f"Record that {request.name} did not go through",
            confirm=blocks.confirmation(
                "Record that it did not go through?",
                f"You looked in Zuora and saw that the order for {whose} did not go through. "
                "Nothing is sent by this; a new request can then be made.",
                "It did not go through",
            ),
        ),
    )


def approvers_in_words(names: Sequence[str]) -> tuple[Part, ...]:
    """`@a, @b` as parts."""
    parts: list[Part] = []
    for position, name in enumerate(names):
        parts += [", " if position else "", Mention(name)]
    return tuple(parts)
