"""`/billstatus`, the shortcuts and the digest, as people meet them."""

import csv
import io
import json
import re
import sys
import zipfile
from dataclasses import replace
from datetime import UTC, datetime, time
from zoneinfo import ZoneInfo

import pytest

from bot.cards.blocks import escaped
from bot.domain.history import What
from bot.sandbox.slack.workspace import User
from bot.settings import Settings
from bot.slack.commands import status
from bot.slack.daily import Daily
from bot.status.answers import STORY_LIMIT
from bot.status.lists import SHOWN, Links
from bot.status.month import month_named
from bot.status.morning import Timetable
from tests.stage import ALICE, BOB, CARLA, CHANNEL, EMAILS, MARA
from tests.status.made import exported
from tests.stories.test_numbers import add

STRANGER, GUEST = "U0STRAY", "U0GUEST"


@pytest.fixture
async def stage(stage):
    for person, is_guest in ((STRANGER, False), (GUEST, True)):
        user = User(person, person.lower(), person, is_restricted=is_guest)
        stage.slack.workspace.users[person] = user
        stage.slack.workspace.channels[CHANNEL].members.append(person)
    return stage


async def ask_status(stage, user, text=""):
    ack = await stage.slack.slash(user, CHANNEL, f"/billstatus {text}".strip())
    assert ack.ok, ack
    return ack.text


async def approve(stage, ts, user=BOB):
    await stage.press(user, ts)
    await stage.until_card(ts, "Accepted by Zuora")


def links(message):
    return [
        part["url"]
        for block in message.blocks
        for section in block.get("elements", [])
        for part in section.get("elements", [])
        if part["type"] == "link"
    ]


ASKED = ["", "mine", "waiting", "R-1", "BR-00000001", "INV00000001",
         "month", "export month", "help", "nonsense"]  # fmt: skip


@pytest.mark.parametrize("user", [STRANGER, GUEST])
async def test_nobody_else_learns_anything(stage, user):
    await stage.ask()
    for words in ASKED:
        said = await ask_status(stage, user, words)

        assert not any(known in said for known in ("BR-00", "R-1", ALICE, "waiting", "USD"))
        if user == STRANGER:
            assert "S0BILLING" in said
            assert "S0CONTROLLERS" in said
        else:
            assert "guest" in said
        await stage.quiet()
        assert not [m for m in stage.slack.workspace.messages() if m.files]


@pytest.mark.parametrize("user", [ALICE, BOB, MARA])
async def test_requesters_approvers_and_viewers_see_what_waits(stage, user):
    ts = await stage.ask()

    said = await ask_status(stage, user)

    assert f"p{ts.replace('.', '')}|R-1> email BR-00000001" in said
    assert f"asked by <@{ALICE}>" in said
    assert "waits for <!subteam^S0CONTROLLERS> until" in said
    assert "Waiting for approval: 1" in said
    assert "Running: none" in said
    assert stage.slack.private(user, CHANNEL)[-1].ephemeral_to == user


async def test_an_empty_bot_says_so_in_every_list(stage):
    assert "Waiting for approval: none" in await ask_status(stage, MARA)
    assert "Open: none" in await ask_status(stage, MARA, "mine")
    assert "You may approve: none" in await ask_status(stage, BOB, "waiting")
    assert "There is no request R-9" in await ask_status(stage, MARA, "R-9")
    assert "Requests: none" in await ask_status(stage, MARA, "INV00000001")
    assert "Requests: 0" in await ask_status(stage, MARA, "month")


@pytest.mark.never_repeated
async def test_unknown_outcomes_come_first_and_loud(stage):
    stage.zuora.faults.add("/v1/bill-runs/*/emails", kind="lose_answer")
    ts = await stage.ask()
    await stage.press(BOB, ts)
    await stage.until_card(ts, "OUTCOME UNKNOWN")

    said = await ask_status(stage, MARA)

    assert said.startswith("OUTCOME UNKNOWN: look in Zuora\nOUTCOME UNKNOWN: 1\n")
    assert said.index("OUTCOME UNKNOWN since") < said.index("Waiting for approval")


async def test_results_are_shown_with_what_may_be_claimed(stage):
    await approve(stage, await stage.ask())

    said = await ask_status(stage, MARA)

    assert "Last results: 1" in said
    assert "email BR-00000001 · Accepted by Zuora" in said


