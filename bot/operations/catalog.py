"""The one list of operations."""

from typing import Any

from bot.operations.cancel_bill_run import CancelBillRun
from bot.operations.create_bill_run import CreateBillRun
from bot.operations.email_bill_run import EmailBillRun
from bot.operations.email_documents.operation import (
    EmailCreditMemos,
    EmailDebitMemos,
    EmailInvoices,
)
from bot.operations.operation import Operation
from bot.operations.post_bill_run import PostBillRun

OPERATIONS: dict[str, Operation[Any, Any]] = {
    operation.name: operation
    for operation in (
        CreateBillRun(),
        EmailBillRun(),
        EmailInvoices(),
        EmailDebitMemos(),
        EmailCreditMemos(),
        PostBillRun(),
        CancelBillRun(),
    )
}


def operation_named(name: str) -> Operation[Any, Any]:
    """The operation of that name.

    Raises:
        KeyError: There is none: a fault in the program, since names come from the database.
    """
    return OPERATIONS[name]
