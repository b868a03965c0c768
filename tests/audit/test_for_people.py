"""What people read of a package: the report, the workbook, the sample; made of the package alone."""

import asyncio
import copy
import io
import json
import re
import xml.etree.ElementTree as ET
import zipfile
from datetime import UTC, datetime, timedelta
from html.parser import HTMLParser
from types import SimpleNamespace
from typing import Any

import pytest

from bot.audit.evidence import in_slack, said, workbook
from bot.audit.evidence.archive import readable
from bot.audit.evidence.lights import Light, Shade, lights, verdict
from bot.audit.evidence.package import Package, sampled
from bot.audit.evidence.report import NAME as REPORT
from bot.audit.evidence.said import OUT_OF_HOURS
from bot.audit.evidence.workbook import COLUMNS, READ_ME, SHEETS
from bot.audit.evidence.workbook import NAME as WORKBOOK
from bot.cli.sandbox import BOT_TOKEN
from bot.domain.history import What
from tests.audit.test_anchors import begun, key, of, rebuilt
from tests.audit.test_evidence import checked, lines, made, read
from tests.audit.test_package import Forger, story
from tests.audit.test_verify import Tampering
from tests.stage import BOB, CARLA, CHANNEL, Stage

MAIN = "{http://schemas.openxmlformats.org/spreadsheetml/2006/main}"


@pytest.fixture
async def stage(tmp_path):
    stage = await story(tmp_path)
    yield stage
    await stage.close()


class Page(HTMLParser):
    """What a page says, and what it would load from elsewhere."""

    def __init__(self, text):
        super().__init__()
        self.words: list[str] = []
        self.loaded: list[str] = []
        self.sections = 0
        self.feed(text)
        self.text = " ".join(self.words)

    def handle_starttag(self, tag, attrs):
        self.sections += tag == "section"
        self.loaded += [value for name, value in attrs if name in {"src", "href"}]

    def handle_data(self, data):
        self.words.append(data)


def page_of(out):
    with zipfile.ZipFile(out) as archive:
        return Page(archive.read(REPORT).decode())


def sheets_of(out):
    """Each sheet as rows of texts; a cell that is not there is empty."""
    with zipfile.ZipFile(out) as archive:
        book = zipfile.ZipFile(io.BytesIO(archive.read(WORKBOOK)))
    return {
        name: [
            _texts(row) for row in _xml(book, f"worksheets/sheet{number}.xml").iter(f"{MAIN}row")
        ]
        for number, name in enumerate(
            (each.get("name") for each in _xml(book, "workbook.xml").iter(f"{MAIN}sheet")), 1
        )
    }


def _xml(book, name):
    return ET.fromstring(book.read(f"xl/{name}"))  # noqa: S314 - our own


def _texts(row):
    """The columns of these sheets are A to Z."""
    cells = {ord(cell.get("r")[0]) - 65: "".join(cell.itertext()) for cell in row.iter(f"{MAIN}c")}
    return [cells.get(column, "") for column in range(max(cells) + 1)]


async def test_the_report_is_one_file_with_five_lights_and_a_page_for_each_request(stage, tmp_path):
    result, out = await made(stage, tmp_path)
    assert result.exit_code == 0, result.output

    page = page_of(out)

    said = " ".join(page.words)
    assert page.loaded == []
    assert page.sections == 3
    for light in ("Chain", "Anchors", "Control", "Zuora", "Slack"):
        assert light in page.words
    assert "performed again for 3 requests, and held" in said
    assert "SLACK_BOT_TOKEN is not set" in said
    assert "2 approvals, by rule 1" in said
    assert "documents 1" in said
    assert "amounts USD 7.00, documents" in said
    assert "can mail customers yes" in said
    assert "sends yes" not in said
    assert "that is an account of the machine, and no person of Slack" in said
    assert "Without a request, a decision, a call or a start are 2026-11-01 to 2026-11-20" in said
    numbers = [
        each["sequence"] for line in lines(out, "requests.jsonl") for each in line["messages"]
    ]
    others = max(numbers) - min(numbers) + 1 - len(numbers)
    assert others > 0
    assert (
        f"The other {others} belong to none of them: they are of messages about no request" in said
    )
    assert "Bob" in said
    assert "<!date" not in said
    with zipfile.ZipFile(out) as archive:
        assert archive.namelist()[-3:] == [REPORT, WORKBOOK, "manifest.json"]