async def test_too_many_for_one_message_are_counted_and_the_longest_waiting_shown(stage):
    for number in range(2, 2 + 14):
        run = f"BR-{number:08}"
        stage.zuora.world.add_bill_run(run, invoices=[("A00000001", "USD", "1.00")])
        await stage.ask(text=run)
        stage.clock.advance(minutes=1)

    said = await ask_status(stage, BOB)
    mine = await ask_status(stage, ALICE, "mine")
    to_approve = await ask_status(stage, BOB, "waiting")

    assert "Waiting for approval: 14" in said
    assert f"… and {14 - SHOWN} more" in said
    assert "BR-00000002" in said
    assert "BR-00000015" not in said
    assert said.count("asked by") == SHOWN
    assert "Open: 14" in mine
    assert f"… and {14 - SHOWN} more" in mine
    assert "BR-00000015" in mine
    assert "You may approve: 14" in to_approve
    assert f"… and {14 - SHOWN} more" in to_approve
    assert "BR-00000002" in to_approve
    assert "BR-00000015" not in to_approve
    assert sum(len(str(b)) for b in stage.slack.private(BOB, CHANNEL)[-1].blocks) < 13000


async def test_mine_has_only_my_requests_the_open_ones_first(stage):
    await stage.with_policy(
        'requesters = ["S0BILLING", "U0CARLA"]\napprovers = ["S0CONTROLLERS"]\n'
    )
    stage.zuora.world.add_bill_run("BR-00000002", invoices=[("A00000001", "USD", "1.00")])
    await approve(stage, await stage.ask(), CARLA)
    await stage.ask(CARLA, "BR-00000002")

    assert "BR-00000002" not in await ask_status(stage, ALICE, "mine")
    carla = await ask_status(stage, CARLA, "mine")
    assert "BR-00000001" not in carla
    assert "Open: 1" in carla


async def test_waiting_leaves_out_what_one_asked_and_what_one_approved(stage):
    stage.policy = (
        'requesters = ["S0BILLING", "U0CARLA"]\napprovers = ["S0CONTROLLERS"]\n'
        'viewers = ["S0FINANCE"]\n'
        "[[rule]]\n"
    ).replace("[[rule]]\n", "")
    await stage.restart()
    await stage.ask(CARLA)

    assert "You may approve: 1" in await ask_status(stage, BOB, "waiting")
    assert "You may approve: none" in await ask_status(stage, CARLA, "waiting")
    assert "You may approve: none" in await ask_status(stage, ALICE, "waiting")
    assert "You may approve: none" in await ask_status(stage, MARA, "waiting")


async def test_waiting_follows_the_rule_that_each_request_was_asked_under(stage):
    await stage.with_policy(
        'requesters = ["S0BILLING"]\napprovers = ["S0CONTROLLERS"]\nviewers = ["U0MARA"]\n\n'
        '[[rule]]\noperations = ["post_bill_run"]\napprovers = ["U0CARLA", "U0MARA"]\n'
    )
    await stage.ask()
    stage.zuora.world.add_bill_run(
        "BR-00000002", status="Completed", invoices=[("A00000001", "USD", "1.00")]
    )
    await stage.ask_step("post_bill_run", "BR-00000002")

    bob = await ask_status(stage, BOB, "waiting")
    mara = await ask_status(stage, MARA, "waiting")
    carla = await ask_status(stage, CARLA, "waiting")

    assert "You may approve: 1" in bob
    assert "R-1" in bob
    assert "You may approve: 1" in mara
    assert "R-2" in mara
    assert "You may approve: 2" in carla
    assert carla.index("R-1") < carla.index("R-2")


async def test_waiting_leaves_out_what_has_expired_before_the_bot_has_ended_it(stage):
    await stage.ask()
    request = stage.request()
    with stage.store.transaction():
        stage.store.requests._database.execute("UPDATE requests SET wake_at = NULL")

    stage.clock.advance(hours=24)

    assert request.expires_at <= stage.clock.now()
    assert stage.request().state == "waiting"
    assert "You may approve: none" in await ask_status(stage, BOB, "waiting")


