"""A second source for who clicked: a receipt for each decision, sent directly to the person in whose name it was made."""

import logging
from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import datetime

from bot.cards import blocks
from bot.cards.blocks import Block
from bot.domain.history import Head, What
from bot.domain.message import Message, MessageKind
from bot.domain.request import Request, UnreadableError
from bot.domain.words import Moment, Part, named
from bot.operations.catalog import opened
from bot.store.past import Written
from bot.store.status import Brief
from bot.store.store import Store
from bot.workflow.decision import MOST_TYPED

logger = logging.getLogger(__name__)

NOT_MINE = "receipt:not_mine"
ROW = "row-"
"""What the name of a row of the history begins with."""

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


def give(store: Store, person: str, row: Head, now: datetime) -> None:
    """Put the receipt for a decision into the outbox, inside the transaction that recorded it as this row.

    It goes to the person in the history (Slack user id), even if somebody else clicked in their
    name. It only names the row, and is drawn when it goes out, so that nobody waits for its words.
    """
    receipt = Message(
        kind=MessageKind.NOTICE, channel=person, text=name_of(*row), blocks=[], user=called(row.sequence),
    )  # fmt: skip
    store.outbox.add(receipt, now)


def drawn(store: Store, notice: Message) -> Message:
    """Return a receipt with its words; any other message, and a receipt that has them, as it is."""
    if not notice.text.startswith(ROW):
        return notice
    row = row_named(store, notice.text)
    if row is None:
        return direct(notice.channel, (_of_a_row_that_is_gone(notice.text),))
    done, about = DONE[row.entry.what], _about(store, row)
    begins = f"Receipt: you {done} {about}, ", Moment(row.at), typed_with(row, MOST_TYPED)
    tell = "tell whoever runs Billing Bot."
    button = blocks.button(
        "Not mine", action_id=NOT_MINE, value=notice.text, style="danger",
        spoken=f"It was not me who {done} {about}",
    )  # fmt: skip
    words = *begins, f". If it was not you, press the button, and {tell}"
    shown = direct(notice.channel, words, [blocks.actions(called(row.sequence), button)])
    plain = blocks.as_text(
        (*begins, f". If it was not you, {tell}")
    )  # stands alone if Slack refuses the blocks
    return replace(shown, user=notice.user, text=plain)


def called(row: int) -> str:
    """Return the name of the receipt for a row's decision."""
    return f"receipt-{row}"


def _about(store: Store, row: Written) -> str:
    """Return what a decision was about, a request with what it does, as far as the database still has that."""
    number = row.entry.request
    request = None if number is None else store.requests.get(number)
    return what_was_decided(row) if request is None else _of_request(request)


def _of_a_row_that_is_gone(name: str) -> str:
    """Return what is still known of a decision; without its row, no button can name it."""
    number, _, _ = name.removeprefix(ROW).partition("-")
    return (
        f"Receipt: you made a decision, row {number} of the history; the database no longer has it. "
        "If it was not you, tell whoever runs Billing Bot."
    )


def typed_with(decision: Written, limit: int) -> str:
    """Return the note or reason of a decision, as ` (“checked with Anna”)`; empty if it has none."""
    data = decision.entry.data
    typed = data.get("note") or data.get("reason") or data.get("words")
    return f" (“{named(str(typed), limit)}”)" if typed else ""


def _of_request(request: Request) -> str:
    """Return a request as a receipt names it: `R-1 (send 4 mails, BR-00000001)`; its subject only if the effect does not say it."""
    subject = subject_of(request)
    try:
        effect = opened(request).effect()
    except UnreadableError:
        effect = subject
    except Exception:  # what else is wrong with the order must not keep its receipt from the person
        logger.exception("receipt_without_effect", extra={"request": request.number})
        effect = subject
    return f"{request.name} ({effect if effect.endswith(subject) else f'{effect}, {subject}'})"


def subject_of(request: Request | Brief) -> str:
    """Return `BR-00000001 in entity Europe`, as the same number may exist in each entity."""
    return f"{request.subject} in {request.place_words}" if request.place_words else request.subject


def name_of(row: int, row_hash: str) -> str:
    """Return how a button names a row: by its hash too, since numbers come back with an older copy of the database."""
    return f"{ROW}{row}-{row_hash[:16]}"


def row_named(store: Store, value: str) -> Written | None:
    """Return the row that a button's value names, if the database holds it."""
    _, _, rest = value.partition(ROW)
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
