"""The form for emailing billing documents."""

from collections.abc import Sequence
from typing import ClassVar

from bot.cards.blocks import Block, paragraph
from bot.operations.catalog import operation_named
from bot.operations.operation import Form, Problems
from bot.slack.forms import fields
from bot.slack.forms.ask_form import AskForm
from bot.slack.forms.fields import Values
from bot.workflow.ask import Wanted


class EmailForm(AskForm):
    """Email the documents of a bill run."""

    callback_id: ClassVar[str] = "ask:email"
    title: ClassVar[str] = "Email a bill run"

    def blocks(self, values: Values) -> Sequence[Block]:
        """Bill run and resend."""
        return (
            paragraph(
                "Zuora mails the invoices and credit memos of a bill run to the customers. "
                "A second person approves before anything is sent."
            ),
            fields.text(
                "bill_run",
                "Bill run",
                values,
                hint="Its number, like BR-00000001, or its id. It must be Posted.",
                placeholder="BR-00000001",
            ),
            fields.checkboxes(
                "resend",
                "Customers who were already mailed",
                values,
                [("yes", "Mail them again", "Also those who had their mail before.")],
            ),
        )

    def wanted(self, form: Form) -> Wanted | Problems:
        """One bill run."""
        return ((operation_named("email_bill_run"), form),)
