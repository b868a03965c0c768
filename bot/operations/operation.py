"""The shape of every operation: a class whose objects are orders."""

from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import Enum, auto
from inspect import get_annotations
from types import MappingProxyType
from typing import Any, ClassVar, Generic, NamedTuple, TypeVar

from bot.domain.billed import Billed
from bot.domain.call import Call, Verdict
from bot.domain.check import Check
from bot.domain.kind import DocumentKind
from bot.domain.listed import Listed
from bot.domain.mailing import ByItself, Mailing
from bot.domain.money import Money
from bot.domain.operation import Deed, OperationName
from bot.domain.summary import Summary
from bot.domain.words import Line
from bot.operations.asking import Asking
from bot.operations.kinds import KindTotals, SingleDocument, amounts_of
from bot.operations.progress import Reread, Settlement
from bot.operations.stored import Body, Facts
from bot.operations.typed import Problems, Values
from bot.zuora.client import ZuoraClient
from bot.zuora.effects import Prepared


@dataclass(frozen=True, slots=True)
class Table:
    """A list for the thread: a title, headings, and rows of texts."""

    title: str
    headings: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]


class LastTime(Enum):
    """What a request is compared with, for *Against last time*."""

    ANOTHER = auto()
    """The last successful request of the same operation about another run."""

    WHAT_IT_BILLED = auto()
    """What was posted or mailed of the run that the last similar request created."""


class Judged(NamedTuple):
    """A part of an order with rules of its own: its operation there, and its amounts."""

    operation: OperationName
    amounts: Sequence[Money] | None


B = TypeVar("B", bound=Body)

F = TypeVar("F", bound=Facts)