async def test_of_a_bill_run_with_many_requests_the_newest_are_shown_and_all_are_counted(stage):
    for _ in range(SHOWN + 2):
        await stage.ask()
    stage.zuora.faults.add("*", kind="status", status=403, body={"code": 1}, times=None)

    await stage.slack.slash(MARA, CHANNEL, "/billstatus BR-00000001")
    await stage.until_private(MARA, "Requests: 12")

    said = stage.private(MARA)[-1]
    assert "… and 2 more; the export of their months has all." in said
    assert "|R-12>" in said
    assert "|R-2>" not in said


async def test_a_request_is_shown_from_its_asking_to_its_end_with_card_and_thread(stage):
    ts = await stage.ask()
    await stage.press(ALICE, ts)
    await approve(stage, ts)

    said = await ask_status(stage, MARA, "r-1")

    deeds = [
        "asked",
        "was refused: self approval",
        "approved",
        "Nothing had changed in Zuora; sending",
    ]
    places = [said.index(deed) for deed in deeds]
    assert places == sorted(places)
    assert said.endswith("· Accepted by Zuora")
    assert "Why: Month end" in said
    assert "Calls: the call was accepted" in said
    card = f"https://{stage.slack.workspace.domain}.slack.com/archives/{CHANNEL}/p{ts.replace('.', '')}"
    assert links(stage.slack.private(MARA, CHANNEL)[-1])[-2:] == [
        card, f"{card}?thread_ts={ts}&cid={CHANNEL}",
    ]  # fmt: skip


async def test_a_long_story_is_cut_and_says_so(stage):
    ts = await stage.ask()
    for _ in range(STORY_LIMIT + 3):
        await stage.press(ALICE, ts)

    assert "… and 4 more" in await ask_status(stage, MARA, "R-1")


async def test_a_bill_run_is_read_in_zuora_and_its_requests_stand_below(stage):
    await stage.ask()

    said = await ask_status(stage, MARA, "BR-00000001")

    assert "Bill run BR-00000001: Posted" in said
    assert "Invoices: 4 · EUR 80.00 · USD 350.50" in said
    assert "Emailed: Zuora shows no mail of" in said
    assert "R-1> email BR-00000001" in said


async def test_a_bill_run_is_shown_from_the_database_when_zuora_is_silent(stage):
    await stage.ask()
    stage.zuora.faults.add("*", kind="status", status=403, body={"code": 1}, times=None)

    ack = await stage.slack.slash(MARA, CHANNEL, "/billstatus BR-00000001")

    assert ack.ok
    await stage.until_private(MARA, "Zuora refused this (")
    assert "R-1> email BR-00000001" in stage.private(MARA)[-1]


async def test_a_document_is_found_in_requests_that_wait_and_in_calls(stage):
    stage.zuora.world.add_bill_run("BR-00000002", invoices=[("A00000001", "USD", "1.00")])
    number = stage.zuora.world.documents_of(stage.zuora.world.bill_runs["BR-00000001"])[0].number
    ts = await stage.ask(text=number)

    assert f"R-1> email {number}" in await ask_status(stage, MARA, number)

    await approve(stage, ts)
    assert "Accepted by Zuora" in await ask_status(stage, MARA, number.lower())


NEAREST = [("mien", "mine"), ("wating", "waiting"), ("mnth", "month"), ("approve", "waiting"),
           ("17", "R-17"), ("00000417", "BR-00000417"), ("BR 417", "BR-00000417"), ("nonsense", "help"),
           ("month 10/2026", "month 2026-10"), ("export", "export month 2026-10"),
           ("INV", "INV00000012"), ("br", "BR-00000001"), ("decmber", "month december"),
           ("month decmber", "month december"), ("month Decmber 2025", "month december 2025"),
           ("export month novembr", "export month november"), ("month 2026-13", "month 2026-10")]  # fmt: skip


async def test_a_word_it_does_not_know_gets_the_nearest(stage):
    for typed, meant in NEAREST:
        assert f"Did you mean `/billstatus {meant}`?" in await ask_status(stage, MARA, typed)


@pytest.mark.parametrize("typed", ["unknown", "running", "failed", "status", "reslts"])
def test_a_word_that_the_overview_answers_gets_the_command_itself(typed):
    assert status.nearest(typed) == "Did you mean `/billstatus`?"


async def test_what_it_does_not_know_pings_nobody(stage):
    said = await ask_status(stage, MARA, "<!channel>")

    assert "<!channel>" not in said
    assert "&lt;!channel&gt;" in said
    assert "&amp;" not in said


