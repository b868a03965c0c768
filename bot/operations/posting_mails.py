"""Whether posting itself mails customers, without an order. No I/O.

Source: page *Email delivery*. Posting through the API or by hand has a notification of its own, which mails while it is
on, also where mail is not how the account gets its invoices. A bill run that posts itself has another one, which needs
auto-email.
"""

from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Literal, NamedTuple

from bot.domain.mailing import ByItself
from bot.operations.notices import state_of
from bot.zuora.answers import BillingDocument, BillRun
from bot.zuora.notifications import MailNotification, MailProfile

Mails = Literal["yes", "no", "not known"]

LATELY = timedelta(days=1)
"""For how long a posting matters that may have mailed; no guard against a second mail is longer."""

POSTING_MAY_MAIL = "{}, and posting may have mailed; customers may get it twice"
"""After `it was posted lately`, or that Zuora does not say when."""


class Posted(NamedTuple):
    """What Zuora mails when it posts, without an order.

    Attributes:
        itself: Runs that mail by themselves, and documents that were mailed when somebody posted them.
        perhaps: Numbers of those that were posted lately and of which Zuora does not say whether that mailed, or that
            posting may have mailed and of which it does not say when that was.
    """

    itself: tuple[ByItself, ...] = ()
    perhaps: tuple[str, ...] = ()


def posting_mails(
    notifications: Sequence[MailNotification] | None,
    profiles: Iterable[MailProfile | None],
    *,
    by_hand: bool = False,
) -> Mails:
    """Return whether a notification mails customers when an invoice is posted through the API.

    A muted profile sends nothing. If Zuora lists no such notification for a profile, that proves nothing, because its
    name may be different; nor does a notification that is off in another profile.

    Args:
        notifications: Those of the profiles concerned; None if they may not be read.
        profiles: The result of `notices.profiles_of`.
        by_hand: Whether it may have been posted by hand, which can have a notification of its own.
    """
    fires = [each for each in notifications or () if _fires(each, by_hand=by_hand)]
    if state_of(fires) == "on":
        return "yes"
    states = {
        state_of([each for each in fires if one is not None and each.profile_id == one.id])
        for one in profiles
    }
    return "no" if states and states <= {"off", "muted"} else "not known"


def _fires(notification: MailNotification, *, by_hand: bool) -> bool:
    words = f"{notification.event} {notification.name}".lower()
    of_a_run = "invoice" in words or "credit memo" in words
    only_by_hand = "manually" in words and "api" not in words
    return (
        of_a_run
        and "posted" in words
        and "auto-post" not in words
        and (by_hand or not only_by_hand)
    )


def posted(
    runs: Iterable[BillRun],
    alone: Iterable[BillingDocument],
    mails: Mails,
    now: datetime,
) -> Posted:
    """Return what Zuora mails, or may mail, without an order, because it was posted.

    Args:
        runs: Bill runs of the documents.
        alone: Documents that no bill run made.
        mails: Whether posting through the API or by hand mails these documents.
        now: The moment, aware UTC.
    """
    itself, lately = [], []
    for run in runs:
        one = ByItself(run.number, run.posted_at)
        if run.mails_itself:
            itself.append(one)
        elif run.auto_post is not True and _is_lately(run.posted_at, now):
            lately.append(one)
    # a run of which Zuora says no time would be refused for ever; a document's day is known at least
    silent = [each for each in lately if each.posted_at is None]
    lately += [
        ByItself(each.number, each.posted_at) for each in alone if _is_lately(each.posted_at, now)
    ]
    perhaps = {"yes": silent, "not known": lately, "no": []}[mails]
    if mails == "yes":
        itself += [each for each in lately if each not in silent]
    return Posted(tuple(itself), tuple(each.what for each in perhaps))


def with_last_posted(documents: Iterable[BillingDocument], run: BillRun) -> BillRun:
    """Return the run with the time when the last of its documents was posted: somebody may have unposted and posted one anew."""
    if run.posted_at is None:
        return run
    times = (each.posted_at for each in documents if each.posted_at is not None)
    return replace(run, posted_at=max((run.posted_at, *times)))


def _is_lately(posted_at: datetime | None, now: datetime) -> bool:
    return posted_at is None or now - posted_at < LATELY
