"""The words and figures for the card and the thread. No I/O."""

from collections import Counter
from collections.abc import Iterator, Sequence
from itertools import islice

from bot.domain.call import Call, Tally
from bot.domain.kind import KIND_WORDS
from bot.domain.known import NotKnown
from bot.domain.listed import Listed
from bot.domain.money import Money, spoken
from bot.domain.words import Line, Moment, Part, at_most, count, first_of, line, named, some
from bot.operations import doubts
from bot.operations.email_documents.document import MailDocument
from bot.operations.email_documents.facts import EmailDocumentsFacts
from bot.operations.email_documents.reading import EmailDocumentsBody
from bot.operations.email_documents.totals import by_size
from bot.operations.kinds import counted_in_kinds, credited, in_kinds, money_of
from bot.operations.listing import mail_words, mailed_words
from bot.operations.mail_contents import BOXES
from bot.operations.operation import Table
from bot.operations.posting_mails import POSTING_MAY_MAIL
from bot.store.listed import MOST_LISTED
from bot.zuora import answers

SHOWN_LARGEST = 3
SHOWN_NAMES = 10
_NO_MAIL_DATE = "Zuora keeps no mail date of memos"


def subject(facts: EmailDocumentsFacts) -> str:
    """Return `INV00000012` or `312 invoices`."""
    return facts.one.number if facts.one else counted_in_kinds(facts.totals.counted)


def title(facts: EmailDocumentsFacts) -> str:
    """Return `email invoice INV00000012` or `email 312 invoices`."""
    one = f"{KIND_WORDS[facts.one.kind][0]} " if facts.one else ""
    return f"email {one}{subject(facts)}"


def lines(body: EmailDocumentsBody, facts: EmailDocumentsFacts) -> tuple[Line, ...]:
    """Return what a controller decides on."""
    found = [_what(facts)]
    if body.repeated:
        found.append(line("Typed again", f"{body.repeated:,}, counted once"))
    found.append(line("Recipients", goes_to(body)))
    if body.email_addresses:
        found.append(line("Addresses", _addresses(body.email_addresses)))
    if body.email_addresses and facts.totals.customers > 1:
        said = f"documents of {facts.totals.customers} accounts go to the same addresses"
        found.append(line("Note", said))
    if body.recipients == "bill_to" or (body.recipients == "template" and facts.totals.unreachable):
        found.append(line("Bill-to contacts", _reached(facts)))
    found += _left_out(facts)
    found += _again(body, facts)
    found.append(line("Mailed before", *_mailed(facts)))
    if not facts.one:
        found.append(line("Largest", _largest(facts)))
    if body.pdf_file_id:
        found.append(line("PDF", _pdf_file(body, facts)))
    return (*found, *doubts_of(facts), *facts.checks.lines())


def _again(body: EmailDocumentsBody, facts: EmailDocumentsFacts) -> Iterator[Line]:
    if body.again:
        yield line("Mails again", "asked for; also what was mailed a moment ago")
    if facts.totals.mailed_lately:
        yield line("Mailed lately", mailed_lately(facts))
    if facts.by_itself:
        yield line("By itself", by_itself(facts))
    if facts.perhaps_by_itself:
        yield line("By itself", perhaps_by_itself(facts))


def mailed_lately(facts: EmailDocumentsFacts) -> str:
    """Return that documents that show no mail date were mailed lately; empty if none was."""
    if not facts.totals.mailed_lately:
        return ""
    numbers = some(facts.totals.mailed_lately, SHOWN_LARGEST)
    return f"Zuora's mail history lists a mail of {numbers} in the last day; this mails again"


def by_itself(facts: EmailDocumentsFacts) -> str:
    """Return that Zuora may have mailed some of them without an order; empty if no run mails by itself."""
    runs = [each.what for each in facts.by_itself]
    if not runs:
        return ""
    mails = "mails by itself" if len(runs) == 1 else "mail by themselves"
    return f"{some(runs, SHOWN_LARGEST)} {mails}; customers may get it twice"


def perhaps_by_itself(facts: EmailDocumentsFacts) -> str:
    """Return that posting some of them may have mailed them; empty if that is known."""
    numbers = facts.perhaps_by_itself
    was = "was" if len(numbers) == 1 else "were"
    said = f"{some(numbers, SHOWN_LARGEST)} {was} posted lately, or Zuora does not say when"
    return POSTING_MAY_MAIL.format(said) if numbers else ""


