"""Requests that this version cannot read: what people see of that, and how one under way ends whose answer was lost."""

from dataclasses import replace
from datetime import datetime

from bot.cards import lines
from bot.cards.card import card_edit
from bot.domain.call import Verdict
from bot.domain.history import Entry, What
from bot.domain.request import Request
from bot.domain.words import Mention, Moment, Part
from bot.operations.catalog import OPERATIONS
from bot.operations.progress import Progress
from bot.store.in_parts import in_parts
from bot.store.store import Store
from bot.workflow.calling import answer_entry, settled_entry
from bot.workflow.deadlines import too_late_at
from bot.workflow.parts import Working

LEFT = (
    "This version of Billing Bot cannot read it: another version wrote it, or its record is damaged. Nothing more is "
    "sent of it until a version that can read it runs."
)
DAMAGED = "Its record is damaged, so nothing more is done about it until that is mended."
NO_MORE = "this version of the bot cannot read it"
NOT_IN_TIME = "it could not be sent in time"


async def leave(parts: Working, request: Request) -> datetime | None:
    """Leave a running request, which is said once, and return when to look at it again; None: never.

    Another version may work beside this one and carry it on. Once that may send nothing more of it either, its lost calls
    are given up, so that its outcome is unknown and people are asked.

    Args:
        parts: The outside.
        request: As it is now; its facts are not needed.
    """
    store, now, until = parts.store, parts.clock.now(), too_late_at(request)
    lost = bool(store.calls.lost(request.number))
    if lost and now >= until and await _give_up(parts, request):
        return now
    if request.result != LEFT:
        _say(store, request, until if lost else None, now)
    return until if lost and now < until else None


def say_damaged(store: Store, number: int, now: datetime) -> None:
    """Say once that the record of a request is damaged, in the channel, because its thread may not be known."""
    if any(each.entry.data.get("why") == DAMAGED for each in store.history.of(number)):
        return
    request = store.requests.get_mended(number, now)
    reply = lines.reply(
        request, f"⚠ {request.name} is not carried on. {DAMAGED} Please tell whoever runs Billing Bot, ",
        Mention(request.requester), ".",
    )  # fmt: skip
    entry = Entry(what=What.DELAYED, request=number, data={"why": DAMAGED})
    with store.transaction():
        store.record(entry, now, reply)


def _say(store: Store, request: Request, until: datetime | None, now: datetime) -> None:
    progress = Progress.of(request).model_copy(update={"in_doubt_since": None})
    after = replace(
        request, result=LEFT, progress=progress.model_dump_json() if request.progress else ""
    )
    asked: tuple[Part, ...] = (
        " If none does by ", Moment(until), ", people are asked to record the outcome.",
    ) if until else ()  # fmt: skip
    reply = lines.reply(
        after, f"⚠ {request.name} is under way. {LEFT}", *asked, " Please tell whoever runs Billing Bot, ",
        Mention(request.requester), ".",
    )  # fmt: skip
    drawn = [card_edit(after)] if request.operation in OPERATIONS else []
    entry = Entry(what=What.DELAYED, request=request.number, data={"why": LEFT})
    with store.transaction():
        store.move(request, after, entry, now, *drawn, reply)


async def _give_up(parts: Working, request: Request) -> bool:
    """Record that nothing more of it goes out; return whether there was anything to give up."""
    store, now = parts.store, parts.clock.now()
    lost = [each for each in store.calls.lost(request.number) if not each.no_more]
    for part in in_parts(len(lost)):
        given_up = [each._replace(verdict=Verdict.LOST, no_more=NO_MORE) for each in lost[part]]
        with store.transaction():
            store.calls.save(*given_up)
            store.history.append_all(map(answer_entry, given_up), now)
        await store.turns.one_by_one()
    is_any = bool(lost)
    for found in store.calls.open_in_parts(request.number):
        is_any = True
        refused = [each._replace(verdict=Verdict.REFUSED, words=NOT_IN_TIME) for each in found]
        with store.transaction():
            store.calls.save(*refused)
            store.history.append_all(map(settled_entry, refused), now)
        await store.turns.one_by_one()
    return is_any
