"""The form for canceling a bill run."""

from collections.abc import Sequence
from typing import ClassVar

from bot.cards.blocks import Block, paragraph
from bot.operations.cancel_bill_run import ALL, FIELD, NOT_SCHEDULED, ONCE, CancelBillRun
from bot.operations.operation import Problems
from bot.slack.forms import fields
from bot.slack.forms.ask_form import AskForm
from bot.slack.payloads import Values
from bot.workflow.ask import Wanted


class CancelBillRunForm(AskForm):
    """Cancel a pending or completed bill run."""

    callback_id: ClassVar[str] = CancelBillRun.form
    title: ClassVar[str] = "Cancel a bill run"

    def blocks(self, values: Values) -> Sequence[Block]:
        """Bill run and, of a scheduled one, how much of it."""
        return (
            paragraph(
                "Canceling throws away the drafts of a bill run. A second person approves before "
                "anything is canceled."
            ),
            fields.text(
                "bill_run",
                "Bill run",
                values,
                hint="Its number, like BR-00000001, or its id. It must be Pending, or Completed "
                "with nothing posted.",
                placeholder="BR-00000001",
            ),
            fields.radio(
                FIELD,
                "If it is scheduled and has not run yet",
                values,
                [
                    (NOT_SCHEDULED, "It is not", "An ad hoc run, or one that has run already."),
                    (ONCE, "This occurrence only", "The schedule goes on with a new bill run."),
                    (ALL, "This and all later ones", "The schedule ends."),
                ],
            ),
        )

    def wanted(self, values: Values) -> Wanted | Problems:
        """One bill run."""
        return ((CancelBillRun, values),)
