"""The one list of forms with which something is asked for."""

from bot.slack.forms.ask_form import AskForm
from bot.slack.forms.email import EmailForm

FORMS: dict[str, AskForm] = {form.callback_id: form for form in (EmailForm(),)}
