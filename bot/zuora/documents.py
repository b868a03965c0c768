"""Reads billing documents: all of a bill run, or one."""

from collections.abc import Iterable, Sequence
from dataclasses import replace
from functools import partial
from typing import Final

from bot.domain.key import is_id
from bot.domain.known import NotKnown
from bot.zuora import agreement, calls, cut, paging, progress, rows
from bot.zuora.answers import NOT_READ, Account, BillingDocument
from bot.zuora.aside import aside
from bot.zuora.caller import Caller
from bot.zuora.calls import DocumentKind
from bot.zuora.errors import ZuoraContradicts, ZuoraNotFound, ZuoraRejected, ZuoraTooMany
from bot.zuora.readers import MAIL_FIELDS, account_of, document_of
from bot.zuora.rows import Here, Row
from bot.zuora.wire import HttpCall

_OBJECTS: Final[dict[DocumentKind, str]] = {
    "invoice": "invoices",
    "credit_memo": "credit-memos",
    "debit_memo": "debit-memos",
}
_ZOQL: Final[dict[DocumentKind, str]] = {
    "invoice": "select Id, InvoiceNumber, AccountId, Amount, Balance, Status, LastEmailSentDate, "
    "SourceId from Invoice where SourceId = {}",
    "credit_memo": "select Id, Number, AccountId, TotalAmount, Balance, Status, SourceId "
    "from CreditMemo where SourceId = {}",
}
_EXPANDED: Final = (("expand[]", "account"), ("expand[]", "billToContact"), calls.NULLS)
_ONE: Final[dict[DocumentKind, str]] = {
    "invoice": "invoice", "credit_memo": "credit memo", "debit_memo": "debit memo",
}  # fmt: skip
_NO_PERMISSION: Final = 10
_FEW: Final = 2


async def of_run(
    caller: Caller,
    number: str,
    here: Here,
    *,
    invoices: int | NotKnown = NOT_READ,
    credit_memos: int | NotKnown = NOT_READ,
) -> tuple[BillingDocument, ...]:
    """The invoices and credit memos of a bill run, by its number, which they carry as `sourceId`.

    A bill run makes no debit memos. Without Invoice Settlement there are no credit memos.

    Args:
        caller: Sends the calls.
        number: The bill run's.
        here: When and where it is read.
        invoices: How many the run counts itself: many of them are read side by side.
        credit_memos: Likewise.

    Raises:
        ZuoraTooMany: It has more than a request may hold.
        ZuoraError: As from `Caller.read`.
    """
    kinds: tuple[tuple[DocumentKind, int | NotKnown], ...] = (
        ("invoice", invoices),
        ("credit_memo", credit_memos),
    )
    progress.expect(sum(counted for _, counted in kinds if isinstance(counted, int)))
    read = await paging.side_by_side(
        _of_kind(caller, kind, number, counted, here) for kind, counted in kinds
    )
    found = [one for kind in read for one in kind]
    paging.check(len(found))
    return await _with_currencies(caller, found)


async def one(caller: Caller, kind: DocumentKind, where: str, key: str, here: Here) -> (
    BillingDocument
):  # fmt: skip
    """One document by id or number, with its account's name, number and bill-to address.

    Args:
        caller: Sends the calls.
        kind: Which kind.
        where: Its part of the path, `invoices` for example.
        key: Id or number.
        here: When and where it is read.

    Raises:
        ZuoraNotFound: There is no such document.
        ZuoraContradicts: The answer is about another one.
        ZuoraError: As from `Caller.read`.
    """
    row = as_row((await caller.read(calls.get("v1", where, key))).data)
    document = _document(caller, kind, row, here)
    agreement.answered(key, _ONE[kind], document.id, document.number)
    if not document.account_id:
        return document
    return _with_account(document, await account(caller, document.account_id))


async def for_mail(
    caller: Caller, kind: DocumentKind, where: str, keys: Iterable[str], here: Here
) -> tuple[BillingDocument | None, ...]:
    """Many documents by id or number, fifty in a call and the calls side by side; None: there is none.

    An object query brings the account and the bill-to contact along. What no list has, or a list does
    not say all about, is asked for by itself: with an object query, and before a document is called
    unknown as by `one`.

    Raises:
        ZuoraError: As from `Caller.read`.
    """
    keys = tuple(keys)
    progress.expect(len(keys))
    found = await _listed_for_mail(caller, kind, keys, here) if len(keys) > _FEW else {}
    left = [key for key in keys if key not in found]
    reads = [partial(_for_mail, caller, kind, where, key, here) for key in left]
    alone = await paging.all_or_none(reads) if reads else []
    by_key = {**found, **dict(zip(left, alone, strict=True))}
    return tuple(by_key[key] for key in keys)


