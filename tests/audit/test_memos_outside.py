"""Memos that were mailed by hand in Zuora: its history of mails is compared, as a memo keeps no date of its own."""

import re
import zipfile
from datetime import datetime, timedelta
from types import SimpleNamespace

import pytest

from bot.audit.evidence.memos import MemoOrder, match
from bot.sandbox.zuora.records import HistoryRow
from bot.zuora.mail_history import EmailRecord
from bot.zuora.memos import Memo
from tests.audit.test_evidence import checked, lines, made
from tests.stage import BOB

HISTORY = "/v1/notification-history/email"


def mailed_by_hand(stage, memo, *, result="OK"):
    stage.zuora.world.history.append(
        HistoryRow(
            account_id=memo.account.id,
            object_id=memo.id,
            to="pay@example.com",
            subject=f"Memo {memo.number}",
            time=stage.clock.now(),
            notification="Manually email Debit Memo",
            event_category=1420,
            result=result,
            error_message=None,
        )
    )


@pytest.fixture
async def tenant(stage):
    """R-1 mails a run with a credit memo, R-2 a debit memo alone; both went out."""
    world = stage.zuora.world
    world.add_bill_run(
        "BR-00000007", invoices=[("A00000001", "USD", "7.00")], credit_memos=[("A7", "USD", "2.00")]
    )
    memo = world.add_debit_memo("A8", "USD", "9.00", number="DM00000003")
    ts = await stage.ask(text="BR-00000007")
    await stage.press(BOB, ts)
    await stage.until_card(ts, "Accepted by Zuora")
    ts = await stage.ask(text=memo.number)
    await stage.press(BOB, ts)
    await stage.until_card(ts, "Accepted by Zuora")
    await stage.pass_time(minutes=30)
    return SimpleNamespace(stage=stage, memo=memo)


def of_memos(out):
    return {each["number"]: each for each in lines(out, "things.jsonl") if each["kind"] == "memo"}


def read_text(out, name):
    with zipfile.ZipFile(out) as archive:
        return archive.read(name).decode()


def found(out):
    """Exceptions but for the runs that the tests put there."""
    every = lines(out, "exceptions.jsonl")
    return {(each.get("number"), each["what"]) for each in every if each.get("kind") != "bill run"}


async def test_what_the_bot_mailed_is_no_exception_alone_or_with_its_run(tenant, tmp_path):
    result, out = await made(tenant.stage, tmp_path)

    assert result.exit_code == 0, result.output
    things = of_memos(out)
    assert {each["bill_run"]: each["deeds"][0]["by"] for each in things.values()} == {
        "BR-00000007": [1], "": [2],
    }  # fmt: skip
    assert things[tenant.memo.number]["deeds"][0]["by"] == [2]
    assert found(out) == set()
    assert checked(out).exit_code == 0


async def test_a_memo_that_was_mailed_by_hand_is_an_exception_by_its_number(tenant, tmp_path):
    world = tenant.stage.zuora.world
    mailed_by_hand(tenant.stage, world.add_credit_memo("A8", "USD", "1.00", number="CM00000011"))
    mailed_by_hand(tenant.stage, world.add_debit_memo("A9", "USD", "1.00", number="DM00000012"))
    failed = world.add_debit_memo("A9", "USD", "1.00", number="DM00000013")
    mailed_by_hand(tenant.stage, failed, result="Failed")

    _, out = await made(tenant.stage, tmp_path)

    by_hand = {(number, "mailed outside the bot") for number in ("CM00000011", "DM00000012")}
    assert found(out) == by_hand
    assert checked(out).exit_code == 0
    of_memos = [each for each in lines(out, "exceptions.jsonl") if each["kind"] == "memo"]
    assert {each["who"] for each in of_memos} == {""}
    assert all("Zuora's history of mails names nobody" in each["known_from"] for each in of_memos)


async def test_a_memo_of_the_bot_that_was_mailed_again_by_hand_is_an_exception(tenant, tmp_path):
    mailed_by_hand(tenant.stage, tenant.memo)

    _, out = await made(tenant.stage, tmp_path)

    assert found(out) == {(tenant.memo.number, "mailed again outside the bot")}


async def test_a_history_of_mails_that_cannot_be_read_is_not_done_and_the_rest_is_compared(
    tenant, tmp_path
):
    invoice = tenant.stage.zuora.world.add_invoice("A00000001", "USD", "10.00")
    invoice.last_email_sent = tenant.stage.clock.now()
    tenant.stage.zuora.faults.add(
        HISTORY, kind="http200_failure", category=10, message="No", times=None
    )

    result, out = await made(tenant.stage, tmp_path)

    assert result.exit_code == 26, result.output
    assert "mails of memos were not compared" in result.output
    assert re.search(r"Done outside the bot: [1-9]", result.output)
    page = read_text(out, "00-report.html")
    assert "not explained. Zuora&#x27;s history of mails could not be read" in page
    assert found(out) == {
        (None, "not compared with Zuora"),
        (invoice.number, "mailed outside the bot"),
    }


def order(request, minutes, account="a"):
    at = datetime.fromisoformat("2026-11-21T10:00:00+00:00") + timedelta(minutes=minutes)
    memo = Memo(number=f"DM{request}", id=str(request), account_id=account, bill_run="")
    return MemoOrder(memo, request, at, at + timedelta(hours=24))


def mail(minutes, account="a"):
    at = datetime.fromisoformat("2026-11-21T10:00:00+00:00") + timedelta(minutes=minutes)
    return EmailRecord(
        mark=str(minutes), sent_at=at, delivered_to_server=True,
        account_id=account, is_of_memo=True,
    )  # fmt: skip


@pytest.mark.parametrize(
    ("orders", "mails", "alone"),
    [
        ([order(1, 0)], [mail(5)], []),
        ([order(1, 0)], [mail(5), mail(6)], [6]),
        ([order(1, 0)], [mail(-5)], [-5]),
        ([order(1, 0)], [mail(60 * 25)], [60 * 25]),
        ([order(1, 0)], [mail(5, "b")], [5]),
        ([order(1, 0), order(2, 60 * 20)], [mail(60 * 21), mail(60 * 22)], []),
    ],
)
def test_an_order_explains_one_mail_to_its_account_within_a_day(orders, mails, alone):
    matched, left = match(mails, orders)

    assert [int(each.mark) for each in left] == alone
    assert len(matched) == len(mails) - len(alone)
