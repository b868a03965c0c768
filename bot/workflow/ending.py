"""How a request continues once all its calls have answers; runs inside the caller's transaction."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any, NamedTuple

from bot.cards import lines, results
from bot.cards.below import change_and_ask_again
from bot.cards.card import card_edit
from bot.cards.facts import in_doubt, where_to_look
from bot.domain.call import Call, Tally, Verdict
from bot.domain.history import Entry, What
from bot.domain.message import Message
from bot.domain.next_step import Pauses, conclusion, repeat_at
from bot.domain.request import Request, State
from bot.domain.words import Mention, Moment, Part, count, listed
from bot.operations.catalog import opened
from bot.operations.operation import Order
from bot.operations.progress import Progress
from bot.store.in_parts import PART
from bot.store.store import Store
from bot.workflow.calling import answer_entry

PROGRESS_GAP = timedelta(seconds=3)
"""The shortest time between two edits of the progress message."""


class Next(NamedTuple):
    """How a request continues: as it is then, its history entry, what people see, and the last of its progress."""

    after: Request
    entry: Entry
    messages: Sequence[Message]
    progress: Message | None = None


@dataclass(frozen=True, slots=True)
class Answered:
    """A request whose calls all have answers; how it continues is written in the caller's transaction.

    Attributes:
        whole_request: The request in the database.
        calls: All of its calls, of very many as `Calls.in_brief` has them.
        now: The moment, aware UTC.
    """

    store: Store
    whole_request: Request
    calls: Sequence[Call]
    now: datetime

    def go_on(self, pauses: Pauses, order: Order[Any, Any] | None = None) -> None:
        """Write how the request continues, as `next` has it."""
        self.write(self.next(pauses, order))

    def next(self, pauses: Pauses, order: Order[Any, Any] | None = None) -> Next:
        """Return how the request continues; it reads and writes nothing, and takes long for many calls.

        It ends, its lost calls are sent again under their keys, its outcome is unknown, or the bot
        follows what its accepted call started.

        Args:
            pauses: The first pauses between calls to Zuora.
            order: The request's order, if it was opened already; that takes milliseconds for
                hundreds of documents.
        """
        state = conclusion(self.calls)
        repeats = (repeat_at(call, self.now, pauses.again) for call in self.calls)
        again = [at for at in repeats if at is not None]
        if again:
            return self._ask_again(min(again))
        if state is State.UNKNOWN:
            return self._unknown(pauses.poll)
        order = order or opened(self.whole_request)
        if order.follows and state is State.SUCCEEDED:
            return self._follow_from_now(order, pauses.poll)
        return self._end(state, order)

    def _follow_from_now(self, order: Order[Any, Any], poll: timedelta) -> Next:
        accepted = f"{order.accepted()}{_asked_again(self.calls)}"
        after = replace(
            self.whole_request,
            progress=self.calls[0].began,
            result=accepted,
            wake_at=self.now + poll,
            looks=0,
        )
        entry = Entry(what=What.PROGRESSED, request=after.number, data={"result": accepted})
        reply = lines.reply(after, accepted)
        return Next(after, entry, [card_edit(after), reply])

    def _end(self, state: State, order: Order[Any, Any]) -> Next:
        """Return how it ended, with a line in the thread."""
        result = f"{order.result(self.calls)}{_asked_again(self.calls)}"
        moved = self.whole_request.moved(state, self.now, result=result)
        after = replace(moved, progress=tally(self.calls))
        reply = lines.reply(after, result, " ", Mention(after.requester))
        alone = len(self.calls) == 1  # where there are many, the list of failures has the button
        if alone and state is State.FAILED:
            reply = change_and_ask_again(reply, after)
        return self._ended(after, reply)

    def _ask_again(self, at: datetime) -> Next:
        """Return that calls are sent again under their keys, with one line in the thread for all tries."""
        request, calls, now = self.whole_request, self.calls, self.now
        lost = [call for call in calls if call.verdict is Verdict.LOST]
        it, key = ("It", "the same key") if len(lost) == 1 else ("They", "the same keys")
        why = f"{doubt(calls)} {it} will be sent again under {key}."
        since = min(call.first_sent_at or now for call in lost)
        counted = Progress(
            calls=len(calls), failed=refused(calls), lost=len(lost), in_doubt_since=since
        )
        after = replace(
            request, result=why, wake_at=at, looks=0, progress=counted.model_dump_json()
        )
        entry = Entry(
            what=What.DELAYED, request=request.number,
            data={"why": why, "calls": len(lost), "again_at": at.isoformat()},
        )  # fmt: skip
        reply = lines.reply(
            after, f"{why} Zuora recognizes a call by its key and does not do it twice. Nobody has to do "
            "anything. Next try: ", Moment(at), ".",
        )  # fmt: skip
        shown = (request.result, request.progress)
        drawn = [card_edit(after)] if (after.result, after.progress) != shown else []
        first = [] if any(call.repeats for call in calls) else [reply]
        return Next(after, entry, [*drawn, *first])

    def _unknown(self, poll: timedelta) -> Next:
        request, calls = self.whole_request, self.calls
        lost = [call for call in calls if call.verdict is Verdict.LOST]
        times = max(call.repeats for call in lost)
        why = "; ".join(dict.fromkeys(call.no_more for call in lost if call.no_more))
        in_vain = (
            f" Asking again under the same key up to {count(times, 'time')} brought no answer."
            if times
            else ""
        )
        because = f" ({why})" if why else ""
        result = f"{doubt(calls)} It may or may not have been done.{in_vain} It will not be sent again{because}."
        after = replace(
            request.moved(State.UNKNOWN, self.now, wake_at=self.now + poll, result=result),
            progress=tally(calls),
        )
        loudly = (
            f"⚠ {request.name}: we don't know whether {in_doubt(after)}. Check "
            f"{where_to_look(after)}, then record what you see with the buttons on the card. {result} "
        )
        words: tuple[Part, ...] = (
            loudly,
            Mention(request.requester), " ", Mention(request.decided_by or request.requester),
        )  # fmt: skip
        return self._ended(after, lines.reply(after, *words))

    def _ended(self, after: Request, reply: Message) -> Next:
        """Return the end, with the final progress and what failed."""
        data = {"state": after.state.value, "result": after.result}
        entry = Entry(what=What.ENDED, request=after.number, data=data)
        messages = [card_edit(after), reply, *results.failures(after, self.calls)]
        if len(self.calls) == 1:
            return Next(after, entry, messages)
        return Next(after, entry, messages, results.progress(after, Tally.of(self.calls), self.now))

    def write(self, found: Next) -> None:
        """Write how it continues."""
        store, now, (after, entry, messages, progress) = self.store, self.now, found
        if progress is None:
            store.move(self.whole_request, after, entry, now, *messages)
            return
        waits, shown_at = store.outbox.progress_shown(after.number)
        if shown_at is None and not waits:
            store.move(self.whole_request, after, entry, now, progress, *messages)
            return
        store.move(self.whole_request, after, entry, now, *messages)
        # the last of its lane, so that nothing waits for it
        soonest = now if shown_at is None else max(now, shown_at + PROGRESS_GAP)
        store.outbox.add(progress, now, not_before=soonest)


def tally(calls: Sequence[Call]) -> str:
    """Return JSON of how many of several calls failed or were lost, for the card; empty for a single call."""
    if len(calls) == 1:
        return ""
    lost = sum(1 for call in calls if call.is_lost)
    return Progress(calls=len(calls), failed=refused(calls), lost=lost).model_dump_json()


def refused(calls: Sequence[Call]) -> int:
    """Return how many Zuora refused."""
    return sum(1 for call in calls if call.verdict is Verdict.REFUSED)


def doubt(calls: Sequence[Call]) -> str:
    """Return which calls have an unknown outcome, and why: no answer came, or an unclear one."""
    lost = [call for call in calls if call.is_lost]
    answered = [call for call in lost if call.http_status is not None]
    silent = [call for call in lost if call.http_status is None]
    said = []
    if answered:
        statuses = listed(sorted({f"HTTP {call.http_status}" for call in answered}))
        words = _words_of(answered)
        which = "" if len(calls) == 1 else f" to {len(answered):,} of {len(calls):,} calls"
        own = f" ({words})" if words else ""
        said.append(
            f"Zuora answered {statuses}{which}, which does not say whether it was done{own}"
        )
    if silent:
        which = "" if len(calls) == 1 else f" to {len(silent):,} of {len(calls):,} calls"
        said.append(f"the answer{which} was lost ({_words_of(silent)})")
    return f"The order went out to Zuora, and {', and '.join(said)}."


def _words_of(calls: Sequence[Call]) -> str:
    """Return the calls' words apart from bare statuses, each once."""
    words = dict.fromkeys(call.words.rstrip(".") for call in calls)
    return "; ".join(each for each in words if not each.startswith("Zuora answered HTTP "))


