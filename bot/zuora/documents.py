"""Reads billing documents: all of a bill run, or one."""

from collections.abc import Iterable
from dataclasses import replace
from datetime import tzinfo
from functools import partial
from typing import Final

from bot.zuora import calls, paging, rows
from bot.zuora.answers import Account, BillingDocument
from bot.zuora.caller import Caller
from bot.zuora.calls import DocumentKind
from bot.zuora.errors import ZuoraNotFound, ZuoraRejected, ZuoraTooMany
from bot.zuora.readers import account_of, document_of
from bot.zuora.rows import Row

_OBJECTS: Final[dict[DocumentKind, str]] = {
    "invoice": "invoices",
    "credit_memo": "credit-memos",
    "debit_memo": "debit-memos",
}
_ZOQL: Final[dict[DocumentKind, str]] = {
    "invoice": "select Id, InvoiceNumber, AccountId, Amount, Balance, Status, LastEmailSentDate "
    "from Invoice where SourceId = {}",
    "credit_memo": "select Id, Number, AccountId, TotalAmount, Balance, Status "
    "from CreditMemo where SourceId = {}",
}
_EXPANDED: Final = (("expand[]", "account"), ("expand[]", "billToContact"))
_NO_PERMISSION: Final = 10


async def of_run(caller: Caller, number: str, zone: tzinfo) -> tuple[BillingDocument, ...]:
    """The invoices and credit memos of a bill run, in Zuora's order.

    A bill run makes no debit memos. Without Invoice Settlement there are no credit memos.

    Args:
        caller: Sends the calls.
        number: The bill run's number, which documents carry as `sourceId`.
        zone: For times without an offset.

    Raises:
        ZuoraError: As from `Caller.read`.
    """
    kinds: tuple[DocumentKind, ...] = ("invoice", "credit_memo")
    found = await paging.side_by_side(_of_kind(caller, kind, number, zone) for kind in kinds)
    return await _with_currencies(caller, [one for kind in found for one in kind])


async def one(caller: Caller, kind: DocumentKind, where: str, key: str, zone: tzinfo) -> (
    BillingDocument
):  # fmt: skip
    """One document by id or number, with its account's name, number and bill-to address.

    Args:
        caller: Sends the calls.
        kind: Which kind.
        where: Its part of the path, `invoices` for example.
        key: Id or number.
        zone: For times without an offset.

    Raises:
        ZuoraNotFound: There is no such document.
        ZuoraError: As from `Caller.read`.
    """
    document = document_of(
        kind, as_row((await caller.read(calls.get("v1", where, key))).data), zone
    )
    if not document.account_id:
        return document
    return _with_account(document, await account(caller, document.account_id))


async def for_mail(
    caller: Caller, kind: DocumentKind, where: str, keys: Iterable[str], zone: tzinfo
) -> tuple[BillingDocument | None, ...]:
    """Many documents by id or number, side by side and with one call each; None: there is none.

    An object query brings the account and the bill-to contact along. Where it may not be used, and
    before a document is called unknown, it is looked for as by `one`.

    Raises:
        ZuoraError: As from `Caller.read`.
    """
    reads = [partial(_for_mail, caller, kind, where, key, zone) for key in keys]
    return tuple(await paging.all_or_none(reads)) if reads else ()


async def _for_mail(
    caller: Caller, kind: DocumentKind, where: str, key: str, zone: tzinfo
) -> BillingDocument | None:
    call = calls.get("object-query", _OBJECTS[kind], key, query=_EXPANDED)
    try:
        row = as_row((await caller.read(call)).data)
    except ZuoraRejected:
        row = {}
    document = document_of(kind, row, zone)
    if not document.number:
        try:
            return await one(caller, kind, where, key, zone)
        except ZuoraNotFound:
            return None
    if document.currency and rows.part(row, "billToContact"):
        return _with_contact(document, row)
    if not document.account_id:
        return document
    return _with_account(document, await account(caller, document.account_id))


def _with_contact(document: BillingDocument, row: Row) -> BillingDocument:
    """The document with whether its bill-to contact has an address, where the row tells."""
    contact = rows.part(row, "billToContact")
    if not contact:
        return document
    reached = bool(rows.text(contact, "workEmail", "personalEmail"))
    return replace(document, bill_to_mail=reached)


async def account(caller: Caller, key: str) -> Account:
    """One account by id or number.

    Raises:
        ZuoraNotFound: There is no such account.
        ZuoraError: As from `Caller.read`.
    """
    return account_of(as_row((await caller.read(calls.get("v1", "accounts", key))).data))


def as_row(data: object) -> Row:
    """An answer that should be an object."""
    return rows.part({"it": data}, "it")


async def _of_kind(
    caller: Caller, kind: DocumentKind, number: str, zone: tzinfo
) -> list[BillingDocument]:
    call = calls.object_page(_OBJECTS[kind], filters=(f"sourceId.EQ:{number}",), extra=_EXPANDED)
    try:
        found = await paging.objects(caller, call)
    except ZuoraTooMany:
        raise
    except ZuoraRejected:
        found = await _by_zoql(caller, kind, number)
    return [
        _with_contact(document_of(kind, {**row, "sourceId": number}, zone), row) for row in found
    ]


async def _by_zoql(caller: Caller, kind: DocumentKind, number: str) -> list[Row]:
    try:
        return await paging.zoql(caller, _ZOQL[kind].format(calls.zoql_text(number)))
    except ZuoraRejected as error:
        if kind == "credit_memo" and error.category == _NO_PERMISSION:
            return []  # Invoice Settlement is off
        raise


async def _with_currencies(
    caller: Caller, documents: Iterable[BillingDocument]
) -> tuple[BillingDocument, ...]:
    documents = tuple(documents)
    asked = dict.fromkeys(
        document.account_id
        for document in documents
        if not document.currency and document.account_id
    )
    read = await paging.side_by_side(account(caller, account_id) for account_id in asked)
    accounts = dict(zip(asked, read, strict=True))
    return tuple(
        _with_account(document, accounts[document.account_id])
        if document.account_id in accounts
        else document
        for document in documents
    )


def _with_account(document: BillingDocument, owner: Account) -> BillingDocument:
    return replace(
        document,
        account_number=document.account_number or owner.number,
        account_name=document.account_name or owner.name,
        currency=document.currency or owner.currency,
        bill_to_mail=owner.bill_to_mail,
        profile_id=owner.communication_profile_id or document.profile_id,
    )
