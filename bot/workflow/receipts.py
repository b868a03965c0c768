"""Receipts for each decision and a monthly statement, as a second proof of who clicked."""

import asyncio
import logging
from collections.abc import AsyncIterator, Callable, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from bot.cards import blocks
from bot.domain.authority import Person
from bot.domain.clock import Clock
from bot.domain.history import Entry, What
from bot.domain.message import Blocks, Message, MessageKind
from bot.domain.named import Named
from bot.domain.request import Request
from bot.domain.words import Mention, Moment, Part, count
from bot.operations.catalog import opened
from bot.store.errors import CouldNotRecordError
from bot.store.history import Written
from bot.store.store import Store
from bot.workflow.meant import meant

logger = logging.getLogger(__name__)

NOT_MINE = "receipt:not_mine"
CONFIRM = "statement:confirm"
DENY = "statement:deny"
DONE = {
    What.APPROVED: "approved",
    What.REJECTED: "rejected",
    What.RECORDED: "recorded the outcome of",
    What.SETTLED: "recorded the outcome of",
}
"""Decisions of people, in words."""

MOST_LISTED = 40
AT_ONCE = 200
"""How many decisions are read before others get a turn."""

LOOK_SECONDS = 3600.0


def receipt(request: Request, person: str, what: What, now: datetime) -> Message:
    """Return the direct message to the person (Slack user id) in whose name a decision was made."""
    words: tuple[Part, ...] = (
        f"Receipt: you {DONE[what]} {request.name} ({opened(request).effect()}, {_about(request)}) ",
        Moment(now),
        ". If it was not you, press the button, and tell whoever runs Billing Bot.",
    )
    button = blocks.button(
        "Not mine", action_id=NOT_MINE, value=request.reference, style="danger",
        spoken=f"I did not decide {request.name}",
    )  # fmt: skip
    return _message(person, words, [blocks.actions(f"receipt-{request.number}", button)])


def _about(request: Request) -> str:
    """Return `BR-00000001 in entity Europe`, as the same number may exist in each entity."""
    return f"{request.subject} in {request.place_words}" if request.place_words else request.subject