def doubts_of(facts: EmailDocumentsFacts) -> tuple[Line, ...]:
    """Return what is not known, or wrong to send, and for which documents."""
    return (
        *doubts.amount_lines(facts.totals.amount_unknown),
        *doubts.mail_lines(facts.totals.mailed_unknown),
        *doubts.trouble_lines(facts.totals.trouble, facts.totals.unchecked),
    )


def _pdf_file(body: EmailDocumentsBody, facts: EmailDocumentsFacts) -> str:
    said = f"file {body.pdf_file_id} in place of the latest one"
    return "; ".join([said, *(pdf_file_cautions(body, facts) or ["Zuora lists it for this memo"])])


def pdf_file_cautions(body: EmailDocumentsBody, facts: EmailDocumentsFacts) -> tuple[str, ...]:
    """Return what may keep the named PDF file from going out."""
    box = f"“{BOXES[facts.documents[0].kind]}”"
    attaches = {notice.attaches_pdf for notice in facts.checks.notices}
    found = (
        (facts.pdf_file_known is None, "whether it is a file of this memo could not be checked"),
        (
            False in attaches,
            (
                f"{box} is off in Zuora's notification, so that the mail may go out without the PDF "
                f"file {body.pdf_file_id[:8]}…"
            ),
        ),
        (attaches == {None}, f"Zuora does not say whether {box} is on, which attaches it"),
    )
    return tuple(words for applies, words in found if applies)


def goes_to(body: EmailDocumentsBody) -> str:
    """Return who will get the mail, in words."""
    more = ", and the additional addresses of each account" if body.additional else ""
    match body.recipients:
        case "template":
            return f"set in Zuora's email template; the bot cannot see them{more}"
        case "bill_to":
            return f"the bill-to contact of each document{more or ' alone'}"
        case "addresses":
            return f"{count(len(body.email_addresses), 'typed address', 'typed addresses')}{more}"


def effect(facts: EmailDocumentsFacts) -> str:
    """Return `send 312 mails`, one for each document that somebody gets."""
    muted = any(notice.state == "muted" for notice in facts.checks.notices)
    counted = at_most if facts.perhaps or muted else count
    return f"send {counted(facts.totals.number, 'mail')}"


def warning(body: EmailDocumentsBody, facts: EmailDocumentsFacts) -> str:
    """Return that mails cannot be called back, and that some customers may get theirs twice."""
    if again := facts.totals.mailed_before + len(facts.totals.mailed_lately):
        documents = _some_of(facts, again)
        return f"{documents} will be mailed a second time. Mails cannot be called back."
    if perhaps := (facts.totals.number if body.again else len(facts.totals.mailed_unknown)):
        documents = _some_of(facts, perhaps)
        return f"{documents} may be mailed a second time. Mails cannot be called back."
    return "Mails to customers cannot be called back."


def _some_of(facts: EmailDocumentsFacts, number: int) -> str:
    """Return `3 invoices`, or `3 documents` if they are of several kinds."""
    kinds = facts.totals.counted
    return count(number, *(KIND_WORDS[kinds[0].kind] if len(kinds) == 1 else ("document",)))


def accepted(facts: EmailDocumentsFacts) -> str:
    """Return what was accepted, which is never called delivered."""
    orders = "the order" if facts.one else "every order"
    return (
        f"Zuora accepted {orders} to mail {subject(facts)}. "
        "Zuora now creates and sends the mails. The bot cannot see delivery."
    )


def result(calls: Sequence[Call]) -> str:
    """Return how many were accepted and refused: `497 of 500 mails accepted by Zuora, 3 refused`."""
    of = Tally.of(calls)
    more = [f"{of.held_back:,} not sent"] if of.held_back else []
    more = [f"{of.refused:,} refused", *more] if of.refused or not more else more
    more += [f"{of.lost:,} with outcome unknown"] if of.lost else []
    accepted = f"{of.accepted:,} of {count(of.calls, 'mail')} accepted by Zuora"
    return f"{', '.join([accepted, *more])}."


def tables(body: EmailDocumentsBody, facts: EmailDocumentsFacts) -> Sequence[Table]:
    """Return whatever does not fit on the card."""
    found = []
    if len(body.email_addresses) > SHOWN_NAMES:
        rows = tuple((address,) for address in body.email_addresses)
        found.append(Table("All addresses that get the mail", ("Address",), rows))
    if body.recipients != "addresses" and len(facts.totals.unreachable) > SHOWN_NAMES:
        without = tuple((d.number, _account(d)) for d in facts.totals.unreachable)
        found.append(Table("Without a bill-to address", ("Document", "Account"), without))
    return found


