"""Every operation: each folder beside this file is one, or several of one shape."""

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
"""In the order of their names. That each name has its class is a test (`tests/operations`)."""

STEPS = {name: each for name, each in OPERATIONS.items() if issubclass(each, OnRun)}
"""Those on one bill run."""


def opened(request: Request) -> Order[Any, Any]:
    """The order of a stored request, with the facts that were approved.

    Raises:
        KeyError, ValidationError: Another version of the bot has written it, or it is archived.
    """
    operation = OPERATIONS[request.operation]
    return operation(
        operation.body_type.model_validate_json(request.body),
        operation.facts_type.model_validate_json(request.facts),
    )
