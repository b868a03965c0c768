"""The one list of forms that ask for something."""

from collections.abc import Mapping

from bot.domain.place import Places
from bot.operations.catalog import OPERATIONS
from bot.slack.forms.ask_form import AskForm
from bot.slack.forms.bill_run import BillRunForm
from bot.slack.forms.email import EmailForm
from bot.slack.forms.of_operation import OperationForm

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
