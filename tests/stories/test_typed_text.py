"""What people type and paste is read as they see it."""

import json

import pytest

from bot.domain.clean import as_key, clean, spellings, unescaped
from bot.domain.history import What
from tests.stage import ALICE, BOB, CHANNEL
from tests.stories.test_approvals import LARGEST

LINE = "account=A00000001 target=2026-11-30"


async def made_of(stage, line):
    """The body of the request that a line asks for."""
    ack = await stage.slack.slash(ALICE, CHANNEL, f"/billrun {line}")
    assert ack.ok, ack.text
    await stage.until(lambda: stage.store.requests.get(1) is not None)
    return stage.request(1)


@pytest.fixture
def account(stage):
    return stage.zuora.world.account("A00000001")


@pytest.mark.parametrize(
    ("typed", "name"),
    [
        ('name="R&D <Q4>"', "R&D <Q4>"),
        ('name="R&amp;D"', "R&amp;D"),  # these five characters were typed
        ("name=the \u201cQ4\u201d run", "the \u201cQ4\u201d run"),
        ('name="the "Q4" run"', 'the "Q4" run'),
        ("name=O'Brien\u2019s", "O'Brien\u2019s"),
        ("name=\U0001f469\u200d\U0001f4bb", "\U0001f469\u200d\U0001f4bb"),
        (r"name=a\b", r"a\b"),
        ("name=Q4\u20132026", "Q4\u20132026"),
    ],
)
async def test_a_name_keeps_its_characters(stage, account, typed, name):
    """Slack sends `&`, `<` and `>` as entities."""
    request = await made_of(stage, f"{LINE} {typed} reason=x")

    assert json.loads(request.body)["name"] == name


async def test_what_no_database_keeps_is_one_character_for_the_table_the_history_and_the_card(
    stage, account
):
    """JSON can say the character 0 and half an emoji; a hash or an engine takes neither."""
    request = await made_of(stage, f"{LINE} reason=a\0b\ud83d")

    assert request.reason == "a\ufffdb\ufffd"
    (asked,) = [each for each in stage.store.history.of(1) if each.entry.what is What.ASKED]
    assert asked.entry.data["reason"] == request.reason
    await stage.until(lambda: stage.slack.channel_messages(CHANNEL))
    assert "a\ufffdb\ufffd" in stage.slack.channel_messages(CHANNEL)[-1].text


@pytest.mark.parametrize(
    ("typed", "reason"),
    [
        ("reason=don\u2019t forget", "don\u2019t forget"),
        ("reason=don't forget", "don't forget"),
        ("reason='don't forget'", "don't forget"),
        ("reason=\u201cMonth end\u201d", "Month end"),
        ("reason=\u00abMonth end\u00bb", "Month end"),
        ("reason=Month end & more", "Month end & more"),
    ],
)
async def test_a_reason_needs_no_quotation_marks(stage, account, typed, reason):
    """`reason=don't forget`."""
    assert (await made_of(stage, f"{LINE} {typed}")).reason == reason


@pytest.mark.parametrize(
    "typed",
    [
        "account=*A00000001* target=2026\u201311\u201330 reason=x",
        "\ufeffaccount=A00000001. target=\u200b2026-11-30 reason=x",
        "account=A0000\u200b0001 target=2026-11-30, reason=x",
        "account\u00a0=\u00a0A00000001\u00a0target=\u201c2026-11-30\u201d\u00a0reason=x",
    ],
)
async def test_a_line_is_what_it_looks_like(stage, account, typed):
    request = await made_of(stage, typed)

    assert '"target_date":"2026-11-30"' in request.body
    assert "A00000001" in request.facts


NUMBERS = ["BR\u201300000001", "BR\u201100000001", "\ufeffBR-0000\u200b0001", "*BR-00000001*",
           "BR-00000001.", "`br-00000001`", "\u2066BR-00000001\u2069", "BR\u221200000001"]  # fmt: skip


