"""Reads billing documents by number or id: one, or many for a mail."""

from collections.abc import Iterable, Mapping, Sequence
from functools import partial
from typing import Final

from bot.domain.key import is_id
from bot.domain.kind import DocumentKind
from bot.domain.parts_of import parts_of
from bot.zuora import agreement, calls, paging, progress, rows
from bot.zuora.answers import BillingDocument
from bot.zuora.aside import aside
from bot.zuora.document_reader import EXPANDED, OBJECTS, DocumentReader, account, with_account
from bot.zuora.errors import ZuoraNotFound, ZuoraRefused
from bot.zuora.rows import ZuoraRow

_ONE: Final[dict[DocumentKind, str]] = {
    "invoice": "invoice", "credit_memo": "credit memo", "debit_memo": "debit memo",
}  # fmt: skip
_FEW: Final = 2


async def one(reader: DocumentReader, where: str, key: str) -> BillingDocument:
    """Return one document by id or number, with its account's name, number and bill-to address.

    Args:
        reader: The reader of its kind.
        where: The kind's part of the path, for example `invoices`.
        key: Id or number.

    Raises:
        ZuoraNotFound: There is no such document.
        ZuoraContradicts: The answer is about another one.
        ZuoraError: See `Caller.read`.
    """
    row = rows.as_row((await reader.caller.read(calls.get("v1", where, key))).data)
    document = reader.document(row)
    agreement.answered(key, _ONE[reader.kind], document.id, document.number)
    if not document.account_id:
        return document
    return with_account(document, await account(reader.caller, document.account_id))


async def for_mail(
    reader: DocumentReader, where: str, keys: Iterable[str]
) -> tuple[BillingDocument | None, ...]:
    """Return many documents by id or number, fifty in a call and calls side by side; None if there is none.

    An object query also returns the account and the bill-to contact. A document that is missing or
    incomplete in the lists is asked for by itself: by an object query, then as `one` does before it
    is called unknown.

    Raises:
        ZuoraError: See `Caller.read`.
    """
    keys = tuple(keys)
    progress.expect(len(keys))
    found: dict[str, BillingDocument | None] = {}
    if len(keys) > _FEW:
        found |= await _listed_for_mail(reader, keys)
    left = [key for key in keys if key not in found]
    reads = [partial(_for_mail, reader, where, key) for key in left]
    alone = await paging.all_or_none(reads) if reads else []
    found |= dict(zip(left, alone, strict=True))
    return await aside(_in_order, keys, found)


def _in_order(
    keys: Sequence[str], found: Mapping[str, BillingDocument | None]
) -> tuple[BillingDocument | None, ...]:
    return tuple(found[key] for key in keys)


async def _listed_for_mail(
    reader: DocumentReader, keys: Sequence[str]
) -> dict[str, BillingDocument]:
    """Return those that lists have, each once and complete; none if Zuora refuses the filter."""
    numbers, ids = await aside(_in_lists, keys)
    reads = [
        partial(_part_for_mail, reader, name, part)
        for name, of in (
            (agreement.NUMBERS[reader.kind][0], numbers),
            ("id", ids),
        )
        for part in parts_of(of, calls.PAGE)
    ]
    try:
        read = await paging.all_or_none(reads) if reads else []
    except ZuoraRefused:
        return {}
    return {key: document for part in read for key, document in part.items()}


def _in_lists(keys: Sequence[str]) -> tuple[list[str], list[str]]:
    """Return the numbers and the ids that can be asked for in a list."""
    numbers = [key for key in keys if not is_id(key) and not set(",[]") & set(key)]
    return numbers, [key for key in keys if is_id(key)]


async def _part_for_mail(
    reader: DocumentReader, name: str, keys: Sequence[str]
) -> dict[str, BillingDocument]:
    """Return up to fifty of them by their numbers or ids."""
    query = calls.object_page(
        OBJECTS[reader.kind], filters=(f"{name}.IN:[{','.join(keys)}]",), extra=EXPANDED
    )
    page = await paging.objects(
        reader.caller, query, most=len(keys)
    )  # an ignored filter would give all pages
    progress.came(len(page))
    return await aside(_of_keys, page, reader, name, keys)


def _of_keys(
    page: Sequence[ZuoraRow], reader: DocumentReader, name: str, keys: Sequence[str]
) -> dict[str, BillingDocument]:
    """Return the rows that were asked for, without duplicates and incomplete ones."""
    asked = {key.casefold(): key for key in keys}
    found: dict[str, BillingDocument] = {}
    seen: set[str] = set()
    for row in page:
        key = asked.get(rows.text(row, name).casefold())
        if key is None:
            continue
        found.pop(key, None)
        document = reader.document(row)
        whole = document.number and isinstance(document.currency, str)
        if whole and rows.part(row, "billToContact") and key not in seen:
            reader.compare_account(document, row)
            found[key] = reader.with_contact(document, row)
        seen.add(key)
    return found


async def _for_mail(reader: DocumentReader, where: str, key: str) -> BillingDocument | None:
    call = calls.get("object-query", OBJECTS[reader.kind], key, query=EXPANDED)
    try:
        row = rows.as_row((await reader.caller.read(call)).data)
    except ZuoraRefused:
        row = {}
    document = reader.document(row)
    if not document.number:
        try:
            return await one(reader, where, key)
        except ZuoraNotFound:
            return None
    agreement.answered(key, _ONE[reader.kind], document.id, document.number)
    reader.compare_account(document, row)
    if isinstance(document.currency, str) and rows.part(row, "billToContact"):
        return reader.with_contact(document, row)
    if not document.account_id:
        return document
    return with_account(document, await account(reader.caller, document.account_id))
