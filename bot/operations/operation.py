"""The shape that every operation has."""

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, ClassVar, Generic, TypeVar

from pydantic import BaseModel

from bot.domain.call import Call
from bot.domain.words import Line
from bot.zuora.answers import Answer
from bot.zuora.client import ZuoraClient

Form = Mapping[str, Any]
"""What was typed, by field name: text, a truth value, or a list of texts."""


@dataclass(frozen=True, slots=True)
class Problems:
    """What is wrong with a form: a message for each field, which says how to put it right."""

    by_field: Mapping[str, str]


class Body(BaseModel, frozen=True, extra="forbid"):
    """What was asked for: everything that takes effect, valid and frozen."""


class Facts(BaseModel, frozen=True, extra="forbid"):
    """What an approver must know, as Zuora said it at one moment."""


class Settlement(BaseModel, frozen=True):
    """What reading Zuora proved about a lost call: `words` say what was seen."""

    accepted: bool
    words: str


B = TypeVar("B", bound=Body)
F = TypeVar("F", bound=Facts)


class Operation(ABC, Generic[B, F]):
    """One kind of billing work. Adding one is a module and a line in `operations.catalog`."""

    name: ClassVar[str]
    body_type: type[B]
    facts_type: type[F]

    @abstractmethod
    def read(self, form: Form) -> B | Problems:
        """Make a valid body of what was typed, or say at each field what is wrong. No I/O."""

    @abstractmethod
    async def facts(self, body: B, zuora: ZuoraClient) -> F | Problems:
        """Ask Zuora what an approver must know.

        Raises:
            ZuoraError: Zuora could not be read.
        """

    @abstractmethod
    def material(self, body: B, facts: F) -> dict[str, Any]:
        """The facts that matter, in one form whatever their order and spelling. No I/O."""

    @abstractmethod
    def differs(self, approved: F, now: F) -> list[str]:
        """What differs between the facts that were approved and those of now, in words. No I/O."""

    @abstractmethod
    def subject(self, body: B, facts: F) -> str:
        """What it acts on, as people call it: `BR-00000417`. No I/O."""

    @abstractmethod
    def subjects(self, body: B, facts: F) -> tuple[str, ...]:
        """The subjects of the calls to be made, one call each. No I/O."""

    @abstractmethod
    async def act(self, body: B, facts: F, call: Call, zuora: ZuoraClient) -> Answer:
        """Make one call, once.

        Raises:
            ZuoraRejected: Nothing was done, and a repetition would change nothing.
            ZuoraBusy: Nothing was done, and it may be tried again.
            OutcomeUnknown: It may have been done.
        """

    @abstractmethod
    async def settle(self, body: B, facts: F, call: Call, zuora: ZuoraClient) -> Settlement | None:
        """Find out by reading Zuora what became of a call whose answer was lost.

        `facts` are those read just before the call went out. None: nothing was proved (yet).

        Raises:
            ZuoraError: Zuora could not be read.
        """

    @abstractmethod
    def title(self, body: B, facts: F) -> str:
        """What will happen, as a clause in lower case: `email the documents of bill run …`."""

    @abstractmethod
    def lines(self, body: B, facts: F) -> tuple[Line, ...]:
        """The words and figures of the card. No I/O."""

    @abstractmethod
    def effect(self, body: B, facts: F) -> str:
        """The effect for a button, counted: `send 316 mails`."""

    @abstractmethod
    def warning(self, body: B, facts: F) -> str:
        """What cannot be undone, said once and plainly."""

    @abstractmethod
    def accepted(self, body: B, facts: F, at: datetime) -> str:
        """What may be claimed when Zuora has accepted it, as a sentence."""
