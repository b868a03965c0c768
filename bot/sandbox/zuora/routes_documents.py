"""Invoices, credit memos and debit memos: retrieve, list, email."""

import re
from collections.abc import Callable, Mapping
from typing import Any

from bot.sandbox.zuora import mails, shapes_v1
from bot.sandbox.zuora.calls import Context, Handler, Route
from bot.sandbox.zuora.errors import not_found, refusal
from bot.sandbox.zuora.object_query import page_number, page_size
from bot.sandbox.zuora.records import Document, Kind, said
from bot.sandbox.zuora.world import find

PATHS: Mapping[str, Kind] = {
    "/v1/invoices": "invoice",
    "/v1/credit-memos": "credit_memo",
    "/v1/creditmemos": "credit_memo",
    "/v1/debit-memos": "debit_memo",
    "/v1/debitmemos": "debit_memo",
}
"""Both spellings of each memo are served (page *Email a debit memo* has the one, zuora-sdk 3.21.0 the other)."""


def require_feature(context: Context, kind: Kind) -> None:
    """Refuse memos with category 10 if the tenant has no Invoice Settlement."""
    if kind != "invoice" and not context.tenant.knobs.invoice_settlement:
        raise refusal(10, "The Invoice Settlement feature is not enabled.")


def the_document(context: Context, kind: Kind) -> Document:
    """Return the document that the path names, by id or number."""
    require_feature(context, kind)
    document = find(context.tenant.world.table(kind), context.key())
    if document is None:
        raise not_found(context.key())
    return document


def _retrieve(kind: Kind) -> Handler:
    def handler(context: Context) -> dict[str, Any]:
        document = the_document(context, kind)
        return said(document, shapes_v1.document_of(context.tenant, document))

    return handler


def _list(kind: Kind, path: str) -> Handler:
    name = {"credit_memo": "creditmemos", "debit_memo": "debitmemos"}.get(kind, "invoices")

    def handler(context: Context) -> dict[str, Any]:
        require_feature(context, kind)
        wanted: Mapping[str, Callable[[Document], str]] = {
            "accountId": lambda d: d.account.id,
            "accountNumber": lambda d: d.account.number,
            "status": lambda d: d.status,
            "currency": lambda d: d.currency,
        }
        found = [
            document
            for document in context.tenant.world.table(kind).values()
            if all(context.param(n) in {None, of(document)} for n, of in wanted.items())
        ]
        size = page_size(context.param("pageSize"), 40)
        page = page_number(context.param("page"))
        rows = [shapes_v1.document_of(context.tenant, d) for d in found]
        answer: dict[str, Any] = {
            "success": True,
            name: [
                {key: value for key, value in row.items() if key != "success"}
                for row in rows[(page - 1) * size : page * size]
            ],
        }
        if page * size < len(rows):
            answer["nextPage"] = f"{path}?page={page + 1}&pageSize={size}"
        return answer

    return handler


def _recipients(context: Context, document: Document) -> tuple[str, ...]:
    """Return the recipients of an email call (Email an invoice, its note on Bill To)."""
    given = context.body.get("emailAddresses")
    if given is not None and not isinstance(given, str):
        raise refusal(20, "'emailAddresses' must be a text with commas between addresses.")
    template = context.flag("useEmailTemplateSetting")
    more = context.flag("includeAdditionalEmailAddresses")
    chosen = mails.split_addresses(given) if given and not template else ()
    chosen = chosen or mails.bill_to(document.account)
    extra = mails.additional(document.account) if more else ()
    return tuple(dict.fromkeys([*chosen, *extra]))


def _check_pdf(context: Context, document: Document) -> None:
    file_id = context.body.get("pdfFileId")
    if document.kind == "invoice" or file_id is None:
        return
    if not isinstance(file_id, str) or not re.fullmatch(r"[0-9a-fA-F]{32}", file_id):
        raise refusal(20, "'pdfFileId' must be an id of 32 hexadecimal digits.")
    if file_id not in document.pdf_file_ids:
        raise not_found(file_id)


def _email(kind: Kind) -> Handler:
    def handler(context: Context) -> dict[str, Any]:
        document = the_document(context, kind)
        recipients = _recipients(context, document)
        _check_pdf(context, document)
        if document.status != "Posted":
            raise refusal(30, f"'{document.number}' is not posted and cannot be emailed.")
        letter = mails.Letter(document, recipients, mails.MANUAL[kind])
        mails.refuse_inactive(context.tenant, [letter])
        mails.queue(context.tenant, [letter], context.tenant.now(), context.cause())
        return {"success": True}

    return handler


def billing_documents(context: Context) -> dict[str, Any]:
    """Answer GET /v1/billing-documents: all documents of one account."""
    key = context.param("accountId") or context.param("accountNumber")
    if key is None:
        raise refusal(23, "'accountId' or 'accountNumber' is required.")
    account = find(context.tenant.world.accounts, key)
    if account is None:
        raise not_found(key)
    types: Mapping[Kind, str] = {
        "invoice": "Invoice",
        "credit_memo": "CreditMemo",
        "debit_memo": "DebitMemo",
    }
    documents = [
        {
            "id": document.id,
            "accountId": account.id,
            "accountNumber": account.number,
            "amount": float(document.amount),
            "balance": float(document.balance),
            "documentDate": shapes_v1.day(document.document_date),
            "documentNumber": document.number,
            "documentType": types[kind],
            "status": document.status,
        }
        for kind in types
        for document in context.tenant.world.table(kind).values()
        if document.account is account and context.param("status") in {None, document.status}
    ]
    return {"success": True, "documents": documents}


ROUTES = (
    Route("GET", "/v1/billing-documents", billing_documents),
    *(Route("GET", path, _list(kind, path)) for path, kind in PATHS.items() if kind != "invoice"),
    *(Route("GET", f"{path}/*", _retrieve(kind)) for path, kind in PATHS.items()),
    *(Route("POST", f"{path}/*/emails", _email(kind)) for path, kind in PATHS.items()),
)
