"""Cancel a bill run."""

from bot.operations.cancel_bill_run.facts import CancelFacts
from bot.operations.cancel_bill_run.operation import CancelBillRun, CancelBillRunBody

__all__ = ["CancelBillRun", "CancelBillRunBody", "CancelFacts"]
