"""Cancel a bill run."""

from bot.operations.cancel_bill_run.operation import (
    ALL,
    FIELD,
    NOT_SCHEDULED,
    ONCE,
    CancelBillRun,
    CancelBillRunBody,
    CancelFacts,
)

__all__ = [
    "ALL",
    "FIELD",
    "NOT_SCHEDULED",
    "ONCE",
    "CancelBillRun",
    "CancelBillRunBody",
    "CancelFacts",
]
