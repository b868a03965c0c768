"""The form for posting a bill run."""

from collections.abc import Sequence
from typing import ClassVar

from bot.cards.blocks import Block, paragraph
from bot.operations.operation import Problems
from bot.operations.post_bill_run import PostBillRun
from bot.slack.forms import fields
from bot.slack.forms.ask_form import AskForm
from bot.slack.payloads import Values
from bot.workflow.ask import Wanted


class PostBillRunForm(AskForm):
    """Post a completed bill run."""

    callback_id: ClassVar[str] = PostBillRun.form
    title: ClassVar[str] = "Post a bill run"

    def blocks(self, values: Values) -> Sequence[Block]:
        """Bill run and invoice date."""
        return (
            paragraph(
                "Posting makes the drafts of a Completed bill run final, and can itself mail "
                "customers. A second person approves before anything is posted."
            ),
            fields.text(
                "bill_run",
                "Bill run",
                values,
                hint="Its number, like BR-00000001, or its id. It must be Completed.",
                placeholder="BR-00000001",
            ),
            fields.date(
                "invoice_date",
                "New invoice date",
                values,
                hint="Empty: the invoices keep their date. It must not be in a closed period.",
                optional=True,
            ),
        )

    def wanted(self, values: Values) -> Wanted | Problems:
        """One bill run."""
        return ((PostBillRun, values),)
