"""Ends every open request after an older copy of the database was put back, and continues the numbers."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime

from bot.cards import lines
from bot.cards.card import card_edit
from bot.domain.call import Verdict
from bot.domain.copies import Shown, latest
from bot.domain.history import Entry, What
from bot.domain.message import Message, MessageKind
from bot.domain.request import Request, State
from bot.domain.words import Mention, count, listed
from bot.operations.progress import Progress
from bot.store.store import Store
from bot.workflow.calling import answer_entry

LOOK_FIRST = (
    "An older copy of the database was put back while this was open, so its outcome is not "
    "known here. Look in Zuora first, then ask again for what is missing."
)


def resume(
    store: Store, now: datetime, shown: Sequence[Shown], new_id: str, channel: str
) -> list[Request]:
    """End every open request and begin anew, in one transaction; return the requests that were ended.

    Args:
        store: The copy that was put back; no other process works on it.
        now: The moment.
        shown: The bot's messages in Slack.
        new_id: The database's id from now on.
        channel: Slack channel id where this is announced.

    Raises:
        CouldNotRecordError: Nothing was changed.
    """
    with store.transaction():
        highest = max((each.request for each in shown), default=0)
        store.copies.begin_anew(new_id, now, last_number=highest, seen=latest(shown))
        found = {number: store.requests.get(number) for number in store.copies.open_numbers()}
        damaged = [f"R-{number}" for number, request in found.items() if request is None]
        ended = [
            _ended(store, request or store.requests.get_mended(number, now), now)
            for number, request in found.items()
        ]
        names = [request.name for request in ended]
        data = {"database": new_id, "ended": names, "numbers_behind": highest}
        if damaged:
            data["damaged"] = damaged
        message = _said(channel, len(ended), damaged, store.requests.next_number())
        store.record(Entry(what=What.RESUMED, data=data), now, message)
    return ended


def _ended(store: Store, request: Request, now: datetime) -> Request:
    _lose_what_is_out(store, request, now)
    progress = Progress.of(request).model_copy(update={"look_first": True})
    after = replace(
        request.moved(State.STOPPED, now, result=LOOK_FIRST), progress=progress.model_dump_json()
    )
    entry = Entry(
        what=What.STOPPED,
        request=request.number,
        data={"why": LOOK_FIRST, "was": request.state.value},
    )
    message = lines.reply(
        after, f"{request.name} is stopped. {LOOK_FIRST} ", Mention(after.requester)
    )
    store.move(request, after, entry, now, card_edit(after), message)
    return after


def _lose_what_is_out(store: Store, request: Request, now: datetime) -> None:
    words = "an older copy of the database was put back before the answer was known"
    lost = [
        call._replace(verdict=Verdict.LOST, words=words) for call in store.calls.out(request.number)
    ]
    store.calls.save(*lost)
    store.history.append_all(map(answer_entry, lost), now)


def _said(channel: str, ended: int, damaged: Sequence[str], number: int) -> Message:
    records = "The record" if len(damaged) == 1 else "The records"
    are = "is" if len(damaged) == 1 else "are"
    text = (
        f"An older copy of the database was put back, and work continues. "
        f"{count(ended, 'open request')} stopped: look in Zuora first. "
        f"{f'{records} of {listed(damaged)} {are} damaged. ' if damaged else ''}The next request is R-{number}."
    )
    return Message(kind=MessageKind.NOTICE, channel=channel, text=text, blocks=[])
