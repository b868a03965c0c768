"""`python -m bench.pictures`: the pictures of README, taken of the sandbox's page in Chromium."""

import asyncio
import shutil
from pathlib import Path

from playwright.async_api import Page, ViewportSize, async_playwright

from bot.cli.sandbox import opened

IMAGES = Path(__file__).parent.parent / "docs" / "images"
ALICE, BOB, CHANNEL = "U0ALICE", "U0BOB", "C0BILLING"
WIDE = ViewportSize(width=1280, height=800)
FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-background-networking"]


async def pictures() -> None:
    """Take the form, a card that waits, and the same with its thread once it is carried out."""
    async with (
        opened("run", 0, seconds_a_message=0.0) as (slack, zuora),
        async_playwright() as play,
    ):
        chromium = await play.chromium.launch(executable_path=shutil.which("chromium"), args=FLAGS)
        page = await chromium.new_page(viewport=WIDE, device_scale_factor=1.5)
        await slack.slash(ALICE, CHANNEL, "/billemail BR-00000001")
        await slack.until(lambda: slack.view(ALICE) is not None)
        await page.goto(f"{slack.page_url}#as={ALICE}&in={CHANNEL}")
        await page.locator("#modal form").wait_for()
        await _take(page, "form")
        await slack.submit(ALICE, {"reason": "Month end, amounts agreed with revenue"})
        await slack.until(lambda: bool(slack.channel_messages(CHANNEL)))
        card = slack.channel_messages(CHANNEL)[-1]
        await page.goto(f"{slack.page_url}#as={BOB}&in={CHANNEL}")
        await page.locator("#messages button[data-action-id=approve]").wait_for()
        await _take(page, "waiting")
        await slack.click(BOB, CHANNEL, card.ts, "approve")
        await slack.until(lambda: any(call.path.endswith("/emails") for call in zuora.calls))
        await page.locator("#messages button[data-action-id=approve]").wait_for(state="detached")
        await page.goto(f"{slack.page_url}#as={BOB}&in={CHANNEL}&thread={card.ts}")
        await page.locator("#thread .message").nth(3).wait_for()
        await _take(page, "thread")
        await chromium.close()


async def _take(page: Page, name: str) -> None:
    await page.mouse.move(0, 0)
    await page.screenshot(path=IMAGES / f"{name}.png")


if __name__ == "__main__":
    asyncio.run(pictures())
