"""Which operation was changed last: what somebody is writing is tested before all others."""

from collections.abc import Iterable, Iterator
from inspect import getfile
from pathlib import Path

from bot.domain.operation import OperationName
from bot.operations.catalog import OPERATIONS
from bot.operations.operation import Order


def newest_first(names: Iterable[str] = tuple(OperationName)) -> list[OperationName]:
    """Return the operations in the order in which their code was changed, the last one first."""
    return sorted((OperationName(each) for each in names), key=_changed, reverse=True)


def _changed(name: OperationName) -> float:
    """When a file of it, or of a class that it is made of, was changed, as seconds; without any, last of all."""
    return max((each.stat().st_mtime for each in _files(name)), default=float("inf"))


def _files(name: OperationName) -> Iterator[Path]:
    if operation := OPERATIONS.get(name):
        yield from Path(getfile(operation)).parent.glob("*.py")
        yield from (Path(getfile(each)) for each in operation.__mro__ if issubclass(each, Order))
