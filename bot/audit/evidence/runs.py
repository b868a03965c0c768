"""Bill runs of a period as Zuora lists them, each with the request that did it."""

from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from typing import Any

from bot.audit.elsewhere import NOT_COMPARED
from bot.audit.evidence.by_whom import creator, last_to_change
from bot.audit.evidence.own import MARKED_WITHIN, Period
from bot.domain.known import NotKnown
from bot.domain.operation import Deed
from bot.operations.catalog import OPERATIONS
from bot.store.file.by_the_bot import Done
from bot.zuora.answers import BillRun

MOST_READ = 1000
"""The most bill runs that the client looks at, newest first."""


def compared(runs: Sequence[BillRun], period: Period, done: Iterable[Done]) -> dict[str, Any]:
    """Return what `reconciled` does, for runs that were read."""
    oldest = min((run.created_at for run in runs if run.created_at), default=None)
    undated = [run.number for run in runs if run.created_at is None]
    limited = len(runs) >= MOST_READ
    if limited and (oldest is None or oldest >= period.start):
        why = f"Zuora has more bill runs than the {MOST_READ:,} that can be read at once"
        return not_done(f"{why}, and they do not reach back to the period.")
    concerned = [run for run in runs if any(_happened(run, period).values())]
    names = {name for run in concerned for name in (run.number, run.id)}
    mine = [each for each in done if each.numbers & names]
    return {
        "status": "done",
        "read": len(runs),
        "limits": [
            *([_older(oldest)] if limited else []),
            *([f"Zuora gave no creation time of: {', '.join(undated)}"] if undated else []),
        ],
        "things": [{**_shown(run), "deeds": list(_deeds(run, period, mine))} for run in concerned],
    }


def not_done(why: str) -> dict[str, Any]:
    """Return the result "not compared", which is itself an exception: it is no list without exceptions."""
    deeds = [{"what": NOT_COMPARED, "by": []}]
    return {"status": "not done", "why": why, "things": [{"why": why, "deeds": deeds}]}


def _older(oldest: datetime | None) -> str:
    return f"Runs created before {oldest} were not read: one posted or mailed in the period is not listed."


def _happened(run: BillRun, period: Period) -> dict[Deed, bool]:
    """Return what happened to a run in the period; an event without a time counts at the run's creation."""
    born = period.holds(run.created_at)
    posted = run.posted_at
    return {
        Deed.CREATED: born,
        Deed.POSTED: period.holds(posted) if posted else born and run.status == "Posted",
        Deed.MAILED: _mailed(run, period, born=born),
        Deed.CANCELED: run.status == "Canceled"
        and (period.holds(run.updated_at) if run.updated_at else born),
    }


def _mailed(run: BillRun, period: Period, *, born: bool) -> bool:
    """Return whether it was mailed in the period; an unknown date counts as mailed."""
    match run.last_emailed_at:
        case None:
            return False
        case NotKnown():
            return born and run.invoices_emailed is not False
        case at:
            return period.holds(at)


def _deeds(run: BillRun, period: Period, done: Iterable[Done]) -> Iterator[dict[str, Any]]:
    """Yield what happened to a run in the period, with the requests; an exception has none."""
    mine = [each for each in done if each.numbers & {run.number, run.id}]
    for what, happened in _happened(run, period).items():
        if not happened:
            continue
        found = [each for each in mine if did(each, what)]
        if not found:
            at = {"at": at} if isinstance(at := _when(run, what), datetime) else {}
            yield {"what": f"{what} outside the bot", **_who(run, what), "by": [], **at}
            continue
        yield {"what": what.value, "by": sorted({each.request for each in found})}
        if what == Deed.MAILED and isinstance(run.last_emailed_at, NotKnown):
            words = "mailed by the bot; whether again outside the bot is not known"
            yield {"what": words, **last_to_change(run.updated_by, run.updated_at), "by": []}
        elif what == Deed.MAILED and _mailed_later(run, found):
            by = last_to_change(run.updated_by, run.updated_at)
            yield {"what": "mailed again outside the bot", **by, "by": []}


def _who(run: BillRun, deed: Deed) -> dict[str, str]:
    """Return Zuora's user who did it; after the creation, the one who last changed the run."""
    if deed is Deed.CREATED:
        return creator(run.created_by)
    return last_to_change(run.updated_by, run.updated_at)


def _when(run: BillRun, deed: Deed) -> datetime | NotKnown | None:
    """Return when it was done, as far as Zuora says."""
    times = {
        Deed.CREATED: run.created_at,
        Deed.POSTED: run.posted_at,
        Deed.MAILED: run.last_emailed_at,
    }
    return times.get(deed, run.updated_at)


def did(done: Done, deed: Deed) -> bool:
    """Return whether the bot did it, directly or by an order that made Zuora do it later."""
    operation = OPERATIONS[done.operation]
    flag = operation.by_itself.get(deed)
    return operation.deed is deed or (flag is not None and bool(done.body.get(flag)))


def _mailed_later(run: BillRun, found: Sequence[Done]) -> bool:
    """Return whether the last mail is too late to be the bot's; a run that mails by itself may be later."""
    at = run.last_emailed_at
    if not isinstance(at, datetime) or any(not is_a_mail(each) for each in found):
        return False
    latest = max(datetime.fromisoformat(each.sent_at) for each in found)
    return at > latest + MARKED_WITHIN


def is_a_mail(done: Done) -> bool:
    """Return whether it was an order to mail."""
    return OPERATIONS[done.operation].deed is Deed.MAILED


def _shown(run: BillRun) -> dict[str, Any]:
    at = run.last_emailed_at
    return {
        "kind": "bill run",
        "number": run.number,
        "name": run.name,
        "status": run.status,
        "created_at": run.created_at,
        "posted_at": run.posted_at,
        "emailed": run.invoices_emailed,
        "last_emailed_at": f"not known ({at.why})" if isinstance(at, NotKnown) else at,
    }