async def test_the_answer_needs_neither_zuora_nor_more_than_a_moment(stage):
    await stage.ask()
    before = len(stage.zuora.calls)

    for words in ("", "mine", "waiting", "R-1", "month", "help"):
        await ask_status(stage, BOB, words)

    assert len(stage.zuora.calls) == before


async def test_the_month_comes_as_table_and_as_picture_with_the_same_words(stage):
    await approve(stage, await stage.ask())

    said = await ask_status(stage, MARA, "month")

    assert "Documents mailed: 5" in said
    assert "Mailed: EUR 80.00 · USD 330.50" in said
    table = stage.slack.private(MARA, CHANNEL)[-1].blocks[1]
    assert table["type"] == "table"
    assert table["column_settings"][1] == {"is_wrapped": True}
    await stage.slack.until(lambda: bool(stage.slack.workspace.files))
    (picture,) = stage.slack.workspace.files.values()
    await stage.slack.until(lambda: picture.shared)
    assert picture.channels == [stage.slack.workspace.direct(MARA).id]
    assert picture.name == "billing-2026-11.png"
    assert picture.content.startswith(b"\x89PNG")
    for row in table["rows"][1:]:
        assert f"{row[0]['text']}: {row[1]['text']}" in picture.alt


@pytest.mark.parametrize("what", ["month", "export month"])
async def test_whoever_asks_for_a_month_without_end_has_it_made_once_at_a_time(stage, what):
    """Each picture takes a process, and each file a pass over the month."""
    held = stage.slack.faults.add("files.getUploadURLExternal", "slow", seconds=60)
    files = stage.slack.workspace.files

    for _ in range(30):
        assert (await stage.slack.slash(MARA, CHANNEL, f"/billstatus {what}")).ok
    await stage.slack.until(lambda: not held.times)
    announced = [call for call in stage.slack.calls if call.method == "chat.postMessage"]
    stage.clock.advance(seconds=61)
    await stage.slack.until(lambda: any(each.shared for each in files.values()))

    assert len(announced) == 1
    assert len(files) == 1
    while len(files) < 2:  # the next one is made once the first is done
        await stage.slack.slash(MARA, CHANNEL, f"/billstatus {what}")


async def test_a_picture_that_cannot_be_drawn_is_said_and_the_table_is_there(stage, monkeypatch):
    monkeypatch.setattr(sys, "executable", "/bin/false")

    assert "Requests: 0" in await ask_status(stage, MARA, "month")

    await stage.until_private(MARA, "The picture of November 2026 could not be drawn")
    assert not stage.slack.workspace.files


async def test_elsewhere_the_picture_goes_to_the_asker_alone(stage):
    other = next(c for c in stage.slack.workspace.channels.values()
                 if c.id != CHANNEL and MARA in c.members and not c.im_user)  # fmt: skip

    ack = await stage.slack.slash(MARA, other.id, "/billstatus month 2026-10")

    assert ack.ok
    await stage.slack.until(lambda: any(f.shared for f in stage.slack.workspace.files.values()))
    (picture,) = stage.slack.workspace.files.values()
    direct = stage.slack.workspace.direct(MARA)
    assert picture.channels == [direct.id]
    await stage.slack.until(lambda: "open it" in stage.slack.private(MARA, other.id)[-1].text)
    said = stage.slack.private(MARA, other.id)[-1].text
    assert said.startswith(
        "The picture of October 2026 is in your direct messages with Billing Bot"
    )
    assert f"/archives/{direct.id}/p" in said


async def test_asked_for_in_the_direct_message_the_picture_comes_there_without_a_link(stage):
    direct = stage.slack.workspace.direct(MARA)

    ack = await stage.slack.slash(MARA, direct.id, "/billstatus month 2026-10")

    assert ack.ok
    await stage.slack.until(lambda: any(f.shared for f in stage.slack.workspace.files.values()))
    await stage.quiet()
    assert not [each for each in stage.slack.private(MARA, direct.id) if "open it" in each.text]


async def test_the_export_goes_to_the_asker_alone(stage):
    await approve(stage, await stage.ask())

    assert "direct message" in await ask_status(stage, MARA, "export month")

    await stage.slack.until(lambda: any(f.shared for f in stage.slack.workspace.files.values()))
    (file,) = stage.slack.workspace.files.values()
    assert file.channels == [stage.slack.workspace.direct(MARA).id]
    assert b"R-1,email_bill_run,BR-00000001,,succeeded" in file.content
    names = [stage.slack.workspace.users[person].real_name for person in (ALICE, BOB)]
    assert all(f",{name}," in file.content.decode() for name in names)
    assert "U0ALICE" not in file.content.decode()


