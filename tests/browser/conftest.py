"""A real browser: Chromium without a window, driven by Playwright."""

import shutil
from contextlib import asynccontextmanager

import pytest
from playwright.async_api import async_playwright

from bot.cli.sandbox import opened
from tests.needs import needs

NAMES = ("chromium", "chromium-browser", "google-chrome")
CHROMIUM = next((found for name in NAMES if (found := shutil.which(name))), None)
FLAGS = [
    "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--disable-quic", "--disable-sync",
    "--disable-background-networking", "--disable-component-update",
]  # fmt: skip
needs_a_browser = needs("browser", CHROMIUM, "Install Chromium: apt-get install chromium.")
WIDE, PHONE = (1280, 800), (390, 844)
MILLISECONDS = 20_000


def pytest_collection_modifyitems(items):
    for item in items:
        if "tests/browser/" in item.nodeid:
            item.add_marker(needs_a_browser)


class Browser:
    """Windows of one browser, and everything that their consoles said."""

    def __init__(self, chromium):
        self._chromium = chromium
        self.said = []

    @asynccontextmanager
    async def window(self, url, size=WIDE, **how):
        """A window of its own, with nothing remembered from other windows."""
        width, height = size
        context = await self._chromium.new_context(
            viewport={"width": width, "height": height}, **how
        )
        try:
            page = await context.new_page()
            page.set_default_timeout(MILLISECONDS)
            page.on("console", lambda message: self.said.append(message.text))
            page.on("pageerror", lambda error: self.said.append(str(error)))
            await page.goto(url)
            yield page
        finally:
            await context.close()


@pytest.fixture
async def browser():
    """A browser; no page of it may have said anything on its console."""
    async with async_playwright() as playwright:
        chromium = await playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        made = Browser(chromium)
        yield made
        await chromium.close()
    assert made.said == []


@pytest.fixture
async def sandbox():
    """The sandbox as `billing-bot sandbox` opens it, messages without a pause."""
    async with opened("run", 0, seconds_a_message=0.0) as (slack, zuora):
        yield slack, zuora
