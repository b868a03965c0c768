"""Zuora's history of mails, about one object or all of them."""

import math
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Final

from bot.domain.digest import canonical, text_hash
from bot.domain.known import NotKnown
from bot.zuora import calls, paging, rows
from bot.zuora.caller import Caller
from bot.zuora.errors import ZuoraContradicts
from bot.zuora.rows import Here, ZuoraRow

_WINDOW: Final = timedelta(days=3)  # the longest range the mail history takes
_MOST_WINDOWS: Final = 11  # a month; older mails about one object are not looked for
_MOST_PAGES: Final = 50
_MOST_PAGES_OF_ALL: Final = 5_000  # 200,000 mails in three days
_ANY_ZONE: Final = timedelta(days=1)
"""The history is read in the tenant's time; one more day at both ends covers every zone."""

NO_TIME = "Zuora gives the time of a mail without its zone: set ZUORA_TIME_ZONE to the tenant's."


@dataclass(frozen=True, slots=True, kw_only=True)
class EmailRecord:
    """One mail that Zuora sent or tried to send, without its addresses.

    Attributes:
        mark: SHA-256 (hex) of the whole row; it identifies the mail, since Zuora gives it no id.
        notification: Name of the notification that sent it.
        account_id: The customer's account.
        is_of_memo: Whether it is of a memo, by its notification or subject: a row names no
        document.
    """

    mark: str
    sent_at: datetime | NotKnown | None
    delivered_to_server: bool
    notification: str = ""
    account_id: str = ""
    is_of_memo: bool = False

    @property
    def brings_document(self) -> bool:
        """Return whether the customer got the document with it, or may have; a failed mail and a reminder do not bring it."""
        said = self.notification.lower()
        return self.delivered_to_server and (not said or "email" in said or "posted" in said)


async def of_object(
    caller: Caller, object_id: str, since: datetime, here: Here
) -> tuple[EmailRecord, ...]:
    """Return the mails about one object since then, for a month at most."""
    now = here.now + _ANY_ZONE
    start = max(since - _ANY_ZONE, now - _MOST_WINDOWS * _WINDOW)
    return await _between(caller, object_id, (start, now), here)


async def of_memos(
    caller: Caller, since: datetime, until: datetime, here: Here
) -> tuple[EmailRecord, ...]:
    """Return the mails of memos that went out from `since` to before `until`.

    Raises:
        ZuoraContradicts: There are too many, or the time of one is not known.
        ZuoraError: See `Caller.read`.
    """
    around = (since - _ANY_ZONE, min(until, here.now) + _ANY_ZONE)

    def is_one(each: EmailRecord) -> bool:
        if not each.is_of_memo or not each.delivered_to_server:
            return False
        if not isinstance(each.sent_at, datetime):
            raise ZuoraContradicts(NO_TIME)
        return since <= each.sent_at < until

    return await _between(caller, "", around, here, is_one)


async def of_moment(caller: Caller, object_id: str, at: datetime, here: Here) -> set[str]:
    """Return the marks of mails about one object around a moment."""
    around = (at - _ANY_ZONE, at + _ANY_ZONE)
    return {each.mark for each in await _between(caller, object_id, around, here)}


async def _between(
    caller: Caller,
    object_id: str,
    span: tuple[datetime, datetime],
    here: Here,
    wanted: Callable[[EmailRecord], bool] = lambda _: True,
) -> tuple[EmailRecord, ...]:
    """Return the mails of a span of time, read side by side in windows of three days."""
    start, until = span
    starts = [start + number * _WINDOW for number in range(math.ceil((until - start) / _WINDOW))]
    windows = [(each, min(each + _WINDOW, until)) for each in starts]
    reads = [partial(_window, caller, object_id, each, here, wanted) for each in windows]
    found: list[EmailRecord] = []
    before: set[str] = set()
    for page in await paging.all_or_none(reads) if reads else ():
        found += [each for each in page if each.mark not in before]
        before = {each.mark for each in page}  # a window's last second is the next one's first
    return tuple(found)


async def _window(
    caller: Caller,
    object_id: str,
    window: tuple[datetime, datetime],
    here: Here,
    wanted: Callable[[EmailRecord], bool],
) -> list[EmailRecord]:
    found: list[EmailRecord] = []
    start, end = (each.astimezone(here.zone or UTC) for each in window)
    for page in range(1, (_MOST_PAGES if object_id else _MOST_PAGES_OF_ALL) + 1):
        data = (await caller.read(calls.email_history(object_id, start, end, page))).data
        rows_of_page = paging.whole(data, "emailHistories")
        found += filter(wanted, (_record(row, here) for row in rows_of_page))
        if not paging.following(data, "nextPage"):
            return found
    raise ZuoraContradicts("Zuora's mail history does not end.")


def _record(row: ZuoraRow, here: Here) -> EmailRecord:
    said = rows.text(row, "result")
    notification = rows.text(row, "notification")
    return EmailRecord(
        mark=text_hash(canonical({str(name): str(value) for name, value in row.items()})),
        sent_at=rows.moment(row, "sendTime", zone=here.zone),
        delivered_to_server=said.upper() == "OK",
        notification=notification,
        account_id=rows.text(row, "accountId"),
        is_of_memo="memo" in f"{notification} {rows.text(row, 'subject')}".casefold(),
    )
