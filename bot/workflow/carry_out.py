"""Carrying out: each step writes what it is about to do, does it, and writes what came of it."""

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from bot.cards import lines
from bot.cards.card import card
from bot.domain.call import Call, Verdict, track_id
from bot.domain.digest import digest
from bot.domain.history import Entry, What
from bot.domain.next_step import PATIENCE, conclusion, pause
from bot.domain.request import Request, State
from bot.domain.words import Mention, Moment, Part, listed
from bot.operations.catalog import operation_named
from bot.operations.operation import Body, Facts, Operation, Problems
from bot.workflow.parts import Parts
from bot.zuora.errors import OutcomeUnknown, ZuoraBusy, ZuoraError, ZuoraRejected
from bot.zuora.answers import Answer


def opened(request: Request) -> tuple[Operation[Any, Any], Body, Facts]:
    """The request's operation with its body and the facts that were approved."""
    operation = operation_named(request.operation)
    body = operation.body_type.model_validate_json(request.body)
    return operation, body, operation.facts_type.model_validate_json(request.facts)


def expire(parts: Parts, request: Request) -> None:
    """Nobody decided in time: silence never approves."""
    now = parts.clock.now()
    after = request.moved(State.EXPIRED, now)
    entry = Entry(what=What.EXPIRED, request=request.number)
    told = lines.reply(
        after, f"{request.name} expired; nobody decided in time. Nothing is sent, ",
        Mention(request.requester), ".",
    )  # fmt: skip
    with parts.store.transaction():
        parts.store.move(request, after, entry, now, card(after), told)


async def begin(parts: Parts, request: Request) -> None:
    """Read the facts again; stop if they are not those that were approved, else plan the calls."""
    operation, body, approved = opened(request)
    try:
        facts: Facts | Problems = await operation.facts(body, parts.zuora)
    except ZuoraRejected as error:
        stop(parts, request, f"Zuora could not be read again: {error}")
        return
    except ZuoraError as error:
        _wait_for_zuora(parts, request, f"Zuora could not be read again: {error}")
        return
    if isinstance(facts, Problems):
        stop(parts, request, " ".join(facts.by_field.values()))
        return
    changed = operation.differs(approved, facts)
    if not changed and _digest(parts, operation, body, facts) != request.digest:
        changed = ["what was approved belongs to another Zuora tenant or another version of it"]
    if changed:
        stop(parts, request, f"It changed since it was asked for: {listed(changed)}.")
        return
    _start(parts, request, operation, body, facts)


def _digest(parts: Parts, operation: Operation[Any, Any], body: Body, facts: Facts) -> str:
    return digest(
        operation=operation.name,
        tenant=parts.tenant_id,
        body=body.model_dump(),
        facts=operation.material(body, facts),
    )


def _start(
    parts: Parts, request: Request, operation: Operation[Any, Any], body: Body, facts: Facts
) -> None:
    now = parts.clock.now()
    after = request.moved(State.RUNNING, now, wake_at=now)
    entry = Entry(
        what=What.STARTED,
        request=request.number,
        data={"digest": request.digest, "facts": facts.model_dump(mode="json")},
    )
    told = lines.reply(
        after,
        f"{request.subject} was read again and is as approved. "
        f"Sent to Zuora: {operation.effect(body, facts)}.",
    )
    with parts.store.transaction():
        for subject in operation.subjects(body, facts):
            planned = Call(
                request=request.number,
                subject=subject,
                key=f"billing-bot:{request.name}:{parts.new_id()}",
                track_id=track_id(request.number, subject),
            )
            parts.store.calls.save(planned)
        parts.store.move(request, after, entry, now, card(after), told)


def stop(parts: Parts, request: Request, why: str) -> None:
    """Approved, but nothing was sent and nothing will be."""
    now = parts.clock.now()
    after = request.moved(State.STOPPED, now, result=f"Nothing was sent. {why}")
    entry = Entry(what=What.STOPPED, request=request.number, data={"why": why})
    told = lines.reply(
        after, f"{request.name} stopped; nothing was sent. {why} ", Mention(request.requester),
        " can ask again.",
    )  # fmt: skip
    with parts.store.transaction():
        parts.store.move(request, after, entry, now, card(after), told)