@pytest.mark.parametrize("command", ["/billrun", "/billstatus"])
async def test_a_bill_runs_number_is_what_it_looks_like(stage, command):
    for at, typed in enumerate(NUMBERS):
        await stage.slack.slash(ALICE, CHANNEL, f"{command} {typed}")

        assert "Bill run BR-00000001: Posted" in stage.private(ALICE)[at], typed


@pytest.mark.parametrize("typed", ["BR\u201300000001", "*BR-00000001*.", "\ufeffBR-00000001"])
async def test_a_number_in_a_form_is_what_it_looks_like(stage, typed):
    ts = await stage.ask(bill_run=typed)

    assert "BR-00000001" in stage.card(ts)


@pytest.mark.parametrize("typed", ["INV\u201300000077", "*INV-00000077*, ", "(INV-00000077)."])
async def test_a_document_in_a_form_is_what_it_looks_like(stage, typed):
    stage.zuora.world.add_invoice("A00000001", "USD", "120.50", number="INV-00000077")

    ts = await stage.ask(text="INV-1", documents=typed)

    assert "INV-00000077" in stage.card(ts)


async def test_a_word_of_a_command_is_what_it_looks_like(stage):
    for typed, shown in (
        ("help.", "/billstatus mine"),
        ("*help*", "/billstatus mine"),
        ("month 2026\u201310", "October 2026"),
        ("month\u00a0\u200b2026\u201110.", "October 2026"),
    ):
        ack = await stage.slack.slash(ALICE, CHANNEL, f"/billstatus {typed}")

        assert shown in ack.text, typed


@pytest.mark.parametrize(
    "typed", ["BR\u201300000001", "br-0000\u200b0001.", "\u201cBR-00000001\u201d"]
)
async def test_the_number_that_confirms_an_approval_is_what_it_looks_like(stage, typed):
    await stage.with_policy(LARGEST)
    ts = await stage.ask()
    await stage.press(BOB, ts)

    assert (await stage.slack.submit(BOB, {"typed": typed})).ok
    await stage.until_card(ts, "Accepted by Zuora")


def test_entities_are_read_once():
    assert unescaped("&amp;lt;") == "&lt;"
    assert unescaped("&lt;&gt;&amp;&copy;") == "<>&&copy;"


LEGITIMATE = [
    "\U0001f469\u200d\U0001f4bb",  # an emoji that is joined of two
    "\u0645\u06cc\u200c\u062e\u0648\u0627\u0647\u0645",  # Persian, with a joiner that is written
    "\u2764\ufe0f and \u8fbb\U000e0100",  # variation selectors: an emoji, and a Japanese name
    "\U0001f3f4\U000e0067\U000e0062\U000e0073\U000e0063\U000e0074\U000e007f",  # Scotland's flag
    "Q4\u20132026 \u2014 \u00fcber\u00adsicht",
    "\u30b5\u30fc\u30d0\u30fc\u3002",
    "\u0915\u0930\u0947\u0902\u0964",
    "line one\nline two",
]


@pytest.mark.parametrize("text", LEGITIMATE)
def test_a_text_for_people_stays_as_it_was_written(text):
    assert clean(text) == text


def test_what_has_no_look_and_no_meaning_is_no_part_of_a_text():
    assert clean("a\u00a0b\ufeffc\u200e") == "a bc"


IGNORABLE = [
    chr(code)
    for first, last in (  # Default_Ignorable_Code_Point of Unicode 15.0 without the soft hyphen
        (0x034F, 0x034F), (0x061C, 0x061C), (0x115F, 0x1160), (0x17B4, 0x17B5), (0x180B, 0x180F),
        (0x200B, 0x200F), (0x202A, 0x202E), (0x2060, 0x206F), (0x3164, 0x3164), (0xFE00, 0xFE0F),
        (0xFEFF, 0xFEFF), (0xFFA0, 0xFFA0), (0xFFF0, 0xFFF8), (0x1BCA0, 0x1BCA3),
        (0x1D173, 0x1D17A), (0xE0000, 0xE0FFF),
    )
    for code in range(first, last + 1)
]  # fmt: skip
BLANK = ["\u2800", "\ufffc", "\x00", "\x08", "\x7f", "\x9f", "\u00ad"]


