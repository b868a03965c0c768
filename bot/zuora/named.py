"""Asks Zuora what a number or an id names: a bill run, an invoice, a memo, an account, a subscription.

A number may have any prefix ("Define numbering formats"), and an id shows no kind, so only Zuora
knows. `what_are` asks for everything that was typed: bill runs and documents side by side, and if
none of them has it, accounts and subscriptions. A few keys are asked one by one, with the id or
number in Object Query's path; more keys fifty in a call.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Final

from bot.domain.key import Reading, is_id, readings
from bot.domain.kind import DocumentKind, Kind
from bot.domain.parts_of import parts_of
from bot.zuora import agreement, calls, paging, rows
from bot.zuora.aside import aside
from bot.zuora.caller import Caller
from bot.zuora.calls import PAGE
from bot.zuora.errors import ZuoraNotFound, ZuoraRefused
from bot.zuora.rows import ZuoraRow

KINDS: Final[tuple[Kind, ...]] = ("bill_run", "invoice", "credit_memo", "debit_memo")
OTHERS: Final[tuple[Kind, ...]] = ("account", "subscription")
"""These cannot be mailed; they are asked only to say what a number is."""

FEW: Final = 2
_NOT_IN_A_LIST: Final = frozenset(",[]")
_PLACES: Final[Mapping[Kind, tuple[str, str]]] = {
    "bill_run": ("billing-runs", "billingRunNumber"),
    "invoice": ("invoices", "invoiceNumber"),
    "credit_memo": ("credit-memos", "memoNumber"),
    "debit_memo": ("debit-memos", "memoNumber"),
    "account": ("accounts", "accountNumber"),
    "subscription": ("subscriptions", "name"),
}
"""Object Query's path for each kind, and its field with the number."""

