"""Reads the accounts that a bill run by batch covers: how many, and in which currencies."""

import asyncio
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Final

from bot.zuora import calls, paging, rows
from bot.zuora.caller import Caller
from bot.zuora.errors import ZuoraRefused
from bot.zuora.rows import ZuoraRow

ALL_BATCHES: Final = "AllBatches"
MOST_ACCOUNTS: Final = 20_000  # ten calls; beyond that it is "or more"
MOST_CURRENCIES: Final = 200_000  # a hundred calls
_FEW_BATCHES: Final = 5
_SELECT: Final = "select Id, Batch, BillCycleDay, Status, Currency from Account where {} = {}"


@dataclass(frozen=True, slots=True, kw_only=True)
class AccountsInScope:
    """How many active accounts; `is_all` is false if counting stopped early."""

    count: int
    is_all: bool = True


async def accounts_in_batches(
    caller: Caller, batches: Collection[str], bill_cycle_day: str
) -> AccountsInScope | None:
    """Count the active accounts of some batches, and of one bill cycle day if it is a number.

    ZOQL is used, because it gives 2,000 rows a call (page *CRUD: Query*) and an object query 50,
    and because neither says which fields it has an index for.

    Args:
        caller: Sends the calls.
        batches: `AllBatches`, or names of batches.
        bill_cycle_day: `1` to `31`, or anything else for every day.

    Returns:
        None if the query is refused, or does not say whether some account is covered.

    Raises:
        ZuoraError: See `Caller.read`; a refusal raises nothing.
    """
    found: list[ZuoraRow] = []
    try:
        for text in _queries(batches):
            found += await paging.zoql(caller, text, most=MOST_ACCOUNTS)
            if len(found) >= MOST_ACCOUNTS:
                break
    except ZuoraRefused:
        return None
    count = await asyncio.to_thread(_count, found, batches, bill_cycle_day)
    if count is None:
        return None
    return AccountsInScope(count=count, is_all=len(found) < MOST_ACCOUNTS)


@dataclass(frozen=True, slots=True)
class AccountScope:
    """An account's currency (empty: not known), and whether the run covers it or may."""

    currency: str
    in_scope: bool


async def currencies(
    caller: Caller, batches: Collection[str], bill_cycle_day: str
) -> dict[str, AccountScope] | None:
    """Return the active accounts of some batches by id, with their currencies.

    Args:
        caller: Sends the calls.
        batches: `AllBatches`, or names of batches.
        bill_cycle_day: `1` to `31`, or anything else for every day.

    Returns:
        None if the query is refused. At most `MOST_CURRENCIES` accounts.

    Raises:
        ZuoraError: See `Caller.read`; a refusal raises nothing.
    """
    found: list[ZuoraRow] = []
    try:
        for text in _queries(batches):
            left = MOST_CURRENCIES - len(found)
            found += await paging.zoql(caller, text, most=left) if left > 0 else []
    except ZuoraRefused:
        return None
    return await asyncio.to_thread(_by_id, found, batches, bill_cycle_day)


def _count(found: Sequence[ZuoraRow], batches: Collection[str], bill_cycle_day: str) -> int | None:
    """Count them in a separate thread: twenty thousand rows would keep everybody waiting."""
    covered = [_is_in(row, batches, bill_cycle_day) for row in found]
    return None if None in covered else covered.count(True)


def _by_id(
    found: Sequence[ZuoraRow], batches: Collection[str], bill_cycle_day: str
) -> dict[str, AccountScope]:
    """Return them by id, read in a separate thread: two hundred thousand rows take most of a second."""
    return {
        rows.text(row, "Id", "id"): AccountScope(
            _currency(row), _is_in(row, batches, bill_cycle_day) is not False
        )
        for row in found
    }


def _queries(batches: Collection[str]) -> list[str]:
    if ALL_BATCHES in batches or len(batches) > _FEW_BATCHES:
        return [_SELECT.format("Status", calls.zoql_text("Active"))]
    return [_SELECT.format("Batch", calls.zoql_text(batch)) for batch in batches]


def _currency(row: ZuoraRow) -> str:
    found = rows.currency(row, "Currency", "currency")
    return found if isinstance(found, str) else ""


def _is_in(row: ZuoraRow, batches: Collection[str], bill_cycle_day: str) -> bool | None:
    """Return whether a run covers an account; None if Zuora does not say.

    ZOQL leaves out empty fields, so an account without a batch or day is in none.
    """
    if not rows.text(row, "Status", "status") or any(
        isinstance(value, bool | dict | list) for value in row.values()
    ):
        return None
    return (
        rows.text(row, "Status", "status") == "Active"
        and (ALL_BATCHES in batches or rows.text(row, "Batch", "batch") in batches)
        and (
            not bill_cycle_day.isdecimal()
            or rows.text(row, "BillCycleDay", "billCycleDay") == bill_cycle_day
        )
    )
