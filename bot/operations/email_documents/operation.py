"""Email billing documents, one call each: `POST /v1/{invoices|debitmemos|credit-memos}/{key}/emails`.

Sources: pages *Email an invoice* and *Email a debit memo*; a credit memo is mailed like a debit
memo (Zuora's OpenAPI document, *Email a credit memo*).
"""

from collections.abc import Iterator, Mapping, Sequence
from functools import cached_property, partial
from typing import Any, ClassVar

from bot.domain.call import Call, Verdict
from bot.domain.check import Check
from bot.domain.kind import DocumentKind
from bot.domain.known import is_newer
from bot.domain.listed import Listed
from bot.domain.mailing import ByItself, Mailing
from bot.domain.operation import Deed, OperationName
from bot.domain.summary import Summary
from bot.domain.words import Line
from bot.operations.email_documents import words
from bot.operations.email_documents.checking import all_checked
from bot.operations.email_documents.document import MailDocument
from bot.operations.email_documents.facts import A_FEW, EmailDocumentsFacts, more, more_listed
from bot.operations.email_documents.finding import ordered_marks, read_facts
from bot.operations.email_documents.reading import EmailDocumentsBody, read
from bot.operations.email_documents.rereading import listed_mailed, reread, shown_mailed
from bot.operations.email_documents.summary import summary
from bot.operations.kinds import KindTotals, SingleDocument, amounts_of
from bot.operations.listing import shown_at
from bot.operations.operation import Judged, Order, Table
from bot.operations.progress import Reread, Settlement
from bot.operations.typed import Problems, Values
from bot.zuora.client import ZuoraClient
from bot.zuora.effects import EmailBody, Prepared
from bot.zuora.paging import all_or_none

_Body = EmailDocumentsBody
_Facts = EmailDocumentsFacts
_BY_READING = frozenset({"documents", "kinds", "repeated", "again"})
"""Each call names a document that was read; how often it was typed, and whether it is mailed again, only the bot asks."""