class Statements:
    """Sends each person the statement for last month, and takes the answers.

    Args:
        store: The store.
        clock: The time.
        loud: Slack channel ids where *Not mine* is announced: the audit channel and that of the
            cards.
        wake_sender: Called when a message is in the outbox.
    """

    def __init__(
        self, store: Store, clock: Clock, *, loud: Sequence[str], wake_sender: Callable[[], None]
    ) -> None:
        self._store = store
        self._clock = clock
        self._loud = tuple(dict.fromkeys(channel for channel in loud if channel))
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
        """Put last month's statements into the outbox unless that was done; return how many.

        The month is over, so its decisions can be read in parts without any being added meanwhile.

        Raises:
            CouldNotRecordError: Nothing was written.
        """
        now = self._clock.now().astimezone(UTC)
        end = now.replace(day=1, hour=0, minute=0, second=0, microsecond=0)
        start = (end - timedelta(days=1)).replace(day=1)
        month = f"{start:%Y-%m}"
        if self._looked_at == month:
            return 0
        mine = _by_person([each async for each in self._decisions(start, end)])
        with self._store.transaction():
            for person in self._asked(month):
                mine.pop(person, None)
            for person, decisions in mine.items():
                data = {"month": month, "rows": [each.sequence for each in decisions]}
                entry = Entry(what=What.STATEMENT_SENT, who=person, data=data)
                self._store.record(entry, now, _statement(person, month, decisions))
        self._looked_at = month
        self._wake_sender()
        return len(mine)

    async def _decisions(self, start: datetime, end: datetime) -> AsyncIterator[Written]:
        found: list[Written] = []
        while found := self._store.history.decisions(
            start, end, found[-1] if found else None, AT_ONCE
        ):
            for each in found:
                yield each
            await asyncio.sleep(0)

    def _asked(self, month: str) -> set[str]:
        sent = self._store.history.since(0, What.STATEMENT_SENT)
        return {each.entry.who for each in sent if each.entry.data["month"] == month}

    def answer(self, person: Person, month: str, *, mine: bool) -> tuple[Part, ...]:
        """Record a person's answer to their statement, and return the reply.

        Raises:
            CouldNotRecordError: Nothing was written.
        """
        if person.barred or person.user_id not in self._asked(month):
            return ("This is not a statement of yours. Nothing was recorded.",)
        data = {"month": month, **person.called}
        if mine:
            self._record(What.STATEMENT_CONFIRMED, person, data)
            return (f"Recorded: the statement for {month} is yours.",)
        self._deny(
            person, data, (f" says that the statement of decisions for {month} is not theirs",)
        )
        return (f"Recorded, and said in the channel: the statement for {month} is not yours.",)

    def deny(self, person: Person, name: Named | None) -> tuple[Part, ...]:
        """Record that a person denies the decision that a receipt names, and return the reply.

        Raises:
            CouldNotRecordError: Nothing was written.
        """
        request, why = meant(self._store, name)
        request = None if why else request
        decided = self._store.history.of(request.number) if request else []
        rows = [
            each.sequence
            for each in decided
            if each.entry.what in DONE and each.entry.who == person.user_id
        ]
        if request is None or not rows or person.barred:
            return ("This is not a receipt of yours. Nothing was recorded.",)
        data = {"request": request.name, "rows": rows, **person.called}
        said = f" says that the decision about {request.name} ({_about(request)}) is not theirs"
        self._deny(person, data, (said,))
        return (f"Recorded, and said in the channel: you did not decide {request.name}.",)

    def _deny(self, person: Person, data: dict[str, Any], said: Sequence[Part]) -> None:
        words = (
            "⚠ ", Mention(person.user_id), *said,
            ". Somebody else may hold Slack's signing secret: change it, and look at what was decided.",
        )  # fmt: skip
        logger.critical("decision_is_denied", extra={"by": person.user_id})
        self._record(
            What.STATEMENT_DENIED, person, data, *(_message(to, words, []) for to in self._loud)
        )

    def _record(self, what: What, person: Person, data: dict[str, Any], *told: Message) -> None:
        entry = Entry(what=what, who=person.user_id, team=person.team_id, data=data)
        with self._store.transaction():
            self._store.record(entry, self._clock.now(), *told)
        self._wake_sender()


def _by_person(decisions: Sequence[Written]) -> dict[str, list[Written]]:
    found: dict[str, list[Written]] = {}
    for each in decisions:
        found.setdefault(each.entry.who, []).append(each)
    return found


def _statement(person: str, month: str, decisions: Sequence[Written]) -> Message:
    words: list[Part] = [
        f"In {month} you decided {count(len(decisions), 'request')} with Billing Bot:"
    ]
    for each in decisions[:MOST_LISTED]:
        words += [f"\n• {DONE[each.entry.what]} R-{each.entry.request}, ", Moment(each.at)]
    if len(decisions) > MOST_LISTED:
        words.append(f"\nand {len(decisions) - MOST_LISTED:,} more")
    buttons = blocks.actions(
        f"statement-{month}",
        blocks.button(
            "Confirm", action_id=CONFIRM, value=month, style="primary",
            spoken=f"These decisions of {month} are mine",
        ),
        blocks.button(
            "Not mine", action_id=DENY, value=month, style="danger",
            spoken=f"Something in the statement for {month} is not mine",
        ),
    )  # fmt: skip
    return _message(person, words, [buttons])


def _message(channel: str, words: Sequence[Part], beside: Blocks) -> Message:
    return Message(
        kind=MessageKind.NOTICE,
        channel=channel,
        text=blocks.as_text(words),
        blocks=[blocks.paragraph(*words), *beside],
    )
