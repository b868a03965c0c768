"""Changes of the policy: posted to everybody concerned, and confirmed by somebody who gains nothing from them."""

import asyncio
import logging
from collections.abc import Callable, Collection
from datetime import datetime, timedelta
from typing import Any, NamedTuple

from bot.cards import blocks
from bot.cards.approvers import approvers_in_words
from bot.domain.authority import Person
from bot.domain.clock import Clock
from bot.domain.confirmations import AT_THE_END, Confirmations, Confirming, deciders_of
from bot.domain.gains import told_apart
from bot.domain.history import Entry, What
from bot.domain.message import Message, MessageKind
from bot.domain.words import Mention, Part
from bot.store.errors import CouldNotRecordError
from bot.store.past import Written
from bot.store.store import Store
from bot.workflow.groups import note
from bot.workflow.receipts import give
from bot.workflow.rules import Rules

logger = logging.getLogger(__name__)

CONFIRM = "policy:confirm"
NOT_YOU = "You cannot confirm this change of the policy"
AGAIN_SECONDS = 60.0
PATIENCE = timedelta(hours=1)
"""How long a change waits for Slack to say who is in each group; then it goes to those who are known."""

IN_TWO_STEPS = (
    "whoever changes the policy can do it in two steps: first the policy from before with more approvers and nothing "
    "else; once that is confirmed, this one."
)
"""What helps where too few people are left; see docs/evidence.md."""

STAYS = (
    "nobody can confirm it. The evidence keeps naming it, and requests under it go on only if "
    "POLICY_CHANGES is not set to confirm."
)
"""What holds where nobody is left who may approve under the policy that was confirmed last; see docs/evidence.md."""

MOST_LINES = 30
"""How many lines of the difference are shown; the history has all of them."""


def confirmations(store: Store) -> Confirmations:
    """Return which changes of the policy are confirmed, as the history has them."""
    found, history = Confirmations(), store.history
    for what in (What.POLICY_CHANGED, What.POLICY_CONFIRMED, What.STATEMENT_DENIED):
        for each in history.since(0, what):
            data = each.entry.data
            if what is What.STATEMENT_DENIED and "rows" not in data:  # nobody can read which
                data = {"rows": _said_by(each.entry.who, found, each.sequence)}
            found.note(each.sequence, what, each.entry.who, data)
    return found


def _said_by(who: str, found: Confirmations, before: int) -> list[int]:
    return [each.row for each in found.said if each.who == who and each.row < before]


def unconfirmed(store: Store, policy: str) -> int:
    """Return the row that introduced the policy with this hash, if nobody has confirmed it; else 0.

    If no row that can be read did, it was a damaged one, of which nobody knows whether it was confirmed: the last one.
    """
    found = confirmations(store)
    change = found.with_hash(policy) or store.history.last_row_of(What.POLICY_CHANGED)
    return 0 if change in found.confirmed() else change


