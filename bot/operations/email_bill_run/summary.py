"""Mailing a bill run at a glance. No I/O."""

from collections.abc import Iterator

from bot.domain.summary import (
    AMOUNTS_NOT_KNOWN,
    MAILS_AGAIN,
    MAY_MAIL_AGAIN,
    Summary,
    alarming,
    warning,
)
from bot.domain.words import count, line, some, some_named
from bot.operations import doubts
from bot.operations.email_bill_run.facts import EmailRunFacts
from bot.operations.kinds import first_of_each, money_of
from bot.operations.posting_mails import POSTING_MAY_MAIL

SHOWN_LARGEST = 2
SHOWN_ACCOUNTS = 3
TO = "the recipients set in Zuora's email template; the bot cannot see them"


def summary(facts: EmailRunFacts, *, resend: bool) -> Summary:
    """Return what is mailed, the totals, and who is left out."""
    documents = facts.documents
    mailed = facts.mailed or documents.kinds
    again = facts.mailed_again if resend else 0
    by_itself = facts.mails_itself is not False or facts.posting_may_mail
    may_again = documents.mailed_unknown or by_itself or facts.listed_lately
    largest = first_of_each(facts.largest, SHOWN_LARGEST)
    mails = count(facts.mails(resend=resend), "document")
    to = f" to {count(facts.customers, 'customer')}" if facts.customers else ""
    return Summary(
        headline=f"Email {mails} of bill run {facts.number}{to}",
        risks=(
            *((MAILS_AGAIN,) if resend else ()),
            *((MAY_MAIL_AGAIN,) if may_again and not resend else ()),
            *((AMOUNTS_NOT_KNOWN,) if any(each.not_known for each in mailed) else ()),
        ),
        money=money_of(mailed),
        lines=(
            line("To", TO),
            *warning(
                *alarming(doubts.run_lines(documents)),
                _mailed_again(again) if again else "",
                *_left_out(facts, resend=resend),
                *_not_said(facts),
                *facts.checks.cautions(),
                "this run mails by itself; customers may get it twice"
                if facts.mails_itself and not resend
                else "",
            ),
            *([line("Largest", " · ".join(map(str, largest)))] if largest else []),
        ),
    )


def _mailed_again(number: int) -> str:
    it = "it" if number == 1 else "them"
    return (
        f"{count(number, 'document was', 'documents were')} already mailed; this sends {it} again"
    )


def _not_said(facts: EmailRunFacts) -> Iterator[str]:
    """Yield what Zuora does not say, or says elsewhere, and is too important to be only in *Details*."""
    documents = facts.documents
    if facts.listed_numbers:
        numbers = some(facts.listed_numbers)
        yield f"Zuora's mail history lists a mail of {numbers} in the last day; customers may get it twice"
    if documents.unchecked:
        numbers = some(sorted({each.number for each in documents.unchecked}))
        yield f"Zuora does not say whether {numbers} can be sent as they are"
    if documents.address_unknown:
        yield f"Zuora does not say whether {some_named(documents.address_unknown, 5)} has a mail address"
    if facts.mails_itself is None:
        yield "Zuora does not say whether this run mails by itself"
    elif facts.posting_may_mail and not facts.mails_itself:
        silent = facts.posted_at is None
        yield POSTING_MAY_MAIL.format(
            "Zuora does not say when it was posted" if silent else "it was posted lately"
        )


def _left_out(facts: EmailRunFacts, *, resend: bool) -> Iterator[str]:
    documents = facts.documents
    if facts.nobody:
        number = count(facts.unaddressed, "document")
        who = some_named(facts.nobody, SHOWN_ACCOUNTS)
        yield f"{number} will not be mailed: no address ({who})"
    if others := [each for each in documents.unreachable if each not in facts.nobody]:
        number = count(len(others), "account has", "accounts have")
        yield f"{number} no bill-to address ({some_named(others, SHOWN_ACCOUNTS)})"
    stay_out = documents.mailed_before - len(documents.mailed_unknown)
    if stay_out and not resend:
        yield f"{count(stay_out, 'document was', 'documents were')} mailed before and will not be again"
    if documents.not_posted:
        yield f"{count(documents.not_posted, 'document is', 'documents are')} not posted, so not mailed"
