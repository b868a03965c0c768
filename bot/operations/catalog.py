"""Every operation: each folder beside this file is one, or several of one shape."""

import asyncio
from functools import lru_cache
from importlib import import_module
from pkgutil import iter_modules
from typing import Any

from bot import operations
from bot.domain.operation import OperationName
from bot.domain.request import LONG, Request
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
    make = _last_long if request.is_long else _made
    return make(request.operation, request.body, request.facts)


async def in_hand(request: Request) -> None:
    """Open a request of very many documents in a thread, so that whoever opens it next has it ready.

    Raises:
        KeyError, ValidationError: As `opened`.
    """
    if request.is_long:
        await asyncio.to_thread(keep_in_hand, request.operation, request.body, request.facts)


def keep_in_hand(name: str, body: str, facts: str) -> None:
    """Open a request of very many documents, also one about to be saved, and work out what its card shows."""
    if len(facts) > LONG:
        _last_long(name, body, facts).summary()


def _made(name: str, body: str, facts: str) -> Order[Any, Any]:
    operation = OPERATIONS[name]
    return operation(
        operation.body_type.model_validate_json(body), operation.facts_type.from_text(facts)
    )


_last_long = lru_cache(maxsize=1)(_made)
"""A click and a card each open a request several times, and 50,000 documents take a second each time."""
