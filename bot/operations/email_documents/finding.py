"""Reads the documents in Zuora, side by side, and finds those that cannot be mailed."""

from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import datetime
from functools import partial
from typing import Any

from bot.domain.kind import KIND_WORDS, DocumentKind
from bot.domain.known import is_since
from bot.domain.words import some
from bot.operations import notices, pdf_checks
from bot.operations.email_documents.document import MailDocument
from bot.operations.email_documents.facts import A_FEW, SHOWN, EmailDocumentsFacts
from bot.operations.email_documents.reading import EmailDocumentsBody
from bot.operations.mail_checks import MailChecks, read_checks, with_profiles
from bot.operations.posting_mails import posted, with_last_posted
from bot.operations.typed import Problems
from bot.zuora.answers import BillingDocument, BillRun
from bot.zuora.aside import aside
from bot.zuora.client import ZuoraClient
from bot.zuora.errors import ZuoraError, ZuoraNotFound, ZuoraRefused
from bot.zuora.paging import all_or_none, side_by_side

NO_PERMISSION = 10
"""Category of a missing feature or permission (guide *Error codes*)."""

ReadOfOneKind = tuple[Sequence[BillingDocument], str]
"""Documents of one kind, and why some of those asked for cannot be mailed."""


async def read_facts(
    kind: DocumentKind | None, body: EmailDocumentsBody, zuora: ZuoraClient
) -> EmailDocumentsFacts | Problems:
    """Read every document, or return which of them cannot be mailed; `kind` is None if there are several.

    Raises:
        ZuoraError: Zuora could not be read.
    """
    by_kind = body.by_kind(kind).items()
    reading = side_by_side(_read(each, keys, zuora) for each, keys in by_kind)
    read, profiles = await with_profiles(zuora, reading)
    everything = [document for documents, _ in read for document in documents]
    wrong = " ".join(words for _, words in read if words)
    if wrong := wrong or await aside(_of_two_kinds, everything):
        return Problems({"documents": wrong})
    once, without = await aside(_by_reach, everything, body)
    if none_reaches := not once:
        once, without = without, []
    checks = await read_checks(zuora, once, profiles, pdfs=not body.pdf_file_id)
    pdf_file_known = await _pdf_file_known(body, once[0], zuora)
    by_itself = await _by_itself(once, checks, zuora)
    listed = await _listed(once, zuora)  # last, because all reads rest if its limit is reached
    facts = EmailDocumentsFacts(
        documents=await aside(_all_of, once, listed),
        nobody=await aside(_all_of, without, {}),
        to_bill_to=body.recipients == "bill_to" and not body.additional,
        perhaps=body.recipients == "template" and any(e.bill_to_mail is False for e in once),
        checks=checks,
        pdf_file_known=pdf_file_known,
        **by_itself,
    )
    problems = _problems(body, facts, none_reaches=none_reaches)
    return Problems(problems) if problems else facts


async def _read(kind: DocumentKind, keys: Sequence[str], zuora: ZuoraClient) -> ReadOfOneKind:
    """Read the documents of one kind."""
    try:
        found = await zuora.documents_for_mail(kind, keys)
        documents, wrong = await aside(_checked, found, kind, keys)
        if not wrong and kind != "invoice":
            wrong = await _path_problem(kind, documents[0], zuora)
    except ZuoraRefused as error:
        if kind == "invoice" or error.category != NO_PERMISSION:
            raise
        return (), f"{_NO_SETTLEMENT} Zuora said: {error.message}"
    return documents, wrong


def _checked(
    found: Sequence[BillingDocument | None], kind: DocumentKind, keys: Sequence[str]
) -> ReadOfOneKind:
    """Return each document once, and why some of them cannot be mailed."""
    documents = tuple({each.number: each for each in found if each is not None}.values())
    return documents, _cannot_be_mailed(kind, keys, found)


def _by_reach(
    documents: Sequence[BillingDocument], body: EmailDocumentsBody
) -> tuple[list[BillingDocument], list[BillingDocument]]:
    """Return the documents that reach somebody and those that reach nobody, each ordered by number."""
    found: tuple[list[BillingDocument], list[BillingDocument]] = ([], [])
    for each in sorted(documents, key=lambda document: document.number):
        found[_reaches_nobody(each, body)].append(each)
    return found


