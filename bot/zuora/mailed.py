"""Which invoices were mailed since a moment, by the bot or otherwise."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

from bot.domain.known import MailedAt, NotKnown
from bot.zuora import calls, paging, rows
from bot.zuora.caller import Caller
from bot.zuora.errors import ZuoraRefused
from bot.zuora.rows import Here, ZuoraRow

_FIELDS: Final = ("lastEmailSentDate", "updatedDate")
"""The fields to filter by: a mail changes both, other changes only the second. Zuora filters by fields
that it has an index for, and does not say which."""


@dataclass(frozen=True, slots=True, kw_only=True)
class MailedInvoice:
    """An invoice that Zuora has mailed.

    Attributes:
        at: When it was mailed last; not known if Zuora's value cannot be read.
        updated_by: Id of the user of Zuora who changed it last.
    """

    number: str
    bill_run: str
    at: MailedAt
    updated_by: str


async def invoices_since(caller: Caller, since: datetime, here: Here) -> list[MailedInvoice]:
    """Return the invoices whose last mail is from then or later; memos show no mail in Zuora.

    Raises:
        ZuoraRefused: Zuora filters by neither field.
        ZuoraError: See `Caller.read`.
    """
    moment = since.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    for field in _FIELDS:
        call = calls.object_page(
            "invoices", filters=(f"{field}.GE:{moment}",), extra=(calls.NULLS,)
        )
        found: list[MailedInvoice] = []
        try:
            async for page in paging.pages(caller, call):
                found += _mailed(page, since, here)
        except ZuoraRefused:
            if field == _FIELDS[-1]:
                raise
        else:
            return found
    raise AssertionError  # the last field returns or raises


def _mailed(page: Iterable[ZuoraRow], since: datetime, here: Here) -> Iterable[MailedInvoice]:
    for row in page:
        at = rows.mailed(row, "lastEmailSentDate", here=here)
        if isinstance(at, NotKnown) or (at is not None and at >= since):
            yield MailedInvoice(
                number=rows.text(row, "invoiceNumber"),
                bill_run=rows.text(row, "sourceId"),
                at=at,
                updated_by=rows.text(row, "updatedById"),
            )
