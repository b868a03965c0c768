"""A real browser: Chromium without a window, driven by Playwright."""

import shutil
from contextlib import asynccontextmanager

import pytest
import pytest_asyncio
from playwright.async_api import async_playwright

from bot.cli.sandbox import opened
from tests.needs import needs
from tests.patient import be_patient_with

NAMES = ("chromium", "chromium-browser", "google-chrome")
CHROMIUM = next((found for name in NAMES if (found := shutil.which(name))), None)
FLAGS = [
    "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--disable-quic", "--disable-sync",
    "--disable-background-networking", "--disable-component-update",
]  # fmt: skip
needs_a_browser = needs("browser", CHROMIUM, "Install Chromium: apt-get install chromium.")
WIDE, PHONE = (1280, 800), (390, 844)
MILLISECONDS = 60_000
in_one_loop = pytest.mark.asyncio(loop_scope="module")
"""Of every file here: a browser belongs to the loop in which it was started."""


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
        """A separate window, with nothing remembered from other windows."""
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


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def chromium():
    """One for all tests of a file: its start costs more than most of them."""
    async with async_playwright() as playwright:
        chromium = await playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        yield chromium
        await chromium.close()


@pytest.fixture
def browser(chromium):
    """A browser; no page of it may have said anything on its console."""
    made = Browser(chromium)
    yield made
    assert made.said == []


@pytest_asyncio.fixture(loop_scope="module")
async def sandbox():
    """The sandbox as `billing-bot sandbox` opens it, messages without a pause."""
    async with opened("run", 0, seconds_a_message=0.0) as (slack, zuora):
        be_patient_with(slack)
        yield slack, zuora
