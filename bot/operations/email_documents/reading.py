"""Turns what was typed into a valid body, or messages at the fields. No I/O.

Rules: pages *Email an invoice* and *Email a debit memo*.
"""

import re
from dataclasses import dataclass
from typing import Literal

from pydantic import Field

from bot.domain.clean import as_key
from bot.domain.key import DocumentKey, document_key, is_id, tokens
from bot.domain.kind import KIND_WORDS, DocumentKind
from bot.domain.words import count, shortened, some
from bot.operations.stored import Body
from bot.operations.typed import Problems, Values

MOST_DOCUMENTS = 50_000
"""The most documents in one request; a bill run may have as many."""

MOST_ADDRESSES = 50
SHOWN = 5
Recipients = Literal["template", "bill_to", "addresses"]
RECIPIENTS: tuple[Recipients, ...] = ("template", "bill_to", "addresses")

_ATOM = r"[a-z0-9!#$%&'*+/=?^_`{|}~-]+"
_LABEL = r"[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?"
_ADDRESS = re.compile(rf"(?=.{{1,254}}\Z)(?=[^@]{{1,64}}@){_ATOM}(?:\.{_ATOM})*@(?:{_LABEL}\.)+[a-z][a-z0-9-]*[a-z0-9]")  # fmt: skip
_HOW_TO = "Type numbers like INV00000012, DM00000003 or CM00000004"


class EmailDocumentsBody(Body):
    """Which documents, and who gets them.

    Attributes:
        documents: Numbers or ids, each once, in the order they were typed.
        repeated: How many were typed again and are counted once.
        recipients: The template's *To Email*, the bill-to contact, or `email_addresses`.
        email_addresses: In lower case, each once.
        additional: Also the additional addresses of the accounts.
        pdf_file_id: The PDF to attach, of one memo; empty: the latest.
        again: Whether they are meant to be mailed again, whatever was mailed a moment ago. If it is
            not set, the body and its digest are as they were before this field existed.
        kinds: The kind of each of `documents`; empty if the operation mails only one kind.
    """

    documents: tuple[str, ...]
    repeated: int = 0
    recipients: Recipients = "template"
    email_addresses: tuple[str, ...] = ()
    additional: bool = False
    pdf_file_id: str = ""
    again: bool = Field(default=False, exclude_if=lambda again: not again)
    kinds: tuple[DocumentKind, ...] = Field(default=(), exclude_if=lambda kinds: not kinds)

    def by_kind(self, kind: DocumentKind | None) -> dict[DocumentKind, tuple[str, ...]]:
        """Return the documents by kind; with a kind, all of them are of that kind."""
        if kind is not None:
            return {kind: self.documents}
        found: dict[DocumentKind, list[str]] = {each: [] for each in KIND_WORDS}
        for each, key in zip(self.kinds, self.documents, strict=True):
            found[each].append(key)
        return {each: tuple(keys) for each, keys in found.items() if keys}


@dataclass(frozen=True, slots=True)
class Sorted:
    """A typed list: the documents, each once, and what is no document."""

    documents: tuple[DocumentKey, ...]
    repeated: int
    wrong: tuple[str, ...]

    def problem(self) -> str:
        """Return what is wrong with the list as a whole, and how to fix that; empty if nothing is."""
        if many := too_many(len(self.documents) + len(self.wrong)):
            return many
        if self.wrong:
            return _not_documents(self.wrong)
        if not self.documents:
            return f"{_HOW_TO}; one or many."
        return ""


def too_many(number: int) -> str:
    """Return why this many documents cannot be asked for together; empty if they can."""
    if number <= MOST_DOCUMENTS:
        return ""
    return (
        f"At most {MOST_DOCUMENTS:,} documents at once; these are {number:,}. Ask for the rest with "
        "a second form."
    )


def sort_out(text: str) -> Sorted:
    """Find the documents in a typed list."""
    typed = tokens(text)
    found = [(part, document_key(part)) for part in typed]
    documents = [key for _, key in found if key is not None]
    once = tuple(dict.fromkeys(documents))
    wrong = tuple(dict.fromkeys(part for part, key in found if key is None))
    return Sorted(once, len(documents) - len(once), wrong)


