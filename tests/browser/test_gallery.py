"""Each kind of card in each state, in a real browser: what is on the screen without scrolling.

Positions are read from the page; no picture is compared, for fonts differ.
"""

import pytest

from tests.browser.conftest import PHONE, WIDE, in_one_loop
from tests.gallery import ALL, WHAT_IS_SEEN, gallery
from tests.hard_cases import HARD
from tests.stage import BOB, CHANNEL

pytestmark = in_one_loop

MOST_LINES = 8
WAITING = (
    "mail a run", "mail a list of documents", "mail again", "a run each month that posts and mails",
    "post a run", "cancel a run", "highest tier", "a list of several kinds", "typed addresses",
    "one of two approvals",
)  # fmt: skip


@pytest.fixture(autouse=True)
def no_panel(browser):
    """A stage has no panel beside it, and the page asks for one: that 404 is no fault."""
    yield
    browser.said[:] = [each for each in browser.said if "404 (Not Found)" not in each]


@pytest.mark.parametrize("size", [PHONE, WIDE], ids=["phone", "wide"])
async def test_what_must_be_known_is_on_screen_with_the_button(tmp_path, browser, size):
    async with gallery(tmp_path) as (stage, made):
        url = f"{stage.slack.page_url}#as={BOB}&in={CHANNEL}"
        async with browser.window(url, size) as page:
            await page.locator("#messages li").nth(len(ALL) - 1).wait_for()
            seen = {name: await page.evaluate(WHAT_IS_SEEN, ts) for name, ts in made.items()}

    assert set(seen) == set(ALL)
    for name, card in seen.items():
        _is_readable(name, card, waiting=name in WAITING)


async def test_the_hard_cases_are_on_a_phone_with_their_button_too(tmp_path, browser):
    async with gallery(tmp_path, HARD) as (stage, made):
        url = f"{stage.slack.page_url}#as={BOB}&in={CHANNEL}"
        async with browser.window(url, PHONE) as page:
            await page.locator(f'#messages li[data-ts="{made["finished"]}"]').wait_for()
            seen = {name: await page.evaluate(WHAT_IS_SEEN, ts) for name, ts in made.items()}

    for name, card in seen.items():
        _is_readable(name, card, waiting=name != "finished")


def _is_readable(name, card, *, waiting):
    assert card["headline"]["inside"], name
    assert name in HARD or not card["headline"]["words"].endswith("…"), name
    assert card["place"]["inside"], name
    assert len(card["facts"]) <= MOST_LINES, name
    labels = [each["words"].split("  ")[0] for each in card["facts"]]
    if waiting:
        assert labels[0] == "Amount", (name, labels)
    out = [each["words"] for each in card["facts"] if not each["inside"]]
    assert not out, (name, out)
    first = card["buttons"][0]
    assert first["inside"], (name, first, card["room"])
    assert first["words"].startswith("Approve") == waiting, name


MARKS = {
    "mail a run": "", "mail a list of documents": "", "post a run": "",
    "mail again": "⚠ Mails again: ", "cancel a run": "⚠ Cancels: ",
    "typed addresses": "⚠ Typed addresses: ",
    "a run each month that posts and mails": "⚠ Repeats without an end: ",
}  # fmt: skip


async def test_a_risk_has_a_mark_and_a_button_that_is_not_green(tmp_path, browser):
    async with gallery(tmp_path, {name: ALL[name] for name in MARKS}) as (stage, made):
        url = f"{stage.slack.page_url}#as={BOB}&in={CHANNEL}"
        async with browser.window(url, PHONE) as page:
            await page.locator("#messages li").nth(len(MARKS) - 1).wait_for()
            for name, mark in MARKS.items():
                card = page.locator(f'#messages li[data-ts="{made[name]}"]')
                await card.wait_for()
                headline = await card.locator(".block.header").inner_text()
                green = await card.locator("button.primary").count()

                assert headline.startswith(mark or ("Email", "Post")), name
                assert headline.startswith("⚠") == bool(mark), name
                assert green == (0 if mark else 1), name
