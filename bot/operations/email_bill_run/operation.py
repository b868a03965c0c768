"""Email the documents of a bill run: `POST /v1/bill-runs/{billRunKey}/emails`.

Source: page *Email billing documents generated from a bill run*. It mails invoices and credit
memos, never debit memos. The call cannot name recipients; the email template decides.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from typing_extensions import override

from bot.domain.call import Call
from bot.domain.check import Check
from bot.domain.known import is_newer
from bot.domain.listed import Listed
from bot.domain.mailing import NOT_SHOWN, ByItself, Mailing
from bot.domain.money import Money
from bot.domain.operation import Deed, OperationName
from bot.domain.summary import Summary
from bot.domain.words import Line, count
from bot.operations.email_bill_run import words
from bot.operations.email_bill_run.checking import (
    all_checked,
    nothing_to_send,
    pointless,
    to_send,
)
from bot.operations.email_bill_run.facts import EmailRunFacts, going_out
from bot.operations.email_bill_run.summary import summary
from bot.operations.kinds import KindTotals
from bot.operations.mail_checks import MailChecks, listed_lately, read_checks, read_run
from bot.operations.on_run import OnRun, RunBody
from bot.operations.operation import LastTime, Table
from bot.operations.posting_mails import posted, with_last_posted
from bot.operations.progress import Reread, Settlement
from bot.operations.typed import Problems, Values
from bot.zuora.answers import BillingDocument, BillRun
from bot.zuora.aside import aside
from bot.zuora.client import ZuoraClient
from bot.zuora.effects import Prepared


class EmailBillRunBody(RunBody):
    """Which bill run, and whether customers who were already mailed get their mail again."""

    resend: bool = False


class EmailBillRun(OnRun[EmailBillRunBody, EmailRunFacts]):
    """Email the documents of a bill run."""

    name = OperationName.EMAIL_BILL_RUN
    deed = Deed.MAILED
    last_time = LastTime.ANOTHER
    short = "email"
    counted_as = ""
    button = "Email…"
    asking = None
    form = "ask:email"
    only = "/billrun with its number shows what can be done with it now."
    body_type = EmailBillRunBody
    facts_type = EmailRunFacts

    def amounts(self) -> tuple[Money, ...] | None:
        """Return what is above and below zero, per kind and currency; None if an amount is not known."""
        return self.facts.documents.amounts

    def sends(self) -> bool:
        """Return True, because mailing is its purpose."""
        return True

    def kinds(self) -> tuple[KindTotals, ...]:
        """Return what is mailed of the run's documents; all of them if that was not counted."""
        mailed = self.facts.mailed
        return self.facts.documents.kinds if mailed is None else mailed

    @classmethod
    @override
    def why_not(cls, status: str, *, posted: int = 0, run_type: str = "") -> str:
        """Return why Zuora would refuse it; only a Posted run is mailed."""
        return "" if status == "Posted" else "only documents of a Posted bill run can be mailed"

    def documents(self) -> int | None:
        """Return how many documents the order is about; None if Zuora did not count them."""
        facts = self.facts
        return facts.ordered(resend=self.body.resend) if facts.documents.counted else None

    def mails_again(self) -> bool:
        """Return whether it has `resend`, or the run mails by itself, or a mail date is not known."""
        return self.body.resend or bool(
            self.facts.documents.mailed_unknown
            or self.facts.mails_itself
            or self.facts.posting_may_mail
            or self.facts.listed_lately
        )

    def mailed_by_zuora(self) -> tuple[ByItself, ...]:
        """Return the run if Zuora mails it without an order."""
        facts = self.facts
        return (ByItself(facts.number, facts.posted_at),) if facts.mails_itself else ()

    def mailed_by_others(self) -> frozenset[str]:
        """Return the run if mails of its documents were listed already, or if posting it may have mailed."""
        facts = self.facts
        return frozenset({facts.number} if facts.listed_lately or facts.posting_may_mail else ())

    def mailings(self) -> tuple[Mailing, ...]:
        """Return the posted documents; without `resend` only those that show no mail, or a date that cannot be read."""
        facts = self.facts
        reached = (
            each
            for each in facts.reached
            if each.status == "Posted" and (self.body.resend or each.shown in ("", NOT_SHOWN))
        )
        return facts.mailings("run", reached)

    def is_repeat(self) -> bool:
        """Return `resend`, which means to mail again; without it, a second order would mail twice by accident."""
        return self.body.resend

    @classmethod
    @override
    def read_more(cls, values: Values) -> Mapping[str, Any]:
        """Return a truth value."""
        return {"resend": bool(values.get("resend"))}

    @classmethod
    async def look_up(cls, body: EmailBillRunBody, zuora: ZuoraClient) -> EmailRunFacts | Problems:
        """Read the run, every document of it, and whether Zuora would mail them."""
        found = await read_run(cls, body.bill_run, zuora)
        if isinstance(found, Problems):
            return found
        run, documents, profiles = found
        run = await aside(with_last_posted, documents, run)
        facts = await aside(
            EmailRunFacts.of,
            documents,
            run,
            zero_left_out=run.no_email_for_zero_amount,
            mails_itself=run.mails_itself,
            posted_at=run.posted_at,
        )
        if nothing := nothing_to_send(facts, resend=body.resend):
            return nothing
        ordered = await aside(to_send, documents, run, resend=body.resend)
        checks = await read_checks(zuora, ordered, profiles)
        mailed = await aside(
            going_out,
            ordered,
            checks,
            profiles,
            zero_left_out=facts.zero_left_out,
            before={each.number for each in facts.reached if each.shown not in ("", NOT_SHOWN)},
        )
        return pointless(facts.number, checks) or facts.model_copy(
            update={
                "checks": checks,
                "listed_lately": await listed_lately(ordered, zuora),
                **mailed,
                **_by_posting(run, checks, zuora.now()),
            }
        )

    def saw_mail_history(self) -> bool:
        """Return whether the mail history was read for a few of the run's documents."""
        return self.facts.listed_lately is not None

    def material(self) -> dict[str, Any]:
        """Bind every document, so that a single changed amount changes the digest."""
        return {**self.facts.material(), **self.facts.checks.material()}

    def differs(self, now: EmailRunFacts) -> list[str]:
        """Compare the run, its documents, and whether they are mailed."""
        listed = self.facts.listed_since(now, resend=self.body.resend)
        return self.facts.differs(now) + listed + self.facts.checks.differs(now.checks)

    def checked(self) -> tuple[Check, ...]:
        """Return the run, its documents, and what may keep their mails from going out."""
        return all_checked(self.facts, resend=self.body.resend)

    def subject(self) -> str:
        """Return the bill run's number."""
        return self.facts.number

    def act(self, call: Call, zuora: ZuoraClient) -> Prepared:
        """Ask Zuora to mail them, by the number that was approved."""
        return zuora.email_bill_run(
            call.subject,
            resend=self.body.resend,
            track_id=call.track_id,
            idempotency_key=call.key,
        )

    async def settle(self, call: Call, zuora: ZuoraClient) -> Settlement | None:
        """Prove it by a mail of the run, or of every document that can be mailed, since the call.

        A single mail proves nothing, because somebody may have sent it in Zuora. That nothing was mailed is never
        proved, because mails wait for their PDF, at month end for hours; see
        https://docs.zuora.com/en/zuora-billing/bill-your-customer/invoice-management/invoice-delivery-preference/email-delivery
        """
        run, documents = await zuora.run_with_documents(call.subject)
        return _proof(call.subject) if _was_mailed(self.facts, run, documents, call) else None

    async def read_again(self, calls: Sequence[Call], zuora: ZuoraClient) -> Mapping[str, Reread]:
        """Read the run and every document of it again."""
        found = {}
        for call in calls:
            run, documents = await zuora.run_with_documents(call.subject)
            now = await aside(EmailRunFacts.of, documents, run)
            done = _proof(call.subject) if _was_mailed(self.facts, run, documents, call) else None
            wrong = "" if done else "; ".join(self.facts.wrong_since(now, resend=self.body.resend))
            found[call.subject] = Reread(done=done, wrong=wrong)
        return found

    def title(self) -> str:
        """Return `email the documents of bill run BR-00000417`."""
        again = " again" if self.body.resend else ""
        return f"email the documents of bill run {self.facts.number}{again}"

    def summary(self) -> Summary:
        """Return what an approver must know at a glance."""
        return summary(self.facts, resend=self.body.resend)

    def lines(self) -> tuple[Line, ...]:
        """Return what a controller decides on."""
        return words.lines(self.facts, resend=self.body.resend)

    def listed(self) -> tuple[Listed, ...]:
        """Return the run's documents."""
        return self.facts.listed

    def tables(self) -> Sequence[Table]:
        """Return the accounts that do not fit on the card."""
        return words.tables(self.facts)

    def effect(self) -> str:
        """Return `send 316 mails`, one for each document."""
        return f"send {self.facts.mails_in_words(resend=self.body.resend)}"

    def warning(self) -> str:
        """Return that mails cannot be called back, and whether customers get them twice."""
        if self.body.resend and (again := self.facts.mailed_again):
            return (
                f"{count(again, 'document')} will be mailed a second time. "
                "Mails cannot be called back."
            )
        if unknown := len(self.facts.documents.mailed_unknown):
            return (
                f"{count(unknown, 'document')} may be mailed a second time. "
                "Mails cannot be called back."
            )
        return "Mails to customers cannot be called back."

    def accepted(self) -> str:
        """Return what was accepted, never that it was delivered."""
        return (
            f"Zuora accepted the order to {self.effect()} for {self.facts.number}. "
            "Zuora now creates and sends the mails. The bot cannot see delivery."
        )


