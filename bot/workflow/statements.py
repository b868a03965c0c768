"""Once a month each person's statement: what was decided in their name, to be confirmed with a button."""

import asyncio
import logging
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import NamedTuple

from bot.cards import blocks
from bot.cards.fitting import LONGEST_NOTE
from bot.domain.clock import Clock
from bot.domain.history import Entry, What
from bot.domain.message import Message
from bot.domain.parts_of import parts_of
from bot.domain.words import Break, Moment, Part, count
from bot.operations.catalog import short_of
from bot.store.errors import CouldNotRecordError
from bot.store.past import MOST, Written
from bot.store.store import Store
from bot.workflow.receipts import BESIDE, DONE, direct, subject_of, typed_with, what_was_decided

logger = logging.getLogger(__name__)

CONFIRM = "statement:confirm"
DENY = "statement:deny"

IN_A_MESSAGE = 40
"""Decisions that one message lists; more come in several, and the buttons stand below the last."""
AT_ONCE = 200
"""Decisions that are read before others get their turn."""

LOOK_SECONDS = 3600.0


class _Span(NamedTuple):
    """The decisions of a statement: those from `start` to before `end`, and earlier ones written behind a row.

    The row is the one at which the previous statements were sent, so a decision with a wrong date, or of a month
    without a statement, is in the next one.
    """

    start: datetime
    end: datetime
    behind: int = MOST

    @property
    def month(self) -> str:
        """Return the month that ends with it, as `2026-11`."""
        return f"{self.end - timedelta(days=1):%Y-%m}"

    def holds(self, row: Written) -> bool:
        """Return whether a decision belongs to it."""
        return row.at < self.end and (row.at >= self.start or row.sequence > self.behind)


class Statements:
    """Sends each person's statement for a month that is over.

    Args:
        store: The store.
        clock: The time.
        wake_sender: Rung when a message was put into the outbox.
    """

    def __init__(self, store: Store, clock: Clock, *, wake_sender: Callable[[], None]) -> None:
        self._store = store
        self._clock = clock
        self._wake_sender = wake_sender
        self._looked_at = ""

    async def run(self) -> None:
        """Send what is due, until cancelled."""
        while True:
            try:
                await self.send()
            except CouldNotRecordError:
                logger.warning("statements_were_not_recorded")
            await self._clock.sleep(LOOK_SECONDS)

    async def send(self) -> int:
        """Put the statements for last month into the outbox, unless that was done; return how many.

        The month is over, so nothing is added to its decisions while they are read in parts.

        Raises:
            CouldNotRecordError: Nothing was written.
        """
        now = self._clock.now()
        span = _span(now, self._store.history.since(0, What.STATEMENT_SENT))
        if self._looked_at == span.month:
            return 0
        mine = _by_person([each async for each in self._decisions(span)])
        made = [await self._made(person, span, each) for person, each in mine.items()]
        with self._store.transaction():
            if any(sent(self._store, span.month)):
                made = []
            for entry, messages in made:
                self._store.record(entry, now, *messages)
        self._looked_at = span.month
        self._wake_sender()
        return len(made)

    async def _decisions(self, span: _Span) -> AsyncIterator[Written]:
        history = self._store.history
        found: list[Written] = []
        while found := history.decisions(
            span.start, span.end, found[-1] if found else None, AT_ONCE, behind=span.behind
        ):
            for each in found:
                yield each
            await asyncio.sleep(0)
        for what in BESIDE:
            for each in filter(span.holds, history.since(0, what)):
                yield each

    async def _made(
        self, person: str, span: _Span, decisions: Sequence[Written]
    ) -> tuple[Entry, list[Message]]:
        """Return what is recorded of a statement, and its messages; others get their turn after each message."""
        parts = parts_of(decisions, IN_A_MESSAGE)
        heading, messages = _heading(span, decisions), list[Message]()
        for number, part in enumerate(parts, 1):
            more = f" (message {number} of {len(parts)})" if len(parts) > 1 else ""
            words: list[Part] = [heading, more, ":", *self._lines(part)]
            is_last = number == len(parts)
            message = direct(person, words, [_buttons(span.month)] if is_last else [])
            messages.append(replace(message, user=called(span.month) if is_last else ""))
            await asyncio.sleep(0)
        data = {"month": span.month, "rows": [each.sequence for each in decisions]}
        return Entry(what=What.STATEMENT_SENT, who=person, data=data), messages

    def _lines(self, decisions: Sequence[Written]) -> Iterator[Part]:
        """Yield a line for each: what was done, what the request was about, when, and the note's beginning."""
        numbers = [each.entry.request for each in decisions if each.entry.request is not None]
        about = {
            each.number: f" ({short_of(each.operation)} {subject_of(each)})"
            for each in self._store.status.briefs(numbers)
        }
        for each in decisions:
            what = f"{DONE[each.entry.what]} {what_was_decided(each)}"
            yield Break()
            yield f"• {what}{about.get(each.entry.request or 0, '')}, "
            yield Moment(each.at)
            yield typed_with(each, LONGEST_NOTE)


def sent(store: Store, month: str) -> list[Written]:
    """Return the statements that were sent for a month (`2026-11`)."""
    everything = store.history.since(0, What.STATEMENT_SENT)
    return [each for each in everything if each.entry.data["month"] == month]


def _span(now: datetime, before: Sequence[Written]) -> _Span:
    """Return what the statements that are due at a moment are about, after those that were sent."""
    end = _month_of(now)
    if not before:
        return _Span(_month_of(end - timedelta(days=1)), end)
    month = str(before[-1].entry.data["month"])
    behind = min(each.sequence for each in before if each.entry.data["month"] == month)
    over = datetime.strptime(month, "%Y-%m").replace(tzinfo=UTC) + timedelta(days=31)
    return _Span(_month_of(over), end, behind)


def _month_of(at: datetime) -> datetime:
    return at.astimezone(UTC).replace(day=1, hour=0, minute=0, second=0, microsecond=0)


def _by_person(decisions: Sequence[Written]) -> dict[str, list[Written]]:
    found: dict[str, list[Written]] = {}
    for each in sorted(decisions, key=lambda each: each.sequence):
        found.setdefault(each.entry.who, []).append(each)
    return found


def _heading(span: _Span, decisions: Sequence[Written]) -> str:
    """Return `In 2026-11 you made 9 decisions with Billing Bot`, or `Until the end of` it if some are older."""
    made = f"you made {count(len(decisions), 'decision')} with Billing Bot"
    began = _month_of(span.end - timedelta(days=1))
    if all(each.at >= began for each in decisions):
        return f"In {span.month} {made}"
    return f"Until the end of {span.month} {made} that no earlier statement lists"


def called(month: str) -> str:
    """Return the name of the statements for a month."""
    return f"statement-{month}"


def _buttons(month: str) -> blocks.Block:
    return blocks.actions(
        called(month),
        blocks.button(
            "Confirm", action_id=CONFIRM, value=month, style="primary",
            spoken=f"These decisions of {month} are mine",
        ),
        blocks.button(
            "Not mine", action_id=DENY, value=month, style="danger",
            spoken=f"Something in the statement for {month} is not mine",
        ),
    )  # fmt: skip
