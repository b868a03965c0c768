"""The home tab in a real browser, on the sandbox's page; skipped where there is no Chromium."""

import asyncio
import json
import shutil
from contextlib import asynccontextmanager

import aiohttp
import pytest

from tests.stage import ALICE, BOB

CHROMIUM = next(
    (found for name in ("chromium", "chromium-browser", "google-chrome") if (found := shutil.which(name))),
    None,
)  # fmt: skip
pytestmark = pytest.mark.skipif(
    CHROMIUM is None, reason="no chromium, chromium-browser or google-chrome on this machine"
)
SECONDS = 20


class Page:
    """One tab, driven by the DevTools protocol."""

    def __init__(self, socket):
        self._socket = socket
        self._number = 0

    async def call(self, method, **params):
        self._number += 1
        await self._socket.send_json({"id": self._number, "method": method, "params": params})
        async for message in self._socket:
            told = json.loads(message.data)
            if told.get("id") == self._number:
                assert "error" not in told, told
                return told["result"]
        raise AssertionError("the browser went away")

    async def run(self, script):
        """What a script returns."""
        told = await self.call("Runtime.evaluate", expression=script, returnByValue=True)
        assert "exceptionDetails" not in told, told
        return told["result"].get("value")

    async def until(self, script):
        """Wait until a script returns something true; returns it."""
        end = asyncio.get_running_loop().time() + SECONDS
        while not (found := await self.run(script)):
            assert asyncio.get_running_loop().time() < end, await self.run(
                "document.body.innerText"
            )
            await asyncio.sleep(0.05)
        return found

    async def press(self, selector):
        """Press what is visible on the page."""
        shown = f"document.querySelector({selector!r})"
        await self.until(f"!!{shown} && {shown}.getClientRects().length > 0")
        await self.run(f"{shown}.click()")


@asynccontextmanager
async def browser(folder, url):
    """A headless browser with one tab at an address."""
    process = await asyncio.create_subprocess_exec(
        CHROMIUM, "--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage",
        "--no-first-run", "--remote-debugging-port=0", f"--user-data-dir={folder}", url,
        stdout=asyncio.subprocess.DEVNULL, stderr=asyncio.subprocess.DEVNULL,
    )  # fmt: skip
    try:
        port = await _port(folder)
        async with aiohttp.ClientSession() as session:
            async with session.get(f"http://127.0.0.1:{port}/json/list") as answer:
                tabs = await answer.json()
            tab = next(each for each in tabs if each["type"] == "page")
            async with session.ws_connect(tab["webSocketDebuggerUrl"], max_msg_size=0) as socket:
                yield Page(socket)
                await socket.send_json({"id": 0, "method": "Browser.close"})
    finally:
        if process.returncode is None:
            try:
                await asyncio.wait_for(process.wait(), SECONDS)
            except TimeoutError:
                process.kill()
                await process.wait()


async def _port(folder):
    end = asyncio.get_running_loop().time() + SECONDS
    file = folder / "DevToolsActivePort"
    while not (file.exists() and file.read_text().strip()):
        assert asyncio.get_running_loop().time() < end, "the browser did not start"
        await asyncio.sleep(0.05)
    return int(file.read_text().splitlines()[0])


async def test_a_request_is_approved_on_the_home_tab(stage, tmp_path):
    ts = await stage.ask()

    async with browser(tmp_path / "profile", f"{stage.slack.page_url}#as={BOB}&in=home") as page:
        shown = await page.until(
            "(t => t.includes('Waiting for you') && t)(document.getElementById('home')?.innerText ?? '')"
        )
        assert "R-1 email BR-00000001" in shown
        await page.press("#home button[data-action-id=approve]")
        question = await page.until("document.querySelector('dialog.confirm')?.innerText")
        assert "Approve R-1?" in question
        await page.press("dialog.confirm [data-confirm=yes]")
        await stage.until_card(ts, "Accepted by Zuora")
        after = await page.until(
            "(t => t.includes('Last results') && t)(document.getElementById('home')?.innerText ?? '')"
        )

    assert "Waiting for you" not in after
    assert stage.request().decided_by == BOB


async def test_the_empty_home_opens_the_email_form(stage, tmp_path):
    async with browser(tmp_path / "profile", f"{stage.slack.page_url}#as={ALICE}&in=home") as page:
        await page.press("#home button[data-action-id='home:begin']")
        title = await page.until("document.querySelector('#modal')?.innerText")

    assert "Ask for approval" in title
