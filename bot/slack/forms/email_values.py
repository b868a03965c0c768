"""The email form's first values, for a command, a result, a file or other numbers."""

from collections.abc import Mapping, Sequence
from typing import Any

from bot.domain.key import as_one, document_key, tokens
from bot.domain.mentioned import MOST_WORDS
from bot.operations.typed import Values
from bot.slack.forms import numbers
from bot.slack.forms.document_fields import KEPT_FILE, LISTS, typed_list
from bot.zuora.named import Found

WHAT = "what"
BILL_RUN, DOCUMENTS = "bill_run", "documents"


def values_for(text: str) -> dict[str, Any]:
    """Return the first values for what was typed after the command."""
    parts = tokens(text)
    if len(parts) > MOST_WORDS or any(document_key(part) for part in parts):
        return {WHAT: DOCUMENTS, "documents": text}
    return {WHAT: BILL_RUN, "bill_run": text}


def values_known(text: str, found: Found) -> dict[str, Any]:
    """Return the first values after Zuora was asked; what Zuora does not know stays as typed."""
    typed, why = numbers.documents_of(text, found)
    if not why and typed:
        return {WHAT: DOCUMENTS, "documents": typed}
    named = found.of(text.strip())
    if [each.kind for each in named] == ["bill_run"]:
        return {WHAT: BILL_RUN, "bill_run": named[0].number}
    return {WHAT: DOCUMENTS, "documents": text} if found.named else values_for(text)


def values_for_file(file: str) -> dict[str, Any]:
    """Return the first values for a message's file."""
    return {WHAT: DOCUMENTS, KEPT_FILE: [file]}


def values_for_numbers(numbers: Sequence[str], body: Mapping[str, Any]) -> dict[str, Any]:
    """Return the first values for documents of any kind; by default, the template decides who gets them."""
    typed = [as_one(number) for number in numbers]
    return values_for_documents(typed, {"recipients": "template", **body})


def values_for_others(numbers: Sequence[str], values: Values) -> dict[str, Any]:
    """Return the form's values for only these documents, with everything else as it was submitted."""
    typed = values_for_numbers(numbers, {})["documents"]
    rest = {name: value for name, value in values.items() if name not in LISTS}
    return {**rest, WHAT: DOCUMENTS, "documents": typed}


def values_for_documents(typed: Sequence[str], body: Mapping[str, Any]) -> dict[str, Any]:
    """Return the first values for documents as they are typed, with the recipients of a body."""
    return {
        WHAT: DOCUMENTS,
        "documents": typed_list(typed),
        "recipients": body.get("recipients"),
        "email_addresses": ", ".join(body.get("email_addresses") or ()),
        "additional": ["yes"] if body.get("additional") else [],
        "pdf_file_id": body.get("pdf_file_id"),
        "resend": ["yes"] if body.get("again") or body.get("resend") else [],
    }
