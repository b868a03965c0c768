"""The form for emailing billing documents: those of a bill run, or documents by their numbers."""

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Any

from bot.cards.blocks import Block, context, paragraph
from bot.domain.key import DocumentKey, bill_run_key, document_key, tokens
from bot.domain.mentioned import MOST_WORDS
from bot.operations.asking import SlashCommand
from bot.operations.email_bill_run import EmailBillRun
from bot.operations.email_documents.operation import OF_KIND, EmailMixedList
from bot.operations.email_documents.reading import pdf_problem, sort_out, too_many
from bot.operations.typed import Problems, Values
from bot.slack.forms import fields, numbers
from bot.slack.forms.ask_form import AskForm
from bot.slack.forms.document_fields import (
    FIELD_LIMIT,
    FILE,
    KEPT_FILE,
    LISTED,
    LISTS,
    NOTE,
    chosen_file,
    list_fields,
    typed_documents,
)
from bot.slack.forms.email_values import BILL_RUN, DOCUMENTS, WHAT, values_for, values_known
from bot.workflow.ask import WantedOrders
from bot.zuora.named import Found

WHO: Mapping[str, str] = {
    "template": "Zuora mails to the addresses in To Email of its email template, for every document.",
    "bill_to": "Zuora mails to the work or personal address of each bill-to contact, nobody else.",
    "addresses": "Zuora mails every document to exactly the addresses below.",
}


HELP = """*`/billemail`* opens a form to email the documents of a posted bill run, or invoices, \
debit memos and credit memos by their numbers.
`/billemail BR-00000001` opens it with that bill run filled in.
`/billemail INV00000012 DM00000003` opens it with these documents, of any kind.
Its file field takes up to 50,000 of them, as CSV or text; *Email from this file* in a message's menu \
opens it with that message's file.
`/billemail help` shows this.
"""


_NOT_KEPT = (*LISTS, FILE, KEPT_FILE, LISTED, NOTE)
"""Fields that a request does not keep, because it has its documents as one list."""


