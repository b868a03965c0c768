"""The one list of forms with which something is asked for."""

from bot.slack.forms.ask_form import AskForm
from bot.slack.forms.bill_run import BillRunForm
from bot.slack.forms.cancel_bill_run import CancelBillRunForm
from bot.slack.forms.email import EmailForm
from bot.slack.forms.post_bill_run import PostBillRunForm

FORMS: dict[str, AskForm] = {
    form.callback_id: form
    for form in (
        BillRunForm(),
        EmailForm(),
        PostBillRunForm(),
        CancelBillRunForm(),
    )
}