async def test_the_file_of_the_command_line_has_names_and_the_digits_of_each_currency(stage):
    """From the database alone: the history has the name that each had when they acted."""
    world = stage.zuora.world
    invoices = [
        ("A00000001", "JPY", "1200"),
        ("A00000001", "KWD", "88.5"),
        ("A00000001", "USD", "7"),
    ]
    run = world.add_bill_run("BR-00000009", invoices=invoices)
    await approve(stage, await stage.ask(text=run.number))
    waiting = await stage.ask(text="BR-00000001")
    names = [stage.slack.workspace.users[person].real_name for person in (ALICE, BOB)]

    found = (await exported(stage.store, "2026-11", "csv")).decode("utf-8-sig").splitlines()
    rows = list(csv.DictReader(found))

    assert waiting
    assert {(row["asked_by"], row["approved_by"]) for row in rows} == {
        (names[0], names[1]), (names[0], "")
    }  # fmt: skip
    done = {row["currency"]: (row["amount"], row["amount_done"]) for row in rows[:3]}
    assert done == {
        "JPY": ("1200", "1200"), "KWD": ("88.500", "88.500"), "USD": ("7.00", "7.00")
    }  # fmt: skip
    assert {row["amount_done"] for row in rows[3:]} <= {"0.00"}
    plain = json.loads(await exported(stage.store, "2026-11", "json"))
    assert {row["asked_by"] for row in plain} == {ALICE}
    book = zipfile.ZipFile(io.BytesIO(await exported(stage.store, "2026-11", "xlsx")))
    assert {'formatCode="0.000"', 'formatCode="0.00"'} <= set(
        re.findall(r'formatCode="[0.]+"', book.read("xl/styles.xml").decode())
    )


async def test_a_file_that_slack_does_not_take_is_shown(stage):
    stage.slack.faults.add("files.getUploadURLExternal", "error", error="internal_error")

    await ask_status(stage, MARA, "export month")

    await stage.until_private(MARA, "Slack did not take “Requests of 2026-11”")


async def test_a_file_that_cannot_be_made_is_shown(stage):
    await stage.ask()
    database = stage.store.requests._database
    database.execute("ALTER TABLE approvals RENAME TO elsewhere")

    await ask_status(stage, MARA, "export month")

    await stage.until_private(MARA, "The file of 2026-11 could not be made.")
    database.execute("ALTER TABLE elsewhere RENAME TO approvals")


@pytest.mark.parametrize("words", ["month 2026-12", "export month 2027-05"])
async def test_a_month_that_has_not_begun_has_no_figures(stage, words):
    said = await ask_status(stage, MARA, words)

    assert said.startswith(f"{words[-7:]} has not begun")
    await stage.quiet()
    assert not stage.slack.workspace.files


async def test_what_became_of_many_documents_is_shown_as_on_the_card(stage):
    stage.zuora.world.add_bill_run(
        "BR-00000002", invoices=[("A00000001", "USD", f"{n}.00") for n in (1, 2, 3)]
    )
    documents = stage.zuora.world.documents_of(stage.zuora.world.bill_runs["BR-00000002"])
    stage.zuora.faults.add(
        f"/v1/invoices/{documents[1].number}/emails", kind="status", status=200,
        body={"success": False, "reasons": [{"code": 58730020, "message": "No address"}]},
        times=None,
    )  # fmt: skip
    ts = await stage.ask(text=" ".join(each.number for each in documents))
    await stage.press(BOB, ts)
    await stage.until_card(ts, "1 of 3 failed")

    assert "R-1> email 3 invoices · 1 of 3 failed" in await ask_status(stage, MARA)
    assert "email 3 invoices · 1 of 3 failed" in await ask_status(stage, MARA, "R-1")


async def test_a_document_mailed_with_its_whole_run_is_not_shown_as_never_mailed(stage):
    number = stage.zuora.world.documents_of(stage.zuora.world.bill_runs["BR-00000001"])[0].number
    await approve(stage, await stage.ask())

    said = await ask_status(stage, MARA, number)

    assert "Requests: 1" in said
    assert "email BR-00000001" in said


