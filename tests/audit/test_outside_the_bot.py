"""What was done in Zuora and not by the bot is an exception, with who did it there."""

from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from bot.audit.evidence.own import ABOUT_RUNS, Own, Period, Read
from bot.audit.evidence.reconcile import outside, reconciled
from bot.slack.explaining import SIGN
from bot.store.file import by_the_bot
from bot.store.file.reading import open_read_only
from bot.store.times import to_text
from bot.workflow.receipts import NOT_MINE
from tests.audit.test_evidence import checked, entries, lines, made
from tests.audit.test_for_people import page_of, sheets_of
from tests.audit.test_package import Forger, status, written
from tests.audit.test_period import package
from tests.audit.test_verify import Tampering
from tests.stage import ALICE, BOB, CHANNEL
from tests.stories.test_receipts import direct, press

HAND = "2c92c0f8000000000000000000000077"


@pytest.fixture
async def tenant(stage):
    return await with_work_by_hand(stage)


async def with_work_by_hand(stage):
    """R-1 is mailed by the bot; by hand an invoice is mailed, a run is posted, a run is canceled."""
    world, clock = stage.zuora.world, stage.clock
    ts = await stage.ask()
    await stage.press(BOB, ts)
    await stage.until_card(ts, "Accepted by Zuora")
    await stage.pass_time(minutes=10)
    run = world.add_bill_run("BR-00000002", invoices=[("A00000001", "USD", "7.00")])
    run.updated_by = HAND
    canceled = world.add_bill_run("BR-00000003", status="Canceled")
    canceled.updated_by, canceled.updated_at = HAND, clock.now()
    alone = world.add_invoice("A00000001", "USD", "10.00")
    alone.last_email_sent = alone.updated_at = clock.now()
    alone.updated_by = HAND
    stage.alone = alone.number
    return stage


def found(out):
    return {(each["number"], each["what"]): each for each in lines(out, "exceptions.jsonl")}


async def test_all_three_are_exceptions_with_who(tenant, tmp_path):
    result, out = await made(tenant, tmp_path)

    assert result.exit_code == 0, result.output
    exceptions = found(out)
    for key in (
        (tenant.alone, "mailed outside the bot"),
        ("BR-00000002", "posted outside the bot"),
        ("BR-00000003", "canceled outside the bot"),
    ):
        assert exceptions[key]["who"] == HAND, exceptions
        assert "Zuora names only who changed it last" in exceptions[key]["known_from"]
    canceled = exceptions["BR-00000003", "canceled outside the bot"]
    assert "(2026-11-21 10:10:00 UTC)" in canceled["known_from"]
    created = exceptions["BR-00000003", "created outside the bot"]
    assert created["known_from"] == "Zuora names this user as the creator"
    assert f"{HAND}; {canceled['known_from']}" in page_of(out).text
    at = exceptions["BR-00000003", "canceled outside the bot"]["at"]
    assert ["2026-11-21 10:10:00 UTC", "canceled outside the bot"] in [
        row[:2] for row in sheets_of(out)["Exceptions"]
    ]
    assert at.startswith("2026-11-21T10:10:00")


async def test_what_the_bot_mailed_is_no_exception(tenant, tmp_path):
    _, out = await made(tenant, tmp_path)

    run = [
        each for each in lines(out, "things.jsonl")
        if each.get("bill_run") == "BR-00000001"
    ]  # fmt: skip
    assert run
    assert all(deed["by"] == [1] for each in run for deed in each["deeds"])


async def test_a_second_mail_by_hand_a_day_later_is_one(tenant, tmp_path):
    world = tenant.zuora.world
    mine = next(each for each in world.invoices.values() if each.last_email_sent)
    mine.last_email_sent = mine.updated_at = tenant.clock.now() + timedelta(days=2)
    mine.updated_by = HAND
    await tenant.pass_time(days=3)

    _, out = await made(tenant, tmp_path)

    assert found(out)[mine.number, "mailed again outside the bot"]["who"] == HAND


