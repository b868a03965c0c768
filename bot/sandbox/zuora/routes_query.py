"""Answers GET /object-query/… and POST /v1/action/query."""

import re
from collections.abc import Callable, Mapping
from typing import Any

from bot.sandbox.zuora import object_query, shapes_query
from bot.sandbox.zuora.calls import Context, Handler, Route
from bot.sandbox.zuora.errors import not_found, refusal
from bot.sandbox.zuora.records import Account, Document, said
from bot.sandbox.zuora.tenant import Tenant
from bot.sandbox.zuora.world import World, find

Table = Callable[[World], Mapping[str, Any]]
Shape = Callable[[Tenant, Any], dict[str, Any]]

OBJECTS: Mapping[str, tuple[Table, Shape]] = {
    "billing-runs": (lambda world: world.bill_runs, shapes_query.bill_run),
    "invoices": (lambda world: world.invoices, shapes_query.invoice),
    "credit-memos": (lambda world: world.credit_memos, shapes_query.memo),
    "debit-memos": (lambda world: world.debit_memos, shapes_query.memo),
    "accounts": (lambda world: world.accounts, shapes_query.account),
    "subscriptions": (lambda world: world.subscriptions, shapes_query.subscription),
}
_ZOQL = re.compile(
    r"\s*select\s+(?P<fields>[\w\s,]+?)\s+from\s+(?P<object>\w+)"
    r"(?:\s+where\s+(?P<field>\w+)\s*=\s*'(?P<value>[^']*)')?\s*;?\s*",
    re.IGNORECASE,
)
_ZOQL_NAMES = {"Number": "memoNumber"}
BATCH = 2000
"""Rows in an answer of query before queryMore (ZOQL)."""


def _expanded(context: Context, entry: object) -> dict[str, Any]:
    wanted = [name for text in context.query.get("expand[]", ()) for name in text.split(",")]
    if not wanted or not isinstance(entry, Account | Document):
        return {}
    possible = shapes_query.expansions(context.tenant, entry)
    unknown = [name for name in wanted if name not in possible]
    if unknown:
        raise refusal(27, f"'{unknown[0]}' cannot be expanded.")
    return {name: possible[name] for name in wanted}


def _output(context: Context, row: dict[str, Any], entry: object) -> dict[str, Any]:
    row = said(entry, row)
    nulls = context.param("includeNullFields") == "true"
    fields = context.query.get("fields[]", ())
    return {**object_query.chosen(row, fields, nulls=nulls), **_expanded(context, entry)}


def _list(name: str) -> Handler:
    table, shape = OBJECTS[name]

    def handler(context: Context) -> dict[str, Any]:
        tenant, knobs = context.tenant, context.tenant.knobs
        size = object_query.page_size(context.param("pageSize"), knobs.max_page_size)
        start = object_query.decode_cursor(context.param("cursor"))
        entries = {entry.id: entry for entry in table(tenant.world).values()}
        rows: list[dict[str, Any]] = [shape(tenant, entry) for entry in entries.values()]
        filters = () if knobs.ignores_filters else context.query.get("filter[]", ())
        rows = object_query.filtered(rows, filters, strict=knobs.strict_index)
        rows = object_query.ordered(rows, context.query.get("sort[]", ()))
        rows = rows[: knobs.lists_at_most]
        page = rows[max(0, start - knobs.repeats_rows) : start + size]
        answer: dict[str, Any] = {
            "data": [_output(context, row, entries[row["id"]]) for row in page]
        }
        if start + size < len(rows):
            answer["nextPage"] = object_query.encode_cursor(start + size)
        return answer

    return handler


def _one(name: str) -> Handler:
    table, shape = OBJECTS[name]

    def handler(context: Context) -> dict[str, Any]:
        entry = find(table(context.tenant.world), context.key())
        if entry is None:
            raise not_found(context.key())
        return _output(context, shape(context.tenant, entry), entry)

    return handler


def _zoql_rows(context: Context, query: str) -> list[dict[str, Any]]:
    match = _ZOQL.fullmatch(query)
    sources = {"invoice": "invoices", "creditmemo": "credit-memos", "debitmemo": "debit-memos"}
    sources |= {"account": "accounts", "billingrun": "billing-runs"}
    if match is None or match["object"].lower() not in sources:
        raise refusal(20, f"You have an error in your ZOQL syntax: {query}")
    table, shape = OBJECTS[sources[match["object"].lower()]]
    entries = table(context.tenant.world).values()
    rows = [said(entry, shape(context.tenant, entry)) for entry in entries]
    fields = [name.strip() for name in match["fields"].split(",")]
    known = {name.lower() for row in rows[:1] for name in row}
    unknown = [f for f in [*fields, match["field"]] if f and _key(f).lower() not in known]
    if rows and unknown:
        raise refusal(20, f"invalid field for query: {match['object']}.{unknown[0].lower()}")
    picked = []
    for row in rows:
        lower = {name.lower(): value for name, value in row.items()}
        if match["field"] and str(lower[_key(match["field"]).lower()]) != match["value"]:
            continue
        values = {name: lower[_key(name).lower()] for name in {"Id": None, **dict.fromkeys(fields)}}
        picked.append({name: value for name, value in values.items() if value is not None})
    return picked


def _key(field: str) -> str:
    return _ZOQL_NAMES.get(field, field)


def _query_answer(rows: list[dict[str, Any]], start: int, query: str) -> dict[str, Any]:
    answer: dict[str, Any] = {"size": len(rows), "records": rows[start : start + BATCH]}
    done = start + BATCH >= len(rows)
    if not done:
        answer["queryLocator"] = f"{start + BATCH}|{query}"
    return {**answer, "done": done}


def query(context: Context) -> dict[str, Any]:
    """Answer POST /v1/action/query: the ZOQL form with at most one equality."""
    text = context.body.get("queryString")
    if not isinstance(text, str):
        raise refusal(22, "'queryString' is required.")
    return _query_answer(_zoql_rows(context, text), 0, text)


def query_more(context: Context) -> dict[str, Any]:
    """Answer POST /v1/action/queryMore."""
    start, _, text = str(context.body.get("queryLocator")).partition("|")
    if not start.isdigit():
        raise refusal(20, "invalid queryLocator")
    return _query_answer(_zoql_rows(context, text), int(start), text)


ROUTES = (
    *(Route("GET", f"/object-query/{name}", _list(name)) for name in OBJECTS),
    *(Route("GET", f"/object-query/{name}/*", _one(name)) for name in OBJECTS),
    Route("POST", "/v1/action/query", query),
    Route("POST", "/v1/action/queryMore", query_more),
)
