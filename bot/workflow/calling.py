"""One call to Zuora: what would go out, its result as a value, and its history entries."""

import hashlib
import logging
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from http import HTTPStatus
from typing import Any, NamedTuple

from bot.domain.call import NOT_SENT, Call, Verdict, track_id
from bot.domain.clock import Clock
from bot.domain.history import Entry, What
from bot.domain.request import Request
from bot.operations.beginning import Followed
from bot.operations.operation import Order
from bot.operations.progress import Progress
from bot.zuora.answers import Answer
from bot.zuora.client import ZuoraClient
from bot.zuora.effects import Prepared
from bot.zuora.errors import OutcomeUnknown, ZuoraBusy, ZuoraError, ZuoraLockedOut, ZuoraRefused

logger = logging.getLogger(__name__)


def planned(request: Request, subject: str, random: str) -> Call:
    """Return a call as it is saved before anything goes out, with its own key."""
    return Call(
        request=request.number,
        subject=subject,
        key=_key(request, random),
        track_id=track_id(request.number, subject),
    )


def _key(request: Request, random: str) -> str:
    """Return an `Idempotency-Key` that was never used before."""
    return f"billing-bot:{request.name}:{random}"


@dataclass(frozen=True, slots=True)
class Calling:
    """Makes the calls of one request.

    Attributes:
        whole_request: Whose calls they are.
        order: The request's order, opened only once because the facts of many documents are long.
        zuora: The client for the request's place.
        clock: The time.
        new_id: Returns a new random id, for keys.
    """

    whole_request: Request
    order: Order[Any, Any]
    zuora: ZuoraClient
    clock: Clock
    new_id: Callable[[], str]

    def content_of(self, call: Call) -> str:
        """Return what would go out, as `Prepared.content`; empty if the call may not go out."""
        return _content(self._prepared(call))

    def going_out(self, call: Call, now: datetime) -> "GoingOut":
        """Return a call as it is saved before it goes out, together with what goes out."""
        prepared = self._prepared(call)
        content = call.content if call.is_lost else _content(prepared)
        return GoingOut(call.sending(now, content), prepared)

    def _prepared(self, call: Call) -> Prepared | ZuoraRefused:
        try:
            return self.order.act(call, self.zuora)
        except ZuoraRefused as error:
            return error

    async def make(self, one: "GoingOut") -> Call:
        """Make one call, once, and return it with its result, whatever happened."""
        try:
            return await self._made(*one)
        except Exception:
            logger.exception("call_ended_in_a_fault", extra={"request": one.call.request})
            return _lost(one.call, "the bot had a fault while the call was out")

    async def _made(self, call: Call, prepared: Prepared | ZuoraRefused) -> Call:
        try:
            if isinstance(prepared, ZuoraRefused):
                raise prepared
            answer = await (prepared.again() if call.repeats else prepared)
        except ZuoraRefused as error:
            return _with_error(call, error, verdict=Verdict.REFUSED, words=_words(error))
        except ZuoraBusy as error:
            retry_at = self.clock.now() + timedelta(seconds=error.retry_after or 0)
            return (_busy_again if call.repeats else self._busy)(call, error, retry_at)
        except OutcomeUnknown as error:
            return _in_doubt(call, error)
        began = self.order.begun(answer) if isinstance(self.order, Followed) else None
        if began is not None and not began.run_id:  # nothing can be followed without an id
            return _in_doubt(call, _unnamed(answer))
        return _accepted(call, answer, began, self.clock.now())

    def _busy(self, call: Call, error: ZuoraBusy, retry_at: datetime) -> Call:
        """Return a call that was not done and is tried again, with a new key if the old one would only fail again."""
        if error.new_key_needed:
            call = call.with_new_key(_key(self.whole_request, self.new_id()))
        busy = _with_error(call, error, verdict=Verdict.BUSY, words=_words(error))
        return busy._replace(retry_at=retry_at)


def _content(prepared: Prepared | ZuoraRefused) -> str:
    return "" if isinstance(prepared, ZuoraRefused) else prepared.content


