"""One call to Zuora: made once, and what came of it as a value and as a line of the history."""

import logging
from datetime import timedelta
from typing import Any

from bot.domain.call import Call, Verdict
from bot.domain.history import Entry, What
from bot.domain.request import Request
from bot.operations.operation import Followed, Order, Progress
from bot.workflow.begin import new_key
from bot.workflow.parts import Parts
from bot.zuora.answers import Answer
from bot.zuora.errors import OutcomeUnknown, ZuoraBusy, ZuoraError, ZuoraRejected

logger = logging.getLogger(__name__)


async def make_call(parts: Parts, request: Request, call: Call, order: Order[Any, Any]) -> Call:
    """Make one call, once; the call as it then stands, whatever happened."""
    try:
        return await _made(parts, request, call, order)
    except Exception:
        logger.exception("call_ended_in_a_fault", extra={"request": request.number})
        words = "the bot had a fault while the call was out"
        return call._replace(verdict=Verdict.LOST, words=words)


async def _made(parts: Parts, request: Request, call: Call, order: Order[Any, Any]) -> Call:
    try:
        answer = await order.act(call, parts.zuora_in(request.place))
    except ZuoraRejected as error:
        return _with_error(call, Verdict.REJECTED, error)
    except ZuoraBusy as error:
        return _busy(parts, request, call, error)
    except OutcomeUnknown as error:
        return _with_error(call, Verdict.LOST, error)
    began = order.begun(answer) if isinstance(order, Followed) else None
    return _accepted(parts, call, answer, began)


def _accepted(parts: Parts, call: Call, answer: Answer, began: Progress | None) -> Call:
    return call._replace(
        verdict=Verdict.ACCEPTED,
        answered_at=parts.clock.now(),
        http_status=answer.status,
        zuora_request_id=answer.zuora_request_id or "",
        began=began.model_dump_json() if began else "",
    )


def _with_error(call: Call, verdict: Verdict, error: ZuoraError) -> Call:
    return call._replace(
        verdict=verdict,
        http_status=error.status,
        zuora_request_id=error.zuora_request_id or "",
        words=" ".join(error.words) or str(error),
    )


def _busy(parts: Parts, request: Request, call: Call, error: ZuoraBusy) -> Call:
    """Not done, and to be tried again: under a new key if Zuora would only repeat its failure."""
    if error.new_key_needed:
        call = call.with_new_key(new_key(parts, request))
    retry_at = parts.clock.now() + timedelta(seconds=error.retry_after or 0)
    return _with_error(call, Verdict.BUSY, error)._replace(retry_at=retry_at)


NOT_SENT = "it was not sent after all"


def taken_back(call: Call) -> Call:
    """A call that was written down as sent and did not go out: it may go out later."""
    return call._replace(tries=call.tries - 1, verdict=Verdict.BUSY, words=NOT_SENT)


def came_entry(call: Call) -> Entry:
    """The history entry of a call that came back, or was taken back."""
    return settled_entry(call) if call.words == NOT_SENT else answer_entry(call)


def sent_entry(call: Call) -> Entry:
    """The history entry of a call that goes out."""
    data = {
        "subject": call.subject, "key": call.key, "track_id": call.track_id, "try": call.tries,
    }  # fmt: skip
    return Entry(what=What.CALL_SENT, request=call.request, data=data)


def answer_entry(call: Call) -> Entry:
    """The history entry of what came of a call."""
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


def settled_entry(call: Call) -> Entry:
    """The history entry of a call whose verdict was found without an answer of Zuora."""
    return Entry(
        what=What.CALL_SETTLED,
        request=call.request,
        data={
            "subject": call.subject,
            "key": call.key,
            "verdict": call.verdict.value if call.verdict else "",
            "words": call.words,
        },
    )
