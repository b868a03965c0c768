"""Reminders of requests that wait for an approval, and of unknown outcomes."""

from dataclasses import replace
from datetime import datetime

from bot.cards import blocks, lines
from bot.cards.approvers import approvers_in_words
from bot.cards.card import in_a_list, in_one_text, unreadable
from bot.cards.facts import in_doubt, where_to_look
from bot.domain.history import Entry, What
from bot.domain.message import Blocks, MessageKind
from bot.domain.request import Request, State, UnreadableError
from bot.domain.settling import is_by_approvers
from bot.domain.words import Moment, Part, count
from bot.store.store import Store
from bot.workflow.beside import beside
from bot.workflow.by_hand import records
from bot.workflow.parts import Working

MOST_MENTIONS = 20


async def remind(parts: Working, request: Request) -> None:
    """Remind those who can still move the request, with its facts and buttons.

    People get one reminder even if several are due. Nothing is written if the request moved while Slack was asked
    who these people are.
    """
    rules = (request.rule, parts.rules.today(request))
    found = [await parts.rules.members(rule.approvers) for rule in rules]
    gone = await parts.rules.gone(request)
    now, store = parts.clock.now(), parts.store
    with store.transaction():
        fresh = store.requests.get(request.number)
        if fresh is None or fresh.state is not request.state:
            return
        _write(store, fresh, found, gone, now)


def _write(
    store: Store,
    request: Request,
    found: list[frozenset[str] | None],
    gone: frozenset[str],
    now: datetime,
) -> None:
    people = _waited_for(store, request, found, gone)
    due = request.reminders_due(now)
    after = replace(request, reminded=due)
    if after.state is State.WAITING:
        after = replace(after, wake_at=after.waits_until)
    words = _waits(after) if after.state is State.WAITING else _not_known(after)
    reply = lines.reply(after, *words, *approvers_in_words(people))
    text, shown = _card(store, after)
    reply = replace(
        reply,
        kind=MessageKind.REMINDER,
        text=blocks.fitted([reply.text, *text.split("\n")]),
        blocks=[*reply.blocks, *shown],
    )
    entry = Entry(
        what=What.REMINDED, request=request.number, data={"people": people, "reminder": due}
    )
    store.move(request, after, entry, now, reply)


def _card(store: Store, request: Request) -> tuple[str, Blocks]:
    """Return the request's text and card; that it cannot be shown, if it cannot be read."""
    try:
        also = beside(store, request)
        return in_one_text(request, also), in_a_list(request, also, ())
    except UnreadableError:
        words = unreadable(request.number, waits=request.state is State.WAITING)
        return words, [blocks.paragraph(words)]


def _waited_for(
    store: Store, request: Request, found: list[frozenset[str] | None], gone: frozenset[str]
) -> list[str]:
    """Return who may still decide or record; the rule's own names if Slack does not say who is in its groups."""
    if any(members is None for members in found):
        return list(request.rule.approvers[:MOST_MENTIONS])
    may = frozenset.intersection(*(members for members in found if members is not None))
    done = {approval.person for approval in request.approvals}
    if request.state is State.UNKNOWN:
        done = set(records(store, request))
        needed = request.rule.approvals
        if len(done) + 1 >= needed and is_by_approvers(request, needed, done, gone):
            done |= {approval.person for approval in request.approvals}
    return sorted(may - done - gone - {request.requester})[:MOST_MENTIONS] or [request.requester]


def _waits(request: Request) -> tuple[Part, ...]:
    missing = request.rule.approvals - len(request.approvals)
    return (
        f"{request.name} still waits for {count(missing, 'approval')} and expires ",
        Moment(request.expires_at), ". ",
    )  # fmt: skip


def _not_known(request: Request) -> tuple[Part, ...]:
    look = f"Look at {where_to_look(request)}, then record what you see. "
    return (
        f"⚠ {request.name}: since ",
        Moment(request.state_at),
        f" nobody knows whether {in_doubt(request)}. {look}",
    )
