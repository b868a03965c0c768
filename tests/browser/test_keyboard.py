"""Every operation with the keyboard alone: typed, asked for, approved by somebody else; no mouse."""

from datetime import UTC, datetime

import pytest

from tests.browser.conftest import in_one_loop
from tests.browser.test_operations import did, world
from tests.stage import ALICE, BOB, CHANNEL

pytestmark = in_one_loop

__all__ = ["world"]

MOST_TABS = 80
TODAY = f"{datetime.now(UTC):%Y-%m-%d}"


async def tab_to(page, selector):
    """Press Tab until the focus is on what is looked for, as somebody without a mouse does."""
    for _ in range(MOST_TABS):
        if await page.evaluate("s => document.activeElement?.matches(s) ?? false", selector):
            return
        await page.keyboard.press("Tab")
    msg = f"not reached with {MOST_TABS} tabs: {selector}"
    raise AssertionError(msg)


async def asked(page, command, button=""):
    """Type a command, on a run's card press its button, say why, and submit."""
    await tab_to(page, "[data-composer=channel]")
    await page.keyboard.type(command)
    await page.keyboard.press("Escape")
    await page.keyboard.press("Enter")
    if button:
        await page.locator(f"#messages button[data-action-id='{button}']").wait_for()
        await tab_to(page, f"#messages button[data-action-id='{button}']")
        await page.keyboard.press("Enter")
    await page.locator("#modal [data-modal=submit]").wait_for()
    await tab_to(page, "#modal [data-block-id=reason], #modal [data-block-id=reason] textarea")
    await page.keyboard.type("Month end")
    await tab_to(page, "#modal [data-modal=submit]")
    await page.keyboard.press("Enter")
    await page.locator("#modal [data-modal=submit]").wait_for(state="hidden")


async def approved(page):
    """Become Bob, reach Approve, and answer the question."""
    await page.locator("#messages button[data-action-id=approve]").wait_for()
    await tab_to(page, f"[data-person={BOB}]")
    await page.keyboard.press("Enter")
    await page.locator(f"[data-person={BOB}][aria-current=true]").wait_for()
    await tab_to(page, "#messages button[data-action-id=approve]")
    await page.keyboard.press("Enter")
    await page.locator("dialog.confirm [data-confirm=yes]").wait_for()
    await tab_to(page, "dialog.confirm [data-confirm=yes]")
    await page.keyboard.press("Enter")
    await page.locator("#messages button[data-action-id=approve]").wait_for(state="detached")


@pytest.mark.usefixtures("world")
@pytest.mark.parametrize(
    ("command", "button", "method", "end"),
    [
        ("/billemail BR-00000701", "", "POST", "/emails"),
        ("/billemail INV00000901 DM00000901", "", "POST", "/v1/invoices/INV00000901/emails"),
        ("/billrun BR-00000702", "run:post_bill_run", "PUT", "/post"),
        ("/billrun BR-00000703", "run:cancel_bill_run", "PUT", "/cancel"),
        (f"/billrun batch=Batch4 target={TODAY}", "", "POST", "/v1/bill-runs"),
    ],
    ids=["mail a run", "mail documents", "post", "cancel", "create"],
)
async def test_an_operation_is_asked_for_and_approved_without_a_mouse(
    sandbox, browser, command, button, method, end
):
    slack, zuora = sandbox
    async with browser.window(f"{slack.page_url}#as={ALICE}&in={CHANNEL}") as page:
        await page.locator("[data-composer=channel]").wait_for()
        await asked(page, command, button)
        await approved(page)

    await slack.until(lambda: len(did(zuora, method, end)) == 1)


async def focused(page, selector):
    """Wait until something has the focus."""
    await page.wait_for_function("s => document.activeElement?.matches(s)", arg=selector)


async def test_the_focus_stays_on_what_is_drawn_anew(sandbox, browser):
    """Without it the next press of the space bar does nothing, and Tab begins at the top again."""
    slack, _ = sandbox
    async with browser.window(f"{slack.page_url}#as={ALICE}&in={CHANNEL}") as page:
        await tab_to(page, "#panel-button")
        await page.keyboard.press("Enter")
        await page.locator("#panel").wait_for()
        await focused(page, "#panel-button")
        await tab_to(page, "[data-tab=trouble]")
        await page.keyboard.press("Enter")
        await tab_to(page, "[data-trouble=zuora_slow]")
        await page.keyboard.press("Space")
        await page.locator("#panel-button.warned").wait_for()
        await focused(page, "[data-trouble=zuora_slow]:checked")
        await page.keyboard.press("Space")
        await page.locator("#panel-button:not(.warned)").wait_for()
        await tab_to(page, "[data-move='3600']")
        await page.keyboard.press("Enter")
        await page.locator("#panel", has_text="moved ahead by 1 hour").wait_for()
        await focused(page, "[data-move='3600']")
        await page.keyboard.press("Escape")
        await page.locator("#panel").wait_for(state="hidden")
        await focused(page, "#panel-button")


async def test_the_focus_stays_with_whom_one_became_and_on_the_story_that_plays(sandbox, browser):
    slack, _ = sandbox
    async with browser.window(f"{slack.page_url}?pause=60#as={ALICE}&in={CHANNEL}") as page:
        await tab_to(page, f"[data-person={BOB}]")
        await page.keyboard.press("Enter")
        await page.locator(f"[data-person={BOB}][aria-current=true]").wait_for()
        await focused(page, f"[data-person={BOB}]")
        await tab_to(page, "[data-story=mail_a_run]")
        await page.keyboard.press("Enter")
        await page.locator("[data-story=mail_a_run][aria-pressed=true]").wait_for()
        await focused(page, "[data-story=mail_a_run]")
        await tab_to(page, "[data-scene=take-over]")
        await page.keyboard.press("Enter")
        await page.locator("[data-scene=close]").wait_for()
        await focused(page, "[data-scene=close]")
        await page.keyboard.press("Enter")
        await page.locator("#scene").wait_for(state="hidden")
        await focused(page, "[data-story=mail_a_run]")


@pytest.mark.usefixtures("world")
async def test_a_record_of_zuora_takes_the_focus_and_gives_it_back(sandbox, browser):
    slack, _ = sandbox
    async with browser.window(f"{slack.page_url}#as={ALICE}&in={CHANNEL}") as page:
        await tab_to(page, "#panel-button")
        await page.keyboard.press("Enter")
        await tab_to(page, "#panel [data-open]")
        number = await page.evaluate("document.activeElement.dataset.open")
        await page.keyboard.press("Enter")
        await focused(page, "#panel [data-record] button")
        await page.keyboard.press("Enter")
        await focused(page, f"#panel [data-open='{number}']")


async def test_the_end_of_a_story_that_nobody_watched_here_is_not_shown(sandbox, browser):
    slack, _ = sandbox
    async with browser.window(f"{slack.page_url}?pause=60") as page:
        await page.click("[data-story=mail_a_run]")
        await page.click("[data-scene=take-over]")
        await page.locator("[data-scene=close]").wait_for()
        async with browser.window(slack.page_url) as other:
            await other.locator("#panel-button").wait_for()
            assert await other.locator("#scene").is_hidden()