class EmailDocuments(Order[EmailDocumentsBody, EmailDocumentsFacts]):
    """What the operations for the three kinds and for a list of several share; only memos take a PDF file id.

    Attributes:
        kind: The kind of documents that it mails; None: several kinds, each by its own call.
    """

    kind: ClassVar[DocumentKind | None]
    body_type = EmailDocumentsBody
    facts_type = EmailDocumentsFacts
    field = "documents"
    deed = Deed.MAILED
    last_time = None
    short = "email"
    counted_as = ""
    form = "ask:email"
    asking = None
    each_mailed = True
    unsent = _BY_READING

    @classmethod
    def read(cls, values: Values) -> _Body | Problems:
        """Return documents, recipients, a PDF file id."""
        return read(cls.kind, values)

    @classmethod
    async def look_up(cls, body: _Body, zuora: ZuoraClient) -> _Facts | Problems:
        """Read every document, side by side."""
        return await read_facts(cls.kind, body, zuora)

    def saw_mail_history(self) -> bool:
        """Return whether the mail history was read for a short list; for memos, which have nothing else, it must be."""
        documents = self.facts.documents
        return len(documents) <= A_FEW and any(each.listed is not None for each in documents)

    def material(self) -> dict[str, Any]:
        """Bind every document, and everything that decides who gets it."""
        return {
            "documents": self.facts.material(),
            "recipients": self.body.recipients,
            "email_addresses": sorted(self.body.email_addresses),
            "additional": self.body.additional,
            "pdf_file_id": self.body.pdf_file_id,
            **self.facts.left_out(),
            **self.facts.checks.material(),
        }

    def differs(self, now: _Facts) -> list[str]:
        """Compare document by document."""
        return self.facts.differs(now, again=self.body.again)

    def checked(self) -> tuple[Check, ...]:
        """Return each document, and what may keep its mail from going out."""
        return all_checked(self.body, self.facts)

    def subject(self) -> str:
        """Return `INV00000012` or `312 invoices`."""
        return words.subject(self.facts)

    def subjects(self) -> tuple[str, ...]:
        """Return one subject for each document, by its number."""
        return tuple(document.number for document in self.facts.documents)

    @cached_property
    def _recipients(self) -> EmailBody:
        """Return who gets each of the mails, and the file that goes with it."""
        return EmailBody(
            email_addresses=self.body.email_addresses,
            include_additional_email_addresses=self.body.additional,
            use_email_template_setting=self.body.recipients == "template",
            pdf_file_id=self.body.pdf_file_id,
        )

    def act(self, call: Call, zuora: ZuoraClient) -> Prepared:
        """Ask Zuora to mail one document."""
        return zuora.email_document(
            self.kind_of(call.subject),
            call.subject,
            self._recipients,
            track_id=call.track_id,
            idempotency_key=call.key,
        )

    async def settle(self, call: Call, zuora: ZuoraClient) -> Settlement | None:
        """Prove it by a mail that was not there before the call; that there is none proves nothing (yet).

        Zuora keeps a mail date only for invoices; a memo's mail shows only in its mail history.
        """
        document = self.facts.named(call.subject)
        if document is None or call.first_sent_at is None:
            return None
        if document.kind == "invoice":
            return await _by_mail_date(document, call, zuora)
        return await _by_history(document, call, zuora)

    async def read_again(self, calls: Sequence[Call], zuora: ZuoraClient) -> Mapping[str, Reread]:
        """Read every document again and return for each whether it was mailed meanwhile, changed, or is unchanged."""
        numbers = [call.subject for call in calls]
        facts = await self._look_up_only(numbers, zuora)
        if isinstance(facts, Problems) and len(numbers) > 1:  # which of them it is about
            alone = [partial(self._look_up_only, [number], zuora) for number in numbers]
            each = dict(zip(numbers, await all_or_none(alone), strict=True))
        else:
            each = dict.fromkeys(numbers, facts)
        found = {call.subject: reread(self.facts, each[call.subject], call) for call in calls}
        return {**found, **await self._listed_since(calls, each, found, zuora)}

    async def _listed_since(
        self,
        calls: Sequence[Call],
        each: Mapping[str, _Facts | Problems],
        found: Mapping[str, Reread],
        zuora: ZuoraClient,
    ) -> Mapping[str, Reread]:
        """Return those that are proved by the mail history alone; it is read once more only where it lists more."""
        asked = []
        for call in calls:
            was, now = self.facts.named(call.subject), each[call.subject]
            is_now = None if isinstance(now, Problems) else now.named(call.subject)
            if was and is_now and not found[call.subject].done and more_listed(was, is_now):
                asked.append((was, call))
        reads = [partial(_by_history, was, call, zuora) for was, call in asked]
        proofs = await all_or_none(reads) if reads else []
        listed = zip(asked, proofs, strict=True)
        return {call.subject: Reread(done=done) for (_, call), done in listed if done}

    async def _look_up_only(self, numbers: Sequence[str], zuora: ZuoraClient) -> _Facts | Problems:
        kinds = () if self.kind else tuple(self.kind_of(number) for number in numbers)
        body = self.body.model_copy(update={"documents": tuple(numbers), "kinds": kinds})
        return await self.look_up(body, zuora)

    def title(self) -> str:
        """Return `email 312 invoices`, or `email 312 invoices again`."""
        return words.title(self.facts) + (" again" if self.body.again else "")

    def summary(self) -> Summary:
        """Return what an approver must know at a glance."""
        return summary(self.body, self.facts)

    def lines(self) -> tuple[Line, ...]:
        """Return what a controller decides on."""
        return words.lines(self.body, self.facts)

    def effect(self) -> str:
        """Return `send 312 mails`."""
        return words.effect(self.facts)

    def warning(self) -> str:
        """Return what cannot be undone."""
        return words.warning(self.body, self.facts)

    def accepted(self) -> str:
        """Return what may be claimed."""
        return words.accepted(self.facts)

    def typed_addresses(self) -> tuple[str, ...]:
        """Return the addresses that get it instead of the customer's own, or as well."""
        return self.body.email_addresses

    def tables(self) -> Sequence[Table]:
        """Return what does not fit on the card: addresses, and accounts without one."""
        return words.tables(self.body, self.facts)

    def mails_again(self) -> bool:
        """Return whether mailing again was asked for, or a document was or may have been mailed before."""
        totals = self.facts.totals
        known = totals.mailed_before or totals.mailed_unknown or totals.mailed_lately
        itself = self.facts.by_itself or self.facts.perhaps_by_itself
        return self.body.again or bool(known or itself)

    def mailed_by_zuora(self) -> tuple[ByItself, ...]:
        """Return what Zuora mails without an order, of documents that show no mail."""
        return self.facts.by_itself

    def mailed_by_others(self) -> frozenset[str]:
        """Return invoices of which a mail was listed already, and what posting may have mailed: documents, or their runs.

        A memo is judged by the list itself, in which a later mail has another mark.
        """
        listed = (n for n in self.facts.totals.mailed_lately if self.kind_of(n) == "invoice")
        return frozenset((*listed, *self.facts.perhaps_by_itself))

    def is_repeat(self) -> bool:
        """Return `again`; without it, a second order within minutes would mail twice by accident."""
        return self.body.again

    def sends(self) -> bool:
        """Return True: mailing is its purpose."""
        return True

    def kinds(self) -> tuple[KindTotals, ...]:
        """Return all of the one kind, or those of each kind."""
        return self.facts.totals.counted

    def each(self) -> Iterator[SingleDocument]:
        """Yield every document."""
        for each in self.facts.documents:
            yield SingleDocument(each.number, each.kind, each.money)

    def kind_of(self, number: str) -> DocumentKind:
        """Return the kind of one of the documents; the database ensures that a call is about one of them."""
        totals = self.facts.totals
        return totals.kind_of.get(number, totals.counted[0].kind)

    def typed(self) -> tuple[str, ...]:
        """Return the documents' numbers, or ids where those were typed."""
        return self.body.documents

    def mailings(self) -> tuple[Mailing, ...]:
        """Return each document; each gets a separate call."""
        return tuple(
            Mailing(
                call=each.number,
                way="document",
                number=each.number,
                id=each.id,
                account=each.account_number,
                run=each.run,
                shown=shown_at(each.mailed_at),
            )
            for each in self.facts.documents
        )

    def listed(self) -> tuple[Listed, ...]:
        """Return the documents, and those that reach nobody."""
        return words.listed(self.body, self.facts)

    def result(self, calls: Sequence[Call]) -> str:
        """Return how many were accepted and refused: `497 of 500 mails accepted by Zuora, 3 refused`."""
        if len(calls) == 1 or all(call.verdict is Verdict.ACCEPTED for call in calls):
            return super().result(calls)
        return words.result(calls)