async def test_the_first_page_begins_with_what_all_lights_say_together(stage, tmp_path):
    _, out = await made(stage, tmp_path)

    said = page_of(out).text
    assert "out of hours" not in said.lower()
    deeds = len([*lines(out, "exceptions.jsonl")])
    assert deeds > 1
    assert (
        f"The control held for the 3 requests of this package; {deeds} deeds in Zuora went round it, and nobody has explained "
        "them. The history is whole. Not as it should be: Zuora. Not known: Anchors and Slack."
    ) in said
    assert "Ask who did each of the exceptions in Zuora, and why." in said
    assert "None: heads are not signed." in said
    assert "(not Alice Weber (U0ALICE))" in said


def test_the_verdict_says_what_is_not_known_and_what_did_not_hold():
    def of(requests, unexplained, open_before=0, not_confirmed=(), left_open=(), **shades):
        package: Any = SimpleNamespace(
            about={"requests": requests},
            unexplained=unexplained,
            open_before=open_before,
            not_confirmed=not_confirmed,
            left_open=left_open,
        )
        names = ("Chain", "Anchors", "Control", "Zuora", "Slack")
        found = [Light(name, shades.get(name, Shade.GOOD), "") for name in names]
        return verdict(package, found)

    assert of(2, 0) == (
        "The control held for the 2 requests of this package, and nothing in Zuora went round it unexplained. The history is whole."
    )
    assert of(0, 0, Zuora=Shade.UNKNOWN) == (
        "No request is in this package; whether anything in Zuora went round it is not known. The history is whole. Not known: Zuora."
    )
    assert of(2, 0, not_confirmed=(4, 9), Control=Shade.UNKNOWN) == (
        "The control held for the 2 requests of this package, and nothing in Zuora went round it unexplained; 2 changes of the policy are "
        "not confirmed. The history is whole."
    )
    assert of(2, 0, left_open=("2 requests from R-1 on",), Control=Shade.UNKNOWN).startswith(
        "The control held for the 2 requests of this package, as far as it could be compared, and"
    )
    assert of(3, 1, Control=Shade.BAD, Chain=Shade.BAD, Zuora=Shade.BAD) == (
        "The control did not hold for all of the 3 requests of this package; 1 deed in Zuora went round it, and nobody has "
        "explained it. The history is not whole. Not as it should be: Chain, Control and Zuora."
    )
    assert "unexplained; 1 exception of earlier packages is still not explained. The" in of(2, 0, 1)
    assert of(1, 0, Control=Shade.BAD).startswith(
        "The control did not hold for the one request of this package, and"
    )
    assert of(0, 0, Control=Shade.BAD).startswith(
        "The control did not hold, though no request is in this package, and"
    )


async def test_the_counts_add_up(stage, tmp_path):
    _, out = await made(stage, tmp_path)

    words = [each for each in page_of(out).words if each.strip()]
    counts = {
        name: int(words[at + 1])
        for at, name in enumerate(words)
        if name.startswith(("now ", "asked for ", "all of them"))
    }
    whole = counts.pop("all of them")
    assert whole == 3
    assert said.in_words({"amounts": [["EUR", "-2.5"], ["JPY", "1200"], ["USD", "NaN"]]}) == (
        "amounts EUR -2.50, JPY 1,200 and USD NaN"
    )
    for start in ("now", "asked"):
        assert sum(number for name, number in counts.items() if name.startswith(start)) == whole


async def test_a_request_whose_time_has_ended_is_not_shown_as_waiting(stage, tmp_path):
    """No row says that it expired: the bot did not run then."""
    _, out = await made(stage, tmp_path)
    forger = Forger(out, "")
    population = [*lines(out, "population.jsonl")]
    population[2]["state"] = "waiting"
    forger.put("population.jsonl", population)

    for made_at, state, came in (
        ("2026-11-21T12:00:00.000000+00:00", "waiting", "waiting since 2026-11-21 "),
        (
            "2026-11-23T12:00:00.000000+00:00",
            "waiting, time ended, not recorded yet",
            "Its time ended on 2026-11-22 ",
        ),
    ):
        forger.json("chain.json", lambda about, at=made_at: about.update(made_at=at))
        page, book = readable(forger.sealed(), tmp_path)
        assert f"<td>now {state}</td>" in page.read_text()
        assert came in page.read_text()
        with zipfile.ZipFile(book) as opened:
            assert f">{state}<" in opened.read("xl/worksheets/sheet2.xml").decode()


