"""Orders whose call only starts something that is then followed, and orders that can be estimated before."""

from abc import abstractmethod
from typing import NamedTuple

from bot.operations.operation import B, F, Order
from bot.operations.progress import Progress
from bot.zuora.answers import Answer
from bot.zuora.client import ZuoraClient


class Followed(Order[B, F]):
    """An order whose accepted call starts something that is followed until it ends."""

    follows = True

    def ended_well(self) -> str:
        """Return `Posted bill run BR-00000417`: the title, with what is known now instead of its verb."""
        return f"{self.done} {self.title().partition(' ')[2]}"

    @abstractmethod
    def begun(self, answer: Answer) -> Progress:
        """Return what an accepted call started."""

    @abstractmethod
    async def look(self, progress: Progress, zuora: ZuoraClient) -> Progress:
        """Look once at what a call started.

        Raises:
            ZuoraError: Zuora could not be read; it is looked at again later.
        """


class Foreseen(NamedTuple):
    """The result of an estimate.

    Attributes:
        words: Sentences for the thread; empty: not ready yet.
        amount: The same in a few words, for the card's *Amount*.
    """

    words: str = ""
    amount: str = ""


class Estimated(Order[B, F]):
    """An order for which Zuora can make an estimate in the background while it waits."""

    @abstractmethod
    def foresees(self) -> bool:
        """Return whether Zuora can estimate this order. No I/O."""

    @abstractmethod
    async def begin_estimate(self, key: str, zuora: ZuoraClient) -> str:
        """Have Zuora begin the estimate, if `foresees`; return its name there.

        Nobody sees any effect of it, and under one key it is begun only once.

        Raises:
            ZuoraError: It was not begun, or its answer was lost.
        """

    @abstractmethod
    async def estimate(self, begun: str, zuora: ZuoraClient) -> Foreseen:
        """Return the estimate or why there is none; empty: not ready yet.

        Raises:
            ZuoraError: Zuora could not be read.
        """
