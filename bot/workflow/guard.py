"""The same thing is not done twice at once, nor is a run mailed twice in quick succession."""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

from bot.domain.call import Call
from bot.domain.request import Request
from bot.operations.catalog import MAILING
from bot.operations.operation import Order
from bot.workflow.parts import Parts

EVER = datetime(1970, 1, 1, tzinfo=UTC)


def mailed_lately(
    parts: Parts, order: Order[Any, Any], subject: str, number: int, place: str
) -> str:
    """Why a run may not be mailed now, empty if it may; whoever asks. In a transaction where it counts.

    Source: page *Email billing documents generated from a bill run*, on `resend`: two calls within
    a short period send duplicates, because Zuora marks documents as mailed only later.

    Args:
        parts: The outside.
        order: What is to be done; with `resend` it is meant to be done again.
        subject: What it acts on.
        number: The request that asks, which does not stand in its own way; 0 for one to be made.
        place: Where in the tenant it acts, as `Place.key`.
    """
    if not order.guarded or order.is_repeat():
        return ""
    call = parts.store.calls.latest_about(subject, order.name, not_of=number, place=place)
    if call is None or not _is_recent(parts, call):
        return ""
    minutes = int(parts.guard.total_seconds()) // 60
    free_at = (call.sent_at or parts.clock.now()) + parts.guard
    return (
        f"R-{call.request} has ordered the mails of {subject} in the last {minutes} minutes, or is "
        "about to. Zuora marks documents as mailed only later, so a second order now could mail "
        "customers twice. "
        f"Ask again after {free_at:%H:%M} UTC."
    )


def under_way(parts: Parts, subjects: Sequence[str], number: int, place: str) -> str:
    """Why it must not begin now: another request's call about the same thing has no answer yet.

    Two requests that were approved within seconds both read the facts before either has changed
    them, so comparing facts does not tell them apart. To be asked inside the transaction in which
    the calls are planned.

    Args:
        parts: The outside.
        subjects: What the calls to be made act on.
        number: The request that is to begin.
        place: Where in the tenant it acts, as `Place.key`.
    """
    call = parts.store.calls.outstanding_about(subjects, not_of=number, place=place)
    if call is None:
        return ""
    return (
        f"R-{call.request} has an order for {call.subject} under way whose outcome is not known "
        f"yet. See how R-{call.request} ends, and then ask again if it is still needed."
    )


def mailed_meanwhile(parts: Parts, order: Order[Any, Any], request: Request) -> str:
    """Why what was approved is no longer so: the bot has mailed some of it since it was asked for.

    Zuora may not show that yet, and of memos never does, so comparing facts does not tell. To be
    asked inside the transaction in which the calls are planned.
    """
    if not order.each_mailed:
        return ""
    found = parts.store.calls.mailed_since(
        order.subjects(), request.created_at, MAILING, request.place
    )
    if not found:
        return ""
    number, subject, _, _ = found[0]
    return (
        f"It changed since it was asked for: Zuora accepted the mail of {subject} for R-{number} "
        "meanwhile."
    )


def mailed_before(parts: Parts, order: Order[Any, Any], place: str) -> bool:
    """Whether it mails again what was mailed before, as far as Zuora or the bot itself knows."""
    if order.mails_again():
        return True
    subjects = order.subjects() if order.each_mailed else ()
    return bool(subjects and parts.store.calls.mailed_since(subjects, EVER, MAILING, place))


def _is_recent(parts: Parts, call: Call) -> bool:
    return call.sent_at is None or parts.clock.now() - call.sent_at < parts.guard
