"""The one list of forms that ask for something; an operation without a form of its own gets one drawn from its description."""

from collections.abc import Mapping, Sequence
from typing import Any

from bot.cards.blocks import Block, paragraph
from bot.domain.place import Places
from bot.operations.asking import Asking, ChoiceField, DayField
from bot.operations.catalog import OPERATIONS
from bot.operations.operation import Operation
from bot.operations.typed import Problems, Values
from bot.slack.forms import fields
from bot.slack.forms.ask_form import AskForm
from bot.slack.forms.bill_run import BillRunForm
from bot.slack.forms.email import EmailForm
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


NO_CHOICE = Places()

Forms = Mapping[str, AskForm]
"""Each form by its callback id."""


def forms_for(
    highest_batch: int, places: Places = NO_CHOICE, *, takes_files: bool = False
) -> Forms:
    """Return every form by its callback id, for a tenant with these batches and places."""
    forms = (
        BillRunForm(highest_batch),
        EmailForm(),
        *(OperationForm(each, each.asking) for each in OPERATIONS.values() if each.asking),
    )
    for form in forms:
        form.places = places
        form.takes_files = takes_files
    return {form.callback_id: form for form in forms}


FORMS = forms_for(50)
"""The forms for a tenant with 50 batches, which every tenant has."""