async def test_the_story_claims_no_order_that_has_not_gone_out(stage):
    ts = await stage.ask()
    stage.zuora.faults.add(EMAILS, kind="status", status=429, body={}, headers={"Retry-After": "9"},
                           times=None)  # fmt: skip
    await stage.press(BOB, ts)
    await stage.until(lambda: What.STARTED in stage.happened())

    said = await ask_status(stage, MARA, "R-1")

    assert "Nothing had changed in Zuora; sending" in said
    assert "went out" not in said


async def test_more_approvers_than_fit_on_a_line_are_counted(stage):
    await stage.with_policy(
        'requesters = ["S0BILLING"]\nviewers = ["U0MARA"]\n'
        'approvers = ["U0BOB", "U0CARLA", "U0DAVE", "U0ERIN", "U0FRED", "U0GINA"]\n'
    )
    await stage.ask()

    assert "<@U0ERIN> and 2 others until" in await ask_status(stage, MARA)


# Shortcuts


async def test_the_global_shortcut_opens_the_email_form(stage):
    await stage.slack.shortcut(ALICE, "email_documents")

    assert stage.slack.view(ALICE)["callback_id"] == "ask:email"


async def test_the_global_shortcut_opens_nothing_for_those_who_may_not_ask(stage):
    await stage.slack.shortcut(MARA, "email_documents")

    direct = stage.slack.workspace.direct(MARA).id
    await stage.slack.until(lambda: bool(stage.slack.channel_messages(direct)))
    assert "These may" in stage.slack.channel_messages(direct)[-1].text
    assert stage.slack.view(MARA) is None


@pytest.mark.parametrize("where", ["card", "thread", "talk about R-1", "is BR-00000001 out?"])
async def test_the_message_shortcut_shows_the_status_privately(stage, where):
    ts = await stage.ask()
    await approve(stage, ts)
    if where == "thread":
        target = stage.slack.thread(CHANNEL, ts)[0].ts
    elif where == "card":
        target = ts
    else:
        target = (await stage.slack.say(CARLA, CHANNEL, where)).ts

    await stage.slack.message_shortcut(MARA, "status_of_this", CHANNEL, target)

    await stage.until_private(MARA, "Accepted by Zuora")
    assert "R-1> email BR-00000001" in stage.private(MARA)[-1]
    assert "mail its bill run" not in stage.private(MARA)[-1]


NUMBERS = [("invoice", "ACME/7", "please look at ACME/7."), ("invoice", "EU 0001", "What of EU 0001?"),
           ("debit_memo", "INV00000555", "is INV00000555 out?"), ("invoice", "ACME, 1", "*“ACME, 1”* is late"),
           ("invoice", "INV00000777", "<https://x.example/i.do?n=INV00000777|this one> <@U0BOB>"),
           ("credit_memo", "AC&ME7", "AC&amp;ME7"), ("invoice", "LATE", "LATE"), ("invoice", "7", "DM: 8 or INV: 7"),
           ("invoice", "R-77", "R-77")]  # fmt: skip


@pytest.mark.parametrize(("kind", "number", "text"), NUMBERS)
async def test_the_message_shortcut_asks_zuora_what_a_number_is(stage, kind, number, text):
    """No number is known by its shape."""
    add(stage, kind, number)
    said = await stage.slack.say(CARLA, CHANNEL, text)

    await stage.slack.message_shortcut(MARA, "status_of_this", CHANNEL, said.ts)

    one = {"invoice": "an invoice", "debit_memo": "a debit memo", "credit_memo": "a credit memo"}
    await stage.until_private(MARA, f"{escaped(number)} is {one[kind]} in Zuora.")


async def test_the_message_shortcut_names_the_other_numbers_of_a_message(stage):
    for number in ("A-7", "A-8"):
        add(stage, "invoice", number)
    said = await stage.slack.say(CARLA, CHANNEL, "A-7, then A-8 and A-9 of BR-00000001")

    await stage.slack.message_shortcut(MARA, "status_of_this", CHANNEL, said.ts)

    await stage.until_private(MARA, "A-7 is an invoice in Zuora.")
    assert "It names A-8 and BR-00000001 as well" in stage.private(MARA)[-1]