class PolicyChanges:
    """Posts each change once, and takes its confirmation.

    Args:
        store: The store.
        clock: The time.
        rules: Today's policy, and who is behind its groups.
        channel: Slack channel id of the audit channel; empty for none, then only people get it.
        wake_sender: Rung when a message was put into the outbox.
    """

    def __init__(
        self,
        store: Store,
        clock: Clock,
        rules: Rules,
        *,
        channel: str,
        wake_sender: Callable[[], None],
    ) -> None:
        self._store = store
        self._clock = clock
        self._rules = rules
        self._channel = channel
        self._wake_sender = wake_sender
        self._all_until = 0

    async def run(self) -> None:
        """Post each change, at a start or while running, as soon as Slack says whom it concerns."""
        while True:
            try:
                await self.post()
            except CouldNotRecordError:
                logger.warning("policy_change_was_not_recorded")
            await self._clock.sleep(AGAIN_SECONDS)

    async def post(self) -> bool:
        """Put each change that was not posted into the outbox; return False if Slack does not say yet whom one concerns.

        Of the changes that a version recorded which posted only the latest one, only that one is.

        Raises:
            CouldNotRecordError: Nothing was written.
        """
        history = self._store.history
        changes = history.since(self._all_until, What.POLICY_CHANGED)
        if not changes:
            return True
        starts = (
            each for each in history.since(0, What.STARTED_BOT) if "confirms" in each.entry.data
        )
        first = min(next((each.sequence for each in starts), AT_THE_END), changes[-1].sequence - 1)
        there = {each.entry.data["change"] for each in history.since(first, What.POLICY_POSTED)}
        new = (each for each in changes if each.sequence > first and each.sequence not in there)
        done = [await self._post(each) for each in new if each.entry.data["old"]]
        if all(done):
            self._all_until = changes[-1].sequence
        return all(done)

    async def _post(self, change: Written) -> bool:
        """Put a change into the outbox unless that was done; return False if Slack does not say yet whom it concerns."""
        found, now = confirmations(self._store), self._clock.now()
        deciders = _deciders(found, change.sequence)
        named = [await self._rules.members((each,)) for each in deciders]
        people = sorted(frozenset[str]().union(*filter(None, named)))
        if None in named and (now - change.at < PATIENCE or not people):
            return False
        with self._store.transaction():
            posted = self._store.history.since(change.sequence, What.POLICY_POSTED)
            if any(_is_about(each, change) for each in posted):
                return True
            is_confirmed = change.sequence in found.confirmed()
            messages = [
                _message(change, to, is_confirmed=is_confirmed)
                for to in (self._channel, *people)
                if to
            ]
            data = {"change": change.sequence, "channel": self._channel, "to": people}
            entry = Entry(what=What.POLICY_POSTED, data=data)
            self._store.record(entry, now, *messages)
        self._wake_sender()
        return True

    async def names(self, value: str) -> tuple[str, ...]:
        """Return everybody whose rights matter for confirming the change that a button names; nobody if it names none."""
        found = confirmations(self._store)
        change = _named(found, value)
        if not change:
            return ()
        rows = found.changes.get(found.base(change)), found.changes[change]
        texts = [str(each["text"]) for each in rows if each and each.get("text")]
        if len(texts) == len(rows):  # with many rules it takes long, and is kept
            await asyncio.to_thread(told_apart, *texts)
        return found.names(change)

    async def confirm(self, value: str, person: Person) -> tuple[Part, ...]:
        """Record that somebody confirms the change that a button names; return the answer, or why it does not count.

        Raises:
            CouldNotRecordError: Nothing was written.
        """
        answer = self._confirm(value, person)
        if not isinstance(answer, _Refused):
            return answer
        still = await self._rules.ordinary(tuple(answer.judged.may))
        left = set[str]() if still is None else {*answer.judged.may} - still
        return _not_you(answer, left, is_known=None not in person.memberships.values())

    def _confirm(self, value: str, person: Person) -> "tuple[Part, ...] | _Refused":
        now = self._clock.now()
        with self._store.transaction():
            found = confirmations(self._store)
            change = _named(found, value)
            if not change:
                refused = {"wanted": "confirm the policy", "refusal": "no_such_change"}
                self._store.refuse(_entry(What.REFUSED, person, refused), now)
                return ("The bot does not know this change of the policy. Nothing was changed.",)
            if change in (confirmed := found.confirmed()):
                return _confirmed_before(found, confirmed[change])
            judged = found.judge(change, person.user_id, person.members)
            other = person.barred or _again(found, change, person)
            if why := other or judged.why or _too_few(found, change, judged):
                refused = {"wanted": "confirm the policy", "refusal": why}
                self._store.refuse(_entry(What.REFUSED, person, refused), now)
                if other:
                    return (person.barred or f"{NOT_YOU}: {why}.",)
                return _Refused(why, judged)
            words = self._record(found, change, person, judged, now)
        self._wake_sender()
        return words

    def _record(
        self, found: Confirmations, change: int, person: Person, judged: Confirming, now: datetime
    ) -> tuple[Part, ...]:
        """Record a confirmation with what it rests on; inside a transaction."""
        members = {name: sorted(each) for name, each in person.members.items()}
        note(self._store, members, now, listed=True)
        data = {
            "change": change,
            "new": found.changes[change]["new"],
            "base": found.base(change),
            "needed": judged.needed,
            "members": members,
            **person.called,
        }
        row = self._store.record(_entry(What.POLICY_CONFIRMED, person, data), now)
        missing = judged.needed - len({*found.agreed(change), person.user_id})
        more = f" As all who could confirm it gain by it, {_more(missing)} must confirm it."
        words = f" confirmed the change of the policy in row {change}.{more if missing > 0 else ''}"
        if self._channel:
            said = _said(self._channel, (Mention(person.user_id), words))
            self._store.outbox.add(said, now)
        give(self._store, person.user_id, row, now)
        if missing > 0:
            return (f"Recorded.{more}",)
        return ("Confirmed. Whatever was waiting for this continues within a minute.",)


