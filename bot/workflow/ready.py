"""An order that is ready to be saved, and who asks for it."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple, Self
from zlib import compress

from bot.domain.authority import Person
from bot.domain.digest import canonical
from bot.domain.history import Sealed
from bot.domain.listed import Listed
from bot.domain.mailing import Mailing
from bot.domain.place import NOWHERE, Place
from bot.domain.request import Request
from bot.operations.operation import Order
from bot.operations.typed import Values
from bot.store.history import new_salt
from bot.store.preparing import KeptNumber
from bot.store.requests import OpenAbout
from bot.store.store import Store
from bot.workflow.guard import Reach
from bot.workflow.tenancy import Tenancy


def _nothing(_saved: tuple[Request, ...]) -> None:
    """Do nothing."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Asker:
    """Who asks, and with which form.

    Attributes:
        person: The person, as just read from Slack.
        form_id: Id of the form, so that a form submitted twice makes its requests once.
        reason: Why, as typed.
        parent: Number of the request that this one continues. If that still waits and the same
            person asked for it, it is withdrawn, because what was changed must be approved anew.
        form_name: Name of the form, so that it can be opened again with what was typed.
        once: Whether to take the same order from a short while ago, if it still waits, for this
            one; a typed line has no id that could show it.
        place: Where in the tenant it acts; read from the form.
        once_saved: Called with the saved requests inside the transaction.
    """

    person: Person
    form_id: str
    reason: str
    parent: int | None = None
    form_name: str = ""
    once: bool = False
    place: Place = NOWHERE
    once_saved: Callable[[tuple[Request, ...]], None] = _nothing


class Texts(NamedTuple):
    """What is stored of an order and what its approval is bound to; made in a thread, because it can be long.

    Attributes:
        bound: The result of `Tenancy.bound_beside`, as the history has it.
        listed: The documents in words, as many as *Details* keeps.
        subjects: Everything that it acts on, by number, and also by id if one was typed.
    """

    body: str
    facts: str
    packed: tuple[bytes, ...]
    digest: str
    bound: Sealed
    listed: tuple[Listed, ...]
    subjects: tuple[str, ...]

    @classmethod
    def of(cls, order: Order[Any, Any], tenancy: Tenancy, place: str) -> Self:
        """Make the texts of an order."""
        whole = order.facts_with_checks()
        facts, packed = whole.to_store()
        if (beside := whole.beside()) is not None:
            packed = (*packed, compress(beside.encode()))
        bound = tenancy.bound_beside(order, place)
        return cls(
            body=canonical(order.body.model_dump()),
            facts=facts,
            packed=packed,
            digest=tenancy.digest_of(order, place, bound),
            bound=Sealed.of(bound, new_salt()),
            listed=tuple(order.listed()),
            subjects=tuple(dict.fromkeys([*order.subjects(), *order.typed()])),
        )


@dataclass(frozen=True, slots=True)
class Ready:
    """One order that is ready to be saved, with what was typed for it.

    Attributes:
        mine: Every document that it can mail.
        reach: What others do to those.
        kept: The number under which all its parts were written before; None: nothing was.
        open_about: The open requests that act on the same, if parts were written before.
        since: The history's last sequence before `reach` and `open_about` were read, if parts were written before.
    """

    order: Order[Any, Any]
    values: Values
    texts: Texts
    mine: Sequence[Mailing]
    reach: Reach
    kept: KeptNumber | None = None
    open_about: Sequence[OpenAbout] = ()
    since: int = 0

    def reach_now(self, store: Store, place: str) -> Reach:
        """Return what others do to its documents; inside the transaction that saves it."""
        if self.kept is None:
            return Reach(
                self.reach.mails, tuple(store.mailings.effects(self.mine, not_of=0, place=place))
            )
        if not store.mailings.alone.has_come_since(self.since, not_of=self.kept.number):
            return self.reach
        return Reach(self.reach.mails, tuple(store.mailings.effects_of(self.kept.number, place)))

    def open_now(self, store: Store, place: str) -> list[OpenAbout]:
        """Return which open requests act on the same; inside the transaction that saves it."""
        kept = self.kept
        if kept is None or store.mailings.alone.has_come_since(self.since, not_of=kept.number):
            return store.requests.open_about(self.order.subjects(), place)
        return store.requests.still_open(self.open_about)