def _wait_for_zuora(
    parts: Parts, request: Request, why: str, *, at_least: timedelta = timedelta(0)
) -> None:
    """Nothing was sent and Zuora may answer later: look again after a pause, up to a limit."""
    now = parts.clock.now()
    until = (request.decided_at or now) + PATIENCE
    wake_at = now + max(at_least, pause(request.looks, parts.poll))
    if wake_at > until:
        stop(parts, request, f"{why} It did not answer for {PATIENCE.seconds // 3600} hours.")
        return
    after = request.waiting_again(wake_at)
    entry = Entry(what=What.DELAYED, request=request.number, data={"why": why, "look": after.looks})
    told = lines.reply(
        after, f"{why} Nothing was sent. It is tried again until ", Moment(until), "."
    )  # fmt: skip
    with parts.store.transaction():
        parts.store.move(request, after, entry, now, *([told] if request.looks == 0 else []))


async def send(parts: Parts, request: Request, call: Call) -> None:
    """Make one call: its key, its try and the time are saved before it goes out."""
    operation, body, facts = opened(request)
    now = parts.clock.now()
    call = call.sending(now)
    entry = Entry(
        what=What.CALL_SENT,
        request=request.number,
        data={
            "subject": call.subject, "key": call.key, "track_id": call.track_id, "try": call.tries,
        },
    )  # fmt: skip
    with parts.store.transaction():
        parts.store.calls.save(call)
        parts.store.record(entry, now)
    try:
        answer = await operation.act(body, facts, call, parts.zuora)
    except ZuoraRejected as error:
        _answered(parts, request, _with_error(call, Verdict.REJECTED, error))
    except ZuoraBusy as error:
        _busy(parts, request, call, error)
    except OutcomeUnknown as error:
        _answered(parts, request, _with_error(call, Verdict.LOST, error))
    else:
        _answered(parts, request, _accepted(call, answer))


def _accepted(call: Call, answer: Answer) -> Call:
    return replace(
        call,
        verdict=Verdict.ACCEPTED,
        http_status=answer.http_status,
        zuora_request_id=answer.zuora_request_id or "",
    )


def _with_error(call: Call, verdict: Verdict, error: ZuoraError) -> Call:
    return replace(
        call,
        verdict=verdict,
        http_status=error.status,
        zuora_request_id=error.zuora_request_id or "",
        words=str(error),
    )


def _answered(parts: Parts, request: Request, call: Call) -> None:
    """Write what came of a call and, if it was the last, how the request ended."""
    now = parts.clock.now()
    call = replace(call, answered_at=now)
    with parts.store.transaction():
        parts.store.calls.save(call)
        parts.store.record(_answer_entry(call), now)
        calls = parts.store.calls.of(request.number)
        if not any(each.is_open or each.verdict is None for each in calls):
            conclude(parts, request, calls, now)


def _answer_entry(call: Call) -> Entry:
    lost = call.verdict is Verdict.LOST
    return Entry(
        what=What.CALL_LOST if lost else What.CALL_ANSWERED,
        request=call.request,
        data={
            "subject": call.subject,
            "key": call.key,
            "track_id": call.track_id,
            "verdict": call.verdict.value if call.verdict else "",
            "http_status": call.http_status,
            "zuora_request_id": call.zuora_request_id,
            "words": call.words,
        },
    )


def _busy(parts: Parts, request: Request, call: Call, error: ZuoraBusy) -> None:
    """Not done, and to be tried again: under a new key if Zuora would only repeat its failure."""
    now = parts.clock.now()
    if error.new_key_needed:
        call = call.with_new_key(f"billing-bot:{request.name}:{parts.new_id()}")
    call = replace(_with_error(call, Verdict.BUSY, error), answered_at=now)
    with parts.store.transaction():
        parts.store.calls.save(call)
        parts.store.record(_answer_entry(call), now)
    retry_after = timedelta(seconds=error.retry_after or 0)
    _wait_for_zuora(parts, request, f"Zuora is busy: {error}", at_least=retry_after)


