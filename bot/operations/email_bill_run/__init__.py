"""Email the documents of a bill run."""

from bot.operations.email_bill_run.operation import EmailBillRun, EmailBillRunBody

__all__ = ["EmailBillRun", "EmailBillRunBody"]
