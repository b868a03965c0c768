"""Create a bill run: `POST /v1/bill-runs`.

Source: page *Create a bill run*. A run bills batches, one account, or at most 50 subscriptions of
one account, ad hoc or on a schedule. It makes drafts; with `autoPost` it posts them by itself, and
with `autoEmail` Zuora then mails them.
"""

from bot.operations.create_bill_run.operation import CreateBillRun

__all__ = ["CreateBillRun"]
