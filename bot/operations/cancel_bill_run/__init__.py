"""Cancel a bill run."""

from bot.operations.cancel_bill_run.operation import CancelBillRun, CancelBillRunBody, CancelFacts

__all__ = ["CancelBillRun", "CancelBillRunBody", "CancelFacts"]
