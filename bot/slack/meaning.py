"""Finds the stored request that a button or a form means, and handles names that mean none."""

from bot.cards import refusals
from bot.cards.card import card_edit
from bot.domain.authority import Refusal
from bot.domain.history import Entry, What
from bot.domain.named import Named
from bot.domain.request import Request
from bot.domain.words import Part
from bot.slack.answering import COULD_NOT_RECORD
from bot.slack.payloads import Actor
from bot.store.errors import CouldNotRecordError
from bot.store.store import Store
from bot.workflow.parts import Working


def stored(store: Store, name: Named | None) -> Request | None:
    """Return the request with the number that is named, whether it is meant or not, for reading its rule."""
    return None if name is None else store.requests.get(name.number)


def known(store: Store, name: Named | None) -> Request | None:
    """Return the request that is meant, if any, without recording anything."""
    request, refusal = store.meant(name)
    return None if refusal else request


def meant_or_why(
    parts: Working, name: Named | None, actor: Actor, wanted: str
) -> tuple[Request | None, tuple[Part, ...]]:
    """Return the request that is meant, or why there is none; that is recorded, and the card is drawn again."""
    request, refusal = parts.store.meant(name)
    if refusal is None:
        return request, ()
    entry = Entry(
        what=What.REFUSED,
        who=actor.user_id,
        team=actor.team_id,
        request=request.number if request else None,
        data={"wanted": wanted, "refusal": refusal.value},
    )
    edits = [card_edit(request)] if request and refusal is not Refusal.NO_SUCH_REQUEST else []
    try:
        with parts.store.transaction():
            parts.store.refuse(entry, parts.clock.now(), *edits)
    except CouldNotRecordError:
        return None, (COULD_NOT_RECORD,)
    parts.bells.sender.set()
    return None, refusals.misnamed(refusal, name.number if name else None)
