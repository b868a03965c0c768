"""What each button opens: which form, with which first values."""

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from bot.cards.below import NEXT
from bot.cards.run_card import RUN
from bot.domain.call import Verdict
from bot.domain.key import as_one, as_typed, bill_run_key, is_id
from bot.domain.place import values_of_key
from bot.domain.request import Request, State, UnreadableError
from bot.domain.words import Mention, Part, count, some
from bot.operations.catalog import OPERATIONS, STEPS, opened
from bot.operations.email_documents.reading import MOST_DOCUMENTS
from bot.operations.progress import Progress
from bot.operations.typed import Values
from bot.slack.forms.ask_form import LEFT_OUT, AskForm
from bot.slack.forms.catalog import Forms
from bot.slack.forms.document_fields import LISTS
from bot.slack.forms.email import EmailForm
from bot.slack.forms.email_values import (
    values_for,
    values_for_documents,
    values_for_file,
    values_for_numbers,
)
from bot.slack.payloads import Click
from bot.store.store import Store
from bot.workflow.parts import Working

SHOWN_LEFT_OUT = 5
NOTHING_TO_CHANGE = "This request cannot be opened again. Ask with the command instead."
NOTHING_TO_OPEN = "The bot does not know what this button belongs to. Nothing was done."
NOTHING_REFUSED = "Nothing of this request was refused, so there is nothing to ask for again."
NO_OTHERS = (
    "Other requests have reached every document of this one, so there is nothing left to ask for."
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Opening:
    """A form that will be opened.

    Attributes:
        values: Its first values, by the names of its fields.
        parent: Name of the request that it continues; empty for none.
    """

    form: AskForm
    values: Values
    parent: str = ""


Find = Callable[[Forms, Working, Click, Request | None], "Opening | tuple[Part, ...]"]
"""Returns what a button opens, or why nothing; the request is the one that the button names, if any."""


def email_form(forms: Forms, _parts: Working, _click: Click, _request: Request | None) -> Opening:
    """Return the email form, empty."""
    return Opening(form=forms[EmailForm.callback_id], values={})


def form_for_file(forms: Forms, _parts: Working, click: Click, _request: Request | None) -> Opening:
    """Return the email form for a file that was sent to the bot; it is read when the form is submitted."""
    return Opening(form=forms[EmailForm.callback_id], values=values_for_file(click.value))


def changed_request(
    forms: Forms, parts: Working, click: Click, request: Request | None
) -> Opening | tuple[Part, ...]:
    """Return the form for *Change and ask again*: what was typed, as a new request linked to the old one."""
    if request is None or not request.typed:
        return (NOTHING_TO_CHANGE,)
    if request.state is State.WAITING and click.actor.user_id != request.requester:
        only = f" can change {request.name} while it waits."
        return ("Only ", Mention(request.requester), only)
    typed = json.loads(request.typed)
    form = forms.get(typed["form"])
    if form is None:
        return (NOTHING_TO_CHANGE,)
    values = {**typed["values"], "reason": request.reason, LEFT_OUT: ""}
    left = _without_what_was_done(parts.store, request)
    return Opening(form=form, values={**values, **left}, parent=request.reference)


def _without_what_was_done(store: Store, request: Request) -> dict[str, Any]:
    """Return values with only the documents that were not mailed, and a note, if some of a list were mailed.

    Otherwise return nothing: what was not done at all, or done entirely, is asked for as it was.
    """
    verdicts = store.calls.verdicts(request.number)
    done = [subject for subject, verdict in verdicts.items() if verdict == Verdict.ACCEPTED]
    rest = tuple(subject for subject, verdict in verdicts.items() if verdict != Verdict.ACCEPTED)
    if not _mails_each(request) or not done or not rest:
        return {}
    return {
        **dict.fromkeys(LISTS, ""),
        **values_for_documents(_with_kinds(request, rest), json.loads(request.body)),
        LEFT_OUT: f"{count(len(done), 'document')} of {request.name} went out and "
        f"{'is' if len(done) == 1 else 'are'} left out here: {some(done, SHOWN_LEFT_OUT)}.",
    }


def _mails_each(request: Request) -> bool:
    operation = OPERATIONS.get(request.operation)
    return operation is not None and operation.each_mailed


def _with_kinds(request: Request, numbers: Sequence[str]) -> Sequence[str]:
    """Return the numbers of a request's documents as one types them, with their kinds.

    If the facts are in an archive, Zuora is asked about the numbers when the form is submitted.
    """
    try:
        order = opened(request)
    except UnreadableError:
        return [as_one(number) for number in numbers]
    return [as_typed(order.kind_of(each), each) for each in numbers]


def what_was_refused(
    forms: Forms, parts: Working, _click: Click, request: Request | None
) -> Opening | tuple[Part, ...]:
    """Return the form for exactly the documents that Zuora refused, from the button below a list of failures."""
    verdicts = parts.store.calls.verdicts(request.number) if request else {}
    refused = tuple(subject for subject, verdict in verdicts.items() if verdict == Verdict.REFUSED)
    if request is None or not _mails_each(request) or not refused:
        return (NOTHING_REFUSED,)
    values = {
        **values_for_documents(_with_kinds(request, refused), json.loads(request.body)),
        **values_of_key(request.place),
    }
    form = forms[EmailForm.callback_id]
    return Opening(form=form, values=values, parent=request.reference)


def the_others(
    forms: Forms, parts: Working, _click: Click, request: Request | None
) -> Opening | tuple[Part, ...]:
    """Return the form for exactly the documents that no other request has reached by now."""
    others = parts.guard.others_of(request, parts.clock.now()) if request else ()
    if request is None or not others:
        return (NO_OTHERS,)
    values = {
        **values_for_numbers(others[:MOST_DOCUMENTS], json.loads(request.body)),
        **values_of_key(request.place),
        "reason": request.reason,
    }
    form = forms[EmailForm.callback_id]
    return Opening(form=form, values=values, parent=request.reference)


def next_step(
    forms: Forms, _parts: Working, click: Click, request: Request | None
) -> Opening | tuple[Part, ...]:
    """Return the form for the next step below a result; the run is the one that the request followed."""
    run = Progress.of(request).number if request else ""
    parent, place = (request.reference, request.place) if request else ("", "")
    return _about_a_run(forms, click.action_id.removeprefix(NEXT), run, parent, place)


def step_of_a_run(
    forms: Forms, _parts: Working, click: Click, _request: Request | None
) -> Opening | tuple[Part, ...]:
    """Return the form for a step from a run's private card; the button names the run."""
    named, _, place = click.value.partition(";")
    run = bill_run_key(named) or (named if is_id(named) else "")
    return _about_a_run(forms, click.action_id.removeprefix(RUN), run, "", place)


def _about_a_run(
    forms: Forms, operation: str, run: str, parent: str, place: str
) -> Opening | tuple[Part, ...]:
    step = STEPS.get(operation)
    if step is None or not run:
        return (NOTHING_TO_OPEN,)
    form = forms[step.form]
    values = values_for(run) if form.callback_id == EmailForm.callback_id else {"bill_run": run}
    return Opening(form=form, values={**values, **values_of_key(place)}, parent=parent)


NAMING: tuple[Find, ...] = (changed_request, what_was_refused, the_others, next_step)
"""The functions that need the request that the button names."""