TO_ITS_ACCOUNT = {
    "an invoice": (
        "INSERT INTO mailings SELECT request, call, way, '{0}', '', account, run, shown FROM mailings LIMIT 1",
        "R-1 can mail other documents than when it began",
    ),
    "an invoice in another's place": (
        "UPDATE mailings SET document_number = '{0}' WHERE rowid = 1",
        "R-1 can mail other documents than when it began",
    ),
    "a run that it follows": (
        """UPDATE requests SET progress = '{{"run_id": "", "number": "BR-00000002"}}'""",
        "R-1 follows the bill run BR-00000002, and no entry says so",
    ),
    "a run that its call began": (
        """UPDATE calls SET began = '{{"run_id": "", "number": "BR-00000002"}}'""",
        "R-1 follows the bill run BR-00000002, and no entry says so",
    ),
    "a later moment": (
        "UPDATE calls SET sent_at = '2027-01-01T00:00:00.000000+00:00'",
        "R-1 called Zuora about BR-00000001 at 2027-01-01",
    ),
}


@pytest.mark.parametrize(("change", "words"), TO_ITS_ACCOUNT.values(), ids=TO_ITS_ACCOUNT)
async def test_what_was_done_by_hand_and_is_put_to_the_account_of_a_request_is_found(
    tenant, change, words
):
    """The table of what can be mailed, the run of a request and the time of a call hide no exception."""
    await tenant.stop()
    path = tenant.settings().database_path
    assert checked(path).exit_code == 0
    with Tampering(path) as tampering:
        tampering.execute(change.format(tenant.alone))

    result = checked(path)

    assert result.exit_code == 19, result.output
    assert words in result.output


async def test_a_list_that_zuora_refuses_is_not_done(tenant, tmp_path):
    tenant.zuora.faults.add(
        "/object-query/invoices", kind="http200_failure", category=30, message="No"
    )
    tenant.zuora.faults.add(
        "/object-query/invoices", kind="http200_failure", category=30, message="No"
    )

    result, out = await made(tenant, tmp_path)

    assert result.exit_code == 26, result.output
    assert [each["what"] for each in lines(out, "exceptions.jsonl")] == ["not compared with Zuora"]


async def test_a_filter_that_zuora_has_no_index_for_is_gone_round(tenant, tmp_path):
    tenant.zuora.knobs = replace(tenant.zuora.knobs, strict_index=True)

    result, out = await made(tenant, tmp_path)

    assert result.exit_code == 0, result.output
    assert (tenant.alone, "mailed outside the bot") in found(out)


async def test_an_explanation_that_is_signed_stands_beside_its_exception(tenant, tmp_path):
    stage = tenant
    await stage.pass_time(hours=16)  # the run is posted half an hour after it was created
    words = "Posted by hand: the bot was down"
    for user, answer in ((ALICE, "Only approvers can sign"), (BOB, words)):
        ack = await stage.slack.slash(user, CHANNEL, f"/billstatus explain BR-00000002 {words}")
        assert answer in ack.text
    private = stage.slack.private(BOB, CHANNEL)[-1]
    _, before = await made(stage, tmp_path)
    assert "explanation" not in found(before)["BR-00000002", "posted outside the bot"]

    await stage.slack.click(BOB, CHANNEL, private.ts, SIGN)
    await stage.until_private(BOB, "The evidence shows it beside BR-00000002")

    _, out = await made(stage, tmp_path)
    exception = found(out)["BR-00000002", "posted outside the bot"]
    assert (exception["explanation"], exception["explained_by"]) == (words, BOB)
    rows = [each["what"] for each in entries(out, "explanations.jsonl")]
    assert rows == ["exception.written", "exception.explained"]
    assert checked(out).exit_code == 0, checked(out).output
    need_a_signature(out)
    _, out = await made(stage, tmp_path, "--to", "2026-11-21")  # the day before it was signed
    assert found(out)["BR-00000002", "posted outside the bot"]["explained_in"] in [
        row[0] for row in lines(out, "standing.jsonl")
    ]
    need_a_signature(out)

    run = stage.zuora.world.bill_runs["BR-00000002"]
    run.status, run.updated_at = "Canceled", stage.clock.now() + timedelta(hours=1)
    await stage.pass_time(hours=2)
    _, out = await made(stage, tmp_path)
    assert "explanation" not in found(out)["BR-00000002", "canceled outside the bot"]
    await press(stage, BOB, NOT_MINE)
    await stage.slack.until(lambda: "not theirs" in str(stage.slack.channel_messages(CHANNEL)[-1]))
    _, out = await made(stage, tmp_path)
    assert not any(each.get("explanation") for each in lines(out, "exceptions.jsonl"))


