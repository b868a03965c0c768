"""Settling: what became of a call whose answer was lost. Nothing is sent by any of this."""

from dataclasses import replace

from bot.cards import lines
from bot.cards.card import card
from bot.domain.call import Call, Verdict
from bot.domain.history import Entry, What
from bot.domain.next_step import conclusion, pause
from bot.domain.request import Request, State
from bot.domain.words import Mention
from bot.operations.operation import Settlement
from bot.workflow.opened import opened
from bot.workflow.parts import Parts
from bot.zuora.errors import ZuoraError


async def settle(parts: Parts, request: Request, calls: tuple[Call, ...]) -> None:
    """Look in Zuora for what became of the lost calls."""
    operation, body, facts = opened(request)
    found: dict[str, Settlement] = {}
    for call in calls:
        try:
            settlement = await operation.settle(body, facts, call, parts.zuora)
        except ZuoraError:
            settlement = None
        if settlement is not None:
            found[call.subject] = settlement
    settled = [_settled(call, found[call.subject]) for call in calls if call.subject in found]
    if len(settled) == len(calls):
        _write(parts, request, settled, found)
    else:
        _look_later(parts, request, settled)


def _settled(call: Call, settlement: Settlement) -> Call:
    return replace(
        call,
        verdict=Verdict.ACCEPTED if settlement.accepted else Verdict.REJECTED,
        words=settlement.words,
        began=settlement.progress.model_dump_json() if settlement.progress else "",
    )


def _write(
    parts: Parts, request: Request, settled: list[Call], found: dict[str, Settlement]
) -> None:
    now = parts.clock.now()
    operation, _, _ = opened(request)
    with parts.store.transaction():
        for call in settled:
            parts.store.calls.save(call)
        state = conclusion(parts.store.calls.of(request.number))
        seen = "; ".join(dict.fromkeys(settlement.words for settlement in found.values()))
        result = f"The answer was lost, and reading Zuora settled it: {seen}."
        if operation.follows and state is State.SUCCEEDED:
            after = replace(
                request.moved(State.RUNNING, now, wake_at=now, result=result),
                progress=settled[0].began,
            )
        else:
            after = request.moved(state, now, result=result)
        entry = Entry(
            what=What.SETTLED,
            request=request.number,
            data={"state": after.state.value, "by": "reading Zuora", "seen": seen},
        )
        told = lines.reply(after, f"{request.name}: {result} ", Mention(request.requester))
        parts.store.move(request, after, entry, now, card(after), told)


def _look_later(parts: Parts, request: Request, settled: list[Call]) -> None:
    now = parts.clock.now()
    after = request.waiting_again(now + pause(request.looks + 1, parts.poll))
    entry = Entry(what=What.DELAYED, request=request.number, data={"look": after.looks})
    with parts.store.transaction():
        for call in settled:
            parts.store.calls.save(call)
        parts.store.move(request, after, entry, now)


def leave_to_people(parts: Parts, request: Request) -> None:
    """Reading proved nothing: only a person can tell, and the thread says so once."""
    now = parts.clock.now()
    after = replace(request, wake_at=None)
    entry = Entry(what=What.DELAYED, request=request.number, data={"why": "not provable"})
    told = lines.reply(
        after,
        f"Reading Zuora proved nothing about {request.name}, and nothing was sent again. "
        "A person has to look there and record what is seen with the buttons on the card. ",
        Mention(request.requester), " ", Mention(request.decided_by or request.requester),
    )  # fmt: skip
    with parts.store.transaction():
        parts.store.move(request, after, entry, now, told)