def _asked_again(calls: Sequence[Call]) -> str:
    """Return words on calls that were sent again, or that reading Zuora settled; empty if there were none."""
    shown = [call for call in calls if call.verdict is Verdict.ACCEPTED and call.words]
    again = sum(1 for call in calls if call.repeats and call not in shown)
    if len(calls) == 1:
        first = " The first answer was lost or unclear; "
        how = f"{shown[0].words}." if shown else "the order was sent again under the same key."
        return first + how if shown or again else ""
    said = ""
    if again:
        were = "call was" if again == 1 else "calls were"
        said += f" {again:,} {were} sent again under the same key, because the first answer was unclear."
    if shown:
        said += (
            f" For {count(len(shown), 'call')} the first answer was unclear. Zuora shows "
            "the mail, so nothing was sent again."
        )
    return said


def show_progress(store: Store, request: Request, now: datetime) -> datetime:
    """Show the progress if the last time is long enough ago; return when to look again."""
    waits, shown_at = store.outbox.progress_shown(request.number)
    if waits:
        return now + PROGRESS_GAP / 3
    if shown_at is not None and now - shown_at < PROGRESS_GAP:
        return shown_at + PROGRESS_GAP
    tally_now = store.calls.tally(request.number)
    if tally_now.calls > 1:
        store.outbox.add(results.progress(request, tally_now, now), now)
    return now + PROGRESS_GAP


def lose(
    store: Store, request: Request, calls: Sequence[Call], pauses: Pauses, now: datetime
) -> None:
    """Mark the calls that were out when the bot was stopped as lost, because their outcome is not known."""
    words = "the bot was stopped before the answer came"
    lost = [call._replace(verdict=Verdict.LOST, words=words) for call in calls]
    with store.transaction():
        store.calls.save(*lost)
        store.history.append_all(map(answer_entry, lost), now)
        if store.calls.tally(request.number).calls > PART:
            return  # the next step reads them in brief
        everything = store.calls.of(request.number)
        if not any(each.is_open for each in everything):
            Answered(store, request, everything, now).go_on(pauses)


async def conclude(
    store: Store, request: Request, calls: Sequence[Call], pauses: Pauses, now: datetime
) -> None:
    """Write how a request continues whose calls, as just read, all have answers."""
    answered = Answered(store, request, calls, now)
    if len(calls) <= PART:
        found = answered.next(pauses)
    else:
        found = await asyncio.to_thread(answered.next, pauses)
    with store.transaction():
        answered.write(found)