def _of_two_kinds(documents: Sequence[BillingDocument]) -> str:
    """Return which numbers name documents of two kinds; that cannot be, because results are kept by number."""
    named = Counter(document.number for document in documents)
    twice = sorted(number for number, times in named.items() if times > 1)
    if not twice:
        return ""
    return (
        f"{some(twice, SHOWN)} names documents of two kinds in this list. "
        "Use a separate form for each kind."
    )


async def _by_itself(
    documents: Sequence[BillingDocument], checks: MailChecks, zuora: ZuoraClient
) -> dict[str, Any]:
    """Return what Zuora mails without an order, of the documents that show no mail.

    Returns:
        `by_itself`, `perhaps_by_itself` and `runs_unclear` of `EmailDocumentsFacts`.
    """
    made, alone = await aside(_runs_of_unmailed, documents)
    read = [partial(_run_or_none, number, zuora) for number in made]
    runs = dict(zip(made, await all_or_none(read) if read else [], strict=True))
    silent = (n for n, run in runs.items() if run is None or run.mails_itself is None)
    readable = (with_last_posted(made[n], run) for n, run in runs.items() if run is not None)
    found = posted(readable, alone, checks.posting, zuora.now())
    return {
        "by_itself": found.itself,
        "perhaps_by_itself": found.perhaps,
        "runs_unclear": tuple(silent),
    }


def _runs_of_unmailed(
    documents: Sequence[BillingDocument],
) -> tuple[dict[str, list[BillingDocument]], list[BillingDocument]]:
    """Return the documents that show no mail, by their runs, and those of them that no run made."""
    runs: dict[str, list[BillingDocument]] = {}
    for each in documents:
        if not isinstance(each.last_emailed_at, datetime):
            runs.setdefault(each.bill_run_number, []).append(each)
    alone = runs.pop("", [])
    return dict(sorted(runs.items())), alone


async def _run_or_none(number: str, zuora: ZuoraClient) -> BillRun | None:
    """Return the run; None if it was deleted or may not be read, so that nothing says whether it mails by itself."""
    try:
        return await zuora.bill_run(number)
    except ZuoraRefused:
        return None


async def _listed(
    documents: Sequence[BillingDocument], zuora: ZuoraClient
) -> dict[str, tuple[str, ...]]:
    """Return what Zuora's mail history lists for memos, which have no mail date; nothing if it cannot be read.

    It lists a mail of an invoice minutes before the invoice shows its date, so it is read for a few invoices too.
    """
    few = len(documents) <= A_FEW
    looked_for = [document for document in documents if few or document.kind != "invoice"]
    reads = [partial(mail_marks, each.id, zuora.now(), zuora) for each in looked_for]
    is_all = any(each.kind != "invoice" for each in looked_for)  # memos have nothing else
    try:
        if not reads:
            return {}
        reading = all_or_none(reads)
        found = await (reading if is_all else zuora.soon(reading))
    except ZuoraRefused:
        return {}
    except ZuoraError:
        if is_all or zuora.must_know:
            raise
        return {}
    return {each.number: marks for each, marks in zip(looked_for, found, strict=True)}


async def mail_marks(document_id: str, at: datetime, zuora: ZuoraClient) -> tuple[str, ...]:
    """Return the mails with one document that Zuora's mail history lists since shortly before a moment.

    Raises:
        ZuoraError: It cannot be read.
    """
    found = await zuora.email_history(document_id, at)
    return tuple(one.mark for one in found if one.brings_document)


async def ordered_marks(
    document: MailDocument, ordered_at: datetime, zuora: ZuoraClient
) -> tuple[str, ...]:
    """Return the mails of one document that Zuora's mail history lists and that an order since then can have made.

    A time without its zone decides nothing: what was listed before the order is told apart by its mark.

    Raises:
        ZuoraError: It cannot be read.
    """
    return tuple(
        one.mark
        for one in await zuora.email_history(document.id, ordered_at)
        if one.delivered_to_server
        and notices.mails_by_order(one.notification, document.kind)
        and (not isinstance(one.sent_at, datetime) or is_since(ordered_at, one.sent_at))
    )


