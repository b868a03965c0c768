"""What Zuora shows that an order did, compared with what its class says of itself."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from bot.domain.mailing import Mailing, Way, is_shown
from bot.domain.money import Money, totals
from bot.domain.operation import Deed
from bot.operations.beginning import Followed
from bot.operations.kinds import credited
from bot.operations.operation import Order
from bot.sandbox.zuora.records import Document
from tests.operations.examples import SHOWN
from tests.operations.picture import Picture

WAYS: dict[Deed, tuple[Way, ...]] = {
    Deed.CREATED: ("auto",),
    Deed.POSTED: ("posting",),
    Deed.CANCELED: (),
    Deed.MAILED: ("run", "document"),
}
"""How each deed mails."""

SOME_DAY = "2026-11-30"
NO_WAY_BACK = ("cannot", "without another approval", "nothing is", "any more")
"""One of these stands in each warning: what cannot be undone, or what goes on without another approval."""


@dataclass(frozen=True)
class Done:
    """One order that was carried out, and what the tenant held before it and afterwards.

    Attributes:
        mailings: What was saved with it of the documents that it can mail.
        listed: Numbers of the documents that its details list.
    """

    order: Order[Any, Any]
    mailings: tuple[Mailing, ...]
    listed: frozenset[str]
    before: Picture
    after: Picture

    def complaints(self) -> list[str]:
        """Return in words what the class says and Zuora does not show, and what it shows and the class does not say."""
        return [*self._of_deeds(), *self._of_mails(), *self._of_documents(), *self._of_words()]

    def _of_deeds(self) -> Iterator[str]:
        if unknown := [deed for deed in Deed if deed not in SHOWN]:
            yield f"say in SHOWN of tests/operations/examples.py how Zuora shows {unknown}"
        order = self.order
        shown = {deed for deed, by in SHOWN.items() if by(self.before, self.after)}
        by_itself = {
            deed for deed, flag in order.by_itself.items() if getattr(order.body, flag)
        } | ({Deed.MAILED} if order.sends() else set())
        if shown != {order.deed} | by_itself:
            yield f"deed is {order.deed}, by_itself and sends() add {by_itself}; Zuora shows {shown}"
        if (order.bills() is not None) != bool(self.after.runs.keys() - self.before.runs.keys()):
            yield f"bills() is {order.bills()}, and Zuora has {self.after.runs.keys()}"
        if (billed := order.bills()) is not None and not billed.overlaps(billed):
            yield f"bills() is {billed}, so that nobody is told when somebody else asks for the same"

    @property
    def mailed(self) -> Counter[str]:
        """How often each document was mailed."""
        return Counter(mail.document for mail in self.after.mails[len(self.before.mails) :])

    def _of_mails(self) -> Iterator[str]:
        order, mailed = self.order, self.mailed
        if twice := {number for number, times in mailed.items() if times > 1}:
            yield f"{twice} were mailed twice"
        if mailed and not order.sends():
            yield f"sends() is False, and Zuora mailed {set(mailed)}"
        unasked = dict.fromkeys(order.by_itself.values(), False)
        if unasked and type(order)(order.body.model_copy(update=unasked), order.facts).sends():
            yield f"sends() is True, also where nobody asked for {[*unasked]}"
        saved = {each.number for each in self.mailings}
        if saved not in (mailed.keys(), {""} if mailed else set()):
            yield f"mailings() are of {saved}, and Zuora mailed {set(mailed)}"
        yield from self._of_each_mailing()
        alone = order.deed is Deed.MAILED and mailed.keys() == {*order.subjects()}
        if order.each_mailed != alone:
            yield f"each_mailed is {order.each_mailed}, and {set(mailed)} went out by {order.subjects()}"

    def _of_each_mailing(self) -> Iterator[str]:
        order, ways = self.order, WAYS[self.order.deed]
        for each in self.mailings:
            document = self.before.documents.get(each.number)
            if each.call not in order.subjects() or each.way not in ways:
                yield f"mailings() has {each}: call is one of subjects(), and way one of {ways}"
            if document and (each.id, each.account) != (document.id, document.account.number):
                yield f"mailings() has {each}: id and account are not those of {document.number}"
            if document and each.run != (document.source_id or ""):
                yield f"mailings() has {each}: run is not the bill run that made {document.number}"
            if document and bool(is_shown(each.shown, SOME_DAY)) != (document.kind == "invoice"):
                yield f"mailings() has {each}: shown is of Zuora's mail date, and NOT_SHOWN where it keeps none"

    def _touched(self) -> list[Document]:
        """What was there before and is not as it was, or was mailed."""
        return [
            document
            for number, document in self.before.documents.items()
            if number in self.mailed or self.after.documents.get(number) != document
        ]

    def _of_documents(self) -> Iterator[str]:
        order, touched = self.order, self._touched()
        counted = {kind.kind: (kind.count, totals(kind.totals)) for kind in order.kinds()}
        shown = {
            kind: (
                sum(each.kind == kind for each in touched),
                totals(Money(each.currency, each.amount) for each in touched if each.kind == kind),
            )
            for kind in {each.kind for each in touched}
        }
        if counted != shown:
            yield f"kinds() count {counted}, and Zuora shows {shown} that it did something to"
        numbers = {each.number for each in touched}
        if self.listed != numbers:
            yield f"listed() names {set(self.listed)}, and Zuora shows that it did something to {numbers}"
        everything = {*self.before.runs, *self.before.documents}
        about = everything & {*order.subjects()}
        if not about <= {*order.typed()}:
            yield f"typed() names {order.typed()}, and it acts on {about}"
        for kind, (_, sums) in shown.items():
            missing = [m for m in sums if str(credited(kind, m)) not in order.summary().money]
            if missing:
                yield f"the money of summary() is {order.summary().money!r}, without {missing}"

    def _of_words(self) -> Iterator[str]:
        order, warning = self.order, self.order.warning()
        if not any(words in warning for words in NO_WAY_BACK):
            yield f"warning() says {warning!r}: which part of it cannot be undone?"
        if order.sends() and "mail" not in warning.lower():
            yield f"warning() says {warning!r}, and nothing of mails"
        if isinstance(order, Followed) and order.done == Order.done:
            yield "done says that Zuora accepted it, and it is followed to its end: what is it then?"
        if isinstance(order, Followed) and "follow" not in order.accepted():
            yield "accepted() does not say that the bot follows it"
        if order.deed is Deed.MAILED and "cannot see delivery" not in order.accepted():
            yield "accepted() does not say that the bot cannot see delivery"
