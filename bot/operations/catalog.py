"""Every operation: each folder beside this file is one, or several of one shape."""

from functools import lru_cache
from importlib import import_module
from pkgutil import iter_modules
from typing import Any

from bot import operations
from bot.domain.operation import OperationName
from bot.domain.request import Request
from bot.operations.on_run import OnRun
from bot.operations.operation import KNOWN, Operation, Order

for _folder in iter_modules(operations.__path__):
    if _folder.ispkg:
        import_module(f"{operations.__name__}.{_folder.name}.operation")

OPERATIONS: dict[str, Operation] = {name: KNOWN[name] for name in OperationName if name in KNOWN}
"""In the order of their names. A test checks that each name has its class (`tests/operations`)."""

STEPS = {name: each for name, each in OPERATIONS.items() if issubclass(each, OnRun)}
"""Those that act on one bill run."""


def opened(request: Request) -> Order[Any, Any]:
    """Return the order of a stored request, with the facts that were approved.

    Raises:
        KeyError, ValidationError: Another version of the bot has written it, or it is archived.
    """
    make = _last_long if request.packed else _made
    return make(request.operation, request.body, request.facts, request.packed)


def _made(name: str, body: str, facts: str, packed: tuple[bytes, ...]) -> Order[Any, Any]:
    operation = OPERATIONS[name]
    return operation(
        operation.body_type.model_validate_json(body), operation.facts_type.stored(facts, packed)
    )


_last_long = lru_cache(maxsize=1)(_made)
"""A click and a card each open a request several times, and 50,000 numbers take some milliseconds each time."""
