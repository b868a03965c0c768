"""Reads the status of documents' PDFs, and which PDF files a memo has.

Source: pages *Retrieve the PDF file generation status of invoices* (of credit memos, of debit
memos) and *List all files of a credit memo* (of a debit memo). The statuses are those of Zuora's
SDK: None, Pending, Processing, Generated, Error, Obsolete, Archived.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from typing import Final

from bot.domain.kind import DocumentKind
from bot.domain.known import NotKnown
from bot.domain.parts_of import parts_of
from bot.zuora import calls, paging, rows
from bot.zuora.caller import Caller
from bot.zuora.errors import ZuoraRefused, for_people
from bot.zuora.rows import ZuoraRow

_PATHS: Final[dict[DocumentKind, str]] = {
    "invoice": "invoices",
    "credit_memo": "credit-memos",
    "debit_memo": "debit-memos",
}
"""As documented; the older spelling of debit memos was never documented for these two reads."""
_NAMES: Final[dict[DocumentKind, str]] = {
    "invoice": "invoice",
    "credit_memo": "creditMemo",
    "debit_memo": "debitMemo",
}
_MOST_KEYS: Final = 50
_MOST_PAGES: Final = 50


@dataclass(frozen=True, slots=True, kw_only=True)
class PdfStatus:
    """The latest PDF of one document.

    Attributes:
        number: The document's.
        status: Zuora's word; empty if it did not say.
        words: Why it could not be made, in Zuora's words.
    """

    number: str
    status: str
    words: str = ""


async def statuses(
    caller: Caller, kind: DocumentKind, keys: Sequence[str]
) -> tuple[PdfStatus, ...] | None:
    """Return the status of documents' PDFs, fifty in a call; None if the bot may not read it.

    Raises:
        ZuoraError: See `Caller.read`; a refusal raises nothing.
    """
    if not keys:
        return ()
    reads = [partial(_statuses, caller, kind, batch) for batch in parts_of(keys, _MOST_KEYS)]
    try:
        found = await paging.all_or_none(reads)
    except ZuoraRefused:
        return None
    return tuple(one for batch in found for one in batch)


async def files_of_memo(caller: Caller, kind: DocumentKind, key: str) -> frozenset[str] | None:
    """Return the ids of a memo's PDF files, from all pages; None if they cannot all be read.

    A file has an id and, in its address, the id of its handle; Zuora does not say which of them a
    mail takes, so both are returned.

    Raises:
        ZuoraError: See `Caller.read`; a refusal raises nothing.
    """
    found: list[ZuoraRow] = []
    try:
        for page in range(1, _MOST_PAGES + 1):
            query = (("page", str(page)), ("pageSize", str(calls.HISTORY_PAGE)))
            call = calls.get("v1", _PATHS[kind], key, "files", query=query)
            data = (await caller.read(call)).data
            listed = rows.table(data, f"{_NAMES[kind]}Files", f"{_NAMES[kind].lower()}files")
            if isinstance(listed, NotKnown):
                return None
            found += listed
            if not paging.following(data, "nextPage"):
                break
        else:
            return None
    except ZuoraRefused:
        return None
    ids = (
        each
        for row in found
        for each in (rows.text(row, "id"), rows.text(row, "pdfFileUrl").rpartition("/")[2])
    )
    return frozenset(each.lower() for each in ids if each)


async def _statuses(caller: Caller, kind: DocumentKind, keys: Sequence[str]) -> list[PdfStatus]:
    name = _NAMES[kind]
    query = ((f"{name}Keys", ",".join(keys)),)
    data = (await caller.read(calls.get("v1", _PATHS[kind], "pdf-status", query=query))).data
    asked = set(keys)
    found = {rows.text(row, f"{name}Number"): row for row in rows.listed(data, f"{name}Files")}
    return [
        PdfStatus(
            number=number,
            status=rows.text(row, "pdfGenerationStatus").capitalize(),
            words=for_people(rows.text(row, "errorMessage")),
        )
        for number, row in found.items()
        if number in asked
    ]