async def _listed_for_mail(
    caller: Caller, kind: DocumentKind, keys: Sequence[str], here: Here
) -> dict[str, BillingDocument]:
    """Those that lists have, each once and with all that is asked of it; none where Zuora takes no such filter."""
    numbers = [key for key in keys if not is_id(key) and not set(",[]") & set(key)]
    reads = [
        partial(_part_for_mail, caller, kind, name, of[at : at + calls.PAGE], here)
        for name, of in (
            (agreement.NUMBERS[kind][0], numbers),
            ("id", [key for key in keys if is_id(key)]),
        )
        for at in range(0, len(of), calls.PAGE)
    ]
    try:
        read = await paging.all_or_none(reads) if reads else []
    except ZuoraRejected:
        return {}
    return {key: document for part in read for key, document in part.items()}


async def _part_for_mail(
    caller: Caller, kind: DocumentKind, name: str, keys: Sequence[str], here: Here
) -> dict[str, BillingDocument]:
    """Up to fifty of them by their numbers or ids."""
    query = calls.object_page(
        _OBJECTS[kind], filters=(f"{name}.IN:[{','.join(keys)}]",), extra=_EXPANDED
    )
    page = await paging.objects(caller, query, most=len(keys))  # of an ignored filter not all pages
    progress.came(len(page))
    return _of_keys(page, caller, kind, name, keys, here)


def _of_keys(
    page: Sequence[Row],
    caller: Caller,
    kind: DocumentKind,
    name: str,
    keys: Sequence[str],
    here: Here,
) -> dict[str, BillingDocument]:
    """The rows that were asked for; none of which there are two, and none that lacks what is asked of it."""
    asked = {key.casefold(): key for key in keys}
    found: dict[str, BillingDocument] = {}
    seen: set[str] = set()
    for row in page:
        key = asked.get(rows.text(row, name).casefold())
        if key is None:
            continue
        found.pop(key, None)
        document = _document(caller, kind, row, here)
        whole = document.number and isinstance(document.currency, str)
        if whole and rows.part(row, "billToContact") and key not in seen:
            _compare_account(document, row)
            found[key] = _with_contact(caller, document, row)
        seen.add(key)
    return found


def _document(
    caller: Caller, kind: DocumentKind, row: Row, here: Here, *, leaves_out_null: bool = False
) -> BillingDocument:
    """As `document_of`, without the customer's name where names are not read.

    Raises:
        ZuoraContradicts: It is of a bill run that is not named.
    """
    found = document_of(kind, row, here, leaves_out_null=leaves_out_null)
    agreement.run_is_named(found, row)
    return found if caller.names else replace(found, account_name="")


async def _for_mail(
    caller: Caller, kind: DocumentKind, where: str, key: str, here: Here
) -> BillingDocument | None:
    call = calls.get("object-query", _OBJECTS[kind], key, query=_EXPANDED)
    try:
        row = as_row((await caller.read(call)).data)
    except ZuoraRejected:
        row = {}
    document = _document(caller, kind, row, here)
    if not document.number:
        try:
            return await one(caller, kind, where, key, here)
        except ZuoraNotFound:
            return None
    agreement.answered(key, _ONE[kind], document.id, document.number)
    _compare_account(document, row)
    if isinstance(document.currency, str) and rows.part(row, "billToContact"):
        return _with_contact(caller, document, row)
    if not document.account_id:
        return document
    return _with_account(document, await account(caller, document.account_id))


def _compare_account(document: BillingDocument, row: Row) -> None:
    """Compare with the account that an object query brings along."""
    owner = rows.part(row, "account")
    if owner:
        agreement.with_account(
            document,
            Account(
                id=rows.text(owner, "id"),
                number=rows.text(owner, "accountNumber"),
            ),
        )


def _with_contact(caller: Caller, document: BillingDocument, row: Row) -> BillingDocument:
    """The document with whether its bill-to contact has an address and of which domain, where the row says."""
    contact = rows.part(row, "billToContact")
    if not contact:
        return document
    return replace(
        document,
        bill_to_mail=rows.mailable(contact, *MAIL_FIELDS),
        mail_domain=rows.domain(contact, *MAIL_FIELDS) if caller.names else "",
    )


