"""The checks before the documents of a bill run are mailed, and what is refused at the form's field. No I/O."""

from collections.abc import Sequence
from datetime import datetime

from bot.domain.check import Check, check
from bot.domain.words import all_of, any_of, count, part_was, some, some_named
from bot.operations import doubts, notices, pdf_checks
from bot.operations.email_bill_run.facts import EmailRunFacts
from bot.operations.listing import mailed_at
from bot.operations.mail_checks import A_FEW, MailChecks
from bot.operations.run_documents import DocumentsFacts
from bot.operations.typed import Problems
from bot.zuora.answers import BillingDocument, BillRun

SHOWN = 5


def all_checked(facts: EmailRunFacts, *, resend: bool) -> tuple[Check, ...]:
    """Return each check with what it compares."""
    documents = facts.documents
    return (
        doubts.state_checked(facts),
        *doubts.counted_checked(facts),
        doubts.amounts_checked(documents.amount_unknown, documents.posted + documents.not_posted),
        _posted(documents),
        _mailed_before(facts, resend=resend),
        _mails_itself(facts),
        doubts.fit_checked(documents.trouble, documents.unchecked, documents.posted),
        _addresses(documents),
        notices.checked(facts.checks.notices),
        facts.checks.pdfs_checked(),
    )


def _posted(documents: DocumentsFacts) -> Check:
    drafts = documents.not_posted
    of = documents.posted + drafts
    return check(
        "posted",
        f"{all_of(of, 'document')} {'is' if of == 1 else 'are'} posted",
        found=f"{drafts:,} of {count(of, 'document')} not posted, so not mailed" if drafts else "",
    )


def _mailed_before(facts: EmailRunFacts, *, resend: bool) -> Check:
    documents, again = facts.documents, facts.mailed_again
    unknown = len(documents.mailed_unknown)
    before = documents.mailed_before - unknown
    of_these = "" if again == before else f"{again:,} of these "
    are = "is" if (again if resend else before) == 1 else "are"
    then = f"{of_these}{are} mailed again" if resend else f"{are} left out"
    dateless = [f"when {unknown:,} were mailed"] if unknown else []
    silent = ["what its mail history lists"] if facts.listed_lately is None else []
    listed = [f"its mail history lists {some(lately)}"] if (lately := facts.listed_numbers) else []
    was = part_was(before, documents.posted)
    ordered = facts.ordered(resend=resend)
    of = "it" if ordered == 1 else "these" if ordered <= A_FEW else f"{A_FEW} of them"
    return check(
        "mailed before",
        f"Zuora shows no mail date of {any_of(documents.posted, 'document')}, and its mail history lists no mail of {of} in the last day",
        found="; ".join([f"{was} mailed before, and {then}"] * bool(before) + listed),
        not_known="; ".join([*dateless, *silent]),
    )


def _mails_itself(facts: EmailRunFacts) -> Check:
    silent = "Zuora does not say whether the run was set to mail by itself"
    posting = "Zuora does not say whether posting it mails"
    is_open = facts.mails_itself is None
    nobody = ", and posting it mails nobody" if facts.checks.posting == "no" else ""
    return check(
        "mails by itself",
        f"{facts.number} was not set to post and mail by itself{nobody}",
        found=f"{facts.number} mails by itself" if facts.mails_itself else "",
        not_known=silent if is_open else posting if facts.posting_may_mail else "",
    )


def _addresses(documents: DocumentsFacts) -> Check:
    without, unknown = documents.unreachable, documents.address_unknown
    return check(
        "mail addresses",
        "the bill-to contact of each customer has a mail address",
        found=f"no bill-to address: {some_named(without, SHOWN)}" if without else "",
        not_known=f"for {some_named(unknown, SHOWN)}" if unknown else "",
    )


def nothing_to_send(facts: EmailRunFacts, *, resend: bool) -> Problems | None:
    """Return why nothing of the run would be mailed; None: something is."""
    documents = facts.documents
    if not documents.posted:
        return Problems({"bill_run": f"{facts.number} has no posted invoice or credit memo."})
    if not facts.ordered(resend=resend):
        number = documents.posted
        all_ = f"{all_of(number, 'document').capitalize()} of {facts.number}"
        already = f"{all_} {'was' if number == 1 else 'were'} mailed before"
        return Problems(
            {"bill_run": f"{already}; nothing would be sent unless Mail them again is ticked."}
        )
    return None


def to_send(
    documents: Sequence[BillingDocument], run: BillRun, *, resend: bool
) -> list[BillingDocument]:
    """Return the documents that Zuora is ordered to mail."""
    return [
        document
        for document in documents
        if document.status == "Posted"
        and (resend or not isinstance(mailed_at(document, run), datetime))
    ]


def pointless(number: str, checks: MailChecks) -> Problems | None:
    """Return what certainly leaves a whole kind of documents unmailed, and how to fix that; None: nothing."""
    said = []
    if off := notices.switched_off(checks.notices, whole_kind=True):
        said.append(f"{number}: {notices.off_in_words(off)}")
    if checks.pdfs.all_failed:
        said.append(pdf_checks.failed_in_words(checks.pdfs))
    return Problems({"bill_run": " ".join(said)}) if said else None