class EmailForm(AskForm):
    """Email the documents of a bill run, or documents by number."""

    callback_id = EmailBillRun.form
    title = "Email billing documents"
    command = SlashCommand("/billemail", HELP)
    numbered = MappingProxyType({BILL_RUN: "bill_run"})

    def blocks(self, values: Values) -> Sequence[Block]:
        """Return what to mail, and the fields for it."""
        what = fields.radio(
            WHAT,
            "What to email",
            values,
            [
                (BILL_RUN, "A bill run", "Its invoices and credit memos."),
                (DOCUMENTS, "Documents", "Invoices, debit memos, credit memos by number."),
            ],
            changes_form=True,
        )
        documents = values.get(WHAT) == DOCUMENTS
        chosen = self._documents(values) if documents else _bill_run(values)
        return (what, *chosen)

    def unclear_behind_command(self, text: str) -> tuple[str, ...]:
        """Return everything, unless it is a long list, which cannot be a run's number, or in Zuora's usual form.

        Numbers in that form decide which fields are shown first, so that the form need not wait for Zuora, which is asked
        about all of them when it is submitted.
        """
        parts = tokens(text)
        is_usual = bill_run_key(text) or all(document_key(part) for part in parts)
        return () if is_usual or len(parts) > MOST_WORDS else numbers.unclear_documents(text)

    def begins_with(self, text: str, found: Found | None, /) -> dict[str, Any]:
        """Return a bill run, or documents."""
        return values_for(text) if found is None else values_known(text, found)

    def carries(self, values: Values) -> Sequence[str]:
        """Return a list that is too long for its fields, and a file that was added before."""
        return (*LISTS, KEPT_FILE) if values.get(WHAT) == DOCUMENTS else ()

    def kept(self, values: Values, blocks: Sequence[Block]) -> dict[str, Any]:
        """Return the values that no block shows; a file that its field no longer shows counts as added before."""
        kept = super().kept(values, blocks)
        return {KEPT_FILE if name == FILE else name: value for name, value in kept.items()}

    def submitted(self, values: Values) -> Values:
        """Keep the file, because Slack forgets it with the view to which it was added."""
        return {KEPT_FILE if name == FILE else name: each for name, each in values.items() if each}

    def file_of(self, values: Values) -> str:
        """Return the list of documents in a file."""
        return chosen_file(values) if values.get(WHAT) == DOCUMENTS else ""

    def unclear(self, values: Values) -> tuple[str, ...]:
        """Return the bill run, or everything in the list of documents and in the file with others."""
        if values.get(WHAT) != DOCUMENTS:
            return super().unclear(values)
        typed = numbers.unclear_documents(typed_documents(values))
        listed = values.get(LISTED)
        return typed + (numbers.unclear_in(listed.entries) if listed else ())

    def cleared(self, values: Values, found: Found) -> Values | Problems:
        """Return each document with its kind before it, if its number does not show it."""
        if values.get(WHAT) != DOCUMENTS:
            why = numbers.or_document(str(values.get("bill_run") or "").strip(), found)
            return Problems({"bill_run": why}) if why else super().cleared(values, found)
        typed, why = numbers.documents_of(typed_documents(values), found)
        rest = {name: value for name, value in values.items() if name not in (*LISTS, LISTED)}
        problems = Problems({"documents": why} if why else {})
        listed = values.get(LISTED)
        if listed:
            in_file, wrong = numbers.documents_in(listed.entries, found)
            typed = "\n".join([*([typed] if typed else []), *in_file])
            if wrong:
                problems = problems.and_of(numbers.wrong_in(listed.name, wrong))
            elif again := numbers.repeated_in(listed):
                rest |= {NOTE: again}
        return problems if problems.by_field else {**rest, "documents": typed}

    def wanted(self, values: Values) -> WantedOrders | Problems:
        """Return one bill run, or the documents as one list, whatever their kinds."""
        if values.get(WHAT) != DOCUMENTS:
            return ((EmailBillRun, values),)
        listed = values.get(LISTED)  # a file that Zuora was not asked about, or did not answer for
        found = sort_out(typed_documents(values))
        wanted = _list_of(found.documents, values)
        problems = {
            "documents": "" if listed else found.problem(),
            "file": too_many(len(listed.entries)) if listed else "",
            "pdf_file_id": pdf_problem(_pdf(values), found.documents),
        }
        problems = {name: words for name, words in problems.items() if words}
        if not problems and not listed:
            return wanted
        if listed and not wanted:
            wanted = ((OF_KIND["invoice"], values),)
        for operation, its_form in wanted:  # what is wrong with the other fields, all together
            read = operation.read(its_form)
            others = dict(read.by_field) if isinstance(read, Problems) else {}
            if listed:
                others.pop("documents", None)
            problems = {**others, **problems}
        return Problems(problems)

    def _documents(self, values: Values) -> Sequence[Block]:
        """Return the fields for documents by number, and for who gets them. No I/O."""
        chosen = str(values.get("recipients"))
        recipients = chosen if chosen in WHO else "template"
        found = [
            paragraph(
                "Zuora mails each document separately, and each must be Posted. "
                "A second person approves before anything is sent."
            ),
            *list_fields(values, takes_files=self.takes_files),
            fields.radio(
                "recipients",
                "Who gets the mail",
                values,
                [
                    ("template", "The email template's To Email", ""),
                    ("bill_to", "The bill-to contact", ""),
                    ("addresses", "These addresses", ""),
                ],
                changes_form=True,
            ),
            context(WHO[recipients]),
        ]
        if recipients == "addresses":
            found.append(
                fields.text(
                    "email_addresses",
                    "Addresses",
                    values,
                    hint="Separated by commas, spaces or lines; 50 at most.",
                    placeholder="name@example.com",
                    multiline=True,
                    max_length=FIELD_LIMIT,
                )
            )
        found.append(
            fields.checkboxes(
                "additional",
                "Besides",
                values,
                [
                    (
                        "yes",
                        "Also each account's additional addresses",
                        "As set on the account in Zuora.",
                    )
                ],
            )
        )
        found.append(_again(values, "Also those whose mail Zuora cannot show yet."))
        if _can_have_a_pdf(values):
            found.append(
                fields.text(
                    "pdf_file_id",
                    "PDF file id",
                    values,
                    hint="For one debit or credit memo only; empty: its latest PDF.",
                    optional=True,
                )
            )
        return found


def _list_of(documents: Sequence[DocumentKey], values: Values) -> WantedOrders:
    """Return the operation for what the list holds; none for an empty one."""
    kinds = {each.kind for each in documents}
    if not kinds:
        return ()
    operation = EmailMixedList if len(kinds) > 1 else OF_KIND[kinds.pop()]
    rest = {name: value for name, value in values.items() if name not in _NOT_KEPT}
    return ((operation, {**rest, "documents": typed_documents(values)}),)


def _pdf(values: Values) -> str:
    typed = values.get("pdf_file_id")
    return typed.strip() if isinstance(typed, str) else ""


def _bill_run(values: Values) -> Sequence[Block]:
    return (
        paragraph(
            "Zuora mails the invoices and credit memos of a bill run to the customers. "
            "A second person approves before anything is sent."
        ),
        fields.text(
            "bill_run",
            "Bill run",
            values,
            hint="Its number, like BR-00000001, or its id. It must be Posted.",
            placeholder="BR-00000001",
        ),
        _again(values, "Also customers who already got it."),
    )


def _again(values: Values, description: str) -> Block:
    return fields.checkboxes(
        "resend",
        "Customers who were already mailed",
        values,
        [("yes", "Mail them again", description)],
    )


def _can_have_a_pdf(values: Values) -> bool:
    """Return whether a PDF file can be named: for one memo, or while nothing is typed yet."""
    typed = tokens(typed_documents(values))
    keys = [document_key(part) for part in typed]
    invoices = any(key is not None and key.kind == "invoice" for key in keys)
    return bool(_pdf(values)) or not (len(typed) > 1 or invoices)
