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
