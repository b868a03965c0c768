"""The report of the evidence, on a phone and on paper."""

import copy
import zipfile

from bot.audit.evidence.archive import readable
from tests.audit.test_evidence import lines, made
from tests.audit.test_package import Forger, packed
from tests.browser.conftest import PHONE, in_one_loop
from tests.browser.printed import Printed
from tests.stage import Stage

pytestmark = in_one_loop

LONG = "x" * 200
"""An auditor's seed without a place to break the line."""

MARKUP = "<script>console.log('run')</script> <img src=x onerror=console.log(1)>"


async def report_of(folder):
    """The report of a package in which people typed markup."""
    stage = Stage(folder, "run")
    await stage.open()
    try:
        stage.zuora.world.add_bill_run("BR-00000001", invoices=[("A00000001", "USD", "7.00")])
        await stage.start()
        await stage.ask(reason=MARKUP)
        await stage.quiet()
        _, out = await made(stage, folder, "--sample", "1", "--seed", LONG)
    finally:
        await stage.close()
    with zipfile.ZipFile(out) as archive:
        return archive.extract("00-report.html", folder)


async def test_the_report_fits_a_phone_and_runs_nothing_that_people_typed(browser, tmp_path):
    path = await report_of(tmp_path)
    phone = {"is_mobile": True, "has_touch": True}
    async with browser.window(f"file://{path}", PHONE, **phone) as page:
        assert await page.evaluate("document.documentElement.scrollWidth") <= PHONE[0]
        assert MARKUP in await page.inner_text("body")


MANY, CALLS = 40, 60
PAPER = 688
"""Pixels of a line of A4 within the margins that the report asks for."""


async def printed_of(folder):
    """The report of a package with many requests, of which R-2 has calls for several pages, and words without a place to break."""
    out, _ = await packed(folder, "", "--sample", "1", "--seed", LONG)
    forger = Forger(out, "")
    (line, *_), (packet, *_) = lines(out, "population.jsonl"), lines(out, "requests.jsonl")
    packet["card"]["text"] += f"\n{LONG}"
    population = [line | {"number": number} for number in range(1, MANY + 1)]
    packets = [copy.deepcopy(packet) for _ in population]
    calls = [each for each in packet["history"] if each["what"].startswith("call.")]
    packets[1]["history"] += calls * CALLS
    forger.put("population.jsonl", population)
    forger.put("requests.jsonl", packets)
    page, _ = readable(forger.sealed(), folder)
    return page


async def test_the_report_is_printed_with_each_request_on_a_page_of_its_own(browser, tmp_path):
    path = await printed_of(tmp_path)
    async with browser.window(f"file://{path}", (PAPER, 800)) as page:
        await page.emulate_media(media="print")
        assert await page.evaluate("document.documentElement.scrollWidth") <= PAPER
        printed = Printed(await page.pdf(prefer_css_page_size=True))

    begins = {
        number: at
        for number in range(1, MANY + 1)
        for at, words in enumerate(printed.pages) if words.startswith(f"R-{number}: email bill run")
    }  # fmt: skip
    long = begins[3] - begins[2]
    assert [*begins] == [*range(1, MANY + 1)]
    assert [begins[number + 1] - begins[number] for number in range(3, MANY)] == [1] * (MANY - 3)
    assert len(printed.pages) == begins[MANY] + 1
    assert long > 2
    assert all(
        words.startswith("WhenWhatAboutVerdict")
        for words in printed.pages[begins[2] + 1 : begins[3]]
    )
    assert (
        sum(words.count("sent POST") for words in printed.pages[begins[2] : begins[3]]) == CALLS + 1
    )
    assert all(LONG in printed.pages[each] for each in begins.values())
    assert printed.images == 0
