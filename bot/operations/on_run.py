"""What the operations on one bill run share, and which of them Zuora takes in which state. No I/O."""

from abc import abstractmethod
from typing import Any, ClassVar, TypeVar

from bot.domain.operation import OperationName
from bot.operations.asking import Asking
from bot.operations.operation import Body, F, Order

UNKNOWN = "this bot does not know that state; look in Zuora"


class RunBody(Body):
    """Which bill run, as typed: its number or its id."""

    bill_run: str


R = TypeVar("R", bound=RunBody)


class OnRun(Order[R, F]):
    """An order about one bill run, with a button where a run is shown.

    Attributes:
        button: What the button says: `Post…`.
        asking: Its form; None where a form of its own in `bot.slack.forms` asks for it.
    """

    field = "bill_run"
    traits = (*Order.traits, "button", "asking")
    button: ClassVar[str]
    asking: ClassVar[Asking | None]

    def __init_subclass__(cls, **more: Any) -> None:
        super().__init_subclass__(**more)
        if "name" in vars(cls):
            _KNOWN[cls.name] = cls

    @classmethod
    @abstractmethod
    def why_not(cls, status: str, *, posted: int, run_type: str) -> str:
        """Why Zuora would refuse it for a run in this state; empty where it takes it.

        Args:
            status: Zuora's word.
            posted: How many of its documents are posted.
            run_type: `Regular` or `CatchUp`; empty where Zuora did not say.
        """

    def typed(self) -> tuple[str, ...]:
        """The run's number, or its id if that was typed."""
        return (self.body.bill_run,)


_KNOWN: dict[str, type[OnRun[Any, Any]]] = {}
"""Every class of that shape stands here by itself: what follows one of them names the others."""


def legal_steps(status: str, *, posted: int, run_type: str) -> tuple[OperationName, ...]:
    """The operations that Zuora takes for a run in this state, in the order of their names."""
    return tuple(
        name
        for name in OperationName
        if (step := _KNOWN.get(name)) and not step.why_not(status, posted=posted, run_type=run_type)
    )