def _by_posting(run: BillRun, checks: MailChecks, now: datetime) -> dict[str, bool | None]:
    """Return `mails_itself` and `posting_may_mail` of `EmailRunFacts`."""
    found = posted((run,), (), checks.posting, now)
    return {
        "mails_itself": True if found.itself else run.mails_itself,
        "posting_may_mail": bool(found.perhaps),
    }


def _was_mailed(
    before: EmailRunFacts, run: BillRun, documents: Sequence[BillingDocument], call: Call
) -> bool:
    """Return whether mails of the whole run have appeared since the call that were not there before.

    Only invoices have a mail date, and those without an address or amount may never get one.
    """
    if is_newer(before.mailed_at, run.last_emailed_at, call.first_sent_at):
        return True
    since = before.documents.last_mailed_at
    dates = [
        each.last_emailed_at
        for each in documents
        if each.kind == "invoice"
        and each.status == "Posted"
        and each.bill_to_mail is not False
        and each.amount != 0
    ]
    known = [at for at in dates if isinstance(at, datetime)]
    newest = max(known, default=None)
    return len(known) == len(dates) and is_newer(since, newest, call.first_sent_at)


def _proof(number: str) -> Settlement:
    return Settlement(
        accepted=True, words=f"Zuora shows mail for {number} that was not there before"
    )
