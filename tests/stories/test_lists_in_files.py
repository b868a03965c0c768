"""A list of numbers in a file becomes one request, and what is wrong with it is said line by line."""

import json
from collections import Counter
from dataclasses import replace

import pytest

from bot.domain.authority import Person
from bot.domain.mailing import Mailing
from bot.store.errors import CouldNotRecordError
from bot.store.in_parts import PART
from bot.workflow import begin
from tests.patient import LONG
from tests.stage import ALICE, BOB, CHANNEL, MARA

PERSON = Person(user_id=ALICE, team_id="T0BILLING")


def invoices(stage, number):
    lines = [(f"A{at % 20:08}", "USD", "1.00") for at in range(1, number + 1)]
    run = stage.zuora.world.add_bill_run("BR-00000007", invoices=lines)
    return [each.number for each in stage.zuora.world.documents_of(run)]


def memo(stage):
    return next(each.number for each in stage.zuora.world.credit_memos.values())


def csv(numbers):
    rows = [f"{number};1.234,50;Customer {at}" for at, number in enumerate(numbers)]
    return "\r\n".join(["Invoice Number;Amount;Customer", *rows, ""]).encode("utf-8-sig")


async def fill(stage, content, user=ALICE, name="november.csv", **values):
    await stage.open_form(user, "INV00000001")
    file = stage.slack.add_file(user, name, content)
    return await submitted(stage, user, file=[file], **values)


async def submitted(stage, user=ALICE, **values):
    await until_no_reading(stage, user)
    answer = await stage.slack.submit(user, {"documents": "", "reason": "Month end", **values})
    await until_no_reading(stage, user)
    return answer


async def until_no_reading(stage, user):
    await stage.slack.until(lambda: title(stage, user) != "Reading Zuora", 120)


def title(stage, user=ALICE):
    view = stage.slack.view(user)
    return view["title"]["text"] if view else ""


def said(stage, user=ALICE):
    """What the form says of the file, at its field or, after a long reading, below it."""
    return json.dumps(stage.slack.view(user), ensure_ascii=False)


async def card(stage, number=1):
    await stage.slack.until(lambda: len(stage.slack.channel_messages(CHANNEL)) >= number)
    return stage.slack.channel_messages(CHANNEL)[number - 1].ts


async def test_a_file_becomes_one_request_with_one_card_and_one_approval(stage):
    numbers = invoices(stage, 60)
    calls = len(stage.zuora.calls)

    await fill(stage, csv(numbers))
    ts = await card(stage)

    assert "60 invoices" in stage.card(ts)
    looked_up = [each for each in stage.zuora.calls[calls:] if "object-query" in each.path]
    assert len(looked_up) < 30  # by lists, not one by one
    await stage.press(BOB, ts)
    await stage.until_card(ts, "Accepted by Zuora: email 60 invoices")
    assert Counter(o.path.split("/")[3] for o in stage.orders()) == Counter(numbers)


async def test_what_is_typed_beside_a_file_is_of_the_same_list(stage):
    numbers = invoices(stage, 4)

    await fill(stage, csv(numbers[:3]), documents=f"{numbers[3]} {memo(stage)}")
    ts = await card(stage)

    assert "Email 4 invoices and 1 credit memo" in stage.card(ts)


@pytest.mark.parametrize(
    "encoded",
    [
        lambda text: text.encode("utf-16"),
        lambda text: text.replace("\n", "\r").encode(),
        lambda text: text.replace("\n", "\r\n\r\n").encode("utf-16-le"),
        lambda text: text.replace("\n", ", ").encode(),
        lambda text: "\n".join(
            f'"{each}"\tx' for each in ["Memo: Document No.", *text.split()]
        ).encode(),
    ],
    ids=[
        "utf-16",
        "old Mac",
        "utf-16 without a mark and blank lines",
        "one line",
        "tabs and quotes",
    ],
)
async def test_files_are_read_as_programs_write_them(stage, encoded):
    numbers = invoices(stage, 3)

    await fill(stage, encoded("\n".join(numbers)))

    await card(stage)
    assert stage.store.mailings.has(1)
    assert sorted(each.number for each in stage.store.mailings.of(1)) == numbers


