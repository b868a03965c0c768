"""Billing preview runs: Zuora computes in the background what a run by batch would bill.

A preview changes nothing and reaches no customer. Sources: pages *Create a billing preview run*,
*Retrieve a billing preview run* and *Retrieve a file*.
"""

import asyncio
import re
import time
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Final

from bot.zuora import calls, rows, scope
from bot.zuora.caller import Caller
from bot.zuora.calls import PreviewWanted
from bot.zuora.errors import ZuoraRefused, for_people
from bot.zuora.preview_file import ItemKind, items_of
from bot.zuora.rows import as_row

ENDED: Final = frozenset({"Completed", "Error", "Canceled"})
_FILE_ID: Final = re.compile(r"/([0-9A-Za-z_-]{8,64})/?$", re.ASCII)


@dataclass(frozen=True, slots=True, kw_only=True)
class PreviewRun:
    """A preview run.

    Attributes:
        status: `Pending`, `Processing`, `Completed`, `Error` or `Canceled`.
        file_id: Id of its file; empty until there is one.
        failed_accounts: Accounts that it could not preview; None if Zuora did not say.
        words: Zuora's reason if it failed.
    """

    number: str = ""
    status: str = ""
    file_id: str = ""
    failed_accounts: int | None = None
    words: str = ""

    @property
    def has_ended(self) -> bool:
        """Return whether it is in a final state."""
        return self.status in ENDED


@dataclass(frozen=True, slots=True, kw_only=True)
class PreviewTotals:
    """The amounts of a preview for each currency; amounts in different currencies are never added up.

    Attributes:
        charges, tax, credits: An amount for each currency.
        items: The number of amounts.
        accounts: The number of accounts.
        without_currency: The number of amounts that are in no sum, because their account's
        currency is
            not known.
    """

    charges: Mapping[str, Decimal] = field(default_factory=dict)
    tax: Mapping[str, Decimal] = field(default_factory=dict)
    credits: Mapping[str, Decimal] = field(default_factory=dict)
    items: int = 0
    accounts: int = 0
    without_currency: int = 0


async def begin(caller: Caller, wanted: PreviewWanted, *, key: str) -> str:
    """Have Zuora begin a preview run; return its id.

    Raises:
        ZuoraError: See `Caller.read`. It is sent like a read: with one key Zuora begins one
        run.
    """
    call = calls.begin_preview_run(wanted, idempotency_key=key)
    run_id = rows.text(as_row((await caller.read(call)).data), "billingPreviewRunId", "id")
    if not run_id:
        raise ZuoraRefused("Zuora did not say which preview run it began.")
    return run_id


async def read(caller: Caller, run_id: str) -> PreviewRun:
    """Return a preview run's status."""
    row = as_row((await caller.read(calls.get("v1", "billing-preview-runs", run_id))).data)
    total, good = rows.number(row, "totalAccounts"), rows.number(row, "succeededAccounts")
    found = _FILE_ID.search(rows.text(row, "resultFileUrl"))
    return PreviewRun(
        number=rows.text(row, "runNumber"),
        status=rows.text(row, "status").capitalize(),
        file_id=found[1] if found else "",
        failed_accounts=total - good
        if isinstance(total, int) and isinstance(good, int) and good <= total
        else None,
        words=for_people(rows.text(row, "errorMessage")),
    )


MOST_SECONDS = 20.0
"""The largest file takes a few seconds; the process waits for the thread before it ends."""


async def totals(caller: Caller, run: PreviewRun, wanted: PreviewWanted) -> PreviewTotals:
    """Add up the amounts of a completed run's file whose accounts are in scope.

    Only the id at the end of the address in the answer is used: the token goes to the tenant's own
    address and to no other.

    Raises:
        ZuoraRefused: There is no file, or it cannot be read.
        ZuoraError: See `Caller.read`.
    """
    if not run.file_id:
        raise ZuoraRefused("Zuora's preview run has no file.")
    content = (await caller.read(calls.file(run.file_id))).data
    accounts = await scope.currencies(caller, wanted.batches, wanted.bill_cycle_day)
    return await asyncio.to_thread(_add_up, content, accounts)


def _add_up(content: object, accounts: Mapping[str, scope.AccountScope] | None) -> PreviewTotals:
    """Add up the file, in a separate thread: it can have millions of rows."""
    if not isinstance(content, bytes):
        raise ZuoraRefused("The file of Zuora's preview run could not be read.")
    sums: dict[ItemKind, dict[str, Decimal]] = {
        "charge": defaultdict(Decimal), "tax": defaultdict(Decimal), "credit": defaultdict(Decimal),
    }  # fmt: skip
    seen: set[str] = set()
    items = without = 0
    until = time.monotonic() + MOST_SECONDS
    for item in items_of(content):
        if time.monotonic() > until:
            raise ZuoraRefused("The file of Zuora's preview run takes too long to add up.")
        account = (accounts or {}).get(item.account_id)
        if account is not None and not account.in_scope:
            continue
        currency = item.currency or (account.currency if account else "")
        if not currency:
            without += 1
            continue
        sums[item.what][currency] += item.amount
        seen.add(item.account_id)
        items += 1
    return PreviewTotals(
        charges=dict(sums["charge"]),
        tax=dict(sums["tax"]),
        credits=dict(sums["credit"]),
        items=items,
        accounts=len(seen),
        without_currency=without,
    )
