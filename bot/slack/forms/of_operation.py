"""The form of an operation, drawn from the operation's own description."""

from collections.abc import Sequence
from typing import Any

from bot.cards.blocks import Block, paragraph
from bot.operations.asking import Asking, ChoiceField, DayField
from bot.operations.operation import Operation
from bot.operations.typed import Problems, Values
from bot.slack.forms import fields
from bot.slack.forms.ask_form import AskForm
from bot.workflow.ask import WantedOrders
from bot.zuora.named import Found


class OperationForm(AskForm):
    """Asks for one operation on one thing."""

    def __init__(self, operation: Operation, asking: Asking) -> None:
        self.callback_id = operation.form
        self.title = asking.title
        self.command = asking.command
        self.numbered = {operation.field: asking.number.kind}
        self._operation = operation
        self._asking = asking

    def blocks(self, values: Values) -> Sequence[Block]:
        """Return what it acts on, and the operation's own fields."""
        number = self._asking.number
        return (
            paragraph(self._asking.intro),
            fields.text(
                self._operation.field,
                number.label,
                values,
                hint=number.hint,
                placeholder=number.example,
            ),
            *(_field(each, values) for each in self._asking.fields),
        )

    def wanted(self, values: Values) -> WantedOrders | Problems:
        """Return the one operation."""
        return ((self._operation, values),)

    def begins_with(self, text: str, _found: Found | None, /) -> dict[str, Any]:
        """Return what was typed, as the number of the thing it acts on."""
        return {self._operation.field: text}


def _field(field: DayField | ChoiceField, values: Values) -> Block:
    match field:
        case DayField(name, label, hint):
            return fields.date(name, label, values, hint=hint, optional=True)
        case ChoiceField(name, label, options):
            return fields.radio(name, label, values, options)
