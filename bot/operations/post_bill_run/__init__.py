"""Post a bill run."""

from bot.operations.post_bill_run.operation import PostBillRun, PostBillRunBody, PostFacts

__all__ = ["PostBillRun", "PostBillRunBody", "PostFacts"]
