"""Every call that reads, one function each: values in, an `HttpCall` out. No I/O. Those with an effect: `effects`.

Sources: Zuora's API pages of the same operations; object-query, settings and notification paths
have no `/v1` (the `servers` and paths of Zuora's OpenAPI document).
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from datetime import date, datetime
from typing import Final, Literal

from bot.zuora.wire import HttpCall, path

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
