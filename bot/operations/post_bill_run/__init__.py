"""Post a bill run."""

from bot.operations.post_bill_run.operation import (
    PostBillRun,
    PostBillRunBody,
    PostFacts,
    posting_mails,
)

__all__ = ["PostBillRun", "PostBillRunBody", "PostFacts", "posting_mails"]
