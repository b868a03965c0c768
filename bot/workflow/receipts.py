"""A second source for who clicked: a receipt for each decision, sent directly to the person in whose name it was made."""

from collections.abc import Iterable, Sequence
from datetime import datetime

from bot.cards import blocks
from bot.cards.blocks import Block
from bot.domain.history import What
from bot.domain.message import Message, MessageKind
from bot.domain.request import Request
from bot.domain.words import Moment, Part, named
from bot.operations.catalog import opened
from bot.store.status import Brief
from bot.store.store import Store
from bot.store.written import Written
from bot.workflow.decision import MOST_TYPED

NOT_MINE = "receipt:not_mine"
DONE = {
    What.APPROVED: "approved",
    What.REJECTED: "rejected",
    What.RECORDED: "recorded the outcome of",
    What.SETTLED: "recorded the outcome of",
    What.POLICY_CONFIRMED: "confirmed the change of the policy in row",
    What.EXPLAINED: "signed the explanation of",
}
"""Decisions of people, in words."""

BESIDE = (What.POLICY_CONFIRMED, What.EXPLAINED)
"""Those that are about no request."""


def give(store: Store, person: str, what: What, about: str, now: datetime) -> None:
    """Put the receipt for the decision that was just recorded into the outbox, inside its transaction.

    It goes to the person in the history (Slack user id), even if somebody else clicked in their
    name. Its button names the row.
    """
    written = store.history.newest()
    if written is None:
        raise LookupError("a receipt is for the row that was just recorded")
    row, note = written.sequence, typed_with(written, MOST_TYPED)
    words = (
        f"Receipt: you {DONE[what]} {about}, ", Moment(now),
        f"{note}. If it was not you, press the button, and tell whoever runs Billing Bot.",
    )  # fmt: skip
    button = blocks.button(
        "Not mine", action_id=NOT_MINE, value=name_of(row, written.hash), style="danger",
        spoken=f"It was not me who {DONE[what]} {about}",
    )  # fmt: skip
    store.outbox.add(direct(person, words, [blocks.actions(f"receipt-{row}", button)]), now)


def typed_with(decision: Written, limit: int) -> str:
    """Return the note or reason of a decision, as ` (“checked with Anna”)`; empty if it has none."""
    data = decision.entry.data
    typed = data.get("note") or data.get("reason") or data.get("words")
    return f" (“{named(str(typed), limit)}”)" if typed else ""


def of_request(request: Request) -> str:
    """Return a request as a receipt names it: `R-1 (send 4 mails, BR-00000001)`; its subject only if the effect does not say it."""
    effect, subject = opened(request).effect(), subject_of(request)
    return (
        f"{request.name} ({effect if effect.endswith(f' {subject}') else f'{effect}, {subject}'})"
    )


def subject_of(request: Request | Brief) -> str:
    """Return `BR-00000001 in entity Europe`, as the same number may exist in each entity."""
    return f"{request.subject} in {request.place_words}" if request.place_words else request.subject


def name_of(row: int, row_hash: str) -> str:
    """Return how a button names a row: by its hash too, since numbers come back with an older copy of the database."""
    return f"row-{row}-{row_hash[:16]}"


def row_named(store: Store, value: str) -> Written | None:
    """Return the row that a button's value names, if the database holds it."""
    _, _, rest = value.partition("row-")
    number = rest.partition("-")[0]
    row = store.history.row(int(number)) if number.isdecimal() and len(number) < LONGEST else None
    return row if row is not None and value == name_of(row.sequence, row.hash) else None


LONGEST = 18
"""Digits of a number that a database can hold."""


def what_was_decided(row: Written) -> str:
    """Return what a decision was about: `R-1`, `7` for a row of the policy, `BR-00000001` for what was explained."""
    if row.entry.request is not None:
        return f"R-{row.entry.request}"
    data = row.entry.data
    return str(data["change"] if row.entry.what is What.POLICY_CONFIRMED else data["number"])


def direct(channel: str, words: Sequence[Part], beside: Sequence[Block] = ()) -> Message:
    """Return a message about no request, to a person or a channel."""
    return Message(
        kind=MessageKind.NOTICE,
        channel=channel,
        text=blocks.as_text(words),
        blocks=[blocks.paragraph(*words), *beside],
    )


def decided_by(rows: Iterable[Written], person: str) -> list[Written]:
    """Return those of these rows that are decisions of a person (Slack user id)."""
    return [each for each in rows if each.entry.what in DONE and each.entry.who == person]