def listed(body: EmailDocumentsBody, facts: EmailDocumentsFacts) -> tuple[Listed, ...]:
    """Return the documents asked for, largest first, then those that reach nobody, as many as *Details* keeps.

    If addresses were typed, those of the contacts do not matter.
    """
    known = [each for of in by_size(facts.documents, MOST_LISTED).values() for each in of]
    unknown = [each for each in facts.documents if isinstance(each.money, NotKnown)]
    return tuple(
        Listed(
            number=each.number,
            customer=each.account_name or each.account_number,
            amount=spoken(each.shown),
            mail=_mail(body, each),
            mailed=mailed_words(each.mailed_at) if each.kind == "invoice" else "",
        )
        for each in islice((*known, *unknown, *facts.nobody), MOST_LISTED)
    )


def _mail(body: EmailDocumentsBody, document: MailDocument) -> str:
    if body.recipients == "addresses":
        return ""
    return mail_words(
        document.status,
        has_address=document.bill_to_mail,
        more=document.more_mail,
        domain=document.mail_domain,
    )


def _what(facts: EmailDocumentsFacts) -> Line:
    if document := facts.one:
        parts = [document.number, spoken(document.shown), f"balance {_balance(document)}"]
        kind = KIND_WORDS[document.kind][0].capitalize()
        return line(kind, " · ".join([*parts, _account(document)]))
    kinds = facts.totals.counted
    label = kinds[0].label if len(kinds) == 1 else "Documents"
    return line(label, f"{money_of(kinds)} · {count(facts.totals.customers, 'account')}")


def _addresses(addresses: Sequence[str]) -> str:
    if len(addresses) == 1:
        return addresses[0]
    domains = Counter(address.rpartition("@")[2] for address in addresses)
    counted = ", ".join(f"{domain} {number}" for domain, number in sorted(domains.items()))
    shown = first_of(addresses, SHOWN_NAMES)
    return f"{shown} · {count(len(domains), 'domain')}: {counted}"


def _reached(facts: EmailDocumentsFacts) -> str:
    unknown = facts.totals.contacts_unknown
    without = facts.totals.unreachable
    said = []
    if without:
        accounts = sorted({_account(document) for document in without})
        shown = first_of(accounts, SHOWN_NAMES)
        said.append(f"{count(len(accounts), 'account')} without a bill-to address: {shown}")
    if unknown:
        said.append(f"not known for {count(unknown, 'document')}")
    return " · ".join(said) or "every bill-to contact has an address"


def _left_out(facts: EmailDocumentsFacts) -> tuple[Line, ...]:
    """Return which of the documents asked for reach nobody, so that no order is made for them."""
    if not facts.nobody:
        return ()
    customers = sorted({_account(document) for document in facts.nobody})
    documents = in_kinds(each.kind for each in facts.nobody)
    shown = some(customers, SHOWN_NAMES)
    return (line("Left out", f"{documents} without any mail address, of {shown}"),)


def _mailed(facts: EmailDocumentsFacts) -> tuple[Part, ...]:
    totals = facts.totals
    memos = [each for each in totals.counted if each.kind != "invoice"]
    invoices = totals.number - sum(each.count for each in memos)
    if not invoices:
        return (f"not known; {_NO_MAIL_DATE}",)
    of_memos = f"; not known for {counted_in_kinds(memos)}: {_NO_MAIL_DATE}" if memos else ""
    if totals.mailed_last is None:
        never = "when is not known" if facts.totals.mailed_unknown else "never"
        return (f"no invoice{of_memos}" if memos and never == "never" else f"{never}{of_memos}",)
    if facts.one:
        return (Moment(totals.mailed_last), "; this sends it again")
    of = count(invoices, "invoice") if memos else f"{invoices:,}"
    return (f"{totals.mailed_before:,} of {of}, last ", Moment(totals.mailed_last), of_memos)


def _largest(facts: EmailDocumentsFacts) -> str:
    largest = [f"{d.number} {spoken(d.shown)}" for d in facts.totals.largest]
    parts = [", ".join(largest) or "not known"]
    if zero := facts.totals.zero:
        parts.append(f"{zero:,} with a total of zero")
    if negative := facts.totals.negative:
        parts.append(f"{negative:,} below zero")
    return " · ".join(parts)


def _balance(document: MailDocument) -> str:
    balance = answers.money_of(document.balance, document.currency)
    return str(credited(document.kind, balance)) if isinstance(balance, Money) else "not known"


def _account(document: MailDocument) -> str:
    known = [named(part, 100) for part in (document.account_number, document.account_name) if part]
    return " ".join(known) or "account not given"
