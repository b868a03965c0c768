"""The documents of a run one by one, in words, for *Details*."""

from collections.abc import Iterable
from decimal import Decimal
from heapq import nsmallest

from bot.domain.known import MailedAt, NotKnown
from bot.domain.listed import Listed
from bot.domain.mailing import NOT_SHOWN
from bot.domain.money import spoken
from bot.operations.kinds import credited
from bot.store.listed import MOST_LISTED
from bot.zuora.answers import BillingDocument, BillRun


def listed_of(documents: Iterable[BillingDocument], run: BillRun) -> tuple[Listed, ...]:
    """Return the documents in words, as many as are kept, by currency, largest first, unknown amounts last."""

    def size(document: BillingDocument) -> tuple[str, Decimal, str]:
        money = document.money
        if isinstance(money, NotKnown):
            return ("~", Decimal(0), document.number)
        return (money.currency, -abs(money.amount), document.number)

    return tuple(
        Listed(
            number=each.number,
            customer=each.customer_name,
            amount=spoken(
                money if isinstance(money := each.money, NotKnown) else credited(each.kind, money)
            ),
            mail=mail_words(
                each.status,
                has_address=each.bill_to_mail,
                more=each.more_mail,
                domain=each.mail_domain,
            ),
            mailed=mailed_words(mailed_at(each, run)),
        )
        for each in nsmallest(MOST_LISTED, documents, key=size)
    )


def mail_words(status: str, *, has_address: bool | None, more: bool | None, domain: str) -> str:
    """Return in a word or two what keeps a document from being mailed, else the domain of its address.

    The whole address is never kept; if names are not shown, the domain is not read either.
    """
    if status != "Posted":
        return status or "status not known"
    if has_address is False:
        return "no address" if more is False else "no bill-to address"
    if has_address is None:
        return "address not known"
    return f"bill-to at {domain}" if domain else ""


def mailed_words(at: MailedAt) -> str:
    """Return a mail date as text, as `Listed` has it; empty if it was never mailed."""
    if isinstance(at, NotKnown):
        return "not known when"
    return at.isoformat() if at else ""


def shown_at(at: MailedAt) -> str:
    """Return a mail date as text, as in `Reached`."""
    if isinstance(at, NotKnown):
        return NOT_SHOWN
    return at.isoformat() if at else ""


def mailed_at(document: BillingDocument, run: BillRun) -> MailedAt:
    """Return when a document was mailed last; for a credit memo, when its run was (see `DocumentsFacts.of`)."""
    return document.last_emailed_at if document.emailed_known else run.last_emailed_at
