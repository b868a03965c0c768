"""The form of an operation on one bill run, drawn from what the operation says of it."""

from collections.abc import Sequence
from typing import Any

from bot.cards.blocks import Block, paragraph
from bot.operations.asking import Asking, ChoiceField, DayField
from bot.operations.on_run import OnRun
from bot.operations.operation import Problems, Values
from bot.slack.forms import fields
from bot.slack.forms.ask_form import AskForm
from bot.workflow.ask import Wanted


class RunForm(AskForm):
    """Asks for one operation on one bill run."""

    def __init__(self, step: type[OnRun[Any, Any]], asking: Asking) -> None:
        self.callback_id = step.form
        self.title = asking.title
        self._step = step
        self._asking = asking

    def blocks(self, values: Values) -> Sequence[Block]:
        """The bill run, and the operation's own fields."""
        return (
            paragraph(self._asking.intro),
            fields.text(
                "bill_run",
                "Bill run",
                values,
                hint=f"Its number, like BR-00000001, or its id. {self._asking.state}",
                placeholder="BR-00000001",
            ),
            *(_field(each, values) for each in self._asking.fields),
        )

    def wanted(self, values: Values) -> Wanted | Problems:
        """One bill run."""
        return ((self._step, values),)


def _field(field: DayField | ChoiceField, values: Values) -> Block:
    match field:
        case DayField(name, label, hint):
            return fields.date(name, label, values, hint=hint, optional=True)
        case ChoiceField(name, label, options):
            return fields.radio(name, label, values, options)
