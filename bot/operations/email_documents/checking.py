"""The checks before single documents are mailed. No I/O."""

from bot.domain.check import Check, check
from bot.domain.words import all_of, count, part_was, some
from bot.operations import doubts, notices
from bot.operations.email_documents import words
from bot.operations.email_documents.facts import EmailDocumentsFacts
from bot.operations.email_documents.reading import EmailDocumentsBody

SHOWN = 5


def all_checked(body: EmailDocumentsBody, facts: EmailDocumentsFacts) -> tuple[Check, ...]:
    """Return each check with what it compares."""
    number = len(facts.documents)
    return (
        check("posted", f"{all_of(number, 'document')} {'is' if number == 1 else 'are'} posted"),
        doubts.amounts_checked(facts.totals.amount_unknown, number),
        _mailed_before(facts),
        _mails_itself(facts),
        doubts.fit_checked(facts.totals.trouble, facts.totals.unchecked, number),
        _addresses(body, facts),
        notices.checked(facts.checks.notices),
        _pdf_file(body, facts) if body.pdf_file_id else facts.checks.pdfs_checked(),
    )


def _mailed_before(facts: EmailDocumentsFacts) -> Check:
    """Check the mail dates of invoices, and the last day of the mail history of those that it is read for."""
    looked_for = [each for each in facts.documents if facts.is_looked_for(each)]
    before = facts.totals.mailed_before
    found = [f"{part_was(before, len(facts.documents))} mailed before"] if before else []
    dateless = [each.number for each in facts.totals.mailed_unknown]
    silent = [each.number for each in looked_for if each.listed is None]
    unknown = [f"when {some(dateless, SHOWN)} was mailed"] if dateless else []
    unknown += [f"the mail history of {some(silent, SHOWN)} cannot be read"] if silent else []
    one = len(looked_for) == 1
    of = "the memos" if len(looked_for) < len(facts.documents) else "it" if one else "these"
    history = f", and its mail history lists no mail of {of} in the last day" if looked_for else ""
    rest = len(facts.documents) - len(looked_for)
    lately = f"; a mail of {count(rest, 'invoice')} in the last minutes may not show yet"
    return check(
        "mailed before",
        f"Zuora shows no mail date{history}{lately if rest else ''}",
        found="; ".join([*found, *filter(None, [words.mailed_lately(facts)])]),
        not_known="; ".join(unknown),
    )


def _mails_itself(facts: EmailDocumentsFacts) -> Check:
    unclear = (*facts.runs_unclear, *facts.perhaps_by_itself)
    nobody = ", and posting mails nobody" if facts.checks.posting == "no" else ""
    return check(
        "mails by itself",
        f"no bill run of a document without a mail date was set to post and mail by itself{nobody}",
        found=words.by_itself(facts),
        not_known=f"whether {some(unclear, SHOWN)} mails by itself" if unclear else "",
    )


def _addresses(body: EmailDocumentsBody, facts: EmailDocumentsFacts) -> Check:
    if body.recipients == "addresses":
        shared = f"documents of {facts.totals.customers:,} customers go to the same addresses"
        alone = "they were typed, and only one customer's documents go to them"
        return check("mail addresses", alone, found=shared if facts.totals.customers > 1 else "")
    without = [each.number for each in facts.totals.unreachable]
    unknown = [each.number for each in facts.documents if each.bill_to_mail is None]
    return check(
        "mail addresses",
        "the bill-to contact of each document has a mail address",
        found=f"no bill-to address: {some(without, SHOWN)}" if without else "",
        not_known=f"for {some(unknown, SHOWN)}" if unknown else "",
    )


def _pdf_file(body: EmailDocumentsBody, facts: EmailDocumentsFacts) -> Check:
    """Check that the file that was named is one that Zuora lists for the memo."""
    said = "; ".join(words.pdf_file_cautions(body, facts))
    is_off = any(each.attaches_pdf is False for each in facts.checks.notices)
    return check(
        "PDF file",
        f"Zuora lists {body.pdf_file_id} among the files of this memo, and attaches it",
        found=said if is_off else "",
        not_known="" if is_off else said,
    )
