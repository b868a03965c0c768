"""The one list of operations."""

from typing import Any

from bot.operations.email_bill_run import EmailBillRun
from bot.operations.operation import Operation

OPERATIONS: dict[str, Operation[Any, Any]] = {
    operation.name: operation for operation in (EmailBillRun(),)
}


def operation_named(name: str) -> Operation[Any, Any]:
    """The operation of that name.

    Raises:
        KeyError: There is none: a fault in the program, since names come from the database.
    """
    return OPERATIONS[name]