class Order(ABC, Generic[B, F]):
    """An operation as a class, and one order of it as an object.

    An order holds what was asked for, and what Zuora said about it when it was read.

    Attributes:
        body: What was asked for.
        facts: What an approver must know.
    """

    name: ClassVar[OperationName]
    """Every name without a value, here and in classes between, is one that an operation must define, or it does not load."""

    deed: ClassVar[Deed]
    short: ClassVar[str]
    """The verb for lists: `email`."""

    counted_as: ClassVar[str]
    """The row of the month's figures that counts it: `Bill runs`; empty only if it posts or mails, as these documents are counted."""

    form: ClassVar[str]
    """The `callback_id` of the form that asks for it."""

    asking: ClassVar[Asking | None]
    """The words and fields of that form; None if `bot.slack.forms` has its own form for the operation."""

    body_type: type[B]
    facts_type: type[F]

    field: ClassVar[str]
    """The form's field for what it acts on, where problems with that are shown."""

    done: ClassVar[str] = "Accepted by Zuora"
    """The card's headline after success; it claims no more than is known."""

    follows: ClassVar[bool] = False
    """Whether an accepted call starts something that is followed until it ends."""

    by_itself: ClassVar[Mapping[Deed, str]] = MappingProxyType({})
    """What Zuora does afterwards without another order: each deed with the body's field that asks for it."""

    each_mailed: ClassVar[bool] = False
    """Whether each subject is mailed by its own call, so that the bot's calls show what was mailed.

    Zuora keeps no mail date for memos, and marks an invoice only later.
    """

    unsent: ClassVar[frozenset[str]] = frozenset()
    """Fields of the body that are no part of a call, such as a key whose id `look_up` reads; every other one must be."""

    last_time: ClassVar[LastTime | None]
    """What it is compared with; None: nothing."""

    def __init_subclass__(cls, **more: Any) -> None:
        super().__init_subclass__(**more)
        if "name" not in vars(cls):
            return
        declared = [name for each in cls.__mro__ for name in get_annotations(each)]
        if missing := [each for each in declared if not hasattr(cls, each)]:
            msg = f"{cls.__name__} says nothing of: {', '.join(missing)}"
            raise TypeError(msg)
        KNOWN[cls.name] = cls

    def __init__(self, body: B, facts: F) -> None:
        self.body = body
        self.facts = facts

    @classmethod
    @abstractmethod
    def read(cls, values: Values) -> B | Problems:
        """Make a valid body from what was typed, or return what is wrong with each field. No I/O."""

    @classmethod
    @abstractmethod
    async def look_up(cls, body: B, zuora: ZuoraClient) -> F | Problems:
        """Ask Zuora what an approver must know.

        Raises:
            ZuoraError: Zuora could not be read.
        """

    def saw_mail_history(self) -> bool:
        """Return whether these facts have what Zuora's mail history lists. No I/O."""
        return False

    @abstractmethod
    def material(self) -> dict[str, Any]:
        """Return the facts that matter, in one form for the digest, whatever their order and spelling. No I/O."""

    @abstractmethod
    def differs(self, now: F) -> list[str]:
        """Return in words what differs between the approved facts and today's. No I/O."""

    @abstractmethod
    def checked(self) -> tuple[Check, ...]:
        """Return the checks of the facts that were just read, each with its result. No I/O."""

    def facts_with_checks(self) -> F:
        """Return the facts as they are stored, with what was checked."""
        return self.facts.model_copy(update={"checked": self.checked()})

    @abstractmethod
    def subject(self) -> str:
        """Return what it acts on, as people call it: `BR-00000417`. No I/O."""

    def subjects(self) -> tuple[str, ...]:
        """Return the subjects of the calls to be made, one call each. No I/O."""
        return (self.subject(),)

    @abstractmethod
    def typed(self) -> tuple[str, ...]:
        """Return what was typed to name what it acts on, so that the request is found by that too. No I/O."""

    @abstractmethod
    def act(self, call: Call, zuora: ZuoraClient) -> Prepared:
        """Return the call, ready to be sent; the same order and call always give the same.

        Raises:
            ZuoraRefused: It breaks a rule of Zuora's for requests.
        """

    @abstractmethod
    async def settle(self, call: Call, zuora: ZuoraClient) -> Settlement | None:
        """Find out by reading Zuora how a call whose answer was lost ended; None: nothing is proved (yet).

        `facts` are those read just before the call went out.

        Raises:
            ZuoraError: Zuora could not be read.
        """

    async def read_again(self, _calls: Sequence[Call], _zuora: ZuoraClient) -> Mapping[str, Reread]:
        """Return by subject what reading Zuora says about lost calls, before they are sent again.

        Only operations that mail need it, because they check before every order whether a document is still right to
        send. For the others the key is enough.

        Raises:
            ZuoraError: Zuora could not be read.
        """
        return {}

    @abstractmethod
    def title(self) -> str:
        """Return what will happen, as a clause in lower case: `email the documents of bill run …`."""

    @abstractmethod
    def summary(self) -> Summary:
        """Return what an approver must know at a glance before pressing the button. No I/O."""

    @abstractmethod
    def lines(self) -> tuple[Line, ...]:
        """Return everything that is known about it, for *Details*. No I/O."""

    @abstractmethod
    def effect(self) -> str:
        """Return the effect with its number, for a button: `send 316 mails`."""

    @abstractmethod
    def warning(self) -> str:
        """Return plainly what cannot be undone."""

    def accepted(self) -> str:
        """Return a sentence that claims no more than that Zuora accepted it."""
        return f"Zuora accepted the order to {self.short} {self.subject()}."

    def typed_addresses(self) -> tuple[str, ...]:
        """Return the mail addresses that somebody typed as recipients."""
        return ()

    def tables(self) -> Sequence[Table]:
        """Return lists that are too long for the card; its thread has them."""
        return ()

    def listed(self) -> Sequence[Listed]:
        """Return every document that was just read, largest first, for *Details*."""
        return ()

    @abstractmethod
    def sends(self) -> bool:
        """Return whether a customer can get mail from it."""

    def mails_again(self) -> bool:
        """Return whether it mails again what was mailed before."""
        return False

    def amounts(self) -> Sequence[Money] | None:
        """Return the totals per kind and currency that rules of the policy look at.

        None means not known, which counts as above every amount.
        """
        return amounts_of(self.kinds()) if self.kinds() else None

    def documents(self) -> int | None:
        """Return how many documents it touches; None: not known."""
        return sum(kind.count for kind in self.kinds()) or None

    def judged_as(self) -> tuple[Judged, ...]:
        """Return the parts that the policy judges, each by its own rules; the strictest rule applies."""
        return (Judged(self.name, self.amounts()),)

    @abstractmethod
    def kinds(self) -> Sequence[KindTotals]:
        """Return what it is about, counted and added up, for the month's figures; empty: not known."""

    def each(self) -> Iterable[SingleDocument]:
        """Yield every document, if `each_mailed`; very many are read one part at a time."""
        return ()

    def kind_of(self, number: str) -> DocumentKind:
        """Return the kind of one of its documents, if `each_mailed`."""
        return next(document.kind for document in self.each() if document.number == number)

    def mailings(self) -> Sequence[Mailing]:
        """Return every document that its calls can mail, in any way. No I/O."""
        return ()

    def mailed_by_zuora(self) -> Sequence[ByItself]:
        """Return the bill runs of these documents that mail by themselves. No I/O."""
        return ()

    def mailed_by_others(self) -> frozenset[str]:
        """Return documents and bill runs that others mailed, or may have, and Zuora may show that only later. No I/O."""
        return frozenset()

    def bills(self) -> Billed | None:
        """Return whom it bills; None if it bills nobody."""
        return None

    def ended_well(self) -> str:
        """Return the card's headline when it succeeded; it claims what is known and nothing more."""
        return f"{self.done}: {self.title()}"

    def is_repeat(self) -> bool:
        """Return whether it is meant to mail again."""
        return False

    def result(self, calls: Sequence[Call]) -> str:
        """Return a sentence on how it ended, once every call has its answer and none was lost."""
        refused = [call for call in calls if call.verdict is Verdict.REFUSED]
        if not refused:
            return self.accepted()
        return f"Zuora refused it and nothing was done: {'; '.join(call.words for call in refused)}"


Operation = type[Order[Any, Any]]
"""An operation: the class of its orders."""

KNOWN: dict[OperationName, Operation] = {}
"""Every operation that was loaded adds itself here; `catalog` loads them all."""
