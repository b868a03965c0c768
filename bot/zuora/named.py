"""Asks Zuora what a number or an id names: a bill run, an invoice, a memo, a subscription.

A number may have any prefix with any characters ("Define numbering formats"), and an id shows
nothing by itself, so only Zuora knows. Every kind is asked side by side: a few keys one by one, as
Object Query takes an id or a number in the path; many of them fifty in a call.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final, Literal

from bot.domain.key import is_id
from bot.zuora import calls, paging, rows
from bot.zuora.caller import Caller
from bot.zuora.calls import PAGE, DocumentKind
from bot.zuora.errors import ZuoraNotFound, ZuoraRejected
from bot.zuora.rows import Row

Kind = DocumentKind | Literal["bill_run"]
KINDS: Final[tuple[Kind, ...]] = ("bill_run", "invoice", "credit_memo", "debit_memo")
FEW: Final = 5
_NOT_IN_A_LIST: Final = frozenset(",[]")
_PLACES: Final[Mapping[Kind, tuple[str, str]]] = {
    "bill_run": ("billing-runs", "billingRunNumber"),
    "invoice": ("invoices", "invoiceNumber"),
    "credit_memo": ("credit-memos", "memoNumber"),
    "debit_memo": ("debit-memos", "memoNumber"),
}
"""Where Object Query has each kind, and its field with the number."""


@dataclass(frozen=True, slots=True)
class Match:
    """What Zuora has under a number or an id."""

    kind: Kind
    number: str
    id: str


@dataclass(frozen=True, slots=True)
class Found:
    """What some keys name, and the kinds that Zuora would not look for.

    A kind that could not be looked for is not known to be without such a number.
    """

    named: Mapping[str, tuple[Match, ...]] = field(default_factory=dict)
    not_read: tuple[Kind, ...] = ()

    def of(self, key: str) -> tuple[Match, ...]:
        """Everything of that number or id, each kind once."""
        return self.named.get(key, ())


async def what_are(
    caller: Caller, paths: Mapping[DocumentKind, str], keys: Collection[str]
) -> Found:
    """Look for keys among bill runs, invoices, credit memos and debit memos.

    Args:
        caller: Sends the calls.
        paths: Each kind's part of a path below `/v1`, for where Object Query is closed.
        keys: Numbers or ids, as `number_key` makes them.

    Raises:
        ZuoraError: As from `Caller.read`, but for a refusal.
    """
    wanted = tuple(dict.fromkeys(keys))
    found = await paging.side_by_side(_of_kind(caller, paths, kind, wanted) for kind in KINDS)
    named: dict[str, tuple[Match, ...]] = {}
    for kind, by_key in zip(KINDS, found, strict=True):
        for key, row in (by_key or {}).items():
            one = Match(kind, _number(kind, row) or key, rows.text(row, "id", "Id"))
            named[key] = (*named.get(key, ()), one)
    not_read = tuple(kind for kind, by_key in zip(KINDS, found, strict=True) if by_key is None)
    return Found(named, not_read)


async def _of_kind(
    caller: Caller, paths: Mapping[DocumentKind, str], kind: Kind, keys: Sequence[str]
) -> dict[str, Row] | None:
    """The rows of one kind by key; None where Zuora refuses to look for some."""
    alone = [key for key in keys if len(keys) <= FEW or _NOT_IN_A_LIST & set(key)]
    together = [key for key in keys if key not in set(alone)]
    found = await _listed(caller, kind, together) if together else {}
    if found is None:
        alone, found = list(keys), {}
    reads = await paging.side_by_side(_one(caller, paths, kind, key) for key in alone)
    for key, row in zip(alone, reads, strict=True):
        if row:
            found[key] = row
    return None if any(row is None for row in reads) else found


async def _listed(caller: Caller, kind: Kind, keys: Sequence[str]) -> dict[str, Row] | None:
    """Fifty in a call; None where Zuora takes no such filter."""
    objects, number = _PLACES[kind]
    found: dict[str, Row] = {}
    ids = [key for key in keys if is_id(key)]
    for name, wanted in (("id", ids), (number, [key for key in keys if not is_id(key)])):
        pages = [wanted[at : at + PAGE] for at in range(0, len(wanted), PAGE)]
        asked = [
            calls.object_page(objects, filters=(f"{name}.IN:[{','.join(page)}]",)) for page in pages
        ]
        try:
            listed = await paging.side_by_side(paging.objects(caller, call) for call in asked)
        except ZuoraRejected:
            return None
        for row in (row for page in listed for row in page):
            key = rows.text(row, "id") if name == "id" else _number(kind, row)
            if key in wanted:
                found[key] = row
    return found


async def _one(
    caller: Caller, paths: Mapping[DocumentKind, str], kind: Kind, key: str
) -> Row | None:
    """The row of one key; empty where there is none, None where Zuora does not say."""
    objects, _ = _PLACES[kind]
    where = "bill-runs" if kind == "bill_run" else paths[kind]
    for call in (calls.get("object-query", objects, key), calls.get("v1", where, key)):
        try:
            data = (await caller.read(call)).data
        except ZuoraNotFound:
            return {}
        except ZuoraRejected:
            continue
        row = rows.part(data, "data") if isinstance(data, dict) else {}
        row = row or rows.part({"it": data}, "it")
        if rows.text(row, "id", "Id") or _number(kind, row):
            return row
    return None


def _number(kind: Kind, row: Row) -> str:
    return rows.text(row, _PLACES[kind][1], "number", "billRunNumber", "invoiceNumber")