async def test_what_is_wrong_is_said_by_line_first_some_and_then_all_in_a_message(stage):
    numbers = invoices(stage, 2)
    wrong = [f"INV-{at}" for at in range(8)]

    answer = await fill(stage, csv([numbers[0], *wrong, "BR-00000001", numbers[1]]))

    at_field = answer.errors.get("file") or said(stage)
    assert "november.csv: Line 3: INV-0 is not a document in Zuora. Line 4: INV-1" in at_field
    assert "And 4 more." in at_field
    await stage.until_private(ALICE, "Line 11: BR-00000001 is a bill run")
    (shown,) = [text for text in stage.private(ALICE) if "Line 3" in text]
    assert "⏎" not in shown
    assert [f"Line {at + 3}: INV-{at} is not a document in Zuora." in shown for at in range(8)]
    assert stage.slack.channel_messages(CHANNEL) == []


async def test_what_stands_there_twice_counts_once_and_is_named_with_its_lines(stage):
    numbers = invoices(stage, 3)

    await fill(stage, csv([*numbers, numbers[1], f"{numbers[0].lower()}"]))
    ts = await card(stage)

    assert "3 invoices" in stage.card(ts)
    twice = f"{numbers[0]} (lines 2 and 6) and {numbers[1]} (lines 3 and 5)"
    await stage.until_private(
        ALICE, f"november.csv lists some numbers more than once; each counts once: {twice}."
    )


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"PK\x03\x04rest", "november.csv is a workbook (xlsx) or an archive; save it as CSV"),
        (b"\x00\x01\x02\x03" * 9, "november.csv is not text"),
        (b"\r\n \r\n", "november.csv is empty"),
        (b'INV1\n"INV2\nINV3\n', "a quotation mark that is not closed in its line, 2"),
        (b"Konto;Beleg\nA1;B2\n", "its heading has to be Invoice Number"),
        (b"INV1\n" * 50_001, "At most 50,000 documents at once; these are 50,001"),
        (b"x" * (10 * 2**20 + 1), "november.csv is larger than 10 MB"),
    ],
    ids=["xlsx", "binary", "empty", "open quote", "unknown columns", "too long", "too large"],
)
async def test_a_file_that_is_no_list_is_refused_in_a_sentence(stage, content, words):
    answer = await fill(stage, content)

    assert words in (answer.errors.get("file") or said(stage))
    assert stage.store.requests.get(1) is None


def deleted(stored, _stage):
    stored.mode = "tombstone"


def external(stored, _stage):
    stored.mode = "external"


def of_another_workspace(stored, _stage):
    stored.team = "T0STRANGERS"


def at_a_strangers_host(stored, stage):
    stored.at = stage.zuora.base_url + "/steal"


def moved_to_a_strangers_host(stored, stage):
    stored.moved = stage.zuora.base_url + "/steal"


@pytest.mark.parametrize(
    ("what", "words"),
    [
        (deleted, "The file was deleted"),
        (external, "november.csv is kept outside Slack; save it to your computer"),
        (of_another_workspace, "november.csv was added in another workspace"),
        (at_a_strangers_host, "november.csv is kept outside Slack"),
        (moved_to_a_strangers_host, "november.csv is kept outside Slack"),
    ],
)
async def test_the_token_goes_to_slack_alone_and_only_its_own_files_are_read(stage, what, words):
    await stage.open_form(ALICE, "INV00000001")
    file = stage.slack.add_file(ALICE, "november.csv", b"INV00000001")
    what(stage.slack.workspace.files[file["id"]], stage)
    calls = len(stage.zuora.calls)

    answer = await submitted(stage, file=[file])

    assert words in (answer.errors.get("file") or said(stage))
    assert not [each for each in stage.zuora.calls[calls:] if "steal" in each.path]
    assert stage.store.requests.get(1) is None