async def test_the_workbook_has_a_sheet_for_each_population_and_an_empty_one_says_so(
    stage, tmp_path
):
    _, out = await made(stage, tmp_path)

    sheets = sheets_of(out)

    assert [*sheets] == [READ_ME, *SHEETS]
    assert sheets["Requests"][0] == [COLUMNS[each][0] for each in SHEETS["Requests"]]
    (first, *_) = sheets["Requests"][1:]
    approvers = first[SHEETS["Requests"].index("approvers")]
    assert approvers == f"Bob Tanaka ({BOB}), Carla Mendes ({CARLA})"
    assert first[SHEETS["Requests"].index("created_at")] == "2026-11-21 10:00:00 UTC"
    assert "amounts USD 7.00" in first[SHEETS["Requests"].index("compared")]
    assert OUT_OF_HOURS in sheets["Segregation of duties"][0][-1]
    assert sheets["Heads"][1] == ["none"]
    pairs = {(row[0], row[1]): row[2] for row in sheets["Pairs"][1:]}
    assert pairs["Alice Weber (U0ALICE)", f"Bob Tanaka ({BOB})"] == "2"
    assert sheets[READ_ME][0][2].startswith("The control held for the 3 requests of this package")
    explained = {(row[0], row[1]) for row in sheets[READ_ME] if len(row) > 1}
    heads = {(name, COLUMNS[each][0]) for name, columns in SHEETS.items() for each in columns}
    assert heads <= explained
    assert len(sheets["Decisions"]) == 6
    assert len(sheets["People and groups"]) > 1


async def test_a_sheet_that_is_full_goes_on_in_another_one(stage, tmp_path, monkeypatch):
    monkeypatch.setattr(workbook, "MOST_ROWS", 4)
    _, out = await made(stage, tmp_path)

    sheets = sheets_of(out)

    assert [name for name in sheets if name.startswith("Decisions")] == ["Decisions", "Decisions 2"]
    assert len(sheets["Decisions"]) == 5
    assert sheets["Decisions 2"][0] == sheets["Decisions"][0]
    assert len(sheets["Decisions 2"]) == 2


async def test_what_people_read_is_made_again_and_compared(stage, tmp_path):
    _, out = await made(stage, tmp_path, "--sample", "2")
    assert checked(out).exit_code == 0, checked(out).output

    for name in (REPORT, WORKBOOK, "sample.json", "verify.py", "FORMAT.md"):
        forger = Forger(out, "")
        forger.files[name] = forger.files[name].replace(b"2", b"4")
        result = checked(forger.sealed())
        assert result.exit_code in {3, 19}, (name, result.output)


async def test_a_sample_is_drawn_by_the_auditors_seed(stage, tmp_path):
    _, out = await made(stage, tmp_path, "--sample", "2", "--seed", "Q4 of 2026")

    assert read(out, "sample.json") == {"seed": "Q4 of 2026", "size": 2}
    drawn = sampled([1, 2, 3], "Q4 of 2026", 2)
    assert len(drawn) == 2
    names = ", ".join(f"R-{number}" for number in drawn)
    assert f"Drawn from the seed 'Q4 of 2026': {names}" in " ".join(page_of(out).words)
    many = list(range(1, 1001))
    assert sampled(many, "a", 25) != sampled(many, "b", 25)
    assert sampled(many, "a", 25) == sampled(many[::-1], "a", 25)


