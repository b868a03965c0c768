"""Create a bill run: `POST /v1/bill-runs`.

Source: page *Create a bill run*. A run is for batches, for one account, or for at most 50
subscriptions of one account; ad hoc or scheduled. It makes drafts; with `autoPost` it posts them by
itself, with `autoEmail` Zuora then mails them.
"""

from bot.operations.create_bill_run.operation import CreateBillRun

__all__ = ["CreateBillRun"]
