"""A file with numbers that somebody sends the bot directly is read, answered there, and leads to the form."""

import json
from collections import Counter
from pathlib import Path

from tests.stage import ALICE, BOB, CHANNEL, MARA
from tests.stories.test_lists_in_files import card, csv, invoices, said, submitted, title

MANIFEST = Path(__file__).parents[2] / "manifest.yml"


def direct(stage, user=ALICE):
    return stage.slack.workspace.direct(user).id


def answers(stage, user=ALICE):
    """What the bot has said there, but for what it says while it reads."""
    messages = stage.slack.channel_messages(direct(stage, user))
    found = [each for each in messages if each.user != user]
    return [each for each in found if "Zuora is being asked about them" not in each.text]


async def sent(stage, content, user=ALICE, name="november.csv"):
    """Send a file, and return the bot's answer to it."""
    before = len(answers(stage, user))
    await stage.slack.share_file(user, direct(stage, user), name, content)
    await stage.slack.until(lambda: len(answers(stage, user)) > before)
    return answers(stage, user)[-1]


async def test_a_file_sent_to_the_bot_is_read_and_its_button_opens_the_form_with_it(stage):
    numbers = invoices(stage, 12)

    answer = await sent(stage, csv(numbers))

    assert answer.text.startswith("november.csv: 12 documents in Zuora, nothing is asked for yet.")
    await stage.slack.click(ALICE, direct(stage), answer.ts, "file:email")
    await stage.slack.until(lambda: title(stage) == "Email billing documents")
    assert "A file was added already" in said(stage)
    await submitted(stage)
    ts = await card(stage)
    assert "Email 12 invoices" in stage.card(ts)
    await stage.press(BOB, ts)
    await stage.until_card(ts, "Accepted by Zuora: email 12 invoices")
    assert Counter(o.path.split("/")[3] for o in stage.orders()) == Counter(numbers)


async def test_what_is_wrong_with_it_is_said_line_by_line_and_nothing_is_offered(stage):
    numbers = invoices(stage, 2)
    text = "\n".join([*numbers, *(f"INV9999{at:04}" for at in range(8))])

    answer = await sent(stage, text.encode())

    for line in range(3, 11):
        assert f"Line {line}: INV9999{line - 3:04} is not a document in Zuora." in answer.text
    assert answer.text.startswith("Nothing was asked for. Correct the file and send it again.\n")
    assert "⏎" not in f"{answer.text}{answer.blocks}"
    assert "file:email" not in json.dumps(answer.blocks)


async def test_what_stands_in_it_twice_counts_once_and_is_said(stage):
    (number,) = invoices(stage, 1)

    answer = await sent(stage, f"{number}\n{number}\n".encode())

    assert "november.csv: 1 document in Zuora" in answer.text
    assert f"{number} (lines 1 and 2)" in answer.text


async def test_a_file_that_is_no_list_is_refused_with_its_name(stage):
    answer = await sent(stage, b"%PDF-1.7 \x00\x01", name="november.pdf")

    assert answer.text.startswith("november.pdf ")
    assert "file:email" not in json.dumps(answer.blocks)
    too_many = await sent(stage, "\n".join(f"INV{at:08}" for at in range(50_001)).encode())
    assert "At most 50,000 documents at once; these are 50,001." in too_many.text
    assert "file:email" not in json.dumps(too_many.blocks)


async def test_where_zuora_does_not_answer_the_form_is_offered_all_the_same(stage):
    numbers = invoices(stage, 2)
    stage.zuora.faults.add("/object-query/*", kind="status", status=503, times=None)

    answer = await stage.done_as_time_passes(sent(stage, csv(numbers)))

    assert "2 lines with numbers, not looked up yet" in answer.text
    assert "file:email" in json.dumps(answer.blocks)


async def test_who_may_not_ask_hears_so_and_the_file_is_not_read(stage):
    answer = await sent(stage, b"INV00000001", user=MARA)

    assert "You may not ask for billing operations" in answer.text
    assert any(each.entry.what.value == "refused" for each in stage.store.history.all())


async def test_a_file_in_a_channel_and_what_is_written_to_the_bot_are_left_alone(stage):
    await stage.slack.share_file(ALICE, CHANNEL, "list.txt", b"INV00000001")
    await stage.slack.say(ALICE, direct(stage), "INV00000001")
    await stage.quiet()

    assert answers(stage) == []
    assert "message.im" not in MANIFEST.read_text()
    assert "im:history" not in MANIFEST.read_text()