async def test_the_message_shortcut_asks_in_few_calls(stage):
    said = await stage.slack.say(
        CARLA, CHANNEL, " ".join(f"[W{each}], A{each}" for each in range(99))
    )
    before = len(stage.zuora.calls)

    await stage.slack.message_shortcut(MARA, "status_of_this", CHANNEL, said.ts)

    await stage.until_private(MARA, "it names no request (R-17), bill run or document")
    assert len(stage.zuora.calls) - before <= 24


async def test_the_message_shortcut_knows_requests_while_zuora_is_away(stage):
    add(stage, "invoice", "ACME/7")
    await stage.ask(text="INV1", documents="ACME/7")
    stage.zuora.faults.add("*", kind="status", status=403, body={"code": 1}, times=None)
    said = await stage.slack.say(CARLA, CHANNEL, "is ACME/7 out?")

    await stage.slack.message_shortcut(MARA, "status_of_this", CHANNEL, said.ts)

    await stage.until_private(MARA, "R-1")


async def test_the_message_shortcut_says_when_there_is_no_number(stage):
    said = await stage.slack.say(CARLA, CHANNEL, "Good morning")

    await stage.slack.message_shortcut(MARA, "status_of_this", CHANNEL, said.ts)

    await stage.until_private(MARA, "it names no request (R-17), bill run or document")


async def test_the_message_shortcut_shows_a_stranger_only_who_may(stage):
    ts = await stage.ask()

    await stage.slack.message_shortcut(STRANGER, "status_of_this", CHANNEL, ts)

    await stage.until_private(STRANGER, "You may not see billing requests")
    assert "BR-" not in stage.private(STRANGER)[-1]


# Digest


def digests(stage):
    return [m.text for m in stage.slack.channel_messages(CHANNEL) if "this morning" in m.text]


async def test_the_digest_comes_once_a_working_morning_across_restarts(stage):
    stage.changes = {"digest_time": "08:00", "digest_zone": "Europe/Berlin"}
    await approve(stage, await stage.ask())  # a Saturday
    stage.zuora.world.add_bill_run("BR-00000002", invoices=[("A00000001", "USD", "1.00")])
    await stage.restart()
    await stage.quiet()
    assert digests(stage) == []

    await stage.pass_time(hours=44, minutes=59)  # Monday 07:59 in Berlin
    await stage.ask(text="BR-00000002")
    assert digests(stage) == []
    for _ in range(2):
        await stage.pass_time(minutes=1)
        await stage.slack.until(lambda: bool(digests(stage)))
    await stage.restart()
    await stage.pass_time(hours=3)

    (said,) = digests(stage)
    assert "Waiting for approval: 1" in said
    assert "Expires today: none" in said
    assert "Since Friday: 1 done" in said
    await stage.pass_time(hours=21)
    await stage.slack.until(lambda: len(digests(stage)) == 2)
    assert "Yesterday" in digests(stage)[1]


async def test_the_digest_counts_all_that_expires_and_all_that_ended(stage):
    for number in range(2, 2 + 24):
        run = f"BR-{number:08}"
        stage.zuora.world.add_bill_run(run, invoices=[("A00000001", "USD", "1.00")])
        ts = await stage.ask(text=run)
        if number % 2:
            await stage.reject(CARLA, ts, "Not this one")
            await stage.until_card(ts, "Rejected")
    stage.changes = {"digest_time": "08:00", "digest_days": "sun"}
    await stage.restart()

    for minutes in (21 * 60 + 50, 10, 5):
        await stage.pass_time(minutes=minutes)
    await stage.slack.until(lambda: bool(digests(stage)))

    (said,) = digests(stage)
    assert "Expires today: 12" in said
    assert "… and 2 more; the Home tab lists them, up to 200 of a kind." in said
    assert ": 12 rejected" in said
    assert "… and 2 more; the export of their months has all." in said


async def test_two_processes_post_the_digest_once(stage):
    stage.changes = {"digest_time": "08:00"}
    await stage.restart()
    await stage.ask()
    stage.clock.advance(days=2)
    every_day = Timetable(at=time(8), zone=ZoneInfo("UTC"), days=frozenset(range(7)))
    daily = Daily(stage.bot.parts, Links("https://example.slack.com/"), every_day)

    daily.post_if_due()
    daily.post_if_due()

    await stage.slack.until(lambda: bool(digests(stage)))
    await stage.quiet()
    assert len(digests(stage)) == 1


