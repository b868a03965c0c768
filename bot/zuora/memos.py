"""Reads which credit and debit memos exist, and for which accounts."""

from collections.abc import Collection
from dataclasses import dataclass
from typing import Final

from bot.domain.parts_of import parts_of
from bot.zuora import calls, paging, rows
from bot.zuora.agreement import NUMBERS
from bot.zuora.caller import Caller

NUMBER: Final = "memoNumber"
ACCOUNT: Final = "accountId"
BILL_RUN: Final = "sourceId"


@dataclass(frozen=True, slots=True, kw_only=True)
class Memo:
    """A credit or debit memo; `bill_run` is the number of the run that made it, if one did."""

    number: str
    id: str
    account_id: str
    bill_run: str


async def memos(caller: Caller, field: str, values: Collection[str]) -> list[Memo]:
    """Return the memos that have one of these values in a field, fifty values in a call.

    Raises:
        ZuoraError: See `Caller.read`.
    """
    found = []
    for objects in ("credit-memos", "debit-memos"):
        for part in parts_of(sorted(values), calls.PAGE):
            query = calls.object_page(objects, filters=(f"{field}.IN:[{','.join(part)}]",))
            found += [
                Memo(
                    number=rows.text(row, *NUMBERS["credit_memo"]),
                    id=rows.text(row, "id"),
                    account_id=rows.text(row, ACCOUNT),
                    bill_run=rows.text(row, BILL_RUN),
                )
                for row in await paging.objects(caller, query)
                if rows.text(row, field) in values  # a filter may have been ignored
            ]
    return found
