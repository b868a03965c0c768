"""A month's figures against one added up by hand; the picture and the files show the same."""

import asyncio
import csv
import io
import json
import re
import statistics
import subprocess
import sys
import zipfile
from dataclasses import replace
from datetime import UTC, datetime, time, timedelta
from decimal import Decimal
from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest
from click.testing import CliRunner
from PIL import Image, ImageFont

from bot.cli import main
from bot.domain.call import Verdict
from bot.domain.money import Money
from bot.domain.request import State
from bot.slack.commands.month import alt_text
from bot.status.chart import Scale, chart_of
from bot.status.counting import LIMITS
from bot.status.drawing import DrawingError, drawn
from bot.status.export import COLUMNS, export
from bot.status.ink import COLORS, GROUND, SMALL, draw
from bot.status.month import catch_up, month_before, month_named, month_of, read_month, span_of
from bot.status.month_words import CLASSES, duration, in_one_text, rows_of
from bot.status.morning import Timetable
from bot.status.picture import BARS, BARS_TOP, MARGIN, WIDTH, as_text, from_text
from bot.store.store import Store
from tests.fresh import fresh
from tests.status import made
from tests.status.made import exported


@pytest.fixture
def store(tmp_path):
    store = Store.open(fresh(tmp_path / "bot.db"))
    yield store
    store.close()


@pytest.fixture
async def month(store):
    made.november(store)
    return await read_month(store, "2026-11")


async def rows(store, name="2026-11"):
    content = (await exported(store, name, "csv")).decode("utf-8-sig")
    return list(csv.DictReader(io.StringIO(content)))


@pytest.mark.never_repeated
async def test_the_figures_are_those_of_the_hand_made_month(month):
    assert month.asked == 7
    assert month.requests == {
        State.SUCCEEDED: 2, State.FAILED: 1, State.UNKNOWN: 1, State.REJECTED: 1,
        State.EXPIRED: 1, State.WAITING: 1,
    }  # fmt: skip
    assert month.still_open == 1
    assert month.mailed == (Money("EUR", Decimal("80.00")), Money("USD", Decimal("360.50")))
    assert month.posted == ()
    assert month.documents == {"mailed": 4 + 2 + 1}
    assert month.unpriced == 1
    assert month.to_decision == 600
    assert month.to_done == 15
    assert month.waited == (3, 0, 1, 0, 1)
    assert month.refusals == 2
    assert month.days == {
        (2, "mailed", "EUR"): Decimal("80.00"),
        (2, "mailed", "USD"): Decimal("330.50"),
        (3, "mailed", "USD"): Decimal("30.00"),
    }
    assert dict(rows_of(month))["Mailed"] == (
        "EUR 80.00 · USD 360.50, and 1 bill run mailed in part, amount not known"
    )


