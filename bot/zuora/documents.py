"""Reads the billing documents of a bill run."""

from collections.abc import Iterable, Sequence
from typing import Final

from bot.domain.kind import DocumentKind
from bot.domain.known import NotKnown
from bot.zuora import agreement, calls, paging, progress, rows
from bot.zuora.answers import NOT_READ, BillingDocument
from bot.zuora.aside import aside
from bot.zuora.caller import Caller
from bot.zuora.document_reader import EXPANDED, OBJECTS, DocumentReader, account, with_account
from bot.zuora.errors import ZuoraContradicts, ZuoraRefused, ZuoraTooMany
from bot.zuora.rows import Here, ZuoraRow
from bot.zuora.wire import HttpCall

LONG: Final = 1000
"""A list with more rows is cut, into parts of about this many: some ten pages. Parts a tenth as long
would cost up to twice the calls; longer ones would keep each other waiting."""

_DIGITS: Final = "0123456789"
_MOST_DIGITS: Final = 18
"""A number with more of them is no count, and is not cut."""

_ZOQL: Final[dict[DocumentKind, str]] = {
    "invoice": "select Id, InvoiceNumber, AccountId, Amount, Balance, Status, LastEmailSentDate, "
    "SourceId from Invoice where SourceId = {}",
    "credit_memo": "select Id, Number, AccountId, TotalAmount, Balance, Status, SourceId "
    "from CreditMemo where SourceId = {}",
}
_NO_PERMISSION: Final = 10


async def of_run(
    caller: Caller,
    number: str,
    here: Here,
    *,
    invoices: int | NotKnown = NOT_READ,
    credit_memos: int | NotKnown = NOT_READ,
) -> tuple[BillingDocument, ...]:
    """Return a bill run's invoices and credit memos, by its number, which they carry as `sourceId`.

    A bill run makes no debit memos. Without Invoice Settlement there are no credit memos.

    Args:
        caller: Sends the calls.
        number: The bill run's.
        here: The time and zone for reading.
        invoices: The run's own count; a long list is read side by side.
        credit_memos: Likewise.

    Raises:
        ZuoraTooMany: It has more than a request may hold.
        ZuoraError: See `Caller.read`.
    """
    kinds: tuple[tuple[DocumentKind, int | NotKnown], ...] = (
        ("invoice", invoices),
        ("credit_memo", credit_memos),
    )
    progress.expect(sum(counted for _, counted in kinds if isinstance(counted, int)))
    read = await paging.side_by_side(
        _of_kind(DocumentReader(caller, kind, here), number, counted) for kind, counted in kinds
    )
    found = [one for kind in read for one in kind]
    paging.check(len(found))
    return await _with_currencies(caller, found)


async def _of_kind(
    reader: DocumentReader, number: str, counted: int | NotKnown
) -> list[BillingDocument]:
    """Return all of one kind; a long list is read side by side, and counts if it has as many as the run says."""
    try:
        if isinstance(counted, int) and counted >= LONG:
            paging.check(counted)
            found = await _in_parts(reader, number, counted)
            if len(found) == counted:
                return found
        return agreement.each_once(await _listed(reader, number), number)
    except (ZuoraContradicts, ZuoraTooMany):
        raise
    except ZuoraRefused:
        rows_ = await _by_zoql(reader, number)
        return agreement.each_once(
            [_of_list(reader, number, row, by_zoql=True) for row in rows_], number
        )


async def _in_parts(reader: DocumentReader, number: str, counted: int) -> list[BillingDocument]:
    """Return a long list, read in parts; nothing if it cannot be cut."""
    name = agreement.NUMBERS[reader.kind][0]
    ends = await paging.side_by_side(
        reader.caller.read(
            calls.of_size(_of_run_query(reader.kind, number, order=f"{name}.{way}"), 1)
        )
        for way in ("ASC", "DESC")
    )
    first, last = (rows.text(next(iter(paging.whole(end.data, "data")), {}), name) for end in ends)
    parts = beginnings(first, last, counted)
    read = await paging.side_by_side(
        _listed(reader, number, f"{name}.SW:{beginning}") for beginning in parts
    )
    return await aside(agreement.each_once, [one for part in read for one in part], number)