async def test_a_redirect_within_slack_is_followed(stage):
    numbers = invoices(stage, 2)
    await stage.open_form(ALICE, "INV00000001")
    file = stage.slack.add_file(ALICE, "november.csv", csv(numbers))
    other = stage.slack.add_file(ALICE, "november.csv", csv(numbers))
    stage.slack.workspace.files[file["id"]].moved = other["url_private_download"]

    await submitted(stage, file=[file])

    await card(stage)


async def test_a_file_that_changes_or_goes_after_the_asking_changes_nothing(stage):
    numbers = invoices(stage, 5)
    await stage.open_form(ALICE, "INV00000001")
    file = stage.slack.add_file(ALICE, "november.csv", csv(numbers))
    await submitted(stage, file=[file])
    ts = await card(stage)

    stored = stage.slack.workspace.files[file["id"]]
    stored.content, stored.mode = b"INV00000001", "tombstone"
    await stage.press(BOB, ts)

    await stage.until_card(ts, "Accepted by Zuora: email 5 invoices")
    assert {o.path.split("/")[3] for o in stage.orders()} == set(numbers)


async def test_the_file_of_a_message_opens_the_form_and_is_read_when_that_is_submitted(stage):
    numbers = invoices(stage, 3)
    message = await stage.slack.share_file(
        ALICE, CHANNEL, "from_erp.txt", "\n".join(numbers).encode()
    )

    await stage.slack.message_shortcut(ALICE, "email_of_file", CHANNEL, message.ts)
    await stage.slack.until(lambda: title(stage) == "Email billing documents")
    assert "A file was added already" in said(stage)
    await submitted(stage)

    ts = await card(stage, 2)
    assert "3 invoices" in stage.card(ts)


async def test_a_file_in_a_channel_without_the_bot_is_not_read_and_it_is_said_where_to_add_it(
    stage,
):
    message = await stage.slack.share_file(ALICE, "C0GENERAL", "list.txt", b"INV00000001")
    await stage.slack.message_shortcut(ALICE, "email_of_file", "C0GENERAL", message.ts)
    await stage.slack.until(lambda: title(stage) == "Email billing documents")

    answer = await submitted(stage)

    words = "is in a channel without the bot. Add it to the form"
    assert words in (answer.errors.get("file") or said(stage))


async def test_a_message_without_a_file_opens_nothing_and_says_so(stage):
    message = await stage.slack.say(ALICE, CHANNEL, "INV00000001")

    await stage.slack.message_shortcut(ALICE, "email_of_file", CHANNEL, message.ts)

    await stage.until_private(ALICE, "Use this on a message with one file")


async def test_who_may_not_ask_does_not_get_the_form_from_a_message(stage):
    message = await stage.slack.share_file(MARA, CHANNEL, "list.txt", b"INV00000001")

    await stage.slack.message_shortcut(MARA, "email_of_file", CHANNEL, message.ts)

    await stage.until_private(MARA, "You may not ask for billing operations")
    assert stage.slack.view(MARA) is None


async def test_two_people_with_the_same_file_see_each_other_and_it_goes_out_once(stage):
    group = stage.slack.workspace.groups["S0BILLING"]
    group.members.append(MARA)
    numbers = invoices(stage, 6)
    await fill(stage, csv(numbers))
    first = await card(stage)
    await fill(stage, csv(numbers))
    second = await card(stage, 2)
    await stage.quiet()

    assert any("R-1" in text and "also open" in text for text in stage.thread(second))
    await stage.press(BOB, first)
    await stage.until_card(first, "Accepted by Zuora: email 6 invoices")
    await stage.press(BOB, second)
    await stage.until_card(second, "Stopped. Nothing was sent")
    assert Counter(o.path.split("/")[3] for o in stage.orders()) == Counter(numbers)


