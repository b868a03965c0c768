"""Every call the bot makes, one function each: values in, an `HttpCall` out. No I/O.

Sources: Zuora's API pages of the same operations; object-query, settings and notification paths
have no `/v1` (the `servers` and paths of Zuora's OpenAPI document).
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from datetime import date, datetime
from typing import Any, Final, Literal

from bot.zuora.wire import CallError, HttpCall, path

DebitMemoPath = Literal["debitmemos", "debit-memos"]
PAGE: Final = 50
"""Keys in one filter, and rows a page if a tenant refuses `LARGE_PAGE`: the SDK allows 1 to 50."""

LARGE_PAGE: Final = 99
"""Rows a page of an object query (guide *Pagination*: 1 to 99)."""

NULLS: Final = ("includeNullFields", "true")
"""Object Query leaves null fields out unless it is asked for them. With them, null means that there is
no value, and a missing field means nothing."""

LONGEST_BATCHES: Final = 1000
HISTORY_PAGE: Final = 40  # other pages: at most 40 (guide *Pagination*)


@dataclass(frozen=True, slots=True, kw_only=True)
class EmailBody:
    """The body of a mail of one document (pages *Email an invoice*, *Email a debit memo*).

    Attributes:
        email_addresses: Sent as one comma-separated string; Zuora ignores it with
            `use_email_template_setting`. With neither, only the bill-to contact gets the mail.
        include_additional_email_addresses: Also the additional addresses of the account.
        use_email_template_setting: The template's *To Email* decides.
        pdf_file_id: 32-digit id of the PDF to attach; memos only.
    """

    email_addresses: tuple[str, ...] = ()
    include_additional_email_addresses: bool = False
    use_email_template_setting: bool = False
    pdf_file_id: str = ""

    def wire(self) -> dict[str, Any]:
        """Return the JSON object, without the fields that are not set."""
        fields = {
            "emailAddresses": ",".join(self.email_addresses),
            "includeAdditionalEmailAddresses": self.include_additional_email_addresses,
            "useEmailTemplateSetting": self.use_email_template_setting,
            "pdfFileId": self.pdf_file_id,
        }
        return {name: value for name, value in fields.items() if value}


def email_bill_run(key: str, *, resend: bool, track_id: str, idempotency_key: str) -> HttpCall:
    """Mail the documents of a posted bill run; `resend` is a JSON boolean, never a string."""
    return _effect(
        path("v1", "bill-runs", key, "emails"), {"resend": resend}, track_id, idempotency_key
    )


def email_document(
    collection: str, key: str, body: EmailBody, *, track_id: str, idempotency_key: str
) -> HttpCall:
    """Mail one posted document; `collection` is its part of the path.

    Raises:
        CallError: A PDF id for an invoice, whose page has no such field.
    """
    if collection == "invoices" and body.pdf_file_id:
        raise CallError("an invoice mail takes no PDF file id")
    return _effect(path("v1", collection, key, "emails"), body.wire(), track_id, idempotency_key)


def create_bill_run(body: Mapping[str, Any], *, track_id: str, idempotency_key: str) -> HttpCall:
    """Create an ad-hoc or a scheduled bill run."""
    return _effect(path("v1", "bill-runs"), body, track_id, idempotency_key)


def post_bill_run(bill_run_id: str, body: Mapping[str, Any], *, track_id: str) -> HttpCall:
    """Post a completed bill run. A PUT: Zuora keeps no key for it."""
    return _put(path("v1", "bill-runs", bill_run_id, "post"), body, track_id)


def cancel_bill_run(bill_run_id: str, body: Mapping[str, Any], *, track_id: str) -> HttpCall:
    """Cancel a bill run. A PUT: Zuora keeps no key for it."""
    return _put(path("v1", "bill-runs", bill_run_id, "cancel"), body, track_id)


def get(*parts: str, query: tuple[tuple[str, str], ...] = ()) -> HttpCall:
    """Read something by its path."""
    return HttpCall(method="GET", path=path(*parts), query=query)


def object_page(
    objects: str, *, filters: tuple[str, ...] = (), extra: tuple[tuple[str, str], ...] = ()
) -> HttpCall:
    """Return an object query without its page size; each filter like `sourceId.EQ:BR-00000001`."""
    query = (*(("filter[]", one) for one in filters), *extra)
    return get("object-query", objects, query=query)


def of_size(call: HttpCall, rows: int) -> HttpCall:
    """Return the same query with this many rows a page."""
    return replace(call, query=(("pageSize", str(rows)), *call.query))


def next_object_page(call: HttpCall, cursor: str) -> HttpCall:
    """Return the same query, starting at a cursor."""
    kept = tuple(pair for pair in call.query if pair[0] != "cursor")
    return HttpCall(method="GET", path=call.path, query=(*kept, ("cursor", cursor)))


def zoql(text: str) -> HttpCall:
    """Return a ZOQL query: a POST that only reads (page *CRUD: Query*, at most 2,000 rows)."""
    return HttpCall(method="POST", path=path("v1", "action", "query"), body={"queryString": text})


def zoql_more(locator: str) -> HttpCall:
    """Return the call for the next rows of a ZOQL query."""
    body = {"queryLocator": locator}
    return HttpCall(method="POST", path=path("v1", "action", "queryMore"), body=body)


def zoql_text(value: str) -> str:
    """Return a value as a ZOQL string literal."""
    escaped = value.replace("\\", "\\\\").replace("'", "\\'")
    return f"'{escaped}'"


def billing_preview(
    account_id: str, target_date: date, *, exclude: Collection[str] = (), renew: bool = False
) -> HttpCall:
    """Return the call that previews what billing one account up to a date charges; nothing is stored.

    Evergreen subscriptions are left out by default (page *Generate a billing preview*), and a bill
    run bills them.
    """
    body = {
        "accountId": account_id,
        "targetDate": target_date.isoformat(),
        "chargeTypeToExclude": ",".join(exclude),
        "assumeRenewal": "Autorenew" if renew else "None",
        "includingEvergreenSubscription": True,
    }
    return HttpCall(
        method="POST",
        path=path("v1", "operations", "billing-preview"),
        body={name: value for name, value in body.items() if value},
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class PreviewWanted:
    """What to preview.

    Attributes:
        batches: `AllBatches`, or names of batches.
        bill_cycle_day: `1` to `31`, or anything else for every day.
        target_date: The last day that is billed.
        exclude: Types of charges to leave out.
        renew: Whether subscriptions with auto-renew count as renewed.
        organizations: `organizationLabels`, as for the bill run.
    """

    batches: tuple[str, ...]
    bill_cycle_day: str
    target_date: date
    exclude: tuple[str, ...] = ()
    renew: bool = False
    organizations: tuple[Mapping[str, str], ...] = ()


def begin_preview_run(wanted: PreviewWanted, *, idempotency_key: str) -> HttpCall:
    """Return the call that begins a preview of a bill run by batch; no customer sees anything of it.

    `batches` goes out as a text with commas of at most 1,000 characters, and none means all of them (page
    *Create a billing preview run*). A longer list of names is asked for as all. Evergreen
    subscriptions are left out by default, and a bill run bills them.
    """
    names = ",".join(wanted.batches)
    all_of_them = "AllBatches" in wanted.batches or len(names) > LONGEST_BATCHES
    body = {
        "targetDate": wanted.target_date.isoformat(),
        "batches": "" if all_of_them else names,
        "chargeTypeToExclude": ",".join(wanted.exclude),
        "assumeRenewal": "Autorenew" if wanted.renew else "None",
        "includingEvergreenSubscription": True,
        "organizationLabels": list(wanted.organizations),
    }
    return HttpCall(
        method="POST",
        path=path("v1", "billing-preview-runs"),
        body={name: value for name, value in body.items() if value},
        idempotency_key=idempotency_key,
    )


def file(file_id: str) -> HttpCall:
    """Return the call for the content of any file (page *Retrieve a file*)."""
    return HttpCall(method="GET", path=path("v1", "files", file_id), is_file=True)


def email_history(object_id: str, start: datetime, end: datetime, page: int) -> HttpCall:
    """Return the call for mails about one object, or all, between two local times at most three days apart.

    `failedOnly` must be set: Zuora's default hides every mail that went out.
    """
    query = (
        *((("objectId", object_id),) if object_id else ()),
        ("startTime", start.strftime("%Y-%m-%dT%H:%M:%S")),
        ("endTime", end.strftime("%Y-%m-%dT%H:%M:%S")),
        ("failedOnly", "false"),
        ("page", str(page)),
        ("pageSize", str(HISTORY_PAGE)),
    )
    return get("v1", "notification-history", "email", query=query)


def _effect(where: str, body: Mapping[str, Any], track_id: str, idempotency_key: str) -> HttpCall:
    return HttpCall(
        method="POST",
        path=where,
        body=dict(body),
        effect=True,
        track_id=track_id,
        idempotency_key=idempotency_key,
    )


def _put(where: str, body: Mapping[str, Any], track_id: str) -> HttpCall:
    return HttpCall(method="PUT", path=where, body=dict(body), effect=True, track_id=track_id)