def lose(parts: Parts, request: Request, calls: tuple[Call, ...]) -> None:
    """Calls that went out before the bot was stopped: nobody knows what became of them."""
    now = parts.clock.now()
    words = "the bot was stopped before the answer came"
    with parts.store.transaction():
        for call in calls:
            lost = replace(call, verdict=Verdict.LOST, words=words)
            parts.store.calls.save(lost)
            parts.store.record(_answer_entry(lost), now)
        everything = parts.store.calls.of(request.number)
        if not any(each.is_open for each in everything):
            conclude(parts, request, everything, now)


def conclude(parts: Parts, request: Request, calls: tuple[Call, ...], now: datetime) -> None:
    """Write how a request ended whose calls all have their answer; inside a transaction."""
    operation, body, facts = opened(request)
    state = conclusion(calls)
    words = "; ".join(dict.fromkeys(call.words for call in calls if call.words))
    if state is State.SUCCEEDED:
        result = operation.accepted(body, facts, now)
        told: tuple[Part, ...] = (result, " ", Mention(request.requester))
        wake_at = None
    elif state is State.FAILED:
        result = f"Zuora refused it, nothing was sent: {words}"
        told = (result, " ", Mention(request.requester))
        wake_at = None
    else:
        result = (
            "It went out to Zuora and its answer was lost, so it may or may not have been done: "
            f"{words}. It is not sent again."
        )
        told = _loudly(request, result)
        wake_at = now + parts.poll
    after = request.moved(state, now, wake_at=wake_at, result=result)
    entry = Entry(
        what=What.ENDED, request=request.number, data={"state": state.value, "result": result}
    )
    parts.store.move(request, after, entry, now, card(after), lines.reply(after, *told))


def conclude_now(parts: Parts, request: Request) -> None:
    """As `conclude`, in a transaction of its own: after a crash between answer and end."""
    with parts.store.transaction():
        conclude(parts, request, parts.store.calls.of(request.number), parts.clock.now())


def _loudly(request: Request, result: str) -> tuple[Part, ...]:
    return (
        (
            f"OUTCOME UNKNOWN of {request.name}. {result} The bot looks in Zuora for a sign of it; "
            "with the buttons on the card a person can record what is seen there. "
        ),
        Mention(request.requester),
        " ",
        Mention(request.decided_by or request.requester),
    )


async def settle(parts: Parts, request: Request, calls: tuple[Call, ...]) -> None:
    """Look in Zuora for what became of the lost calls; nothing is sent by this."""
    operation, body, facts = opened(request)
    settled: list[Call] = []
    for call in calls:
        try:
            found = await operation.settle(body, facts, call, parts.zuora)
        except ZuoraError:
            found = None
        if found is not None:
            verdict = Verdict.ACCEPTED if found.accepted else Verdict.REJECTED
            settled.append(replace(call, verdict=verdict, words=found.words))
    if len(settled) == len(calls):
        _settled(parts, request, settled)
    else:
        _look_later(parts, request, settled)


def _settled(parts: Parts, request: Request, settled: list[Call]) -> None:
    now = parts.clock.now()
    with parts.store.transaction():
        for call in settled:
            parts.store.calls.save(call)
        state = conclusion(parts.store.calls.of(request.number))
        seen = "; ".join(dict.fromkeys(call.words for call in settled))
        result = f"The answer was lost, and reading Zuora settled it: {seen}."
        after = request.moved(state, now, result=result)
        entry = Entry(
            what=What.SETTLED,
            request=request.number,
            data={"accepted": state is State.SUCCEEDED, "by": "reading Zuora", "seen": seen},
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


def rest(parts: Parts, request: Request, until: datetime | None) -> None:
    """Nothing to do before `until`: write that down, so that nobody looks before."""
    if request.wake_at == until:
        return
    now = parts.clock.now()
    after = replace(request, wake_at=until)
    with parts.store.transaction():
        parts.store.requests.move(request, after)
        if request.state is State.UNKNOWN:
            told = lines.reply(
                after,
                f"Reading Zuora proved nothing about {request.name}, and nothing was sent again. "
                "A person has to look there and record what is seen with the buttons on the card. ",
                Mention(request.requester),
                " ",
                Mention(request.decided_by or request.requester),
            )
            entry = Entry(what=What.DELAYED, request=request.number, data={"why": "not provable"})
            parts.store.record(entry, now, told)
