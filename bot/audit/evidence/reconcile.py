"""Compares with Zuora's own list of bill runs, to find what was done outside the bot."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any

from bot.audit.evidence import memos, not_there
from bot.audit.evidence.invoices import mailed_invoices
from bot.audit.evidence.own import MARKED_WITHIN, Own, Period
from bot.audit.evidence.runs import MOST_READ, compared, did, is_a_mail, not_done
from bot.domain.operation import Deed
from bot.domain.place import Places, entity_part, plain_key
from bot.store.file.by_the_bot import Done, Explanation, Mailed
from bot.zuora.client import ZuoraClient
from bot.zuora.errors import ZuoraError

Signed = Mapping[tuple[str, str], Sequence[Explanation]]
"""The signed explanations of each number, in each entity, the latest last."""


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
        by_themselves = own.runs.only(lambda each: did(each, Deed.MAILED) and not is_a_mail(each))
        try:
            found["things"] += await memos.things(zuora, period, mails, by_themselves, here)
            found["limits"].append(memos.LIMIT)
        except ZuoraError as error:
            return _not_all(found, f"{memos.NOT_READ}: {error}")
    return found


def _not_all(found: dict[str, Any], why: str) -> dict[str, Any]:
    """Return the results with the exception that a part could not be compared."""
    missing = not_done(why)
    things = [*found["things"], *missing["things"]]
    return {**found, "status": missing["status"], "why": why, "things": things}


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


def explained(found: dict[str, Any], signed: Signed, places: Places) -> dict[str, Any]:
    """Return the same with management's signed explanation of each exception, by its number and entity.

    An explanation does not cover what was done after it was signed.
    """
    entities = entities_of(places)
    for thing in found["things"]:
        said = signed_of(thing, signed, entities)
        for deed in thing["deeds"]:
            if not deed["by"]:
                deed.update(explanation_of(covering(thing, deed, said)))
    return found


def entities_of(places: Places) -> dict[str, str]:
    """Return the entity of each place, by its words."""
    return {place.words: entity_part(place.key) for place in places.all}


def signed_of(
    thing: Mapping[str, Any], signed: Signed, entities: Mapping[str, str]
) -> Sequence[Explanation]:
    """Return what was signed of a number; none if nobody knows in which entity its place is."""
    place = thing.get("place", "")
    if place and place not in entities:
        return ()
    return signed.get((str(thing.get("number")), entities.get(place, "")), ())


def covering(
    thing: Mapping[str, Any], deed: Mapping[str, Any], said: Iterable[Explanation]
) -> list[Explanation]:
    """Return what was signed of something done outside the bot, without what was signed before it was done."""
    return [each for each in said if not _is_later(thing, deed, each.at)]


def explanation_of(said: Sequence[Explanation]) -> dict[str, Any]:
    """Return the latest of these, as a deed has it; empty for none."""
    if not said:
        return {}
    latest = said[-1]
    return {
        "explanation": latest.words, "explained_by": latest.who, "explained_in": latest.row,
    }  # fmt: skip


def _is_later(thing: Mapping[str, Any], deed: Mapping[str, Any], signed_at: str) -> bool:
    """Return whether Zuora says that something was done after a moment; a time may be the text in a package."""
    at = deed.get("at") or thing.get("last_emailed_at")
    if isinstance(at, str) and at[:1].isdigit():
        at = datetime.fromisoformat(at)
    return isinstance(at, datetime) and at > datetime.fromisoformat(signed_at)


def outside(things: Iterable[dict[str, Any]]) -> Iterator[dict[str, Any]]:
    """Yield the exceptions: what Zuora shows and no request did."""
    return (
        {**{name: value for name, value in thing.items() if name != "deeds"}, **deed}
        for thing in things for deed in thing["deeds"] if not deed["by"]
    )  # fmt: skip
