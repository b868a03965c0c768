"""How long a request waits for people and for Zuora, and how it ends if nothing was sent."""

from dataclasses import replace
from datetime import datetime, timedelta

from bot.cards import lines
from bot.cards.below import change_and_ask_again, mail_the_others
from bot.cards.card import card_edit
from bot.cards.facts import NOTHING_SENT
from bot.domain.history import Entry, What
from bot.domain.message import Message
from bot.domain.next_step import PATIENCE
from bot.domain.request import Request, State
from bot.domain.words import Mention, Moment, with_moments
from bot.store.store import Store
from bot.workflow.parts import Looking

HOURS = int(PATIENCE.total_seconds()) // 3600


def too_late_at(request: Request) -> datetime:
    """Return when an approved request may no longer be sent."""
    return (request.decided_at or request.created_at) + PATIENCE


def expire(store: Store, request: Request, now: datetime) -> None:
    """Let a request expire because nobody decided in time; silence never approves."""
    after = request.moved(State.EXPIRED, now)
    entry = Entry(what=What.EXPIRED, request=request.number)
    reply = lines.reply(
        after, f"{request.name} expired; nobody decided in time. Nothing was sent, ",
        Mention(request.requester), ".",
    )  # fmt: skip
    with store.transaction():
        store.move(request, after, entry, now, card_edit(after), change_and_ask_again(reply, after))


def stop(store: Store, request: Request, why: str, now: datetime, *, others: int = 0) -> None:
    """Stop a request; nothing of it was sent or will be.

    Args:
        store: The database.
        request: The request.
        why: What keeps it from being sent.
        now: The moment, aware UTC.
        others: How many of its documents no other request has reached.
    """
    after = request.moved(State.STOPPED, now, result=f"{NOTHING_SENT}{why}")
    entry = Entry(what=What.STOPPED, request=request.number, data={"why": why})
    reply = lines.reply(
        after, f"{request.name} stopped; nothing was sent. ", *with_moments(f"{why} "), Mention(request.requester),
        " can ask again.",
    )  # fmt: skip
    with store.transaction():
        store.calls.forget_planned(request.number)
        store.move(
            request,
            after,
            entry,
            now,
            card_edit(after),
            mail_the_others(change_and_ask_again(reply, after), after, others),
        )


def wait_for_zuora(
    parts: Looking,
    request: Request,
    why: str,
    wait: timedelta,
    *,
    so_far: str = "Nothing was sent.",
) -> None:
    """Try again after a wait, because Zuora may answer later; stop the request once that would be too late.

    Args:
        parts: The database and the time.
        request: The request.
        why: What it waits for, in a sentence.
        wait: How long until the next try.
        so_far: What was sent of it, in a sentence.
    """
    store, now, until = parts.store, parts.clock.now(), too_late_at(request)
    wake_at = now + wait
    if wake_at > until:
        late = f"{why} It could not be sent within {HOURS} hours of its approval."
        stop(store, request, late, now)
        return
    reply = lines.reply(
        request, f"{why} {so_far} The bot keeps trying until ", Moment(until), "."
    )  # fmt: skip
    wait_until(store, request, why, now, wake_at, *([reply] if request.looks == 0 else []))


def wait_until(
    store: Store, request: Request, why: str, now: datetime, wake_at: datetime, *said: Message
) -> None:
    """Look at the request again later; the card shows the reason if it is new."""
    after = replace(request.waiting_again(wake_at), result=why)
    entry = Entry(what=What.DELAYED, request=request.number, data={"why": why, "look": after.looks})
    drawn = [card_edit(after)] if after.result != request.result else []
    with store.transaction():
        store.move(request, after, entry, now, *drawn, *said)
