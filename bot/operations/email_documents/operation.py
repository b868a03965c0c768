"""Email billing documents, one call each: `POST /v1/{invoices|debitmemos|credit-memos}/{key}/emails`.

Sources: pages *Email an invoice* and *Email a debit memo*; a credit memo is mailed like a debit
memo (Zuora's OpenAPI document, *Email a credit memo*).
"""

from collections.abc import Sequence
from datetime import datetime
from typing import Any, ClassVar

from bot.domain.call import Call, Verdict
from bot.domain.key import DocumentKind
from bot.domain.money import Money
from bot.domain.words import Line
from bot.operations.email_documents import words
from bot.operations.email_documents.facts import EmailDocumentsFacts, MailDocument, read_facts
from bot.operations.email_documents.reading import EmailDocumentsBody, read
from bot.operations.operation import Form, Operation, Problems, Settlement, Table
from bot.zuora.answers import Answer
from bot.zuora.calls import EmailBody
from bot.zuora.client import ZuoraClient

_Body = EmailDocumentsBody
_Facts = EmailDocumentsFacts


class EmailDocuments(Operation[EmailDocumentsBody, EmailDocumentsFacts]):
    """What the three kinds share; they differ in `kind`, and memos take a PDF file id."""

    kind: ClassVar[DocumentKind]
    body_type = EmailDocumentsBody
    facts_type = EmailDocumentsFacts
    field = "documents"
    each_mailed = True

    def read(self, form: Form) -> _Body | Problems:
        """Documents of this kind, recipients, a PDF file id."""
        return read(self.kind, form)

    async def facts(self, body: _Body, zuora: ZuoraClient) -> _Facts | Problems:
        """Read every document, side by side."""
        return await read_facts(self.kind, body, zuora)

    def material(self, body: _Body, facts: _Facts) -> dict[str, Any]:
        """Every document counts, and everything that decides who gets it."""
        return {
            "documents": facts.material(),
            "recipients": body.recipients,
            "email_addresses": sorted(body.email_addresses),
            "additional": body.additional,
            "pdf_file_id": body.pdf_file_id,
            **facts.left_out(),
            **facts.checks.material(),
        }

    def differs(self, approved: _Facts, now: _Facts) -> list[str]:
        """Compare document by document."""
        return approved.differs(now)

    def subject(self, body: _Body, facts: _Facts) -> str:  # noqa: ARG002
        """`INV00000012` or `312 invoices`."""
        return words.subject(facts)

    def subjects(self, body: _Body, facts: _Facts) -> tuple[str, ...]:  # noqa: ARG002
        """One call for each document, by its number."""
        return tuple(document.number for document in facts.documents)

    async def act(self, body: _Body, facts: _Facts, call: Call, zuora: ZuoraClient) -> Answer:  # noqa: ARG002
        """Ask Zuora to mail one document."""
        return await zuora.email_document(
            self.kind,
            call.subject,
            EmailBody(
                email_addresses=body.email_addresses,
                include_additional_email_addresses=body.additional,
                use_email_template_setting=body.recipients == "template",
                pdf_file_id=body.pdf_file_id,
            ),
            track_id=call.track_id,
            idempotency_key=call.key,
        )

    async def settle(
        self,
        body: _Body,  # noqa: ARG002
        facts: _Facts,
        call: Call,
        zuora: ZuoraClient,
    ) -> Settlement | None:
        """A mail that was not there before the call proves it; no mail proves nothing (yet).

        Zuora keeps a mail date for invoices alone; of a memo its mail history tells.
        """
        document = facts.named(call.subject)
        if document is None or call.sent_at is None:
            return None
        if self.kind == "invoice":
            return await _by_mail_date(document, zuora)
        sent = await zuora.email_history(document.id, call.sent_at)
        if not any(one.sent_at is not None and one.sent_at >= call.sent_at for one in sent):
            return None
        return Settlement(
            accepted=True, words=f"Zuora's mail history shows {call.subject} since the order"
        )

    def title(self, body: _Body, facts: _Facts) -> str:  # noqa: ARG002
        """`email 312 invoices`."""
        return words.title(facts)

    def lines(self, body: _Body, facts: _Facts) -> tuple[Line, ...]:
        """What a controller decides on."""
        return words.lines(body, facts)

    def effect(self, body: _Body, facts: _Facts) -> str:  # noqa: ARG002
        """`send 312 mails`."""
        return words.effect(facts)

    def warning(self, body: _Body, facts: _Facts) -> str:  # noqa: ARG002
        """What cannot be undone."""
        return words.warning(facts)

    def accepted(self, body: _Body, facts: _Facts, at: datetime) -> str:  # noqa: ARG002
        """What may be claimed."""
        return words.accepted(facts)

    def tables(self, body: _Body, facts: _Facts) -> Sequence[Table]:
        """The ten largest documents."""
        return words.tables(body, facts)

    def mails_again(self, body: _Body, facts: _Facts) -> bool:  # noqa: ARG002
        """Whether one of them was mailed before, as far as Zuora keeps that."""
        return bool(facts.mailed_before)

    def amounts(self, body: _Body, facts: _Facts) -> Sequence[Money]:  # noqa: ARG002
        """The totals per currency."""
        return facts.totals

    def documents(self, body: _Body, facts: _Facts) -> int:  # noqa: ARG002
        """How many there are."""
        return len(facts.documents)

    def result(self, body: _Body, facts: _Facts, calls: Sequence[Call], at: datetime) -> str:
        """How many were accepted and refused: `497 of 500 mails accepted by Zuora, 3 refused`."""
        if len(calls) == 1 or all(call.verdict is Verdict.ACCEPTED for call in calls):
            return super().result(body, facts, calls, at)
        return words.result(calls)


class EmailInvoices(EmailDocuments):
    """Email invoices."""

    name = "email_invoice"
    kind = "invoice"


class EmailDebitMemos(EmailDocuments):
    """Email debit memos; needs Invoice Settlement."""

    name = "email_debit_memo"
    kind = "debit_memo"


class EmailCreditMemos(EmailDocuments):
    """Email credit memos; needs Invoice Settlement."""

    name = "email_credit_memo"
    kind = "credit_memo"


async def _by_mail_date(document: MailDocument, zuora: ZuoraClient) -> Settlement | None:
    (now,) = await zuora.documents_for_mail("invoice", (document.id,))
    if now is None or now.last_emailed_at is None:
        return None
    if document.mailed_at is not None and now.last_emailed_at <= document.mailed_at:
        return None
    seen = f"Zuora shows a mail of {document.number} that was not there before"
    return Settlement(accepted=True, words=seen)