_IN_V1: Final[Mapping[Kind, str]] = {
    "bill_run": "bill-runs", "account": "accounts", "subscription": "subscriptions",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Match:
    """A thing that Zuora has under a number or an id."""

    kind: Kind
    number: str


@dataclass(frozen=True, slots=True)
class Found:
    """What the typed keys name, and the kinds that Zuora refused to look for.

    A refused kind may have such a number too.
    """

    named: Mapping[str, tuple[Match, ...]] = field(default_factory=dict)
    not_read: tuple[Kind, ...] = ()

    def of(self, typed: str) -> tuple[Match, ...]:
        """Return everything that it names, each kind once; an account only if it is nothing else."""
        return self.named.get(typed, ())


async def what_are(
    caller: Caller, paths: Mapping[DocumentKind, str], typed: Collection[str]
) -> Found:
    """Look for what was typed: for each, the first of its spellings that Zuora has.

    Args:
        caller: Sends the calls.
        paths: Each kind's part of a path below `/v1`, used if Object Query is closed.
        typed: Numbers or ids, as they were typed.

    Raises:
        ZuoraContradicts: An answer is about something else than the question.
        ZuoraError: See `Caller.read`; a refusal raises nothing.
    """
    asked = await aside(_readings, list(typed))
    of_documents: dict[Kind, str] = {kind: path for kind, path in paths.items()}  # noqa: C416 - a wider key
    found = await _first(caller, {**_IN_V1, **of_documents}, KINDS, asked)
    left = {text: known for text, known in asked.items() if text not in found.named}
    others = await _first(caller, _IN_V1, OTHERS, left)
    return Found({**found.named, **others.named}, found.not_read)


def _readings(typed: Sequence[str]) -> dict[str, Sequence[Reading]]:
    return {text: readings(text) for text in typed}


async def _first(
    caller: Caller,
    paths: Mapping[Kind, str],
    kinds: Sequence[Kind],
    asked: Mapping[str, Sequence[Reading]],
) -> Found:
    """Return what Zuora has under the first spelling; if nothing, under the second."""
    named: dict[str, tuple[Match, ...]] = {}
    not_read: set[Kind] = set()
    turn, waiting = 0, {text: ways for text, ways in asked.items() if ways}
    while waiting:
        now = [(text, ways[turn]) for text, ways in waiting.items()]
        keys = await aside(_keys_of, now, kinds)
        read = await paging.side_by_side(
            _of_kind(caller, paths[kind], kind, keys[kind]) for kind in kinds
        )
        not_read |= {kind for kind, found in zip(kinds, read, strict=True) if found is None}
        named |= await aside(_hits, now, kinds, read)
        turn += 1
        waiting = {
            text: ways for text, ways in waiting.items() if text not in named and len(ways) > turn
        }
    return Found(named, tuple(kind for kind in kinds if kind in not_read))


_Now = Sequence[tuple[str, Reading]]


def _keys_of(now: _Now, kinds: Sequence[Kind]) -> dict[Kind, tuple[str, ...]]:
    """Return what is asked of each kind, each key once."""
    return {
        kind: tuple(dict.fromkeys(way.key for _, way in now if way.kind in (None, kind)))
        for kind in kinds
    }


def _hits(
    now: _Now, kinds: Sequence[Kind], read: Sequence[Mapping[str, Match] | None]
) -> dict[str, tuple[Match, ...]]:
    """Return what was typed and what it names, as far as it names anything."""
    named = {}
    for text, way in now:
        hits = tuple(
            found[way.key]
            for kind, found in zip(kinds, read, strict=True)
            if way.kind in (None, kind) and found and way.key in found
        )
        if hits:
            named[text] = hits
    return named


async def _of_kind(
    caller: Caller, path: str, kind: Kind, keys: Sequence[str]
) -> dict[str, Match] | None:
    """Return what one kind has by key; None if Zuora refuses to look for some."""
    alone, together = await aside(_apart, keys)
    found = await _listed(caller, kind, together) if together else {}
    if found is None:
        alone, found = list(keys), {}
    asked = [partial(_one, caller, path, kind, key) for key in alone]
    reads = await paging.all_or_none(asked) if asked else []
    for key, row in zip(alone, reads, strict=True):
        if row:
            found[key] = _match(row, kind, key)
    return None if any(row is None for row in reads) else found


def _apart(keys: Sequence[str]) -> tuple[list[str], list[str]]:
    """Return the keys that are asked for alone, and those that go in lists."""
    alone = [key for key in keys if len(keys) <= FEW or _NOT_IN_A_LIST & set(key)]
    apart = frozenset(alone)
    return alone, [key for key in keys if key not in apart]


async def _listed(caller: Caller, kind: Kind, keys: Sequence[str]) -> dict[str, Match] | None:
    """Return what lists have, fifty in a call; None if Zuora refuses the filter."""
    found: dict[str, Match] = {}
    by_id, by_number = await aside(_by_id_or_number, keys)
    for name, wanted in (("id", by_id), (_PLACES[kind][1], by_number)):
        asked = [partial(_page, caller, kind, name, part) for part in parts_of(wanted, PAGE)]
        try:
            listed = await paging.all_or_none(asked) if asked else []
        except ZuoraRefused:
            return None
        for page in listed:
            found |= page
    return found


def _by_id_or_number(keys: Sequence[str]) -> tuple[list[str], list[str]]:
    ids = [key for key in keys if is_id(key)]
    apart = frozenset(ids)
    return ids, [key for key in keys if key not in apart]


async def _page(caller: Caller, kind: Kind, name: str, keys: Sequence[str]) -> dict[str, Match]:
    """Return what one call has under up to fifty keys; of its rows only number and id are kept."""
    query = calls.object_page(_PLACES[kind][0], filters=(f"{name}.IN:[{','.join(keys)}]",))
    return await aside(_matches, await paging.objects(caller, query), kind, name, keys)


def _matches(
    page: Sequence[ZuoraRow], kind: Kind, name: str, keys: Sequence[str]
) -> dict[str, Match]:
    said = {
        (rows.text(row, "id") if name == "id" else _number(kind, row)).casefold(): row
        for row in page
    }
    return {key: _match(said[key.casefold()], kind, key) for key in keys if key.casefold() in said}


def _match(row: ZuoraRow, kind: Kind, key: str) -> Match:
    return Match(kind, _number(kind, row) or key)


async def _one(caller: Caller, path: str, kind: Kind, key: str) -> ZuoraRow | None:
    """Return the row of one key; empty if there is none, None if Zuora does not say."""
    objects, _ = _PLACES[kind]
    promised = kind != "bill_run" or is_id(key)  # `/v1` promises to take only a run's id
    for call, knows in (
        (calls.get("object-query", objects, key), True),
        (calls.get("v1", path, key), promised),
    ):
        try:
            data = (await caller.read(call)).data
        except ZuoraNotFound:
            return {} if knows else None
        except ZuoraRefused:
            continue
        row = rows.part({"it": data}, "it")
        row = rows.part(row, "data") or rows.part(row, "basicInfo") or row
        its_id, number = rows.text(row, "id", "Id"), _number(kind, row)
        if its_id or number:
            agreement.answered(key, kind.replace("_", " "), its_id, number)
            return row
    return None


def _number(kind: Kind, row: ZuoraRow) -> str:
    return rows.text(row, _PLACES[kind][1], *_ELSEWHERE[kind])


_ELSEWHERE: Final[Mapping[Kind, tuple[str, ...]]] = {
    "bill_run": ("billRunNumber", "number"),
    "invoice": ("number",),
    "credit_memo": ("number",),
    "debit_memo": ("number",),
    "account": ("number",),
    "subscription": ("subscriptionNumber", "number"),
}
"""The field with the number in the answers of `/v1`."""