class GoingOut(NamedTuple):
    """A call and what goes out for it, made once, so that exactly what was saved goes out.

    Attributes:
        call: As it is saved before it goes out.
        prepared: What goes out, or why nothing may.
    """

    call: Call
    prepared: Prepared | ZuoraRefused

    def _ordered(self) -> dict[str, Any]:
        """Return method, address and body for the history; empty if the call may not go out."""
        if isinstance(self.prepared, ZuoraRefused):
            return {}
        one = self.prepared.call
        return {
            "method": one.method,
            "address": one.target,
            "body": one.content.decode(),
            "body_sha256": hashlib.sha256(one.content).hexdigest(),
        }

    def sent_entry(self) -> Entry:
        """Return the history entry of a call that goes out, with method, address and body."""
        call = self.call
        data: dict[str, Any] = {
            "subject": call.subject, "key": call.key, "track_id": call.track_id, "try": call.tries,
        }  # fmt: skip
        if call.repeats:
            data["again_under_its_key"] = call.repeats
        data |= self._ordered()
        return Entry(what=What.CALL_SENT, request=call.request, data=data)


def _accepted(call: Call, answer: Answer, began: Progress | None, now: datetime) -> Call:
    return call._replace(
        verdict=Verdict.ACCEPTED,
        answered_at=now,
        http_status=answer.status,
        zuora_request_id=answer.zuora_request_id,
        words="",
        began=began.model_dump_json() if began else "",
    )


def _unnamed(answer: Answer) -> OutcomeUnknown:
    return OutcomeUnknown(
        "Zuora accepted the order without saying which bill run it made.",
        status=answer.status,
        zuora_request_id=answer.zuora_request_id,
    )


def _words(error: ZuoraError) -> str:
    return " ".join(error.words) or str(error)


def _with_error(call: Call, error: ZuoraError, *, verdict: Verdict, words: str) -> Call:
    return call._replace(
        verdict=verdict,
        http_status=error.status,
        zuora_request_id=error.zuora_request_id or "",
        words=words,
    )


def _lost(call: Call, words: str) -> Call:
    """Return a call whose outcome is not known, since now or still."""
    return (
        call.lost_again(words) if call.repeats else call._replace(verdict=Verdict.LOST, words=words)
    )


def _in_doubt(call: Call, error: OutcomeUnknown) -> Call:
    """Return a call whose answer was lost or unclear, and whether asking again can still clarify it."""
    lost = _lost(call, _words(error))
    lost = _with_error(call, error, verdict=Verdict.LOST, words=lost.words)
    if not call.repeats:
        return lost
    if error.status == HTTPStatus.UNPROCESSABLE_ENTITY:
        return lost._replace(no_more="Zuora says that its key belongs to another call (HTTP 422)")
    if error.zuora_request_id and error.zuora_request_id == call.zuora_request_id:
        kept = f"Zuora has kept its first answer (HTTP {error.status}) and gives it again"
        return lost._replace(no_more=kept)
    return lost


def _busy_again(call: Call, error: ZuoraBusy, retry_at: datetime) -> Call:
    """Return a call whose repetition was not done, which proves nothing about the first try.

    If it did not even go out, it does not count as a repetition.
    """
    went_out = error.status is not None and not isinstance(error, ZuoraLockedOut)
    return call.lost_again(_words(error))._replace(
        repeats=call.repeats if went_out else call.repeats - 1, retry_at=retry_at
    )


def answer_entry(call: Call) -> Entry:
    """Return the history entry of a call's answer."""
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
            **({"no_more": call.no_more} if call.no_more else {}),
            **_begun(call),
        },
    )


def settled_entry(call: Call) -> Entry:
    """Return the history entry of a call that was settled without an answer from Zuora."""
    return Entry(
        what=What.CALL_SETTLED,
        request=call.request,
        data={
            "subject": call.subject,
            "key": call.key,
            "verdict": call.verdict.value if call.verdict else "",
            "words": call.words,
            **_begun(call),
        },
    )


def _begun(call: Call) -> dict[str, list[str]]:
    return Progress.model_validate_json(call.began).named_run() if call.began else {}


def came_entry(call: Call) -> Entry:
    """Return the history entry of a call that was answered, or of one that was taken back."""
    return settled_entry(call) if call.words.endswith(NOT_SENT) else answer_entry(call)