async def test_a_file_that_overlaps_with_a_run_under_way_is_asked_for_without_those(stage):
    numbers = invoices(stage, 6)
    others = [
        each.number for each in stage.zuora.world.invoices.values() if each.number not in numbers
    ]
    ts = await stage.ask(text="BR-00000007")
    await stage.press(BOB, ts)
    await stage.until_card(ts, "Accepted by Zuora")

    answer = await fill(stage, csv([*numbers, *others[:2]]))

    assert "R-1" in (answer.errors.get("documents") or said(stage))
    assert len(stage.slack.channel_messages(CHANNEL)) == 1


async def test_a_long_reading_is_acknowledged_first_and_keeps_the_file_where_something_is_wrong(
    stage, monkeypatch
):
    monkeypatch.setattr("bot.slack.asking.SECONDS_FOR_ZUORA", 1.0)
    numbers = invoices(stage, 3)
    stage.zuora.knobs = replace(stage.zuora.knobs, latency={"/object-query/*": 2.5})
    stage.slack.ack_seconds = 60.0

    await stage.open_form(ALICE, "INV00000001")
    file = stage.slack.add_file(ALICE, "november.csv", csv([*numbers, "INV-1"]))
    answer = await stage.slack.submit(
        ALICE, {"documents": "", "file": [file], "reason": "Month end"}
    )
    assert answer.ok
    assert title(stage) == "Reading Zuora"
    await until_no_reading(stage, ALICE)

    assert "Line 5: INV-1 is not a document in Zuora" in said(stage)
    assert "A file was added already" in said(stage)
    stage.zuora.knobs = replace(stage.zuora.knobs, latency={})
    monkeypatch.setattr("bot.slack.asking.SECONDS_FOR_ZUORA", LONG)
    mended = stage.slack.add_file(ALICE, "november.csv", csv(numbers))
    await submitted(stage, file=[mended])
    ts = await card(stage)
    assert "3 invoices" in stage.card(ts)


async def test_without_the_scope_the_form_has_no_field_for_a_file(stage):
    await stage.open_form(ALICE, "INV00000001")
    assert "file_input" in said(stage)
    await stage.slack.close(ALICE)
    await stage.stop()
    scopes = stage.slack._core.manifest["oauth_config"]["scopes"]["bot"]
    stage.slack._core.manifest = {
        **stage.slack._core.manifest,
        "oauth_config": {"scopes": {"bot": [each for each in scopes if each != "files:read"]}},
    }
    await stage.start()

    await stage.open_form(ALICE, "INV00000001")

    assert "file_input" not in said(stage)


def buttons(stage):
    """Those of a form; of what is shown while Zuora is read there is none."""
    if title(stage) == "Reading Zuora":
        return []
    blocks = stage.slack.view(ALICE)["blocks"]
    elements = [element for block in blocks for element in block.get("elements", [])]
    return [each for each in elements if each["type"] == "button"]


async def test_all_but_those_that_were_mailed_may_be_more_than_the_fields_take(stage):
    numbers = invoices(stage, 2_100)
    ts = await stage.ask(text=numbers[0])
    await stage.press(BOB, ts)
    await stage.until_card(ts, "Accepted by Zuora")

    stage.slack.ack_seconds = 60.0
    await stage.open_form(ALICE, "BR-00000007")
    await stage.slack.submit(ALICE, {"reason": "Month end"})
    await stage.slack.until(lambda: bool(buttons(stage)), 120)
    (button,) = buttons(stage)
    await stage.slack.choose(ALICE, button["action_id"], button["value"])
    await stage.slack.until(lambda: "2,099 documents in a list that is too long" in said(stage))
    await stage.slack.submit(ALICE, {"reason": "Month end"})

    ts = await card(stage, 2)
    assert "Email 2,099 invoices" in stage.card(ts)
    assert {each.number for each in stage.store.mailings.of(2)} == set(numbers[1:])


