"""Email the documents of a bill run: `POST /v1/bill-runs/{billRunKey}/emails`.

Source: page *Email billing documents generated from a bill run*. It covers invoices and credit
memos, never debit memos; nobody can be named as recipient: the email template decides.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from bot.domain.call import Call
from bot.domain.key import bill_run_key
from bot.domain.money import Money
from bot.domain.words import Line, Moment, Part, count, line
from bot.operations.operation import Body, Form, Operation, Problems, Settlement, Table
from bot.operations.run_documents import RunFacts
from bot.zuora.answers import Answer
from bot.zuora.client import ZuoraClient
from bot.zuora.errors import ZuoraNotFound

SHOWN_LARGEST = 2
SHOWN_ACCOUNTS = 10
A_HANDFUL = 5
"""So few documents need no list in the thread."""


class EmailBillRunBody(Body):
    """Which bill run, and whether customers who were already mailed get their mail again."""

    bill_run: str
    resend: bool = False


class EmailBillRun(Operation[EmailBillRunBody, RunFacts]):
    """Email the documents of a bill run."""

    name = "email_bill_run"
    body_type = EmailBillRunBody
    facts_type = RunFacts
    field = "bill_run"
    guarded = True

    def amounts(self, body: EmailBillRunBody, facts: RunFacts) -> tuple[Money, ...]:  # noqa: ARG002
        """Totals per kind and currency."""
        return facts.documents.amounts

    def documents(self, body: EmailBillRunBody, facts: RunFacts) -> int:
        """How many are mailed."""
        return mails(body, facts)

    def is_repeat(self, body: EmailBillRunBody) -> bool:
        """`resend` means to mail again; without it a second order mails twice by accident."""
        return body.resend

    def read(self, form: Form) -> EmailBillRunBody | Problems:
        """A bill run's number or id, and a truth value."""
        typed = str(form.get("bill_run") or "")
        key = bill_run_key(typed)
        if key is None:
            wrong = "Type the bill run's" if not typed.strip() else "This is not a bill run's"
            return Problems(
                {"bill_run": f"{wrong} number, like BR-00000001, or its id of 32 digits."}
            )
        return EmailBillRunBody(bill_run=key, resend=bool(form.get("resend")))

    async def facts(self, body: EmailBillRunBody, zuora: ZuoraClient) -> RunFacts | Problems:
        """Read the run and every document of it."""
        try:
            run = await zuora.bill_run(body.bill_run)
        except ZuoraNotFound:
            return Problems({"bill_run": f"Zuora knows no bill run {body.bill_run}."})
        if run.status != "Posted":
            return Problems(
                {
                    "bill_run": f"{run.number} is {run.status}; only the documents of a Posted "
                    "bill run can be emailed. Post it in Zuora first."
                }
            )
        facts = RunFacts.of(run, await zuora.documents_of_run(run.number))
        return _nothing_to_send(body, facts) or facts

    def material(self, body: EmailBillRunBody, facts: RunFacts) -> dict[str, Any]:  # noqa: ARG002
        """Every document counts: a single changed amount changes the digest."""
        return facts.material()

    def differs(self, approved: RunFacts, now: RunFacts) -> list[str]:
        """Compare the run and its documents."""
        return approved.differs(now)

    def subject(self, body: EmailBillRunBody, facts: RunFacts) -> str:  # noqa: ARG002
        """The bill run's number."""
        return facts.number

    def subjects(self, body: EmailBillRunBody, facts: RunFacts) -> tuple[str, ...]:  # noqa: ARG002
        """One call for the whole run."""
        return (facts.number,)

    async def act(
        self,
        body: EmailBillRunBody,
        facts: RunFacts,  # noqa: ARG002
        call: Call,
        zuora: ZuoraClient,
    ) -> Answer:
        """Ask Zuora to mail them, by the number that was approved."""
        return await zuora.email_bill_run(
            call.subject,
            resend=body.resend,
            track_id=call.track_id,
            idempotency_key=call.key,
        )

    async def settle(
        self,
        body: EmailBillRunBody,  # noqa: ARG002
        facts: RunFacts,
        call: Call,
        zuora: ZuoraClient,
    ) -> Settlement | None:
        """A mail date that is newer than the one read before the call proves that mails went out.

        The opposite is never proved: mails wait for their PDF, at month end for hours (part h,
        pitfall 6 of the reference).
        """
        run = await zuora.bill_run(call.subject)
        documents = await zuora.documents_of_run(call.subject)
        before = facts.documents.last_mailed_at
        mailed = [run.last_emailed_at, *(document.last_emailed_at for document in documents)]
        newest = max((at for at in mailed if at is not None), default=None)
        if newest is None or (before is not None and newest <= before):
            return None
        return Settlement(
            accepted=True, words=f"Zuora shows mail for {call.subject} that was not there before"
        )

    def title(self, body: EmailBillRunBody, facts: RunFacts) -> str:
        """`email the documents of bill run BR-00000417`."""
        again = " again" if body.resend else ""
        return f"email the documents of bill run {facts.number}{again}"

    def lines(self, body: EmailBillRunBody, facts: RunFacts) -> tuple[Line, ...]:
        """What a controller decides on."""
        documents = facts.documents
        return (
            line("Bill run", f"{facts.number} · {facts.name or 'no name'} · {facts.status}"),
            *(line(kind.label, kind.figures) for kind in documents.kinds),
            line("Goes to customers", *_going_out(body, facts)),
            *_mailed_before(facts),
            *_without_address(facts),
            *_odd_ones(facts),
            line("Dates", _dates(facts)),
            line("Largest", _largest(facts)),
        )

    def tables(self, body: EmailBillRunBody, facts: RunFacts) -> Sequence[Table]:  # noqa: ARG002
        """The ten largest of each currency, and the accounts that do not fit on the card."""
        documents = facts.documents
        largest = tuple((each.number, str(each.amount)) for each in documents.largest)
        without = tuple((number,) for number in documents.unreachable)
        found = []
        if documents.posted > A_HANDFUL:
            each = (
                ", by currency"
                if len({one.amount.currency for one in documents.largest}) > 1
                else ""
            )
            title = f"The {len(largest)} largest of {facts.number}{each}"
            found.append(Table(title, ("Document", "Amount"), largest))
        if len(without) > SHOWN_ACCOUNTS:
            found.append(Table("Without a bill-to address", ("Account",), without))
        return found

    def effect(self, body: EmailBillRunBody, facts: RunFacts) -> str:
        """`mail 316 documents`."""
        return f"mail {count(mails(body, facts), 'document')}"

    def warning(self, body: EmailBillRunBody, facts: RunFacts) -> str:
        """Mails cannot be called back; with `resend` customers get them twice."""
        if body.resend and facts.documents.mailed_before:
            return (
                f"{count(facts.documents.mailed_before, 'customer document')} will be mailed "
                "a second time. Mails cannot be called back."
            )
        return "Mails to customers cannot be called back."

    def accepted(self, body: EmailBillRunBody, facts: RunFacts, at: datetime) -> str:  # noqa: ARG002
        """Accepted is all that the answer says; it is never called delivered."""
        return (
            f"Zuora accepted the order to {self.effect(body, facts)} of {facts.number}. "
            "It makes the PDFs and sends them by itself; when they arrive is not known here."
        )


