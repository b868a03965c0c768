"""Reads bill runs: counts from Object Query, name and dates from `/v1`."""

from datetime import datetime
from typing import Final

from bot.zuora import agreement, calls, paging, rows
from bot.zuora.answers import BillRun
from bot.zuora.caller import Caller
from bot.zuora.errors import ZuoraNotFound, ZuoraRefused
from bot.zuora.readers import bill_run_of
from bot.zuora.rows import Here, ZuoraRow
from bot.zuora.wire import HttpCall

MOST_LISTED: Final = 1000
"""The most bill runs that are looked at, newest first."""

_QUERY_REFUSED: Final = frozenset({None, 20, 21, 22, 23, 27, 30})


async def read(caller: Caller, key: str, here: Here) -> BillRun:
    """Return one bill run by id or number.

    Object Query takes both; `/v1` promises to take the id. If Object Query is closed to the
    bot, only `/v1` is asked and there are no counts; an unknown number then proves nothing.

    Raises:
        ZuoraNotFound: Neither knows it.
        ZuoraContradicts: The answer is about another run.
        ZuoraError: See `Caller.read`.
    """
    counts, refused = await _counts(caller, key)
    bill_run_id = rows.text(counts, "id") or key
    try:
        plain = rows.part({"run": (await caller.read(_plain(bill_run_id))).data}, "run")
    except ZuoraNotFound as error:
        is_number = key.upper().startswith("BR-")
        if is_number and refused is not None and not isinstance(refused, ZuoraNotFound):
            raise refused from error
        if not counts:
            raise
        plain = {}
    except ZuoraRefused:
        if not counts:
            raise
        plain = {}
    run = bill_run_of(counts, plain, here)
    agreement.answered(key, "bill run", run.id, run.number)
    return run


async def read_state(caller: Caller, bill_run_id: str, here: Here) -> BillRun:
    """Return one bill run by id with a single call, to `/v1`, so that it can be repeated often.

    Raises:
        ZuoraNotFound: The bill run does not exist (any more).
        ZuoraError: See `Caller.read`.
    """
    data = (await caller.read(_plain(bill_run_id))).data
    run = bill_run_of({}, rows.part({"run": data}, "run"), here)
    agreement.answered(bill_run_id, "bill run", run.id, run.number)
    return run


async def listing(
    caller: Caller,
    here: Here,
    *,
    name: str,
    created_since: datetime | None,
) -> tuple[BillRun, ...]:
    """Return bill runs, newest first; at most about a thousand are looked at.

    Zuora filters only by fields it has an index for and does not say which, so all filters are
    applied here too. A run without a creation time counts as created since.
    """
    found = await _listed(caller, (f"name.EQ:{name}",) if name else ())
    runs = [bill_run_of(row, {}, here) for row in found]
    wanted = [
        run
        for run in runs
        if (not name or run.name == name)
        and (created_since is None or run.created_at is None or run.created_at >= created_since)
    ]
    wanted.sort(key=lambda run: run.created_at.timestamp() if run.created_at else 0, reverse=True)
    return tuple(wanted)


async def _counts(caller: Caller, key: str) -> tuple[ZuoraRow, ZuoraRefused | None]:
    """Return what Object Query says, or nothing and its refusal."""
    try:
        data = (
            await caller.read(calls.get("object-query", "billing-runs", key, query=(calls.NULLS,)))
        ).data
    except ZuoraRefused as error:
        return {}, error
    return rows.part(data, "data") or rows.part({"run": data}, "run"), None


def _plain(key: str) -> HttpCall:
    return calls.get("v1", "bill-runs", key)


async def _listed(caller: Caller, filters: tuple[str, ...]) -> list[ZuoraRow]:
    """Return the list, filtered and ordered; if Zuora refuses that, ordered; else as it comes."""
    newest_first = (("sort[]", "createdDate.DESC"), calls.NULLS)
    for wanted, extra in ((filters, newest_first), ((), newest_first)):
        call = calls.object_page("billing-runs", filters=wanted, extra=extra)
        try:
            return await paging.objects(caller, call, most=MOST_LISTED)
        except ZuoraRefused as error:
            if error.category not in _QUERY_REFUSED:
                raise
    return await paging.objects(
        caller, calls.object_page("billing-runs", extra=(calls.NULLS,)), most=MOST_LISTED
    )