async def test_slack_is_read_and_a_card_that_is_gone_is_named(stage, tmp_path, monkeypatch):
    monkeypatch.setenv("SLACK_API_URL", stage.settings().slack_api_url)
    result, out = await made(stage, tmp_path, slack=BOT_TOKEN)
    assert result.exit_code == 0, result.output
    there = read(out, "slack.json")
    assert (there["status"], there["cards"], there["missing"]) == ("done", 3, [])
    assert there["address"] == stage.settings().slack_api_url

    card = stage.slack.channel_messages(CHANNEL)[0]
    card.deleted = True
    gone, out = await made(stage, tmp_path, slack=BOT_TOKEN)

    assert read(out, "slack.json")["missing"] == ["R-1"]
    assert "Slack, bad: cards are gone: R-1" in gone.output
    assert gone.exit_code == 0
    assert re.search("cards are gone: R-1", " ".join(page_of(out).words))

    stage.slack.workspace.team_id = "T0OTHER"
    elsewhere, out = await made(stage, tmp_path, slack=BOT_TOKEN)
    assert (
        "SLACK_BOT_TOKEN is of the workspace T0OTHER, and the bot was started in"
        in elsewhere.output
    )
    assert (elsewhere.exit_code, read(out, "slack.json")["missing"]) == (26, [])

    monkeypatch.setenv("SLACK_API_URL", "http://127.0.0.1:9/api/")
    not_read, out = await made(stage, tmp_path, slack=BOT_TOKEN)
    assert "Slack, not known: Slack could not be read" in not_read.output
    assert not_read.exit_code == 26


async def slack_of(stage, tmp_path, monkeypatch):
    """What reading Slack gives, and the page."""
    monkeypatch.setenv("SLACK_API_URL", stage.settings().slack_api_url)
    result, out = await made(stage, tmp_path, slack=BOT_TOKEN)
    assert result.exit_code == 0, result.output
    return read(out, "slack.json"), " ".join(page_of(out).words)


async def test_cards_and_threads_that_say_what_was_sent_are_a_green_light(
    stage, tmp_path, monkeypatch
):
    found, said = await slack_of(stage, tmp_path, monkeypatch)

    assert (found["changed"], found["threads"], found["threads_read"]) == ([], [], 3)
    assert "3 cards and 3 threads read from" in said


async def test_an_edit_that_is_on_its_way_while_slack_is_read_differs_from_nothing(
    stage, tmp_path, monkeypatch
):
    stage.slack.faults.add("chat.update", "lose_answer", times=1000)
    ts = await stage.ask(text="BR-00000003")
    await stage.press(BOB, ts)
    card = next(each for each in stage.slack.channel_messages(CHANNEL) if each.ts == ts)
    await stage.slack.until(lambda: card.edited)

    found, _ = await slack_of(stage, tmp_path, monkeypatch)

    stage.slack.faults.clear()
    await stage.quiet()
    assert found["changed"] == []


async def test_what_is_sent_while_slack_is_read_differs_from_nothing(stage, tmp_path, monkeypatch):
    stage.zuora.world.add_bill_run("BR-00000004", invoices=[("A00000001", "USD", "7.00")])
    stage.slack.faults.add("conversations.history", "slow", seconds=3600.0)
    calls = len(stage.slack.calls)
    reading = asyncio.create_task(slack_of(stage, tmp_path, monkeypatch))
    await stage.slack.until(
        lambda: any(each.method == "auth.test" for each in stage.slack.calls[calls:])
    )
    await stage.ask(text="BR-00000004")
    await stage.quiet()
    await stage.as_time_passes(reading.done, step=60.0)

    found, _ = await reading

    assert (found["cards"], found["changed"]) == (3, [])
    assert stage.request(4).card_ts


def of_request(stage, number, *, reply):
    """The card of a request in Slack, or the first reply of the bot's below it."""
    card = stage.slack.channel_messages(CHANNEL)[number - 1]
    if not reply:
        return card
    return stage.slack.workspace.channels[CHANNEL].replies(card.ts)[0]


@pytest.mark.parametrize("reply", [False, True], ids=["card", "reply"])
@pytest.mark.parametrize("part", ["text", "blocks", "metadata"])
async def test_a_message_that_reads_otherwise_than_it_was_sent_is_named(
    stage, tmp_path, monkeypatch, part, reply
):
    message = of_request(stage, 2, reply=reply)
    if part == "text":
        message.text = message.text.replace("BR-00000002", "BR-00000009") + " or not"
    elif part == "blocks":
        message.blocks = json.loads(json.dumps(message.blocks).replace('"text": "', '"text": "no '))
    else:
        message.metadata["event_payload"]["mark"] = "0" * 16
    if part == "blocks" and not message.blocks:
        pytest.skip("this one has none")

    found, said = await slack_of(stage, tmp_path, monkeypatch)

    (changed,) = found["changed"]
    assert (changed["request"], changed["ts"]) == ("R-2", message.ts)
    assert ("another hash" in changed["what"]) == (part == "metadata")
    assert "messages differ from what was sent: R-2" in said