def mails(body: EmailBillRunBody, facts: RunFacts) -> int:
    """How many documents Zuora would mail."""
    return facts.documents.posted if body.resend else facts.documents.never_mailed


def _nothing_to_send(body: EmailBillRunBody, facts: RunFacts) -> Problems | None:
    documents = facts.documents
    if not documents.posted:
        return Problems({"bill_run": f"{facts.number} has no posted invoice or credit memo."})
    if not mails(body, facts):
        already = f"All {count(documents.posted, 'document')} of {facts.number} were mailed before"
        return Problems(
            {"bill_run": f"{already}; nothing would be sent unless Mail them again is ticked."}
        )
    return None


def _going_out(body: EmailBillRunBody, facts: RunFacts) -> tuple[Part, ...]:
    documents = facts.documents
    if body.resend:
        again = f"{documents.mailed_before:,} were mailed before and get their mail again"
        return (f"all {documents.posted:,}, of which {again}",)
    if not documents.mailed_before:
        return (f"all {documents.posted:,}; none was mailed before",)
    never, before = documents.never_mailed, documents.mailed_before
    return (f"the {never:,} never mailed; the {before:,} mailed before stay out",)


def _mailed_before(facts: RunFacts) -> tuple[Line, ...]:
    documents = facts.documents
    if documents.last_mailed_at is None:
        return ()
    said = f"{documents.mailed_before:,} of {documents.posted:,}, last "
    return (line("Mailed before", said, Moment(documents.last_mailed_at)),)


def _without_address(facts: RunFacts) -> tuple[Line, ...]:
    """Who has no address of their own; the template may still name another one."""
    accounts = facts.documents.unreachable
    if not accounts:
        return ()
    shown = ", ".join(accounts[:SHOWN_ACCOUNTS])
    more = len(accounts) - SHOWN_ACCOUNTS
    rest = f" and {more:,} more, listed in the thread" if more > 0 else ""
    said = f"{count(len(accounts), 'account')} without a mail address: {shown}{rest}"
    return (line("Bill-to contacts", said),)


def _odd_ones(facts: RunFacts) -> tuple[Line, ...]:
    documents = facts.documents
    found = [
        f"{number:,} {what}"
        for number, what in (
            (documents.zero, "with a total of zero"),
            (documents.negative, "below zero"),
            (documents.not_posted, "not posted, which stay out"),
        )
        if number
    ]
    return (line("Among them", ", ".join(found)),) if found else ()


def _dates(facts: RunFacts) -> str:
    target = facts.target_date.strftime("%-d %b %Y") if facts.target_date else "not known"
    invoice = facts.invoice_date.strftime("%-d %b %Y") if facts.invoice_date else "not known"
    return f"target date {target} · invoice date {invoice}"


def _largest(facts: RunFacts) -> str:
    """The largest documents of each currency; amounts of two currencies are not compared."""
    seen: dict[str, int] = {}
    shown = []
    for one in facts.documents.largest:
        seen[one.amount.currency] = seen.get(one.amount.currency, 0) + 1
        if seen[one.amount.currency] <= SHOWN_LARGEST:
            shown.append(f"{one.number} {one.amount}")
    return ", ".join(shown)