async def test_the_digest_is_on_by_default_once_something_was_asked_for(stage):
    stage.changes = {
        each: Settings.model_fields[each].default for each in ("digest_time", "digest_zone")
    }
    await stage.restart()
    await stage.pass_time(hours=47)  # Monday 09:00
    assert digests(stage) == []

    await stage.ask()
    await stage.pass_time(minutes=5)

    await stage.slack.until(lambda: len(digests(stage)) == 1)
    assert "Waiting for approval: 1" in digests(stage)[0]


async def test_without_a_time_there_is_no_digest(stage):
    await stage.ask()
    await stage.pass_time(days=3)

    assert digests(stage) == []


async def test_running_work_is_shown_with_its_progress(stage):
    run = stage.zuora.world.add_bill_run(
        "BR-00000002", status="Completed", invoices=[("A00000001", "USD", "1.00")]
    )
    ts = await stage.ask_step("post_bill_run", run.number)
    await stage.press(BOB, ts)
    await stage.until_card(ts, "Running in Zuora")

    said = await ask_status(stage, MARA)

    assert "Running: 1" in said
    assert "post BR-00000002 · since" in said
    assert "BR-00000002 is PostInProgress in Zuora" in said


async def test_thirty_lines_of_everything_fit_into_one_message(stage):
    for number in range(2, 26):
        run = f"BR-{number:08}"
        stage.zuora.world.add_bill_run(run, invoices=[("A00000001", "USD", "1.00")])
        ts = await stage.ask(text=run)
        if number % 2:
            await approve(stage, ts)

    said = await ask_status(stage, MARA)

    assert said.count("Accepted by Zuora") == 10
    assert "Waiting for approval: 12" in said


async def test_a_document_is_found_through_its_run(stage):
    await stage.ask()

    said = await ask_status(stage, BOB, "INV00000001")

    assert "R-1" in said
    assert "email BR-00000001" in said


@pytest.mark.parametrize(("typed", "name"), [("november", "2026-11"), ("Dec", "2025-12")])
def test_the_name_of_a_month_is_the_last_one_that_has_begun(typed, name):
    assert month_named(typed, datetime(2026, 11, 21, tzinfo=UTC)) == name


async def test_the_digest_after_a_pause_covers_all_of_the_pause(stage):
    """From the last digest on, however many mornings were missed."""
    stage.changes = {"digest_time": "08:00", "digest_zone": "Europe/Berlin"}
    await stage.restart()
    await stage.withdraw(ALICE, await stage.ask())
    await stage.pass_time(hours=46)  # Monday 08:00 in Berlin, and an hour more
    await stage.slack.until(lambda: len(digests(stage)) == 1)
    stopped, knobs = await stage.ask(), stage.zuora.knobs
    stage.zuora.knobs = replace(knobs, lists_at_most=2)
    await stage.press(BOB, stopped)
    await stage.until_card(stopped, "Stopped. Nothing was sent")
    stage.zuora.knobs = knobs
    await approve(stage, await stage.ask())
    await stage.stop()

    stage.clock.advance(days=15)
    await stage.start()
    await stage.slack.until(lambda: len(digests(stage)) == 2)

    (counted,) = [each for each in digests(stage)[1].splitlines() if each.startswith("Since ")]
    assert sorted(counted.removeprefix("Since 23 Nov 2026: ").split(", ")) == [
        "1 done",
        "1 stopped",
    ]
    assert "R-3" in digests(stage)[1]


async def test_who_may_look_and_not_ask_sees_a_run_without_buttons(stage):
    ack = await stage.slack.slash(MARA, CHANNEL, "/billrun BR-00000001")

    assert ack.ok
    shown = stage.slack.private(MARA, CHANNEL)[-1]
    assert "Bill run BR-00000001: Posted" in shown.text
    assert not [block for block in shown.blocks if block["type"] == "actions"]
    await stage.slack.slash(ALICE, CHANNEL, "/billrun BR-00000001")
    assert [b for b in stage.slack.private(ALICE, CHANNEL)[-1].blocks if b["type"] == "actions"]


@pytest.mark.parametrize("command", ["month", "export month"])
async def test_a_month_of_no_time_that_there_is_is_answered(stage, command):
    for month in ("9999-12", "2200-01", "0000-01", "1999-12"):
        said = await ask_status(stage, MARA, f"{command} {month}")

        assert f"does not know “{command} {month}”" in (said or stage.private(MARA)[-1])