async def test_a_reply_that_is_gone_is_named_though_a_person_wrote_another(
    stage, tmp_path, monkeypatch
):
    card = of_request(stage, 1, reply=False)
    of_request(stage, 1, reply=True).deleted = True
    channel = stage.slack.workspace.channels[CHANNEL]
    by_hand = copy.deepcopy(channel.replies(card.ts)[-1])
    by_hand.ts, by_hand.user, by_hand.metadata = f"{float(by_hand.ts) + 0.5:.6f}", BOB, None
    channel.add(by_hand)

    found, said = await slack_of(stage, tmp_path, monkeypatch)

    assert (found["threads"], found["changed"]) == (["R-1"], [])
    assert "messages are gone from the threads of R-1" in said


async def test_a_message_of_the_bots_that_the_database_has_not_sent_is_named(
    stage, tmp_path, monkeypatch
):
    """Whoever has the bot's token can write as the bot; or the database was rewritten."""
    channel = stage.slack.workspace.channels[CHANNEL]
    forged = copy.deepcopy(of_request(stage, 1, reply=True))
    forged.ts, forged.text = f"{float(forged.ts) + 0.5:.6f}", "Approved by nobody"
    channel.add(forged)

    found, _ = await slack_of(stage, tmp_path, monkeypatch)

    (changed,) = found["changed"]
    assert (changed["ts"], changed["what"]) == (
        forged.ts,
        "is the bot's, but the database did not send it",
    )


async def test_a_card_that_an_older_copy_of_the_database_does_not_know_is_named(
    tmp_path, monkeypatch
):
    """An old copy of the whole file, chain and all, is whole by itself; its lost time was a moment ago."""
    now = datetime.now(UTC)
    stage = Stage(tmp_path, "run", now=now)
    await stage.open()
    try:
        for number in (1, 2):
            runs = stage.zuora.world
            runs.add_bill_run(f"BR-0000000{number}", invoices=[("A00000001", "USD", "7.00")])
        await stage.start()
        await stage.ask()
        await stage.quiet()
        await stage.stop()
        put_back = stage.keep_the_database()
        await stage.start()
        second = await stage.ask(text="BR-00000002")
        await stage.press(BOB, second)
        await stage.until_card(second, "Accepted by Zuora")
        await stage.stop()
        put_back()

        day, a_day = now.date(), timedelta(days=1)
        period = ("--from", f"{day - a_day}", "--to", f"{day + a_day}")
        monkeypatch.setenv("SLACK_API_URL", stage.settings().slack_api_url)
        _, out = await made(stage, tmp_path, *period, slack=BOT_TOKEN)
    finally:
        await stage.close()

    assert checked(out).exit_code == 0
    (unknown,) = read(out, "slack.json")["changed"]
    assert (unknown["request"], unknown["ts"]) == ("R-2", second)
    assert "that the database does not have" in unknown["what"]


async def test_a_database_whose_messages_were_rewritten_shows_in_slack(
    stage, tmp_path, monkeypatch
):
    database = stage.store._database
    trigger = database.triggers_dict["messages_that_were_sent_are_never_changed"]
    database.execute("DROP TRIGGER messages_that_were_sent_are_never_changed")
    database.execute(
        "UPDATE outbox SET text = 'another card' WHERE sequence = (SELECT MAX(sequence) FROM outbox WHERE request = 3 "
        "AND kind = 'update' AND ts IS NOT NULL)"
    )
    database.execute(trigger)
    database.conn.commit()

    found, _ = await slack_of(stage, tmp_path, monkeypatch)

    assert [each["request"] for each in found["changed"]] == ["R-3"]