def need_a_signature(out):
    """The package is whole; if every exception has the explanation of the one that is signed, those are found."""
    assert status(out, "").exit_code == 0, status(out, "").output
    forger = Forger(out, "")
    things = lines(out, "things.jsonl")
    signed = next(each for each in lines(out, "exceptions.jsonl") if "explanation" in each)
    said = {name: signed[name] for name in ("explanation", "explained_by", "explained_in")}
    for deed in (deed for thing in things for deed in thing["deeds"] if not deed["by"]):
        deed.update(said)
    forger.files["things.jsonl"] = written(things)
    forger.files["exceptions.jsonl"] = written(outside(things))
    forged = status(forger.sealed(), "")
    assert forged.exit_code == 19
    assert "BR-00000003 has an explanation that no row shows to be signed" in forged.output
    assert "BR-00000002 has" not in forged.output


async def shown(stage, **later):
    """The exceptions, so much later: until a day is over Zuora may still be about it."""
    now = stage.clock.now() + timedelta(**later)
    period = Period(now - timedelta(days=20), now)
    with open_read_only(Path(stage.settings().database_path)) as file:
        since = to_text(period.start)
        done, mailed = [*by_the_bot.done(file, ABOUT_RUNS)], [*by_the_bot.mailed(file, since)]
    own = Own(Read(lambda: iter(done)), Read(lambda: iter(mailed)))
    found = await reconciled(stage.bot.parts.tenancy.zuora, period, own, now)
    assert found["status"] == "done"
    return {
        (each["number"], each["what"], each.get("request")) for each in outside(found["things"])
    }


async def test_what_the_bot_says_happened_and_zuora_does_not_show_is_an_exception(tenant):
    stage, world = tenant, tenant.zuora.world
    invoice = world.add_invoice("A00000001", "USD", "12.00")
    ts = await stage.ask(text=invoice.number)
    await stage.press(BOB, ts)
    await stage.until_card(ts, "Accepted by Zuora")
    world.add_bill_run("BR-00000009", invoices=[("A00000001", "USD", "7.00")], status="Completed")
    posted = await stage.ask_step("post_bill_run", "BR-00000009")
    await stage.press(BOB, posted)
    await stage.as_time_passes(lambda: world.bill_runs["BR-00000009"].status == "Posted")
    await stage.quiet()
    words = "by the bot, and Zuora does not show it"
    assert not {each for each in await shown(stage, days=3) if words in each[1]}

    world.bill_runs["BR-00000001"].last_email_sent = None
    world.bill_runs["BR-00000001"].invoices_emailed = False
    world.bill_runs["BR-00000009"].status = "Completed"
    invoice.last_email_sent = None

    missing = {
        ("BR-00000001", f"mailed {words}", "R-1"),
        (invoice.number, f"mailed {words}", "R-2"),
        ("BR-00000009", f"posted {words}", "R-3"),
    }
    assert missing <= await shown(stage, days=3)
    assert not missing & await shown(stage, hours=3)
    del world.bill_runs["BR-00000009"]
    assert ("BR-00000009", f"posted {words}", "R-3") in await shown(stage, days=3)


WHERE = "the package from 2026-11-20 to before 2026-11-23"
"""The package of which the next one brings exceptions forward."""


@pytest.fixture
async def followed(tenant, tmp_path):
    """Two packages; in the second one's period some exceptions of the first one are explained."""
    stage = tenant
    await stage.pass_time(hours=16)
    days = ("--from", "2026-11-20", "--to", "2026-11-22")
    _, first = await package(stage, tmp_path / "a", *days)
    await stage.pass_time(days=3)
    for number in ("BR-00000002", "BR-00000003"):
        await signed_by_bob(stage, number, f"By hand: {number}")
    await signed_by_bob(stage, "BR-00000002", "The bot was down")
    await signed_by_bob(stage, "BR-00000077", "Never seen")
    await press(stage, BOB, NOT_MINE)
    await stage.slack.until(lambda: "not theirs" in str(stage.slack.channel_messages(CHANNEL)[-1]))
    days = ("--from", "2026-11-23", "--to", "2026-11-25")
    _, second = await package(stage, tmp_path / "b", *days, "--after", str(first))
    return first, second


def brought_forward(out):
    return {(each["number"], each["what"]): each for each in lines(out, "brought_forward.jsonl")}


