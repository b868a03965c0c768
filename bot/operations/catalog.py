"""Every operation; each folder beside this file has one, or several of the same shape."""

from collections.abc import Sequence
from importlib import import_module
from pkgutil import iter_modules
from typing import Any

from bot import operations
from bot.domain.operation import Deed, OperationName
from bot.domain.request import Request, UnreadableError
from bot.operations.on_run import OnRun
from bot.operations.operation import KNOWN, Operation, Order

for _folder in iter_modules(operations.__path__):
    if _folder.ispkg:
        import_module(f"{operations.__name__}.{_folder.name}.operation")

OPERATIONS: dict[str, Operation] = {name: KNOWN[name] for name in OperationName if name in KNOWN}
"""Every operation by its name, in the order of the names. A test checks that each name has its class."""

STEPS = {name: each for name, each in OPERATIONS.items() if issubclass(each, OnRun)}
"""The operations that act on one bill run."""


def short_of(operation: str) -> str:
    """Return an operation's word in lists; its name if only another version of the bot knows it."""
    known = OPERATIONS.get(operation)
    return operation.replace("_", " ") if known is None else known.short


def deed_of(operation: str) -> Deed | None:
    """Return what an operation does in Zuora; None if only another version of the bot knows it."""
    known = OPERATIONS.get(operation)
    return None if known is None else known.deed


def done_of(operation: str) -> str:
    """Return what an operation can claim where it succeeded; the least if only another version knows it."""
    known = OPERATIONS.get(operation)
    return "Done" if known is None else known.done


def opened(request: Request) -> Order[Any, Any]:
    """Return the order of a stored request, with the facts that were approved.

    Raises:
        UnreadableError: Another version of the bot has written it, it is damaged, or it is archived.
    """
    return opened_of(request.operation, request.body, request.facts, request.packed)


def opened_of(operation: str, body: str, facts: str, packed: Sequence[bytes]) -> Order[Any, Any]:
    """Return the order that is stored with these texts and packed parts.

    Raises:
        UnreadableError: Another version of the bot has written it, it is damaged, or it is archived.
    """
    if not packed:
        return _made(operation, body, facts, packed)
    key = (operation, body, facts)  # with the hash of each packed part
    found = _last_long.get(key)
    if found is None:
        found = _made(operation, body, facts, packed)
        _last_long.clear()
        _last_long[key] = found
    return found


def _made(operation: str, body: str, facts: str, packed: Sequence[bytes]) -> Order[Any, Any]:
    known = OPERATIONS.get(operation)
    if known is None:
        msg = f"this version knows no operation {operation}"
        raise UnreadableError(msg)
    try:
        stored = known.facts_type.stored(facts, packed)
        return known(known.body_type.model_validate_json(body), stored)
    except Exception as error:  # whatever of a text is wrong
        msg = f"what is stored of it is no {operation}"
        raise UnreadableError(msg) from error


def can_be_read(request: Request) -> bool:
    """Return whether the order of a stored request can be opened; nobody may approve what cannot be shown."""
    try:
        opened(request)
    except UnreadableError:
        return False
    return True


_last_long: dict[tuple[str, str, str], Order[Any, Any]] = {}
"""The last long order, kept because a click and a card each open a request several times, which takes a while."""
