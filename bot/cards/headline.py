"""The headline of a card: what will be done, or how it ended."""

from typing import Any

from bot.cards import blocks
from bot.domain.request import Request, State
from bot.domain.summary import Summary, at_risk
from bot.operations.catalog import done_of
from bot.operations.operation import Order
from bot.operations.progress import Progress

HEADLINES = {
    State.WAITING: "Waiting for approval",
    State.REJECTED: "Rejected",
    State.WITHDRAWN: "Withdrawn",
    State.EXPIRED: "Expired",
    State.APPROVED: "Approved, not sent yet",
    State.STOPPED: "Stopped. Nothing was sent",
    State.RUNNING: "Approved, being sent to Zuora",
    State.SUCCEEDED: "Done",
    State.FAILED: "Failed",
    State.UNKNOWN: "OUTCOME UNKNOWN",
}

IN_DOUBT = "Sent, outcome not known yet"
"""The headline while calls are sent again under their keys."""


def title_of(request: Request, order: Order[Any, Any], summary: Summary) -> str:
    """Return the headline: what will be done, with a mark if it is risky; once decided, how it ended."""
    if request.state is not State.WAITING:
        well = request.state is State.SUCCEEDED
        return order.ended_well() if well else _ended(headline(request), order.title())
    return marked(summary)


def _ended(how: str, what: str) -> str:
    """Return `Failed: post bill run BR-00000417`; after a whole sentence the title is in brackets."""
    return f"{how} ({what})" if ". " in how else f"{how}: {what}"


def marked(summary: Summary) -> str:
    """Return `⚠ Mails again: Email 298 documents …`, or the headline alone if there is no risk.

    It has as many of the risks as fit, and always the first; if even that does not fit, the headline is cut.
    """
    whole = summary.headline
    for number in range(len(summary.risks), 0, -1):
        whole = f"{at_risk(summary.risks[:number])}{summary.headline}"
        if len(whole) <= blocks.HEADER_LIMIT:
            break
    return whole


def headline(request: Request) -> str:
    """Return the state in words; for a success, no more than its operation can claim."""
    if request.state is State.RUNNING and is_followed(request):
        return "Running in Zuora"
    if request.state is State.SUCCEEDED:
        return done_of(request.operation)
    return of_many(request.state, request.progress) or HEADLINES[request.state]


def is_followed(request: Request) -> bool:
    """Return whether the bot follows something that an accepted call started."""
    return bool(Progress.of(request).run_id)


def of_many(state: State, saved: str) -> str:
    """Return `3 of 500 failed` for many calls; empty if the state's own word fits all of them.

    Args:
        state: Of the request.
        saved: Its progress, as it is saved.
    """
    if not saved or state not in (State.RUNNING, State.FAILED, State.UNKNOWN, State.STOPPED):
        return ""
    progress = Progress.model_validate_json(saved)
    if state is State.RUNNING and progress.in_doubt_since is not None:
        of = f" for {progress.lost:,} of {progress.calls:,}" if progress.calls > 1 else ""
        return f"{IN_DOUBT}{of}"
    if state is State.STOPPED and progress.look_first:
        return "Stopped, look in Zuora first"
    if state is State.UNKNOWN and 0 < progress.lost < progress.calls:
        return f"{HEADLINES[State.UNKNOWN]} for {progress.lost:,} of {progress.calls:,}"
    if state is State.FAILED and 0 < progress.failed < progress.calls:
        return f"{progress.failed:,} of {progress.calls:,} failed"
    return ""
