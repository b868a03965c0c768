"""What the operations on one bill run share, and which of them Zuora accepts in which state. No I/O."""

from abc import abstractmethod
from collections.abc import Awaitable, Mapping
from typing import Any, ClassVar, TypeVar

from bot.domain.key import number_key
from bot.domain.operation import OperationName
from bot.operations.operation import KNOWN, F, Order
from bot.operations.stored import Body
from bot.operations.typed import Problems, Values
from bot.zuora.answers import BillRun
from bot.zuora.errors import ZuoraNotFound

UNKNOWN = "this bot does not know that state; look in Zuora"


class RunBody(Body):
    """Which bill run, as typed: its number or its id."""

    bill_run: str


R = TypeVar("R", bound=RunBody)


class OnRun(Order[R, F]):
    """An order about one bill run, with a button wherever a run is shown.

    Attributes:
        button: What the button says: `Post…`.
        only: Which runs it can be asked for, or what can be asked for instead; one sentence.
    """

    field = "bill_run"
    unsent = frozenset({"bill_run"})  # the call names the run that was read
    button: ClassVar[str]
    only: ClassVar[str]

    @classmethod
    @abstractmethod
    def why_not(cls, status: str, *, posted: int, run_type: str) -> str:
        """Return why Zuora would refuse it for a run in this state; empty if it accepts it.

        Args:
            status: Zuora's word.
            posted: How many of its documents are posted.
            run_type: `Regular` or `CatchUp`; empty if Zuora did not say.
        """

    @classmethod
    def read(cls, values: Values) -> R | Problems:
        """Return a bill run's number or id, and what else the form asks for.

        Nothing is refused for its shape, because only Zuora knows whether it names a bill run.
        """
        typed = str(values.get(cls.field) or "")
        key, more = number_key(typed), cls.read_more(values)
        what = "This is not a bill run's" if typed.strip() else "Type the bill run's"
        words = f"{what} number, like BR-00000001, or its id of 32 digits."
        problems = Problems({} if key else {cls.field: words})
        if isinstance(more, Problems):
            return problems.and_of(more)
        return cls.body_type.model_validate({"bill_run": key, **more}) if key else problems

    @classmethod
    def read_more(cls, _values: Values) -> Mapping[str, Any] | Problems:
        """Return the body's other fields, or what is wrong with each field of the form."""
        return {}

    @classmethod
    def refused(cls, run: BillRun, posted: int = 0) -> Problems | None:
        """Return why Zuora would refuse it for this run as it is; None: it accepts it."""
        why = cls.why_not(run.status, posted=posted, run_type=run.type)
        return (
            Problems({cls.field: f"{run.number} is {run.status}: {why}. {cls.only}"})
            if why
            else None
        )

    def typed(self) -> tuple[str, ...]:
        """Return the run's number, or its id if that was typed."""
        return (self.body.bill_run,)


def legal_steps(status: str, *, posted: int, run_type: str) -> tuple[OperationName, ...]:
    """Return the operations that Zuora accepts for a run in this state, in the order of their names."""
    return tuple(
        name
        for name in OperationName
        if (step := KNOWN.get(name))
        and issubclass(step, OnRun)
        and not step.why_not(status, posted=posted, run_type=run_type)
    )


T = TypeVar("T")


async def read_of(key: str, reading: Awaitable[T]) -> T | Problems:
    """Return what was read about a bill run, or that Zuora knows no bill run by that key."""
    try:
        return await reading
    except ZuoraNotFound:
        return Problems({"bill_run": f"Zuora knows no bill run {key}."})