def prepared(stage):
    """Numbers that are kept for requests, and documents that belong to none."""
    kept = stage.store._database.execute("SELECT number FROM preparing").fetchall()
    stray = stage.store._database.execute(
        "SELECT COUNT(*) FROM mailings WHERE request NOT IN (SELECT number FROM requests)"
    ).fetchone()
    return [*kept, *(stray if stray[0] else ())]


async def test_a_list_that_is_written_in_parts_is_mailed_each_once(stage):
    numbers = invoices(stage, PART + 40)

    await fill(stage, csv(numbers))
    ts = await card(stage)
    assert prepared(stage) == []
    await stage.press(BOB, ts)
    accepted = f"Accepted by Zuora: email {PART + 40} invoices"
    await stage.slack.until(lambda: accepted in stage.card(ts), 120)

    assert Counter(o.path.split("/")[3] for o in stage.orders()) == Counter(numbers)
    assert [call.subject for call in stage.store.calls.of(1)] == sorted(numbers)


async def test_of_a_large_list_that_is_not_saved_nothing_stays(stage, monkeypatch):
    numbers = invoices(stage, PART + 40)
    monkeypatch.setattr(
        "bot.workflow.ask.save", lambda *_: (_ for _ in ()).throw(CouldNotRecordError("disk full"))
    )

    await fill(stage, csv(numbers))

    assert "disk full" in said(stage) or "could not" in said(stage).lower()
    assert stage.slack.channel_messages(CHANNEL) == []
    assert prepared(stage) == []
    monkeypatch.undo()
    await fill(stage, csv(numbers))
    assert "R-2" in stage.card(await card(stage))  # no number is used twice


def left_behind(stage, numbers):
    with stage.store.transaction():
        stage.store.preparing.begin(1, stage.clock.now(), PERSON, "email_invoice")
        stage.store.mailings.add(1, [Mailing(numbers[0], "document", numbers[0], "", "", "", "")])
        stage.store.requests.add_subjects(1, numbers[:1])


async def test_what_an_ended_process_prepared_is_deleted_at_the_next_start(stage):
    left_behind(stage, invoices(stage, 1))

    await stage.restart()

    assert prepared(stage) == []


async def test_what_nobody_writes_any_more_is_deleted_within_the_hour(stage):
    left_behind(stage, invoices(stage, 1))

    await stage.pass_time(minutes=59)
    assert prepared(stage) != []
    await stage.pass_time(minutes=2)
    await stage.slack.until(lambda: prepared(stage) == [])


async def test_a_large_list_that_overlaps_one_of_the_same_moment_says_so_on_both_cards(stage):
    numbers = invoices(stage, PART + 40)
    await fill(stage, csv(numbers))
    first = await card(stage)

    await fill(stage, csv(numbers))
    second = await card(stage, 2)

    await stage.until_card(first, "R-2 asks to mail")
    await stage.until_card(second, "R-1 asks to mail")


async def test_a_large_list_does_not_begin_with_a_call_missing(stage, monkeypatch):
    numbers = invoices(stage, PART + 40)
    await fill(stage, csv(numbers))
    ts = await card(stage)
    planned, begun = begin._planned, []

    async def planned_but_for_one(parts, request, subjects):
        await planned(parts, request, subjects)
        begun.append(request.number)
        if len(begun) == 1:
            with parts.store.transaction():
                parts.store._database.execute("DELETE FROM calls WHERE subject = ?", [numbers[7]])

    monkeypatch.setattr(begin, "_planned", planned_but_for_one)
    await stage.press(BOB, ts)
    await stage.as_time_passes(lambda: len(begun) > 1, real=0.02)
    await stage.slack.until(lambda: "Accepted by Zuora: email" in stage.card(ts), 120)

    assert Counter(o.path.split("/")[3] for o in stage.orders()) == Counter(numbers)