def _more(missing: int) -> str:
    return "one more person" if missing == 1 else f"{missing} more people"


def _again(found: Confirmations, change: int, person: Person) -> str:
    return "you have confirmed it already" * (person.user_id in found.agreed(change))


def _too_few(found: Confirmations, change: int, judged: Confirming) -> str:
    """Return why a confirmation could never count: fewer people can confirm the change than must."""
    there = len({*judged.may, *found.agreed(change)})
    if there >= judged.needed:
        return ""
    return f"everybody who could confirm it gains by it, so {judged.needed} people must, and there {_are(there)}"


def _are(there: int) -> str:
    return "is only one" if there == 1 else f"are only {there}"


def _deciders(found: Confirmations, change: int) -> tuple[str, ...]:
    """Return who approves by a change, by the policy before it, and by the last one that was confirmed."""
    before = max((each for each in found.changes if each < change), default=change)
    rows = {found.base(change) or change, before, change}
    return tuple(deciders_of(*(found.changes[each] for each in rows)))


def _named(found: Confirmations, value: str) -> int:
    """Return the change that a button's value names by its row and the start of its policy's hash; 0 if it names none."""
    return next((row for row, data in found.changes.items() if _value(row, data) == value), 0)


def _confirmed_before(found: Confirmations, by: int) -> tuple[Part, ...]:
    who = next((each.who for each in found.said if each.row == by), "")
    if not who:
        return ("This is the policy that was confirmed last: nothing has to be confirmed.",)
    return ("This change is confirmed already, by ", Mention(who), ".")


class _Refused(NamedTuple):
    """Why somebody may not confirm a change, as things are."""

    why: str
    judged: Confirming


def _not_you(refused: _Refused, left: Collection[str], *, is_known: bool) -> tuple[Part, ...]:
    """Return why somebody may not confirm a change; and who may, or what helps.

    Args:
        refused: Why not.
        left: Those of them whose accounts can do nothing any more.
        is_known: Whether Slack says who is in every group that matters.
    """
    why, judged = refused
    words = f"{NOT_YOU}: {why}."
    may = [each for each in judged.may if each not in left]
    if judged.needed:
        return (f"{words} Instead, {IN_TWO_STEPS}",)
    helps = IN_TWO_STEPS if judged.gains else STAYS
    if may:
        more = f" If none of them is left, {helps}" if judged.gains or is_known else ""
        return (f"{words} These can: ", *approvers_in_words(may), f".{more}")
    return (f"{words} Nobody who could is left in Slack, so {helps}" if is_known else words,)


def _said(channel: str, words: tuple[Part, ...]) -> Message:
    return Message(
        kind=MessageKind.NOTICE,
        channel=channel,
        text=blocks.as_text(words),
        blocks=[blocks.paragraph(*words)],
    )


def _entry(what: What, person: Person, data: dict[str, Any]) -> Entry:
    return Entry(what=what, who=person.user_id, team=person.team_id, data=data)


def _is_about(written: Written, change: Written) -> bool:
    return bool(written.entry.data["change"] == change.sequence)


def _value(row: int, data: Any) -> str:
    return f"{row}.{str(data['new'])[:16]}"


def _message(change: Written, channel: str, *, is_confirmed: bool) -> Message:
    lines = [str(each) for each in change.entry.data.get("difference", ())]
    more = f"\n… and {len(lines) - MOST_LINES} more lines" if len(lines) > MOST_LINES else ""
    what = (
        f"The policy of Billing Bot was changed, as row {change.sequence} of its history records. "
        + (
            "It is the one again that was confirmed last, so nothing has to be confirmed."
            if is_confirmed
            else "Somebody who could approve before and gains nothing by it should confirm it; if all of them gain, at least two of them."
        )
        + " If nobody you know made this change, say so at once."
    )
    shown = "\n".join(lines[:MOST_LINES]) + more
    button = blocks.button(
        "Confirm the change", action_id=CONFIRM, value=_value(change.sequence, change.entry.data),
        spoken="Confirm this change of the policy",
    )  # fmt: skip
    return Message(
        kind=MessageKind.NOTICE,
        channel=channel,
        text=blocks.fitted([what, shown]),
        blocks=[
            blocks.paragraph(what),
            blocks.preformatted(shown),
            *([] if is_confirmed else [blocks.actions(f"policy-{change.sequence}", button)]),
        ],
    )