async def _listed(reader: DocumentReader, number: str, *filters: str) -> list[BillingDocument]:
    """Return one list, page after page, with only the fields the bot uses."""
    found: list[BillingDocument] = []
    async for page in paging.pages(reader.caller, _of_run_query(reader.kind, number, *filters)):
        progress.came(len(page))
        found += await aside(_of_page, page, reader, number)
        del page  # before the next one is waited for
    return found


def _of_run_query(kind: DocumentKind, number: str, *filters: str, order: str = "") -> HttpCall:
    extra = (("sort[]", order),) if order else ()
    return calls.object_page(
        OBJECTS[kind], filters=(f"sourceId.EQ:{number}", *filters), extra=(*extra, *EXPANDED)
    )


def _of_page(
    page: Sequence[ZuoraRow], reader: DocumentReader, number: str
) -> list[BillingDocument]:
    return [_of_list(reader, number, row) for row in page]


def _of_list(
    reader: DocumentReader, number: str, row: ZuoraRow, *, by_zoql: bool = False
) -> BillingDocument:
    """Return a row of a run's list, once it is compared with the run and its account."""
    agreement.row_of_run(reader.kind, number, row)
    document = reader.document({**row, "sourceId": number}, leaves_out_null=by_zoql)
    reader.compare_account(document, row)
    return reader.with_contact(document, row)


async def _by_zoql(reader: DocumentReader, number: str) -> list[ZuoraRow]:
    try:
        return await paging.zoql(reader.caller, _ZOQL[reader.kind].format(calls.zoql_text(number)))
    except ZuoraRefused as error:
        if reader.kind == "credit_memo" and error.category == _NO_PERMISSION:
            return []  # Invoice Settlement is off
        raise


def _without_currency(documents: Sequence[BillingDocument]) -> tuple[str, ...]:
    """Return the accounts whose currency must be read, each once."""
    return tuple(
        dict.fromkeys(
            document.account_id
            for document in documents
            if isinstance(document.currency, NotKnown) and document.account_id
        )
    )


async def _with_currencies(
    caller: Caller, documents: Iterable[BillingDocument]
) -> tuple[BillingDocument, ...]:
    documents = tuple(documents)
    asked = await aside(_without_currency, documents)
    if not asked:
        return documents
    read = await paging.side_by_side(account(caller, account_id) for account_id in asked)
    accounts = dict(zip(asked, read, strict=True))
    return tuple(
        with_account(document, accounts[document.account_id])
        if document.account_id in accounts
        else document
        for document in documents
    )


def beginnings(first: str, last: str, count: int) -> tuple[str, ...]:
    """Return how the numbers of each part begin; empty if the list cannot be cut.

    Args:
        first: The first number of the list in the order of its text, `INV00000001`.
        last: The last one.
        count: How many there are; there may be gaps between the numbers.

    Returns:
        Beginnings; every number of that shape between the two has exactly one of them.
    """
    head = first.rstrip(_DIGITS)
    digits = len(first) - len(head)
    if head != last.rstrip(_DIGITS) or len(first) != len(last) or not 0 < digits <= _MOST_DIGITS:
        return ()
    low, high = int(first[-digits:]), int(last[-digits:])
    span = high - low + 1
    if span < count:
        return ()
    left_open = next((n for n in range(1, digits) if 10**n * count >= LONG * span), 0)
    if not left_open:
        return ()
    parts = range(low // 10**left_open, high // 10**left_open + 1)
    if len(parts) == 1:
        return ()
    return tuple(f"{head}{part:0{digits - left_open}}" for part in parts)