class EmailInvoices(EmailDocuments):
    """Email invoices."""

    name = OperationName.EMAIL_INVOICE
    kind = "invoice"
    unsent = _BY_READING | {"pdf_file_id"}  # which only a mail of one memo takes


class EmailDebitMemos(EmailDocuments):
    """Email debit memos; needs Invoice Settlement."""

    name = OperationName.EMAIL_DEBIT_MEMO
    kind = "debit_memo"


class EmailCreditMemos(EmailDocuments):
    """Email credit memos; needs Invoice Settlement."""

    name = OperationName.EMAIL_CREDIT_MEMO
    kind = "credit_memo"


class EmailMixedList(EmailDocuments):
    """Email documents of several kinds with one approval."""

    name = OperationName.EMAIL_MIXED_LIST
    kind = None
    unsent = _BY_READING | {"pdf_file_id"}  # which only a mail of one memo takes

    def judged_as(self) -> tuple[Judged, ...]:
        """Return each kind in the list as its own operation, with its amounts."""
        return tuple(Judged(OF_KIND[kind.kind].name, amounts_of((kind,))) for kind in self.kinds())


OF_KIND: Mapping[DocumentKind, type[EmailDocuments]] = {
    "invoice": EmailInvoices,
    "debit_memo": EmailDebitMemos,
    "credit_memo": EmailCreditMemos,
}


async def _by_mail_date(
    document: MailDocument, call: Call, zuora: ZuoraClient
) -> Settlement | None:
    (now,) = await zuora.documents_for_mail("invoice", (document.id,))
    if now is None or not is_newer(document.mailed_at, now.last_emailed_at, call.first_sent_at):
        return None
    return shown_mailed(document.number)


async def _by_history(document: MailDocument, call: Call, zuora: ZuoraClient) -> Settlement | None:
    """Prove it by a mail that an order made since the call; a reminder, or one of before, proves nothing."""
    if document.listed is None or call.first_sent_at is None:
        return None
    now = await ordered_marks(document, call.first_sent_at, zuora)
    return listed_mailed(document.number) if more(document.listed, now) else None
