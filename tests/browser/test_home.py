"""The Home tab in a real browser."""

from tests.browser.conftest import in_one_loop
from tests.stage import ALICE, BOB, CHANNEL

pytestmark = in_one_loop


async def test_a_request_is_approved_on_the_home_tab(sandbox, browser):
    slack, zuora = sandbox
    await slack.slash(ALICE, CHANNEL, "/billemail BR-00000001")
    assert (await slack.submit(ALICE, {"reason": "Month end"})).ok

    async with browser.window(f"{slack.page_url}#as={BOB}&in=home") as page:
        approve = page.locator("#home button[data-action-id=approve]")
        await approve.wait_for()
        assert "BR-00000001" in await page.inner_text("#home")
        await approve.click()
        assert "R-1" in await page.inner_text("dialog.confirm")
        await page.click("dialog.confirm [data-confirm=yes]")
        await approve.wait_for(state="detached")

    await slack.until(lambda: any(call.path.endswith("/emails") for call in zuora.calls))


async def test_the_empty_home_opens_the_email_form(sandbox, browser):
    slack, _ = sandbox
    async with browser.window(f"{slack.page_url}#as={ALICE}&in=home") as page:
        await page.click("#home button[data-action-id='home:begin']")
        await page.locator("#modal [data-block-id=reason]").first.wait_for()


async def test_whoever_becomes_somebody_else_on_the_home_tab_sees_that_persons_home(
    sandbox, browser
):
    slack, _ = sandbox
    await slack.slash(ALICE, CHANNEL, "/billemail BR-00000001")
    assert (await slack.submit(ALICE, {"reason": "Month end"})).ok

    async with browser.window(f"{slack.page_url}#as={ALICE}&in={CHANNEL}") as page:
        await page.click("[data-place=home]")
        await page.locator("#home", has_text="Your open requests").wait_for()
        await page.click(f"[data-person={BOB}]")
        await page.locator("#home", has_text="Waiting for you").wait_for()
