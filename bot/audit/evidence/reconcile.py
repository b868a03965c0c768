"""Compares with Zuora's own list of bill runs, to find what was done outside the bot."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, Generic, NamedTuple, TypeVar

from bot.audit.evidence import memos, not_there
from bot.domain.known import NotKnown
from bot.domain.operation import Deed
from bot.domain.place import Places, entity_part, plain_key
from bot.operations.catalog import OPERATIONS
from bot.store.file.by_the_bot import Done, Explanation, Mailed
from bot.zuora.answers import BillRun
from bot.zuora.client import ZuoraClient
from bot.zuora.errors import ZuoraError
from bot.zuora.mailed import MailedInvoice

MOST_READ = 1000
"""The most bill runs that the client looks at, newest first."""

ABOUT_RUNS = tuple(name for name, each in OPERATIONS.items() if not each.each_mailed)
"""Names of the operations whose calls are about a bill run."""

NOT_COMPARED = "not compared with Zuora"

MARKED_WITHIN = timedelta(hours=24)
"""The time within which Zuora marks a run as mailed, after it accepted the order."""


class Period(NamedTuple):
    """From `start` to before `end`, aware UTC."""

    start: datetime
    end: datetime

    def holds(self, at: datetime | None) -> bool:
        """Return whether a moment is in it."""
        return at is not None and self.start <= at < self.end


Kind = TypeVar("Kind", bound=Done | Mailed)


class Read(Generic[Kind]):
    """Reads records anew at each iteration, so that they need not all be in memory."""

    def __init__(self, read: Callable[[], Iterator[Kind]]) -> None:
        self._read = read

    def __iter__(self) -> Iterator[Kind]:
        return self._read()

    def only(self, wanted: Callable[[Kind], bool]) -> "Read[Kind]":
        """Return only the records that pass."""
        return Read(lambda: filter(wanted, self))


class Own(NamedTuple):
    """What the bot did, or may have done, by its own records."""

    runs: Read[Done]
    mails: Read[Mailed]

    def within(self, entity: str) -> "Own":
        """Return what may have been done in one entity, whose organizations share their numbers."""

        def is_there(each: Done | Mailed) -> bool:
            return not each.place or entity_part(each.place) == entity

        return Own(self.runs.only(is_there), self.mails.only(is_there))


async def reconciled(
    zuora: ZuoraClient, period: Period, own: Own, now: datetime, *, place: str = ""
) -> dict[str, Any]:
    """Return Zuora's bill runs and mailed invoices of a period, with the differences in both directions.

    Returns:
        `status` is `done` or `not done`; with the latter there is `why`, and nothing else is
        claimed: a list that could not be read is not a list without exceptions.
    """
    try:
        runs = await zuora.bill_runs()
        invoices = await zuora.mailed_invoices(period.start)
    except ZuoraError as error:
        return not_done(f"Zuora could not be read: {error}")
    found = compared(runs, period, own.runs)
    known = {each.number for each in invoices}
    if found["status"] == "done":
        found["things"] += mailed_invoices(invoices, period, own, found["things"])
        mine = _of_the_period(own, period, place)
        until = now - MARKED_WITHIN
        found["things"] += [
            *not_there.runs(runs, mine.runs, until, all_read=len(runs) < MOST_READ),
            *not_there.invoices(invoices, mine.mails, until),
        ]
        here = zuora.in_zone_of(runs[0]) if runs else zuora.here
        mails = own.mails.only(lambda each: each.document not in known)
        by_themselves = own.runs.only(lambda each: _did(each, Deed.MAILED) and not _mails(each))
        try:
            found["things"] += await memos.things(zuora, period, mails, by_themselves, here)
            found["limits"].append(memos.LIMIT)
        except ZuoraError as error:
            _not_all(found, f"{memos.NOT_READ}: {error}")
    return found


def _not_all(found: dict[str, Any], why: str) -> None:
    """Add the exception that a part could not be compared; the other results stay."""
    missing = not_done(why)
    found["things"] += missing["things"]
    found |= {"status": missing["status"], "why": why}


def _of_the_period(own: Own, period: Period, place: str) -> Own:
    """Return what was sent in the period; with several places, only what was done in the one read."""

    def is_of_it(each: Done | Mailed) -> bool:
        is_here = not place or plain_key(each.place) == plain_key(place)
        return is_here and period.holds(datetime.fromisoformat(each.sent_at))

    return Own(own.runs.only(is_of_it), own.mails.only(is_of_it))


async def reconciled_everywhere(
    zuora: ZuoraClient, places: Places, period: Period, own: Own, now: datetime
) -> dict[str, Any]:
    """Return what `reconciled` does, place by place if there are several: entities reuse numbers."""
    if not places.is_choice:
        return await reconciled(zuora, period, own, now)
    found: dict[str, Any] = {
        "status": "done",
        "read": 0,
        "limits": [],
        "things": [],
    }
    for place in places.all:
        there = zuora.within(*places.headers(place.key))
        mine = own.within(entity_part(place.key))
        one = await reconciled(there, period, mine, now, place=place.key)
        if one["status"] != "done":
            return not_done(f"{place.words}: {one['why']}")
        found["read"] += one["read"]
        found["limits"] += [f"{place.words}: {words}" for words in one["limits"]]
        found["things"] += [{**each, "place": place.words} for each in one["things"]]
    return found


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


def explained(
    found: dict[str, Any], signed: Mapping[tuple[str, str], Explanation], places: Places
) -> dict[str, Any]:
    """Return the same with management's signed explanation of each exception, by its number and entity.

    An explanation does not cover what was done after it was signed.
    """
    entities = {place.words: entity_part(place.key) for place in places.all}
    for thing in found["things"]:
        entity = entities.get(thing.get("place", ""), "")
        said = signed.get((str(thing.get("number")), entity))
        for deed in thing["deeds"]:
            if said and not deed["by"] and not _is_later(thing, deed, said.at):
                deed |= {
                    "explanation": said.words,
                    "explained_by": said.who,
                    "explained_in": said.row,
                }
    return found


def _is_later(thing: Mapping[str, Any], deed: Mapping[str, Any], signed_at: str) -> bool:
    """Return whether Zuora says that something was done after a moment."""
    at = deed.get("at") or thing.get("last_emailed_at")
    return isinstance(at, datetime) and at > datetime.fromisoformat(signed_at)


def outside(things: Iterable[dict[str, Any]]) -> Iterator[dict[str, Any]]:
    """Yield the exceptions: what Zuora shows and no request did."""
    return (
        {**{name: value for name, value in thing.items() if name != "deeds"}, **deed}
        for thing in things for deed in thing["deeds"] if not deed["by"]
    )  # fmt: skip


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
        found = [each for each in mine if _did(each, what)]
        if not found:
            at = {"at": at} if isinstance(at := _when(run, what), datetime) else {}
            yield {"what": f"{what} outside the bot", "who": _who(run, what), "by": [], **at}
            continue
        yield {"what": what.value, "by": sorted({each.request for each in found})}
        if what == Deed.MAILED and isinstance(run.last_emailed_at, NotKnown):
            words = "mailed by the bot; whether again outside the bot is not known"
            yield {"what": words, "who": run.updated_by, "by": []}
        elif what == Deed.MAILED and _mailed_later(run, found):
            yield {"what": "mailed again outside the bot", "who": run.updated_by, "by": []}


def _who(run: BillRun, deed: Deed) -> str:
    """Return the id of Zuora's user who did it; after the creation, of the one who last changed the run."""
    return run.created_by if deed is Deed.CREATED else run.updated_by


