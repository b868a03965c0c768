"""Mails of memos: a memo in Zuora shows no mail, so Zuora's mail history is compared with the bot's orders."""

from collections.abc import Collection, Iterable, Iterator, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple

from bot.audit.evidence.by_whom import mailer
from bot.store.file.by_the_bot import Done, Mailed
from bot.zuora.client import ZuoraClient
from bot.zuora.mail_history import EmailRecord
from bot.zuora.memos import ACCOUNT, BILL_RUN, NUMBER, Memo
from bot.zuora.rows import Here

WITHIN = timedelta(hours=24)
"""The longest time after the bot's order at which a mail counts as the bot's."""

BEFORE = timedelta(minutes=1)
"""The most by which a mail may precede its order: two clocks differ, and Zuora gives whole seconds."""

MOST_NAMED = 200
"""The most mails outside the bot that are traced to their memo."""

NOT_READ = "Zuora's history of mails could not be read, so mails of memos were not compared"

LIMIT = (
    "Zuora dates no mail in a memo: its history of mails is compared with the bot's orders by account and time, as far as "
    "notification or subject say that a mail is of a memo."
)


class MemoOrder(NamedTuple):
    """An order by the bot to mail a memo, or a run of the bot's that mails it by itself."""

    memo: Memo
    request: int
    start: datetime
    end: datetime

    def explains(self, mail: EmailRecord) -> bool:
        """Return whether a mail can come from this order."""
        is_in_time = isinstance(mail.sent_at, datetime) and self.start <= mail.sent_at <= self.end
        return is_in_time and mail.account_id == self.memo.account_id


async def things(
    zuora: ZuoraClient,
    span: tuple[datetime, datetime],
    mails: Iterable[Mailed],
    by_themselves: Iterable[Done],
    here: Here,
) -> list[dict[str, Any]]:
    """Return the mails of memos in a span of time, with their requests; an exception has none.

    Args:
        zuora: The client of one place.
        span: Its start, and its end (exclusive).
        mails: What the bot had mailed document by document; invoices are ignored here.
        by_themselves: The bot's runs whose documents Zuora mails without an order for each.
        here: The zone of Zuora's times.

    Raises:
        ZuoraError: Something could not be read.
    """
    found = await zuora.mails_of_memos(*span, here)
    if not found:
        return []
    since = span[0] - WITHIN
    orders = [
        *await _orders(zuora, [each for each in mails if _sent(each) >= since]),
        *await _orders_of_runs(zuora, list(by_themselves)),
    ]
    matched, alone = match(found, orders)
    named = [await _name(zuora, mail, here) for mail in alone[:MOST_NAMED]]
    rest = [(mail, None) for mail in alone[MOST_NAMED:]]
    return [
        *(
            _thing(order.memo, mail, {"what": "mailed", "by": [order.request]})
            for mail, order in matched
        ),
        *_outside([*named, *rest], orders),
    ]


def match(
    mails: Sequence[EmailRecord], orders: Sequence[MemoOrder]
) -> tuple[list[tuple[EmailRecord, MemoOrder]], list[EmailRecord]]:
    """Return each mail with one matching order of its account, and the mails without an order."""
    left: dict[str, list[MemoOrder]] = {}
    for each in sorted(orders, key=lambda each: each.end):
        left.setdefault(each.memo.account_id, []).append(each)
    matched, alone = [], []
    for mail in sorted(mails, key=_moment):
        its = left.get(mail.account_id, [])
        order = next((one for one in its if one.explains(mail)), None)
        if order is not None:
            its.remove(order)
            matched.append((mail, order))
        else:
            alone.append(mail)
    return matched, alone


async def _orders(zuora: ZuoraClient, mails: Collection[Mailed]) -> list[MemoOrder]:
    memos = {
        each.number: each for each in await zuora.memos(NUMBER, {each.document for each in mails})
    }
    return [
        MemoOrder(memos[each.document], each.request, _sent(each) - BEFORE, _sent(each) + WITHIN)
        for each in mails if each.document in memos
    ]  # fmt: skip


async def _orders_of_runs(zuora: ZuoraClient, done: Collection[Done]) -> list[MemoOrder]:
    """Return the orders of runs that mail by themselves whenever they are posted."""
    never = datetime.max.replace(tzinfo=UTC)
    by_run = {number: each for each in done for number in each.numbers}
    return [
        MemoOrder(memo, by_run[memo.bill_run].request, _sent(by_run[memo.bill_run]) - BEFORE, never)
        for memo in await zuora.memos(BILL_RUN, set(by_run))
    ]


async def _name(
    zuora: ZuoraClient, mail: EmailRecord, here: Here
) -> tuple[EmailRecord, Memo | None]:
    """Return a mail, and the memo it was for if the mail history shows that."""
    if isinstance(mail.sent_at, datetime) and mail.account_id:
        for memo in await zuora.memos(ACCOUNT, {mail.account_id}):
            if mail.mark in await zuora.mails_at(memo.id, mail.sent_at, here):
                return mail, memo
    return mail, None


def _outside(
    found: Sequence[tuple[EmailRecord, Memo | None]], orders: Sequence[MemoOrder]
) -> Iterator[dict[str, Any]]:
    ordered = {order.memo.number for order in orders}
    for mail, memo in found:
        again = "again " if memo is not None and memo.number in ordered else ""
        yield _thing(memo, mail, {"what": f"mailed {again}outside the bot", **mailer(), "by": []})


def _thing(memo: Memo | None, mail: EmailRecord, deed: dict[str, Any]) -> dict[str, Any]:
    at = mail.sent_at if isinstance(mail.sent_at, datetime) else "not known"
    return {
        "kind": "memo",
        "number": memo.number if memo else f"of account {mail.account_id or 'that is not named'}",
        "bill_run": memo.bill_run if memo else "",
        "last_emailed_at": at,
        "deeds": [deed],
    }


def _sent(each: Mailed | Done) -> datetime:
    return datetime.fromisoformat(each.sent_at)


def _moment(mail: EmailRecord) -> datetime:
    return mail.sent_at if isinstance(mail.sent_at, datetime) else datetime.max.replace(tzinfo=UTC)