def test_nothing_unseen_is_part_of_a_key_wherever_it_stands():
    wrong = [
        each
        for each in [*IGNORABLE, *BLANK]
        if as_key(f"{each}BR-00{each}00{each}0001{each}") != "BR-00000001"
    ]
    assert wrong == []


def test_a_text_of_which_nothing_is_seen_is_none():
    wrong = [each for each in [*IGNORABLE, *BLANK] if clean(f" {each}{each} ") != ""]
    assert wrong == []


@pytest.mark.parametrize("dash", "\u2010\u2011\u2012\u2013\u2014\u2015\u2212\u02d7\u2043\u207b\u2796\u30fc\uff70"
                         "\ufe58\ufe63\uff0d\u2500\u058a\u05be\u1806\u301c\u3030\u2e3a\u00ad\u4e00\u2cba")  # fmt: skip
def test_what_looks_like_a_hyphen_is_one_in_a_key(dash):
    assert as_key(f"BR{dash}00000001") == "BR-00000001"
    assert as_key(f"2026{dash}11{dash}30") == "2026-11-30"


@pytest.mark.parametrize("stop", [*".,;:!?\u2026\u3002\uff61\u3001\uff0c\uff0e\u061f\u060c\u061b\u06d4\u0964\u0965\u0589\u1362\u17d4\u104b\u00b7\u037e\u0387\u203c\u2047\u1803"])  # fmt: skip
def test_a_stop_behind_a_key_is_none_of_it_in_any_script(stop):
    assert as_key(f"BR-00000001{stop}") == "BR-00000001"
    assert as_key(f"\u300cBR-00000001\u300d{stop}") == "BR-00000001"


@pytest.mark.parametrize(
    "around",
    ["**", "__", "``", "~~", '""', "''", "()", "[]", "<>", "{}", "\u201c\u201d", "\u201e\u201c", "\u00ab\u00bb",
     "\u00bb\u00ab", "\u2039\u203a", "\u2018\u2019", "\u201a\u2018", "\u300c\u300d", "\u300e\u300f", "\u3010\u3011", "\u300a\u300b", "\uff08\uff09"],
)  # fmt: skip
def test_what_stands_around_a_key_is_none_of_it(around):
    assert as_key(f"{around[0]}INV-7{around[1]}") == "INV-7"


@pytest.mark.parametrize(
    "number", ["GH#", "ACME/", "A&B", "\u30b5\u30fc\u30d0-1", "M\u00dcNCHEN-1", "7%", "(A)-1"]
)
def test_what_a_companys_own_numbers_hold_stays(number):
    assert as_key(number) == number


def test_a_soft_hyphen_is_looked_up_in_both_ways():
    assert spellings("EU\u00adINV\u00ad0001") == ("EUINV0001", "EUINV-0001", "EU-INV-0001")


async def test_a_reason_of_which_nothing_is_seen_is_none(stage, account):
    for blank in ("\u3164", "\u2800", "\u200b\u00a0", "\u115f", "\u00ad", "\U000e0001"):
        ack = await stage.slack.slash(ALICE, CHANNEL, f"/billrun {LINE} reason={blank}")
        assert "reason" in ack.text, ascii(blank)

        await stage.slack.slash(ALICE, CHANNEL, "/billemail BR-00000001")
        submitted = await stage.slack.submit(ALICE, {"reason": blank})

        assert submitted.errors == {
            "reason": "Say why, for the person who approves and for the record."
        }, ascii(blank)
    assert stage.store.requests.get(1) is None


@pytest.mark.parametrize("typed", ["**", "...", "", " ", "__", '""', "*", "\u2014"])
def test_nothing_but_marks_is_no_exception(typed):
    as_key(typed)
