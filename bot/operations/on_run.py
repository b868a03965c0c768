"""What the operations on one bill run share, and which of them Zuora takes in which state. No I/O."""

from abc import abstractmethod
from typing import Any, ClassVar, TypeVar

from bot.domain.operation import OperationName
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
    """

    field = "bill_run"
    button: ClassVar[str]

    def __init_subclass__(cls, **more: Any) -> None:
        super().__init_subclass__(**more)
        if "name" in vars(cls):
            STEPS[cls.name] = cls

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


STEPS: dict[str, type[OnRun[Any, Any]]] = {}
"""The operations on one bill run by name; a class of that shape stands here by itself."""


def steps() -> tuple[type[OnRun[Any, Any]], ...]:
    """All of them, in the order of their names."""
    return tuple(STEPS[name] for name in OperationName if name in STEPS)


def legal_steps(status: str, *, posted: int, run_type: str) -> tuple[OperationName, ...]:
    """The operations that Zuora takes for a run in this state."""
    return tuple(
        step.name for step in steps() if not step.why_not(status, posted=posted, run_type=run_type)
    )
