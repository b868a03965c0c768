"""Changes of the policy: posted to everybody concerned, and confirmed by somebody who gains nothing from them."""

import logging
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from bot.cards import blocks
from bot.domain.authority import Person, listed
from bot.domain.clock import Clock
from bot.domain.history import Entry, What
from bot.domain.message import Message, MessageKind
from bot.domain.words import Mention, Part
from bot.store.errors import CouldNotRecordError
from bot.store.past import Written
from bot.store.store import Store
from bot.workflow.receipts import give
from bot.workflow.rules import Rules

logger = logging.getLogger(__name__)

CONFIRM = "policy:confirm"
AGAIN_SECONDS = 60.0
MOST_LINES = 30
"""How many lines of the difference are shown; the history has all of them."""


@dataclass(frozen=True, slots=True)
class Lists:
    """Who asks and who decides under any rule of a policy: user ids and group ids."""

    requesters: tuple[str, ...]
    deciders: tuple[str, ...]

    @classmethod
    def of(cls, data: Any) -> "Lists":
        """Read them from a row of the history; older rows name only the general approvers."""
        deciders = data.get("deciders") or data.get("approvers") or ()
        return cls(tuple(data.get("requesters") or ()), tuple(deciders))

    @property
    def everybody(self) -> tuple[str, ...]:
        """Return all names, once."""
        return tuple(dict.fromkeys((*self.requesters, *self.deciders)))


def unconfirmed(store: Store, policy: str) -> Written | None:
    """Return the change that introduced the policy with this hash, if nobody has confirmed it; else None.

    The first policy of a database changes nothing, so there is nothing to confirm.
    """
    changes = store.history.since(0, What.POLICY_CHANGED)
    latest = next((each for each in reversed(changes) if each.entry.data["new"] == policy), None)
    if latest is None or not latest.entry.data["old"]:
        return None
    return None if _confirmed(store, latest) else latest


def _confirmed(store: Store, change: Written) -> Written | None:
    """Return the confirmation of a change; one whose person denies it is none."""
    denied = store.history.denied()
    return next(
        (
            each
            for each in store.history.since(change.sequence, What.POLICY_CONFIRMED)
            if _is_about(each, change) and each.sequence not in denied
        ),
        None,
    )


def gains(person: Person, before: Lists, after: Lists) -> str:
    """Return why somebody may not confirm a change, because they gain from it or do not decide; empty: they may."""
    if not listed(person, before.deciders):
        return "you were not among those who decide before it"
    if not listed(person, after.deciders):
        return "you are not among those who decide after it"
    if listed(person, after.requesters) and not listed(person, before.requesters):
        return "it lets you ask"
    return ""


class PolicyChanges:
    """Posts the latest change once, and takes its confirmation.

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

    async def run(self) -> None:
        """Post each change, at a start or while running, as soon as Slack says whom it concerns."""
        while True:
            try:
                await self.post()
            except CouldNotRecordError:
                logger.warning("policy_change_was_not_recorded")
            await self._clock.sleep(AGAIN_SECONDS)

    async def post(self) -> bool:
        """Put the latest change into the outbox unless that was done; return False if Slack cannot be read now.

        Raises:
            CouldNotRecordError: Nothing was written.
        """
        change = self._store.history.last_of(What.POLICY_CHANGED)
        if change is None or not change.entry.data["old"]:
            return True
        concerned = await self._rules.members(
            (*Lists.of(change.entry.data).deciders, *self._before(change).deciders)
        )
        if concerned is None:
            return False
        people = sorted(concerned)
        with self._store.transaction():
            posted = self._store.history.since(change.sequence, What.POLICY_POSTED)
            if any(_is_about(each, change) for each in posted):
                return True
            messages = [_message(change, to) for to in (self._channel, *people) if to]
            data = {"change": change.sequence, "channel": self._channel, "to": people}
            entry = Entry(what=What.POLICY_POSTED, data=data)
            self._store.record(entry, self._clock.now(), *messages)
        self._wake_sender()
        return True

    def lists(self, value: str) -> tuple[Lists, Lists] | None:
        """Return who asked and decided before and after the change that a button names; None if it names none."""
        change = self._change(value)
        return (self._before(change), Lists.of(change.entry.data)) if change else None

    def confirm(self, value: str, person: Person) -> tuple[Part, ...]:
        """Record that somebody confirms the change that a button names; return the answer, or why it does not count.

        Raises:
            CouldNotRecordError: Nothing was written.
        """
        change = self._change(value)
        if change is None:
            return ("The bot does not know this change of the policy. Nothing was changed.",)
        now = self._clock.now()
        with self._store.transaction():
            earlier = _confirmed(self._store, change)
            if earlier is not None:
                return ("This change is confirmed already, by ", Mention(earlier.entry.who), ".")
            why = person.barred or gains(person, self._before(change), Lists.of(change.entry.data))
            data = {"change": change.sequence, "new": change.entry.data["new"], **person.called}
            if why:
                refused = {"wanted": "confirm the policy", "refusal": why}
                self._store.refuse(_entry(What.REFUSED, person, refused), now)
                return (f"You cannot confirm this change of the policy: {why}.",)
            said = (
                Mention(person.user_id),
                f" confirmed the change of the policy in row {change.sequence}.",
            )
            messages = [_said(self._channel, said)] if self._channel else []
            self._store.record(_entry(What.POLICY_CONFIRMED, person, data), now, *messages)
            give(self._store, person.user_id, now)
        self._wake_sender()
        return ("Confirmed. Whatever was waiting for this continues within a minute.",)

    def _change(self, value: str) -> Written | None:
        """Return the change that a button's value names by its row and the start of its policy's hash."""
        sequence, _, policy = value.partition(".")
        changes = self._store.history.since(0, What.POLICY_CHANGED)
        return next(
            (
                each
                for each in changes
                if str(each.sequence) == sequence and value == _value(each) and policy
            ),
            None,
        )

    def _before(self, change: Written) -> Lists:
        """Return the lists of the policy before a change."""
        changes = self._store.history.since(0, What.POLICY_CHANGED)
        earlier = [each for each in changes if each.sequence < change.sequence]
        return Lists.of(earlier[-1].entry.data if earlier else {})


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


def _value(change: Written) -> str:
    return f"{change.sequence}.{str(change.entry.data['new'])[:16]}"


def _message(change: Written, channel: str) -> Message:
    lines = [str(each) for each in change.entry.data.get("difference", ())]
    more = f"\n… and {len(lines) - MOST_LINES} more lines" if len(lines) > MOST_LINES else ""
    what = (
        f"The policy of Billing Bot was changed, as row {change.sequence} of its history records. Somebody who "
        "decided before and gains nothing by it should confirm it; if nobody you know made this change, say so at once."
    )
    shown = "\n".join(lines[:MOST_LINES]) + more
    button = blocks.button(
        "Confirm the change", action_id=CONFIRM, value=_value(change),
        spoken="Confirm this change of the policy",
    )  # fmt: skip
    return Message(
        kind=MessageKind.NOTICE,
        channel=channel,
        text=blocks.fitted([what, shown]),
        blocks=[
            blocks.paragraph(what),
            blocks.preformatted(shown),
            blocks.actions(f"policy-{change.sequence}", button),
        ],
    )
