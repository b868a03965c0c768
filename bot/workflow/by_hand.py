"""What people saw in Zuora about a lost call: recorded by hand, and settled once enough of them agree."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from itertools import chain
from typing import Any

from bot.cards import lines, results
from bot.cards.card import card_edit
from bot.cards.fitting import LONGEST_REASON
from bot.domain.call import Verdict
from bot.domain.history import Entry, What
from bot.domain.next_step import conclusion
from bot.domain.request import Request
from bot.domain.words import Mention, Moment, Part, count, named
from bot.operations.catalog import can_be_read, opened
from bot.store.store import Store
from bot.workflow.decision import MOST_TYPED
from bot.workflow.ending import tally
from bot.workflow.receipts import give


@dataclass(frozen=True, slots=True, kw_only=True)
class Record:
    """What one person saw in Zuora.

    Attributes:
        person, team: Slack ids.
        accepted: Whether the order went through.
        note: What was seen, and where.
        beside: Digest, rule, groups and clocks at the decision, for the history.
        only_approvers: Whether somebody who did not approve must still record the same.
    """

    person: str
    team: str
    accepted: bool
    note: str
    beside: Mapping[str, Any] = field(default_factory=dict)
    only_approvers: bool = False

    @property
    def seen(self) -> str:
        """Return what was seen, in words."""
        return "it went through" if self.accepted else "it did not go through"


def records(store: Store, request: Request) -> dict[str, Record]:
    """Return each person's latest record since the last answer was lost.

    Earlier records say nothing about a later try, and one that its person denies does not count.
    """
    since, denied = store.calls.last_lost(request.number), store.history.denied()
    return {
        written.entry.who: Record(
            person=written.entry.who,
            team=written.entry.team,
            accepted=bool(written.entry.data["accepted"]),
            note=str(written.entry.data["note"]),
        )
        for written in store.history.of(request.number)
        if written.entry.what is What.RECORDED
        and {"accepted", "note"} <= written.entry.data.keys()  # not so if the row is damaged
        and written.sequence > since
        and written.sequence not in denied
    }


def too_early(store: Store, request: Request, span: timedelta, now: datetime) -> tuple[Part, ...]:
    """Return why it is too early to know that nothing was mailed (Zuora shows mails late); empty: it is not."""
    if not store.mailings.has(request.number):
        return ()
    out = [each.sent_at or request.state_at for each in store.calls.lost(request.number)]
    free_at = max(out, default=now - span) + span
    if now >= free_at:
        return ()
    return (
        (
            f"Nothing was changed: Zuora may still show the mail of {request.name}, so nobody can "
            "know yet. You can record that it did not go through from "
        ),
        Moment(free_at),
        " on.",
    )


def note(store: Store, request: Request, record: Record, missing: int, now: datetime) -> Request:
    """Save what a person saw, while more people have to record the same.

    Args:
        store: The database.
        request: Its outcome is unknown.
        record: What this person saw.
        missing: How many more people the stricter rule requires.
        now: The moment, aware UTC.
    """
    who = "and did not approve it" if missing == 1 else "and one of them did not approve it"
    more = f" {who}" if record.only_approvers else ""
    reply = lines.reply(
        request,
        Mention(record.person),
        f" looked in Zuora and recorded for {request.name}: {record.seen} ({named(record.note, MOST_TYPED)}). "
        f"It counts when {count(missing, 'more person', 'more people')} "
        f"{'has' if missing == 1 else 'have'} recorded the same{more}.",
    )
    row = store.record(_entry(What.RECORDED, request, record, missing=missing), now, reply)
    give(store, record.person, row, now)
    return request


def settle(
    store: Store, request: Request, record: Record, agreeing: Sequence[str], now: datetime
) -> Request:
    """Settle the request by what a person saw, because enough people recorded the same.

    Args:
        store: The database.
        request: Its outcome is unknown.
        record: What this person saw.
        agreeing: Who else recorded the same and may still decide.
        now: The moment, aware UTC.
    """
    verdict = Verdict.ACCEPTED if record.accepted else Verdict.REFUSED
    words, lost = f"a person recorded that {record.seen}", store.calls.lost(request.number)
    store.calls.save(*(call._replace(verdict=verdict, words=words) for call in lost))
    subjects = [call.subject for call in lost]
    store.mailings.recorded(request.number, subjects, record.person, record.note)
    calls = list(chain.from_iterable(store.calls.in_brief(request.number)))
    who = "a person" if not agreeing else f"{len(agreeing) + 1} people"
    seen = f"{record.seen} (“{named(record.note, LONGEST_REASON)}”)"
    result = f"The answer was lost; {who} looked in Zuora and recorded that {seen}."
    if len(calls) > 1 and can_be_read(request):
        of_all = opened(request).result(calls)
        which = "the one" if len(lost) == 1 else "those"
        result = f"{of_all} For {which} whose answer was lost, {who} recorded that {seen}."
    after = replace(request.moved(conclusion(calls), now, result=result), progress=tally(calls))
    entry = _entry(
        What.SETTLED, request, record, by="person", with_=sorted(agreeing), state=after.state.value
    )  # fmt: skip
    reply = lines.reply(
        after,
        Mention(record.person),
        f" looked in Zuora and recorded for {request.name}: {record.seen} ({named(record.note, MOST_TYPED)}). ",
        Mention(request.requester),
    )
    listed = [] if record.accepted else results.failures(after, calls)
    row = store.move(request, after, entry, now, card_edit(after), reply, *listed)
    give(store, record.person, row, now)
    return after


def _entry(what: What, request: Request, record: Record, **more: object) -> Entry:
    return Entry(
        what=what,
        who=record.person,
        team=record.team,
        request=request.number,
        data={
            "accepted": record.accepted,
            "note": record.note,
            **record.beside,
            **{name.rstrip("_"): value for name, value in more.items()},
        },
    )
