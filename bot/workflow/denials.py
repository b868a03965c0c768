"""Takes people's answers about decisions in their names; *Not mine* stops what rests on the decision."""

import logging
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from datetime import datetime

from bot.cards import lines
from bot.cards.card import card_edit
from bot.cards.headline import headline
from bot.domain.authority import Person
from bot.domain.clock import Clock
from bot.domain.history import Entry, What
from bot.domain.named import Named
from bot.domain.request import FINAL, Request, State
from bot.domain.words import Mention, Part
from bot.metrics import DENIED as DENIED_DECISIONS
from bot.store.past import Written
from bot.store.store import Store
from bot.workflow.deadlines import stop
from bot.workflow.receipts import DONE, decided_by, direct, row_named, subject_of, what_was_decided
from bot.workflow.rules import DENIED
from bot.workflow.statements import sent

logger = logging.getLogger(__name__)

NO_RECEIPT = (
    "This receipt is not yours, or its decision has been archived. Nothing was recorded; if the "
    "decision was not yours, tell whoever runs Billing Bot."
)
LOOK = "Somebody else may hold Slack's signing secret: change it, and look at what was decided."


class Answers:
    """Takes the answers to receipts and statements.

    A denied approval stops its request: if it was not begun, nothing is sent; if it is being sent,
    nothing more is. Effects that happened remain, and the thread says so.

    Args:
        store: The store.
        clock: The time.
        loud: Slack channel ids where *Not mine* is posted: the audit channel and that of the cards.
        wake_sender: Rung when a message was put into the outbox.
    """

    def __init__(
        self, store: Store, clock: Clock, *, loud: Sequence[str], wake_sender: Callable[[], None]
    ) -> None:
        self._store = store
        self._clock = clock
        self._loud = tuple(dict.fromkeys(channel for channel in loud if channel))
        self._wake_sender = wake_sender

    def statement(self, person: Person, month: str, *, mine: bool) -> tuple[Part, ...]:
        """Write somebody's answer to their statement; return the reply to them.

        Raises:
            CouldNotRecordError: Nothing was written.
        """
        theirs = [each for each in sent(self._store, month) if each.entry.who == person.user_id]
        if person.barred or not theirs:
            return ("This statement is not yours. Nothing was recorded.",)
        if not mine:
            rows = [row for each in theirs for row in each.entry.data["rows"]]
            what = f"the statement of decisions for {month}"
            return self._deny(person, rows, {"month": month}, what)
        words = f"the statement for {month} is yours."
        with self._store.transaction():
            said = self._store.history.since(theirs[-1].sequence, What.STATEMENT_CONFIRMED)
            if any(
                (each.entry.who, each.entry.data["month"]) == (person.user_id, month)
                for each in said
            ):
                return (f"Recorded already: {words}",)
            data = {"month": month, **person.called}
            self._store.record(_entry(What.STATEMENT_CONFIRMED, person, data), self._clock.now())
        return (f"Recorded: {words}",)

    def receipt(self, person: Person, value: str, name: Named | None) -> tuple[Part, ...]:
        """Write that a decision was not somebody's own; return the reply to them.

        Args:
            person: Who pressed.
            value: What the button names: a row.
            name: The request that the button of an older receipt names.

        Raises:
            CouldNotRecordError: Nothing was written.
        """
        rows = decided_by(self._rows(value, name), person.user_id)
        if not rows or person.barred:
            return (NO_RECEIPT,)
        number = rows[0].entry.request
        data = {} if number is None else {"request": f"R-{number}"}
        sequences = [each.sequence for each in rows]
        return self._deny(person, sequences, data, f"the decision {self._about(rows[0])}")

    def _rows(self, value: str, name: Named | None) -> list[Written]:
        if row := row_named(self._store, value):
            return [row]
        request, why = self._store.meant(name)
        return self._store.history.of(request.number) if request and not why else []

    def _about(self, row: Written) -> str:
        found = self._store.status.briefs([row.entry.request or 0])
        about = what_was_decided(row)
        if found:
            return f"about {about} ({subject_of(found[0])})"
        return f"“{DONE[row.entry.what]} {about}”"

    def _deny(
        self, person: Person, rows: Sequence[int], data: Mapping[str, object], what: str
    ) -> tuple[Part, ...]:
        now = self._clock.now()
        with self._store.transaction():
            if {*rows} <= self._store.history.denied():
                return (f"Recorded already, and said in the channel: {what} is not yours.",)
            entry = _entry(
                What.STATEMENT_DENIED, person, {**data, "rows": [*rows], **person.called}
            )
            self._store.record(entry, now)
            became = self._hold_up(person, rows, now)
            self._store.homes.redraw(now)
            words = (
                "⚠ ",
                Mention(person.user_id),
                f" says that {what} is not theirs. {became}{LOOK}",
            )
            for channel in self._loud:
                self._store.outbox.add(direct(channel, words), now)
        DENIED_DECISIONS.inc()
        logger.critical("decision_is_denied", extra={"by": person.user_id})
        self._wake_sender()
        return (f"Recorded, and said in the channel: {what} is not yours. {became}".strip(),)

    def _hold_up(self, person: Person, rows: Iterable[int], now: datetime) -> str:
        """Stop what rests on these decisions and was not done; return what has become of it, each in a sentence."""
        store = self._store
        found: dict[int, set[What]] = {}
        for row in map(store.history.row, rows):
            if row is not None and row.entry.request is not None:
                found.setdefault(row.entry.request, set()).add(row.entry.what)
        briefs = store.status.briefs([*found])
        is_one = len(briefs) == 1
        said = [
            self._held(person, request, found[each.number], now)
            for each in briefs
            if (is_one or each.state not in FINAL)
            and (request := store.requests.get(each.number)) is not None
        ]
        return "".join(said)

    def _held(self, person: Person, request: Request, what: Collection[What], now: datetime) -> str:
        """Stop a request if an approval of it is denied, and say in its thread and on its card what is."""
        name = request.name
        is_approval = What.APPROVED in what
        if is_approval and request.state in (State.WAITING, State.APPROVED):
            stop(self._store, request, DENIED, now)
            return f"{name} was stopped; nothing was sent. "
        became = f"{name}: {headline(request)}. "
        if is_approval and request.state is State.RUNNING:
            became = f"Whatever has not gone out yet of {name} is held back. "
        which = "approval of" if is_approval else "decision about"
        words = (
            Mention(person.user_id),
            f" says that the {which} {name} is not theirs. {became}".rstrip(),
        )
        self._store.outbox.add(card_edit(request), now)
        self._store.outbox.add(lines.reply(request, *words), now)
        return became


def _entry(what: What, person: Person, data: Mapping[str, object]) -> Entry:
    return Entry(what=what, who=person.user_id, team=person.team_id, data=data)
