"""The one list of operations."""

from typing import Any

from bot.domain.request import Request
from bot.operations.cancel_bill_run import CancelBillRun
from bot.operations.create_bill_run import CreateBillRun
from bot.operations.email_bill_run import EmailBillRun
from bot.operations.email_documents.operation import (
    EmailCreditMemos,
    EmailDebitMemos,
    EmailInvoices,
    EmailMixedList,
)
from bot.operations.on_run import OnRun
from bot.operations.operation import Operation, Order
from bot.operations.post_bill_run import PostBillRun

OPERATIONS: dict[str, Operation] = {
    operation.name: operation
    for operation in (
        CreateBillRun,
        PostBillRun,
        CancelBillRun,
        EmailBillRun,
        EmailInvoices,
        EmailDebitMemos,
        EmailCreditMemos,
        EmailMixedList,
    )
}
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