async def _pdf_file_known(
    body: EmailDocumentsBody, memo: BillingDocument, zuora: ZuoraClient
) -> bool | None:
    """Return whether the file to attach belongs to the memo; a file belongs to one memo only."""
    if not body.pdf_file_id:
        return None
    files = await zuora.pdf_files(memo.kind, memo.number)
    return None if files is None else body.pdf_file_id in files


def _reaches_nobody(document: BillingDocument, body: EmailDocumentsBody) -> bool:
    """Return whether no address is known for it; typed addresses are known."""
    if body.recipients == "addresses":
        return False
    if body.recipients == "bill_to" and not body.additional:
        return document.bill_to_mail is False
    return document.reaches_nobody


def _problems(
    body: EmailDocumentsBody, facts: EmailDocumentsFacts, *, none_reaches: bool
) -> dict[str, str]:
    """Return what certainly leaves customers without their mail, by field."""
    found = {}
    one = len(facts.documents) == 1
    leave_out = "" if one else ", or leave those documents out"
    said = []
    if off := notices.switched_off(facts.checks.notices, whole_kind=False):
        said.append(notices.off_in_words(off, leave_out))
    if facts.checks.pdfs.failed and facts.checks.pdfs.certain:
        said.append(pdf_checks.failed_in_words(facts.checks.pdfs, leave_out))
    if said:
        found["documents"] = " ".join(said)
    if body.recipients == "bill_to" and none_reaches:
        found["recipients"] = _NOBODY
    if facts.pdf_file_known is False:
        found["pdf_file_id"] = (
            f"Zuora lists no PDF file {body.pdf_file_id} of {facts.documents[0].number}. Type the "
            "id of one of its own files, or leave this empty for the latest."
        )
    return found


_NO_SETTLEMENT = "This tenant has no memos for the bot: Invoice Settlement is off, or its user may not read them."
_NOBODY = (
    "No bill-to contact of these documents has a mail address, so nobody would be mailed. Choose "
    "other recipients, or add an address in Zuora."
)


def _cannot_be_mailed(
    kind: DocumentKind, keys: Sequence[str], found: Sequence[BillingDocument | None]
) -> str:
    """Refuse what is not posted (pages *Email an invoice*, *Email a debit memo*)."""
    one, many = KIND_WORDS[kind]
    unknown = [key for key, document in zip(keys, found, strict=True) if document is None]
    drafts = [
        f"{document.number} is {document.status or 'in a state that Zuora does not say'}"
        for document in found
        if document is not None and document.status != "Posted"
    ]
    said = []
    if unknown:
        said.append(f"Zuora knows no {one} {some(unknown, SHOWN, 'or')}.")
    if drafts:
        said.append(
            f"{some(drafts, SHOWN)}; only posted {many} can be mailed. Post them first, or leave them out."
        )
    return " ".join(said)


async def _path_problem(kind: DocumentKind, memo: BillingDocument, zuora: ZuoraClient) -> str:
    """Return why the mail order would not reach the memo; empty: it would.

    Object queries find memos at another path, and may not notice that Invoice Settlement is off.
    """
    try:
        await zuora.document(kind, memo.number)
    except ZuoraNotFound:
        hint = " Check ZUORA_DEBIT_MEMO_PATH." if kind == "debit_memo" else ""
        return f"Zuora shows {memo.number}, but not at the path to mail it.{hint}"
    return ""


def _all_of(
    documents: Sequence[BillingDocument], listed: Mapping[str, tuple[str, ...]]
) -> tuple[MailDocument, ...]:
    return tuple(_of(document, listed.get(document.number)) for document in documents)


def _of(document: BillingDocument, listed: tuple[str, ...] | None) -> MailDocument:
    return MailDocument(
        kind=document.kind,
        number=document.number,
        id=document.id,
        status=document.status,
        currency=document.currency,
        amount=document.amount,
        balance=document.balance,
        account_number=document.account_number,
        account_name=document.account_name,
        mailed_at=document.last_emailed_at,
        bill_to_mail=document.bill_to_mail,
        mail_domain=document.mail_domain,
        more_mail=document.more_mail,
        run=document.bill_run_number,
        trouble=document.trouble,
        unchecked=document.unchecked,
        listed=listed,
    )