def test_what_slack_itself_changes_of_a_text_is_no_change():
    sent: dict[str, Any] = {
        "text": "\u2705 posted by <@U1> &amp; at https://example.com/a",
        "blocks": [
            {"type": "section", "text": {"type": "mrkdwn", "text": "a\n b"}},
            {"type": "actions", "elements": [{"type": "button", "text": {"text": "Go"}}]},
        ],
    }
    shown: dict[str, Any] = {
        "text": ":white_check_mark: posted by <@U1|bob> &amp; at <https://example.com/a>",
        "blocks": [
            {"block_id": "x", **sent["blocks"][0], "expand": False},
            {"block_id": "y", **sent["blocks"][1]},
        ],
    }
    assert in_slack.words_of(sent) == in_slack.words_of(shown)
    shown = copy.deepcopy(shown)
    shown["blocks"][1]["elements"][0]["text"]["text"] = "Stop"
    assert in_slack.words_of(sent) != in_slack.words_of(shown)


def light_of(out, name):
    """The shade and the words of one of the five lights."""
    with zipfile.ZipFile(out) as archive:
        return next(each[1:] for each in lights(Package(archive)) if each.name == name)


async def test_a_head_that_was_left_nowhere_is_no_green_light(stage, tmp_path):
    await begun(stage, audit_signing_key=key(1))
    _, out = await made(stage, tmp_path)
    assert "no head was left outside the database" in " ".join(page_of(out).words)
    assert light_of(out, "Anchors")[0] == "not known"
    public = of(stage, What.SIGNING_KEY)[0].entry.data["public"]
    assert "verify says with which key this package is signed" in page_of(out).text
    assert f"the package is signed with the public key {public}" in checked(out).output
    _, out = await made(stage, tmp_path, signing=False)
    assert "the package is not signed: nothing in it shows" in checked(out).output

    stage.changes["audit_channel"] = CHANNEL
    await stage.restart()
    stage.clock.advance(hours=1)
    await stage.until(lambda: len(of(stage, What.HEAD)) == 2)
    await stage.quiet()
    _, out = await made(stage, tmp_path)
    assert "2 heads, signed; left outside the database: 1 (channel)" in " ".join(page_of(out).words)
    assert light_of(out, "Anchors")[0] == "good"


async def test_a_head_that_slack_does_not_take_was_left_nowhere(stage, tmp_path):
    stage.changes |= {"audit_signing_key": key(1), "audit_channel": CHANNEL}
    stage.slack.faults.silent[CHANNEL] = "is_archived"
    await begun(stage)

    _, out = await made(stage, tmp_path)

    shade, words = light_of(out, "Anchors")
    assert (shade, "no head was left outside the database" in words) == ("not known", True), words
    assert "Slack has not taken 1 for the audit channel" in words
    assert checked(out).exit_code == 0  # the report is the one that the package gives


async def test_heads_that_nobody_signed_are_no_green_light(stage, tmp_path):
    await begun(stage, audit_channel=CHANNEL)

    _, out = await made(stage, tmp_path)

    shade, words = light_of(out, "Anchors")
    assert (shade, "1 head, 1 of them not signed" in words) == ("not known", True), words


async def test_a_head_with_a_wrong_signature_is_a_red_light(stage, tmp_path):
    await begun(stage, audit_signing_key=key(1), audit_channel=CHANNEL)
    await stage.stop()
    with Tampering(stage.folder / "billing-bot.db") as tampering:
        tampering.execute(
            "UPDATE history SET data = json_set(data, '$.signature', ?) WHERE what = 'audit.head'", ["ab" * 64]
        )  # fmt: skip
        rebuilt(tampering)

    result, out = await made(stage, tmp_path)

    shade, words = light_of(out, "Anchors")
    assert (result.exit_code, shade) == (25, "bad"), result.output
    assert "is a head that is not signed with the key in force" in words


async def test_a_zuora_that_is_gone_is_not_asked_and_that_is_no_good_news(stage, tmp_path):
    result, out = await made(stage, tmp_path, "--without-zuora", zuora=None)

    assert result.exit_code == 26, result.output
    assert "Zuora was not asked (--without-zuora)" in result.output
    assert light_of(out, "Zuora") == ("not known", "Zuora was not asked (--without-zuora)")
    page = " ".join(page_of(out).words)
    assert "Zuora was not asked" in page
    assert "Zuora shows nothing that was done outside the bot" not in page
    verified = checked(out)
    assert verified.exit_code == 0
    assert "not compared with Zuora: Zuora was not asked" in verified.output
