"""PDF files of billing documents: their status, and which ones a memo has.

Key names: pages *Retrieve the PDF file generation status of invoices* (and of credit and debit
memos) and *List all files of a credit memo*.
"""

from typing import Any

from bot.sandbox.zuora.calls import Context, Handler, Route
from bot.sandbox.zuora.errors import not_found, refusal
from bot.sandbox.zuora.object_query import page_number, page_size
from bot.sandbox.zuora.records import Document, Kind
from bot.sandbox.zuora.routes_documents import PATHS, require_feature, the_document
from bot.sandbox.zuora.world import find

_NAMES: dict[Kind, str] = {
    "invoice": "invoice",
    "credit_memo": "creditMemo",
    "debit_memo": "debitMemo",
}
_MOST_KEYS = 50
_MEMO_PATHS = {path: kind for path, kind in PATHS.items() if kind != "invoice"}


def file_url(file_id: str) -> str:
    """Return the address of a file; it contains the file's handle, not its id."""
    return f"/v1/files/{file_id[:-1]}{'e' if file_id[-1] != 'e' else 'f'}"


def _status(context: Context, document: Document) -> dict[str, Any]:
    name, latest = _NAMES[document.kind], document.pdf_file_id
    status = document.pdf_status or ("Generated" if latest else "None")
    made = context.tenant.local(context.tenant.world.posted_at(document))
    shown: dict[str, Any] = {
        f"{name}Id": document.id,
        f"{name}Number": document.number,
        "pdfGenerationStatus": status,
        "createdOn": made,
        "updatedOn": made,
    }
    if status == "Generated" and latest:
        shown["pdfFileUrl"] = file_url(latest)
    if status == "Error":
        shown["errorCode"] = "INVALID_TEMPLATE"
        shown["errorMessage"] = document.pdf_error or "Unknown merge field chargeNumber__c"
    return shown


def _statuses(kind: Kind) -> Handler:
    name = _NAMES[kind]

    def handler(context: Context) -> dict[str, Any]:
        require_feature(context, kind)
        keys = [key for key in (context.param(f"{name}Keys") or "").split(",") if key]
        if not keys:
            raise refusal(23, f"'{name}Keys' is required.")
        if len(keys) > _MOST_KEYS:
            raise refusal(27, f"At most {_MOST_KEYS} keys can be given in '{name}Keys'.")
        table = context.tenant.world.table(kind)
        found = [find(table, key) for key in keys]
        missing = [key for key, document in zip(keys, found, strict=True) if document is None]
        if missing:
            raise not_found(missing[0])
        rows = [_status(context, document) for document in found if document is not None]
        return {"success": True, f"{name}Files": rows}

    return handler


def _files(path: str, kind: Kind) -> Handler:
    def handler(context: Context) -> dict[str, Any]:
        document = the_document(context, kind)
        page, size = page_number(context.param("page")), page_size(context.param("pageSize"), 40)
        files = [
            {"id": file_id, "pdfFileUrl": file_url(file_id), "versionNumber": -place}
            for place, file_id in enumerate(document.pdf_file_ids)
        ]
        shown = files[(page - 1) * size : page * size]
        answer: dict[str, Any] = {"success": True, f"{_NAMES[kind]}Files": shown}
        if page * size < len(files):
            files_of = f"{path}/{context.key()}/files"
            answer["nextPage"] = f"{files_of}?page={page + 1}&pageSize={size}"
        return answer

    return handler


ROUTES = (
    *(Route("GET", f"{path}/pdf-status", _statuses(kind)) for path, kind in PATHS.items()),
    *(Route("GET", f"{path}/*/files", _files(path, kind)) for path, kind in _MEMO_PATHS.items()),
)
