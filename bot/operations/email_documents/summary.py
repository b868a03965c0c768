"""Mailing single documents at a glance. No I/O."""

from bot.domain.kind import KIND_WORDS
from bot.domain.known import NotKnown
from bot.domain.money import Amount, spoken
from bot.domain.summary import (
    AMOUNTS_NOT_KNOWN,
    MAILS_AGAIN,
    MAY_MAIL_AGAIN,
    Summary,
    alarming,
    warning,
)
from bot.domain.words import IN_DETAILS, Line, Moment, Part, count, line, named, part_was, some
from bot.operations import notices
from bot.operations.email_documents import words
from bot.operations.email_documents.document import MailDocument
from bot.operations.email_documents.facts import EmailDocumentsFacts
from bot.operations.email_documents.reading import EmailDocumentsBody
from bot.operations.kinds import money_of

SHOWN_LARGEST = 3
SHOWN_ADDRESSES = 4


def summary(body: EmailDocumentsBody, facts: EmailDocumentsFacts) -> Summary:
    """Return which documents, to whom, and the totals."""
    typed, totals = bool(body.email_addresses), facts.totals
    again = body.again or bool(totals.mailed_before or totals.mailed_lately)
    one, itself = facts.one, facts.by_itself or facts.perhaps_by_itself
    return Summary(
        headline=_headline(facts),
        risks=(
            *((MAILS_AGAIN,) if again or totals.mailed_unknown else ()),
            *((MAY_MAIL_AGAIN,) if itself and not again else ()),
            *(("typed addresses",) if typed else ()),
            *((AMOUNTS_NOT_KNOWN,) if totals.amount_unknown else ()),
        ),
        money=_money(one.shown) if one else money_of(totals.counted),
        lines=(
            line("To", _recipients(body, facts)),
            *_mailed(facts),
            *warning(
                *alarming(words.doubts_of(facts)),
                words.mailed_lately(facts),
                words.by_itself(facts),
                words.perhaps_by_itself(facts),
                _left_out(facts),
                _not_said(facts),
                *_contents(body, facts),
                _without(body, facts),
                _same_addresses(body, facts),
            ),
            *(() if one or not totals.largest else (line("Largest", _largest(facts)),)),
        ),
    )


def _money(amount: Amount) -> str:
    """Return `USD 100.00`, or `not known (missing)`, for the line that begins with *Amount*."""
    return f"not known ({amount.why})" if isinstance(amount, NotKnown) else str(amount)


def _not_said(facts: EmailDocumentsFacts) -> str:
    unchecked = list(dict.fromkeys(each.number for each in facts.totals.unchecked))
    said = f"Zuora does not say whether {some(unchecked)} can be sent as they are"
    return said if unchecked else ""


def _contents(body: EmailDocumentsBody, facts: EmailDocumentsFacts) -> tuple[str, ...]:
    """Return cautions on what the mails carry; if a PDF file was named, they are about that file."""
    if not body.pdf_file_id:
        return facts.checks.cautions()
    return (*notices.cautions(facts.checks.notices), *words.pdf_file_cautions(body, facts))


def _headline(facts: EmailDocumentsFacts) -> str:
    if document := facts.one:
        kind = KIND_WORDS[document.kind][0]
        return f"Email {kind} {document.number} of {_customer(document)}"
    accounts = count(facts.totals.customers, "customer")
    return f"Email {words.subject(facts)} of {accounts}"


def _recipients(body: EmailDocumentsBody, facts: EmailDocumentsFacts) -> str:
    more = ", and each account's additional addresses" if body.additional else ""
    match body.recipients:
        case "template":
            return f"the recipients set in Zuora's email template; the bot cannot see them{more}"
        case "bill_to":
            many = "contact of each document" if not facts.one else "contact"
            return f"the bill-to {many}{more}"
        case "addresses":
            shown = some(body.email_addresses, SHOWN_ADDRESSES, where=IN_DETAILS)
            return f"{shown}{more}"


def _mailed(facts: EmailDocumentsFacts) -> tuple[Line, ...]:
    totals = facts.totals
    if totals.mailed_last is None:
        return ()
    last: tuple[Part, ...] = (Moment(totals.mailed_last), "; this sends it again")
    if facts.one:
        return (line("⚠", "Already mailed ", *last),)
    was = part_was(totals.mailed_before, totals.number)
    number = f"{was[:1].upper()}{was[1:]} already mailed, last "
    them = "it" if totals.mailed_before == 1 else "them"
    return (line("⚠", number, Moment(totals.mailed_last), f"; this sends {them} again"),)


def _without(body: EmailDocumentsBody, facts: EmailDocumentsFacts) -> str:
    left_out = {each.number for each in facts.nobody}
    without = [each for each in facts.totals.unreachable if each.number not in left_out]
    if body.recipients == "addresses" or not without:
        return ""
    customers = sorted({_customer(document) for document in without})
    number = count(len(without), "document has", "documents have")
    return f"{number} no bill-to address ({some(customers, SHOWN_LARGEST)})"


def _left_out(facts: EmailDocumentsFacts) -> str:
    if not facts.nobody:
        return ""
    customers = sorted({_customer(document) for document in facts.nobody})
    number = count(len(facts.nobody), "document")
    return f"{number} will not be mailed: no address ({some(customers, SHOWN_LARGEST)})"


def _same_addresses(body: EmailDocumentsBody, facts: EmailDocumentsFacts) -> str:
    if not body.email_addresses or facts.totals.customers <= 1:
        return ""
    return f"documents of {facts.totals.customers} customers go to the same addresses"


def _largest(facts: EmailDocumentsFacts) -> str:
    return " · ".join(
        f"{_customer(document)} {spoken(document.shown)}" for document in facts.totals.largest
    )


def _customer(document: MailDocument) -> str:
    name = document.account_name or document.account_number
    return named(name) if name else "an account not named by Zuora"