async def test_the_numbers_of_the_file_are_those_of_the_figures(store, month):
    found = await rows(store)

    for money in month.mailed:
        amounts = [Decimal(r["amount_done"]) for r in found
                   if (r["effect"], r["currency"]) == ("mailed", money.currency)]  # fmt: skip
        assert sum(amounts) == money.amount
    assert sum(int(r["documents_done"]) for r in found if r["effect"] == "mailed") == 7
    assert len({r["request"] for r in found}) == month.asked
    times = sorted(float(r["seconds_to_decision"]) for r in found if r["seconds_to_decision"])
    assert times[len(times) // 2] == month.to_decision
    assert len(times) == sum(month.waited)


async def test_every_document_has_its_row_and_its_result(store, month):
    found = [r for r in await rows(store) if r["request"] == "R-2"]

    assert [(r["item"], r["item_result"], r["amount"]) for r in found] == [
        ("INV00000001", "accepted", "10.00"),
        ("INV00000002", "accepted", "20.00"),
        ("INV00000003", "refused", "40.00"),
    ]


async def test_a_long_list_is_written_while_it_is_read(store):
    """Never all of its rows at once: what is written grows with each turn that others get."""
    amounts = [f"{number}.25" for number in range(1, 1301)]
    number = made.request(store, "email_invoice", made.mail_facts(*amounts))
    last = ("INV00001300", Verdict.REFUSED, "no address")
    calls = [("INV00000001", Verdict.ACCEPTED, ""), ("INV00000777", Verdict.ACCEPTED, ""), last]
    made.end(store, made.decide(store, number, after=1), State.FAILED, after=1, calls=calls)
    into = io.BytesIO()

    writing = asyncio.create_task(export(store, "2026-11", "csv", into))
    lengths = set()
    while not writing.done():
        lengths.add(len(into.getvalue()))
        await asyncio.sleep(0)
    await writing

    assert len(lengths - {0, len(into.getvalue())}) >= 2
    found = list(csv.DictReader(io.StringIO(into.getvalue().decode("utf-8-sig"))))
    assert [r["amount"] for r in found] == amounts
    assert [r["amount_done"] for r in found if r["documents_done"] == "1"] == ["1.25", "777.25"]
    assert (found[-1]["item_result"], found[-1]["zuora_words"]) == ("refused", "no address")
    counted = await read_month(store, "2026-11")
    assert (counted.documents, counted.mailed) == (
        {"mailed": 2},
        (Money("USD", Decimal("778.50")),),
    )


async def test_the_file_is_marked_as_utf_8_once_at_its_beginning(store, month):
    content = await exported(store, "2026-11", "csv")

    assert content.startswith(b"\xef\xbb\xbfrequest,operation,")
    assert content.count(b"\xef\xbb\xbf") == 1


async def test_no_cell_of_the_file_is_a_formula(store, month):
    for row in csv.reader(
        io.StringIO((await exported(store, "2026-11", "csv")).decode("utf-8-sig"))
    ):
        for cell in row:
            assert cell[:1] not in set("=+-@\t\r") or re.fullmatch(r"-?[\d.]+", cell)
    found = await rows(store)
    assert {"'=1+1", "'@home", "'-2"} <= {r["reason"] for r in found}
    assert "'=HYPERLINK(1)" in {r["zuora_words"] for r in found}


async def test_the_workbook_has_the_same_rows_and_no_formula(store, month):
    book = zipfile.ZipFile(io.BytesIO(await exported(store, "2026-11", "xlsx")))
    sheet = book.read("xl/worksheets/sheet1.xml").decode()

    assert "<f>" not in sheet
    assert sheet.count("<row ") == 1 + len(await rows(store))
    for text in ("=1+1", "@home", "=HYPERLINK(1)", *COLUMNS):
        assert f">{text}</t>" in sheet
    assert "<v>330.5</v>" in sheet


async def test_the_json_has_exact_amounts(store, month):
    found = json.loads(await exported(store, "2026-11", "json"))

    assert sum(Decimal(r["amount_done"]) for r in found if r["currency"] == "USD") == Decimal(
        "360.50"
    )


async def test_a_month_without_requests_is_empty_everywhere(store):
    month = await read_month(store, "2026-12")

    assert month.asked == 0
    assert dict(rows_of(month))["Median to decision"] == "-"
    assert await rows(store, "2026-12") == []
    assert Image.open(io.BytesIO(draw(chart_of(month)))).size[0] == WIDTH


@pytest.mark.never_repeated
async def test_figures_follow_what_moves_later(store, month):
    unknown = store.requests.get(4)
    with store.transaction():
        store.requests.move(unknown, unknown.moved(State.SUCCEEDED, unknown.state_at))
    before = month_of(store, "2026-11")
    after = await read_month(store, "2026-11")

    assert before.of(State.UNKNOWN) == 1
    assert after.of(State.UNKNOWN) == 0
    assert after.mailed == (Money("EUR", Decimal("160.00")), Money("USD", Decimal("691.00")))
    assert store.figures.due(10) == []


async def test_what_moves_while_it_is_counted_is_counted_as_it_then_is(store):
    waits = made.request(store)
    counting = asyncio.ensure_future(catch_up(store))
    await asyncio.sleep(0)
    made.decide(store, waits, State.REJECTED, after=30)

    await counting
    assert month_of(store, "2026-11").requests == {State.REJECTED: 1}
    assert store.figures.due(10) == []


async def test_counting_twice_counts_once(store, month):
    with store.transaction():
        store.requests._database.execute("INSERT INTO figures_due SELECT number FROM requests")

    assert len(store.figures.due(10)) == 8
    assert await read_month(store, "2026-11") == month


async def test_a_request_of_another_version_does_not_hide_the_month(store, caplog):
    made.request(store, facts=made.mail_facts("1.00"))  # facts that its operation cannot read
    made.end(store, made.decide(store, made.request(store), after=60), after=5)

    month = await read_month(store, "2026-11")

    assert month.asked == 2
    assert month.documents == {"mailed": 4}
    assert [r["item_result"] for r in await rows(store)][:1] == ["waiting"]
    assert "request_is_of_another_version" in caplog.text


@pytest.mark.parametrize("number", [1, 2, 3, 40, 41])
async def test_medians_are_exact(store, number):
    spans = [(each * 7919) % 90000 for each in range(1, number + 1)]
    for span in spans:
        made.decide(store, made.request(store), State.REJECTED, after=span)

    month = await read_month(store, "2026-11")

    assert month.to_decision == statistics.median(spans)


# The picture


def test_the_words_and_the_limits_of_the_classes_fit():
    assert len(CLASSES) == len(LIMITS) + 1


async def test_the_bars_of_the_picture_are_as_tall_as_their_figures(month):
    chart = chart_of(month)
    picture = Image.open(io.BytesIO(draw(chart))).convert("RGB")

    assert picture.size == (WIDTH, chart.height)
    drawn = 0
    for panel in chart.panels:
        largest = max((abs(bar.value) for bar in panel.bars), default=0)
        tallest = max((bar.bottom - bar.top for bar in panel.bars), default=0)
        for bar in panel.bars:
            middle = (bar.left + bar.right) // 2
            ink = sum(
                picture.getpixel((middle, y)) == COLORS[bar.kind]
                for y in range(panel.top + 50, bar.bottom + 1)
            )
            expected = float(abs(bar.value) / largest) * tallest
            assert ink == pytest.approx(expected, abs=2)
            drawn += bool(ink)
    assert drawn == 3 + 3


async def test_the_figures_of_the_picture_are_those_of_the_month(month):
    chart = chart_of(month)

    for panel in chart.panels[:-1]:
        (first, _), (fifth, _), *_ = panel.below
        slot = (fifth - first) / 4  # what stands below are days
        told_here = {
            (round(((bar.left + bar.right) / 2 - first) / slot + 1), bar.kind): bar.value
            for bar in panel.bars
        }
        of_month = {key[:2]: value for key, value in month.days.items() if key[2] == panel.heading}
        assert told_here == of_month
    assert [int(bar.value) for bar in chart.panels[-1].bars] == list(month.waited)
    assert {panel.heading for panel in chart.panels} == {"EUR", "USD", "Time to decision"}
    totals = {panel.heading: panel.total for panel in chart.panels}
    assert totals["USD"] == "mailed 360.50"
    assert totals["Time to decision"] == "median 10 min"


async def test_amounts_below_zero_are_hollow_and_the_picture_says_so(store):
    made.end(store, made.decide(store, made.request(store, facts=made.run_facts(credit="900.00")),
                                after=1), after=1)  # fmt: skip
    chart = chart_of(await read_month(store, "2026-11"))
    picture = Image.open(io.BytesIO(draw(chart))).convert("RGB")
    (bar,) = next(p.bars for p in chart.panels if p.heading == "USD")

    middle = ((bar.left + bar.right) // 2, (bar.top + bar.bottom) // 2)
    assert bar.value == Decimal("-549.50")
    assert picture.getpixel(middle) == GROUND
    assert "below zero" in chart.note


async def test_every_word_of_the_picture_stands_on_it(month):
    currencies = [f"{a}{b}X" for a in "ABCD" for b in "ABCDEF"]
    days = {(2, "mailed", currency): Decimal("-1.00") for currency in currencies}
    chart = chart_of(replace(month, days=days, waited=(99999,) * len(CLASSES)))
    small = ImageFont.load_default(SMALL)

    assert "Hollow: below zero." in chart.note
    assert all(currency in chart.note for currency in currencies[4:])
    for words in chart.note.splitlines():
        assert small.getlength(words) <= WIDTH - 2 * MARGIN
    decided = chart.panels[-1]
    places = [x for x, _ in decided.below]
    widths = [
        max(small.getlength(each) for each in words.splitlines()) for _, words in decided.below
    ]
    assert max(widths) < min(b - a for a, b in pairwise(places))
    below = (
        Image.open(io.BytesIO(draw(chart)))
        .convert("L")
        .crop((0, chart.height - 20, WIDTH, chart.height))
    )
    assert below.getextrema()[0] == below.getextrema()[1]


@pytest.mark.parametrize("ink", [*COLORS.values(), (24, 32, 44), (86, 97, 112)])
def test_every_color_stands_out_from_the_ground(ink):
    """Contrast of graphics and large text: at least 3 to 1 (WCAG 2.2, 1.4.3 and 1.4.11)."""

    def luminance(color):
        parts = [c / 255 / 12.92 if c <= 10 else ((c / 255 + 0.055) / 1.055) ** 2.4 for c in color]
        return 0.2126 * parts[0] + 0.7152 * parts[1] + 0.0722 * parts[2]

    light, dark = luminance(GROUND) + 0.05, luminance(ink) + 0.05
    assert light / dark >= 3


async def test_the_alt_text_has_every_figure_of_the_table(month):
    for label, value in rows_of(month):
        assert f"{label}: {value}" in alt_text(month)
    assert "2: USD 330.50 mailed" in in_one_text(month)
    assert alt_text(month) == in_one_text(month)
    many = {(day, "mailed", "USD"): Decimal("1000.00") for day in range(1, 31)}
    alt = alt_text(replace(month, days=many))
    assert len(alt) <= 1000
    assert "Time to decision: < 15 min 3" in alt
    assert alt.endswith("By day: /billstatus export month 2026-11 has all.")


async def test_a_picture_shows_the_month_before_where_the_month_has_just_begun(store):
    """On its first day there is nothing yet but what can be compared with."""
    made.november(store)
    november = await read_month(store, "2026-11")

    chart = chart_of(await read_month(store, "2026-12"), november)

    assert [panel.heading for panel in chart.panels] == ["USD", "EUR", "Time to decision"]
    pale = {bar.kind for panel in chart.panels[:2] for bar in panel.bars}
    assert pale == {"mailed before"}


async def test_amounts_have_the_digits_of_their_currency_in_the_alt_text_too(month):
    days = {
        (1, "mailed", "JPY"): Decimal(120400), (2, "mailed", "KWD"): Decimal("88.12"),
        (3, "mailed", "USD"): Decimal(7),
    }  # fmt: skip

    said = in_one_text(replace(month, days=days))

    assert "1: JPY 120,400 mailed; 2: KWD 88.120 mailed; 3: USD 7.00 mailed." in said


@pytest.mark.parametrize(
    ("seconds", "words"),
    [(None, "-"), (0, "0 s"), (59, "59 s"), (90, "2 min"), (3599, "1 h 00 min"),
     (11100, "3 h 05 min"), (187200, "2 d 4 h")],
)  # fmt: skip
def test_a_duration_is_shown_in_two_units(seconds, words):
    assert duration(seconds) == words


@pytest.mark.parametrize(
    ("typed", "name"),
    [("", "2026-11"), ("2026-10", "2026-10"), ("2026-13", None), ("10/2026", None),
     ("1999-01", None), ("२०२६-१०", None), ("november", "2026-11"), ("Dec", "2025-12"),
     ("november 2024", "2024-11"), ("nov 24", None), ("2026 november", None), ("nov 1999", None)],
)  # fmt: skip
def test_a_month_is_typed_as_year_and_month(typed, name):
    assert month_named(typed, datetime(2026, 11, 21, tzinfo=UTC)) == name


def test_december_ends_with_the_year():
    assert span_of("2026-12") == (
        datetime(2026, 12, 1, tzinfo=UTC), datetime(2027, 1, 1, tzinfo=UTC),
    )  # fmt: skip


async def test_the_picture_is_drawn_by_a_process_of_its_own(month):
    chart = chart_of(month)

    assert from_text(as_text(chart)) == chart
    assert await drawn(chart) == draw(chart)


@pytest.mark.parametrize(("program", "words"), [("/bin/false", "ended with 1"),
                                                ("/no/such", "could not be started")])  # fmt: skip
async def test_a_picture_that_is_not_drawn_is_an_error_of_its_own(
    month, monkeypatch, program, words
):
    monkeypatch.setattr(sys, "executable", program)

    with pytest.raises(DrawingError, match=words):
        await drawn(chart_of(month))


async def test_what_draws_is_not_given_the_tokens(month, monkeypatch, tmp_path):
    spy, seen = tmp_path / "spy", tmp_path / "seen"
    spy.write_text(f"#!/bin/sh\ncat > /dev/null\nenv > {seen}\nexit 1\n")
    spy.chmod(0o700)
    monkeypatch.setattr(sys, "executable", str(spy))
    monkeypatch.setenv("SLACK_BOT_TOKEN", "xoxb-secret")

    with pytest.raises(DrawingError):
        await drawn(chart_of(month))

    assert "PATH=" in seen.read_text()
    assert "xoxb-secret" not in seen.read_text()


def test_a_bot_at_work_does_not_hold_what_draws_pictures_in_its_memory():
    found = "import sys, bot.wiring.build; sys.exit('PIL' in sys.modules or 'xlsxwriter' in sys.modules)"

    assert subprocess.run([sys.executable, "-c", found], check=False).returncode == 0  # noqa: S603 - our own words


# The command


@pytest.mark.parametrize("kind", ["csv", "json", "xlsx"])
def test_the_command_writes_the_file_from_the_database_alone(tmp_path, monkeypatch, kind):
    store = Store.open(tmp_path / "billing-bot.db")
    made.november(store)
    store.close()
    monkeypatch.chdir(tmp_path)

    done = CliRunner().invoke(
        main, ["export", "--month", "2026-11", "--format", kind, "--out", f"m.{kind}"]
    )

    assert done.exit_code == 0, done.output
    assert len((tmp_path / f"m.{kind}").read_bytes()) > 1000


def test_without_a_name_the_command_names_the_file_by_month_and_format(tmp_path, monkeypatch):
    store = Store.open(tmp_path / "billing-bot.db")
    made.november(store)
    store.close()
    monkeypatch.chdir(tmp_path)

    done = CliRunner().invoke(main, ["export", "--month", "2026-11", "--format", "json"])

    assert done.output == "billing-2026-11.json written.\n"
    assert json.loads((tmp_path / "billing-2026-11.json").read_bytes())


@pytest.mark.parametrize(
    ("month", "status", "words"),
    [
        ("Brumaire", 2, "'Brumaire' is not a month; write it like 2026-10"),
        ("2026-11", 3, "There is no database billing-bot.db. Run this in the bot's folder, or set"),
    ],
)
def test_the_command_says_what_is_wrong(tmp_path, monkeypatch, month, status, words):
    monkeypatch.chdir(tmp_path)

    done = CliRunner().invoke(main, ["export", "--month", month, "--out", "m.csv"])

    assert done.exit_code == status
    assert words in done.output


# The digest's timetable


def timetable(**how):
    fields = {"at": time(8, 0), "zone": ZoneInfo("Europe/Berlin"), "days": frozenset(range(5))}
    return Timetable(**{**fields, **how})


@pytest.mark.parametrize(
    ("now", "due"),
    [("2026-11-20T06:59", "2026-11-20T07:00"), ("2026-07-01T00:00", "2026-07-01T06:00"),
     ("2026-11-21T10:00", "2026-11-23T07:00"), ("2026-11-20T07:00", "2026-11-23T07:00"),
     ("2026-03-27T12:00", "2026-03-30T06:00")],
)  # fmt: skip
def test_the_next_digest_is_due_by_the_clock_of_its_zone(now, due):
    now, due = (datetime.fromisoformat(text).replace(tzinfo=UTC) for text in (now, due))

    assert timetable().next_after(now) == due


@pytest.mark.parametrize(
    "zone",
    ["Europe/Berlin", "America/Santiago", "Africa/Cairo", "Australia/Lord_Howe", "Pacific/Kiritimati",
     "Pacific/Pago_Pago", "UTC"],
)  # fmt: skip
def test_there_is_a_digest_on_each_day_of_a_year_in_every_zone(zone):
    """Also on days of 23 or 25 hours, seen from each half hour."""
    daily = timetable(zone=ZoneInfo(zone), days=frozenset(range(7)))
    now = datetime(2027, 12, 31, 23, 59, tzinfo=UTC)
    for _ in range(367 * 48):
        due = daily.next_after(now)
        local = due.astimezone(daily.zone)
        assert now < due <= now + timedelta(hours=25), now
        assert local.time() == daily.at
        assert local.date() - now.astimezone(daily.zone).date() <= timedelta(days=1)
        now += timedelta(minutes=30)


def test_a_time_that_the_clock_leaps_over_is_shown_all_the_same():
    leaping = timetable(at=time(2, 30), days=frozenset(range(7)))
    now = datetime(2026, 3, 29, 0, 0, tzinfo=UTC)

    assert leaping.due_at(now).date() == now.date()


@pytest.mark.parametrize(("day", "back"), [(23, 3), (24, 1), (27, 1)])
def test_over_the_weekend_the_digest_covers_from_friday_on(day, back):
    assert timetable().days_back(datetime(2026, 11, day, 9, tzinfo=UTC)) == back


def test_without_a_time_there_is_no_digest():
    assert timetable(at=None).next_after(datetime(2026, 11, 23, tzinfo=UTC)) is None


async def test_the_month_before_stands_behind_as_pale_bars_on_one_scale(store):
    made.end(
        store, made.decide(store, made.request(store, facts=made.run_facts()), after=1), after=1
    )
    month = await read_month(store, "2026-11")
    before = replace(month, name="2026-10", days={(2, "mailed", "USD"): Decimal(1000)})

    usd = next(p for p in chart_of(month, before).panels if p.heading == "USD")

    pale, now = usd.bars
    assert (pale.kind, pale.value, pale.bottom - pale.top) == ("mailed before", Decimal(1000), 260)
    assert now.kind == "mailed"
    assert now.bottom - now.top == round(260 * float(now.value) / 1000)
    assert usd.scale == ((pale.top, "1,000"),)
    assert "month before" in chart_of(month, before).note


@pytest.mark.parametrize(
    ("largest", "lines"),
    [
        ("1204310.25", ["1 M"]),
        ("880", ["500"]),
        ("2500000000", ["2 bn", "1 bn"]),
        ("30.5", ["20", "10"]),
        ("0.07", ["0.05"]),
        ("1", ["1"]),
    ],
)
def test_a_scale_has_round_values(largest, lines):
    found = Scale(0, Decimal(largest)).lines()

    assert [words for _, words in found] == lines
    assert all(BARS_TOP <= y < BARS_TOP + BARS for y, _ in found)


@pytest.mark.parametrize(
    ("month", "before"), [("2026-11", "2026-10"), ("2026-01", "2025-12"), ("2000-02", "2000-01")]
)
def test_the_month_before(month, before):
    assert month_before(month) == before