async def test_exceptions_are_brought_forward_while_nobody_explains_them(
    tenant, followed, tmp_path
):
    first, second = followed
    assert brought_forward(first) == {}
    brought = brought_forward(second)
    assert brought["BR-00000002", "posted outside the bot"]["explanation"] == "The bot was down"
    assert brought["BR-00000003", "canceled outside the bot"]["explained_by"] == BOB
    alone = brought[tenant.alone, "mailed outside the bot"]
    assert "explanation" not in alone
    await tenant.pass_time(days=3)
    days = ("--from", "2026-11-26", "--to", "2026-11-28")

    _, third = await package(tenant, tmp_path / "c", *days, "--after", str(second))

    left = brought_forward(third)
    assert left[tenant.alone, "mailed outside the bot"] == alone
    assert {number for number, _ in left} == {tenant.alone, "BR-00000001"}


async def test_what_was_signed_in_the_next_period_is_in_its_report_with_what_it_explains(followed):
    first, second = followed

    before, page = page_of(first).text, page_of(second).text

    assert "Exceptions of earlier packages There is none." in before
    for words in (
        f"canceled outside the bot 2026-11-21 10:10:00 UTC, in {WHERE} By hand: BR-00000003",
        "BR-00000002 replaced by what was signed in row",
        "BR-00000077 nothing: who signed it says that it is not theirs",
        f"not explained {WHERE}",
        "3 exceptions of earlier packages are still not explained",
        "The bot was down, signed by Bob Tanaka (U0BOB)",
    ):
        assert words in page, (words, page)


async def test_what_was_signed_in_the_next_period_is_in_its_workbook(followed):
    sheets = sheets_of(followed[1])

    explained = [row[4:8] for row in sheets["Explanations"][1:]]

    assert [WHERE in row[1] for row in explained] == [False, True, True, False], explained
    assert {row[2] for row in explained} >= {"The bot was down", "By hand: BR-00000003"}
    assert {row[3] for row in explained} == {"Bob Tanaka (U0BOB)"}
    assert {row[0] for row in sheets["Brought forward"][1:]} == {WHERE}


async def test_an_exception_that_is_brought_forward_has_no_explanation_that_nobody_signed(
    tenant, followed
):
    _, second = followed
    assert status(second, "").exit_code == 0, status(second, "").output
    forger = Forger(second, "")
    brought = brought_forward(second).values()
    forger.put("brought_forward.jsonl", [each | {"explanation": "x"} for each in brought])

    found = status(forger.sealed(), "")

    assert found.exit_code == 19
    assert f"{tenant.alone} has an explanation that no row shows to be signed" in found.output


async def test_an_explanation_without_the_package_before_says_so(tenant, tmp_path):
    stage = tenant
    await stage.pass_time(days=4)
    await signed_by_bob(stage, "BR-00000002", "The bot was down")
    days = ("--from", "2026-11-23", "--to", "2026-11-25")

    _, out = await package(stage, tmp_path / "a", *days)

    page = page_of(out).text
    assert "no exception of this package, and it names none before it The bot was down" in page
    assert "Not known: no package before this one was named." in page


async def test_a_damaged_package_before_is_said_and_none_is_made(tenant, tmp_path):
    stage = tenant
    _, first = await package(stage, tmp_path / "a", "--from", "2026-11-20", "--to", "2026-11-21")
    forger = Forger(first, "")
    forger.files["exceptions.jsonl"] = b"{}\n"

    result, out = await package(
        stage,
        tmp_path / "b",
        "--from",
        "2026-11-22",
        "--to",
        "2026-11-25",
        "--after",
        str(forger.sealed()),
    )

    assert result.exit_code == 3, result.output
    assert "is no evidence, or is damaged" in result.output
    assert not out.exists()


async def signed_by_bob(stage, number, words):
    """An explanation of Bob's that he signs, and the receipt that he gets for it."""
    await signed_by(stage, BOB, number, words)


async def signed_by(stage, person, number, words):
    """An explanation that its writer signs, and the receipt for it."""
    before = len(direct(stage, person))
    await stage.slack.slash(person, CHANNEL, f"/billstatus explain {number} {words}")
    await stage.slack.click(person, CHANNEL, stage.slack.private(person, CHANNEL)[-1].ts, SIGN)
    await stage.until_private(person, f"The evidence shows it beside {number}")
    await stage.slack.until(lambda: len(direct(stage, person)) > before)
    assert direct(stage, person)[-1].text.startswith("Receipt: you signed")