async def account(caller: Caller, key: str) -> Account:
    """One account by id or number.

    Raises:
        ZuoraNotFound: There is no such account.
        ZuoraContradicts: The answer is about another one.
        ZuoraError: As from `Caller.read`.
    """
    found = account_of(as_row((await caller.read(calls.get("v1", "accounts", key))).data))
    agreement.answered(key, "account", found.id, found.number)
    return found if caller.names else replace(found, name="", mail_domain="")


def as_row(data: object) -> Row:
    """An answer that should be an object."""
    return rows.part({"it": data}, "it")


async def _of_kind(
    caller: Caller, kind: DocumentKind, number: str, counted: int | NotKnown, here: Here
) -> list[BillingDocument]:
    """All of one kind; a long list side by side where that gives as many as the run counts."""
    try:
        if isinstance(counted, int) and counted >= cut.LONG:
            paging.check(counted)
            found = await _in_parts(caller, kind, number, counted, here)
            if len(found) == counted:
                return found
        return agreement.each_once(await _listed(caller, kind, number, here), number)
    except (ZuoraContradicts, ZuoraTooMany):
        raise
    except ZuoraRejected:
        rows_ = await _by_zoql(caller, kind, number)
        return agreement.each_once(
            [_of_list(caller, kind, number, row, here, by_zoql=True) for row in rows_], number
        )


async def _in_parts(
    caller: Caller, kind: DocumentKind, number: str, counted: int, here: Here
) -> list[BillingDocument]:
    """A long list, cut by how its numbers begin; nothing where it cannot be cut."""
    name = agreement.NUMBERS[kind][0]
    ends = await paging.side_by_side(
        caller.read(calls.of_size(_of_run_query(kind, number, order=f"{name}.{way}"), 1))
        for way in ("ASC", "DESC")
    )
    first, last = (rows.text(next(iter(paging.whole(end.data, "data")), {}), name) for end in ends)
    parts = cut.beginnings(first, last, counted)
    read = await paging.side_by_side(
        _listed(caller, kind, number, here, f"{name}.SW:{beginning}") for beginning in parts
    )
    return await aside(agreement.each_once, [one for part in read for one in part], number)


async def _listed(
    caller: Caller, kind: DocumentKind, number: str, here: Here, *filters: str
) -> list[BillingDocument]:
    """One list, page after page; only what the bot uses of a page is kept."""
    found: list[BillingDocument] = []
    async for page in paging.pages(caller, _of_run_query(kind, number, *filters)):
        progress.came(len(page))
        found += await aside(_of_page, page, caller, kind, number, here)
    return found


def _of_run_query(kind: DocumentKind, number: str, *filters: str, order: str = "") -> HttpCall:
    extra = (("sort[]", order),) if order else ()
    return calls.object_page(
        _OBJECTS[kind], filters=(f"sourceId.EQ:{number}", *filters), extra=(*extra, *_EXPANDED)
    )


def _of_page(
    page: Sequence[Row], caller: Caller, kind: DocumentKind, number: str, here: Here
) -> list[BillingDocument]:
    return [_of_list(caller, kind, number, row, here) for row in page]


def _of_list(
    caller: Caller, kind: DocumentKind, number: str, row: Row, here: Here, *, by_zoql: bool = False
) -> BillingDocument:
    """A row of a run's list, compared with the run and with its own account."""
    agreement.row_of_run(kind, number, row)
    document = _document(caller, kind, {**row, "sourceId": number}, here, leaves_out_null=by_zoql)
    _compare_account(document, row)
    return _with_contact(caller, document, row)


async def _by_zoql(caller: Caller, kind: DocumentKind, number: str) -> list[Row]:
    try:
        return await paging.zoql(caller, _ZOQL[kind].format(calls.zoql_text(number)))
    except ZuoraRejected as error:
        if kind == "credit_memo" and error.category == _NO_PERMISSION:
            return []  # Invoice Settlement is off
        raise


def _without_currency(documents: Sequence[BillingDocument]) -> tuple[str, ...]:
    """The accounts of which the currency has to be read, each once."""
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
        _with_account(document, accounts[document.account_id])
        if document.account_id in accounts
        else document
        for document in documents
    )


def _with_account(document: BillingDocument, owner: Account) -> BillingDocument:
    agreement.with_account(document, owner)
    silent = document.currency in (rows.MISSING, rows.NULL)
    return replace(
        document,
        account_number=document.account_number or owner.number,
        account_name=document.account_name or owner.name,
        currency=owner.currency if silent else document.currency,
        bill_to_mail=owner.bill_to_mail,
        mail_domain=owner.mail_domain,
        more_mail=owner.more_mail,
        profile_id=owner.communication_profile_id or document.profile_id,
    )