def read(kind: DocumentKind | None, values: Values) -> EmailDocumentsBody | Problems:
    """Make a body for documents of one kind (None: of several), or return what is wrong with each field."""
    problems: dict[str, str] = {}
    found = sort_out(_text(values, "documents"))
    others = [each.key for each in found.documents if each.kind != kind]
    if problem := found.problem() or (_other_kind(kind, others) if kind else ""):
        problems["documents"] = problem
    recipients = _recipients(values)
    if recipients is None:
        problems["recipients"] = (
            "Choose who gets the mail: the template's To Email, the bill-to contact, or addresses."
        )
    addresses, problem = _addresses(values, recipients or "addresses")
    if problem and recipients is not None:
        problems["email_addresses"] = problem
    pdf = as_key(_text(values, "pdf_file_id")).lower()
    if problem := pdf_problem(pdf, found.documents):
        problems["pdf_file_id"] = problem
    if problems or recipients is None:
        return Problems(problems)
    return EmailDocumentsBody(
        documents=tuple(each.key for each in found.documents),
        repeated=found.repeated,
        recipients=recipients,
        email_addresses=addresses,
        additional=bool(values.get("additional")),
        pdf_file_id=pdf,
        again=bool(values.get("resend")),
        kinds=() if kind else tuple(each.kind for each in found.documents),
    )


def pdf_problem(pdf: str, documents: tuple[DocumentKey, ...]) -> str:
    """Return why a PDF file id cannot be used for these documents; empty if it can."""
    if not pdf:
        return ""
    if any(document.kind == "invoice" for document in documents):
        return "Zuora accepts a PDF file id for memos only. Leave this empty for invoices."
    if not is_id(pdf):
        return "A PDF file id has 32 digits and letters a to f; leave this empty for the latest."
    if len(documents) > 1:
        return (
            "A PDF file belongs to one memo, and these are "
            f"{count(len(documents), 'document')}. Leave this empty, or name one memo."
        )
    return ""


def _recipients(values: Values) -> Recipients | None:
    """Return who was chosen, the template if nobody was; None for anything else."""
    chosen = values.get("recipients") or RECIPIENTS[0]
    return next((each for each in RECIPIENTS if each == chosen), None)


def _addresses(values: Values, recipients: Recipients) -> tuple[tuple[str, ...], str]:
    """Return the addresses, each once in lower case, and what is wrong with them."""
    typed = tokens(_text(values, "email_addresses").lower())
    addresses = tuple(dict.fromkeys(typed))
    wrong = [each for each in addresses if not _ADDRESS.fullmatch(each)]
    if recipients != "addresses":
        ignored = "Zuora would not mail to these addresses: choose these addresses as recipients, or clear them."
        return (), ignored if addresses else ""
    if not addresses:
        return (), "Type at least one address, or choose other recipients."
    if wrong:
        return (
            (),
            f"Not a mail address: {_some(wrong)}. Type plain addresses like name@example.com.",
        )
    if len(addresses) > MOST_ADDRESSES:
        return (), f"At most {MOST_ADDRESSES} addresses; these are {len(addresses):,}."
    return addresses, ""


def _other_kind(kind: DocumentKind, others: list[str]) -> str:
    return f"Not {KIND_WORDS[kind][1]}: {_some(others)}." if others else ""


def _not_documents(wrong: tuple[str, ...]) -> str:
    run = next((each for each in wrong if each[:3].upper() == "BR-"), "")
    if run:
        return (
            f"{shortened(run)} is a bill run: ask for it by itself, with “A bill run” chosen above."
        )
    return (
        f"Not a document's number: {_some(wrong)}. {_HOW_TO}. Before an id or a number of your own "
        "kind write what it is: INV:…, DM:… or CM:…"
    )


def _some(texts: list[str] | tuple[str, ...]) -> str:
    return some([shortened(text) for text in texts], SHOWN)


def _text(values: Values, name: str) -> str:
    value = values.get(name)
    return value if isinstance(value, str) else ""