def _when(run: BillRun, deed: Deed) -> datetime | NotKnown | None:
    """Return when it was done, as far as Zuora says."""
    times = {
        Deed.CREATED: run.created_at,
        Deed.POSTED: run.posted_at,
        Deed.MAILED: run.last_emailed_at,
    }
    return times.get(deed, run.updated_at)


def mailed_invoices(
    invoices: Sequence[MailedInvoice], period: Period, own: Own, runs: Sequence[dict[str, Any]]
) -> list[dict[str, Any]]:
    """Return invoices that were mailed in the period, with the requests; an exception has none.

    All invoices of a run that was mailed outside the bot are one exception together.
    """
    named = {
        each["number"]
        for each in runs
        if any(deed["what"].startswith("mailed") and not deed["by"] for deed in each["deeds"])
    }
    mine: dict[str, list[Mailed]] = {invoice.number: [] for invoice in invoices}
    for each in own.mails:
        if each.document in mine:
            mine[each.document].append(each)
    named_by = {invoice.bill_run for invoice in invoices}
    of_runs = {
        number
        for each in own.runs if _did(each, Deed.MAILED)
        for number in each.numbers & named_by
    }  # fmt: skip
    found = []
    for invoice in invoices:
        at = invoice.at if isinstance(invoice.at, datetime) else None
        if invoice.bill_run in named or (at is not None and not period.holds(at)):
            continue
        by = sorted({each.request for each in mine.get(invoice.number, ())})
        late = at is not None and all(
            at > datetime.fromisoformat(each.sent_at) + MARKED_WITHIN
            for each in mine.get(invoice.number, ())
        )
        deed = {"what": "mailed", "by": by}
        if by and late:
            deed = {"what": "mailed again outside the bot", "who": invoice.updated_by, "by": []}
        elif not by and invoice.bill_run not in of_runs:
            deed = {"what": "mailed outside the bot", "who": invoice.updated_by, "by": []}
        if deed["by"] or deed["what"] != "mailed":
            found.append(
                {
                    "kind": "invoice",
                    "number": invoice.number,
                    "bill_run": invoice.bill_run,
                    "last_emailed_at": at or "not known",
                    "deeds": [deed],
                }
            )
    return found


def _did(done: Done, deed: Deed) -> bool:
    """Return whether the bot did it, directly or by an order that made Zuora do it later."""
    operation = OPERATIONS[done.operation]
    flag = operation.by_itself.get(deed)
    return operation.deed is deed or (flag is not None and bool(done.body.get(flag)))


def _mailed_later(run: BillRun, found: Sequence[Done]) -> bool:
    """Return whether the last mail is too late to be the bot's; a run that mails by itself may be later."""
    at = run.last_emailed_at
    if not isinstance(at, datetime) or any(not _mails(each) for each in found):
        return False
    latest = max(datetime.fromisoformat(each.sent_at) for each in found)
    return at > latest + MARKED_WITHIN


def _mails(done: Done) -> bool:
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
