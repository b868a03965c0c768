"""How long a request waits, for people and for Zuora, and how it ends when nothing was sent."""

from dataclasses import replace
from datetime import datetime, timedelta

from bot.cards import lines
from bot.cards.card import (
    approvers_in_words,
    card_edit,
    change_and_ask_again,
    in_a_list,
    mail_the_others,
)
from bot.domain.history import Entry, What
from bot.domain.next_step import PATIENCE
from bot.domain.request import Request, State
from bot.domain.words import Mention, Moment, count
from bot.store.store import Store
from bot.workflow.beside import beside

MOST_MENTIONS = 20
HOURS = int(PATIENCE.total_seconds()) // 3600


def too_late_at(request: Request) -> datetime:
    """When an approved request may no longer be sent."""
    return (request.decided_at or request.created_at) + PATIENCE


def expire(store: Store, request: Request, now: datetime) -> None:
    """Nobody decided in time: silence never approves."""
    after = request.moved(State.EXPIRED, now)
    entry = Entry(what=What.EXPIRED, request=request.number)
    told = lines.reply(
        after, f"{request.name} expired; nobody decided in time. Nothing was sent, ",
        Mention(request.requester), ".",
    )  # fmt: skip
    with store.transaction():
        store.move(request, after, entry, now, card_edit(after), change_and_ask_again(told, after))


def remind(store: Store, request: Request, approvers: frozenset[str] | None, now: datetime) -> None:
    """Remind those who may decide and have not, with the facts and buttons; nobody else is pinged.

    Args:
        store: The database.
        request: It waits.
        approvers: Who may approve it by its rule; None: Slack does not say.
        now: The moment, aware UTC.
    """
    approved = {approval.person for approval in request.approvals}
    waited_for = sorted((approvers or set()) - approved - {request.requester})[:MOST_MENTIONS]
    due = sum(1 for span in request.rule.remind_after if request.created_at + span <= now)
    after = replace(request, reminded=due)
    after = replace(after, wake_at=after.waits_until)
    missing = request.rule.approvals - len(approved)
    told = lines.reply(
        after,
        f"{request.name} still waits for {count(missing, 'approval')} and expires ",
        Moment(request.expires_at), ". ", *approvers_in_words(waited_for),
    )  # fmt: skip
    shown = in_a_list(after, beside(store, after), ())
    told = replace(told, blocks=[*told.blocks, *shown])
    entry = Entry(
        what=What.REMINDED, request=request.number, data={"people": waited_for, "reminder": due}
    )
    with store.transaction():
        store.move(request, after, entry, now, told)


def stop(store: Store, request: Request, why: str, now: datetime, *, others: int = 0) -> None:
    """Approved, but nothing was sent and nothing will be.

    Args:
        store: The database.
        request: The request.
        why: What keeps it from being sent.
        now: The moment, aware UTC.
        others: How many of its documents no other request has reached.
    """
    after = request.moved(State.STOPPED, now, result=f"Nothing was sent. {why}")
    entry = Entry(what=What.STOPPED, request=request.number, data={"why": why})
    told = lines.reply(
        after, f"{request.name} stopped; nothing was sent. {why} ", Mention(request.requester),
        " can ask again.",
    )  # fmt: skip
    with store.transaction():
        store.move(
            request,
            after,
            entry,
            now,
            card_edit(after),
            mail_the_others(change_and_ask_again(told, after), after, others),
        )


def wait_for_zuora(
    store: Store,
    request: Request,
    why: str,
    now: datetime,
    wait: timedelta,
    *,
    so_far: str = "Nothing was sent.",
) -> None:
    """Zuora may answer later: try again after a wait, up to a limit.

    Args:
        store: The database.
        request: The request.
        why: What it waits for, in a sentence.
        now: The moment, aware UTC.
        wait: How long until the next try.
        so_far: What was sent of it, in a sentence.
    """
    until = too_late_at(request)
    wake_at = now + wait
    if wake_at > until:
        late = f"{why} It could not be sent within {HOURS} hours of its approval."
        stop(store, request, late, now)
        return
    after = replace(request.waiting_again(wake_at), result=why)
    entry = Entry(what=What.DELAYED, request=request.number, data={"why": why, "look": after.looks})
    drawn = [card_edit(after)] if after.result != request.result else []
    told = lines.reply(
        after, f"{why} {so_far} It is tried again until ", Moment(until), "."
    )  # fmt: skip
    with store.transaction():
        store.move(request, after, entry, now, *drawn, *([told] if request.looks == 0 else []))
