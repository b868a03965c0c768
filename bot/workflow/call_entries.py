"""What the history says of a call: that it goes out, what came of it, what was found out later."""

from collections.abc import Mapping
from typing import Any

from bot.domain.call import NOT_SENT, Call, Verdict
from bot.domain.history import Entry, What


def sent_entry(call: Call, goes_out: Mapping[str, Any]) -> Entry:
    """The history entry of a call that goes out, with what it orders."""
    data: dict[str, Any] = {
        "subject": call.subject, "key": call.key, "track_id": call.track_id, "try": call.tries,
    }  # fmt: skip
    if call.repeats:
        data["again_under_its_key"] = call.repeats
    data |= goes_out
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
            **({"no_more": call.no_more} if call.no_more else {}),
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


def came_entry(call: Call) -> Entry:
    """The history entry of a call that came back, or was taken back."""
    return settled_entry(call) if call.words.endswith(NOT_SENT) else answer_entry(call)
