"""`python -m bench.cards`: what eight cards show on a phone, before and now; writes docs/cards.md.

Both are drawn by the same page in Chromium at 390 by 844 px. What the cards looked like before, at commit
61ed1c4, stands in `bench/cards_before.json`: the same requests, made there by `tests.gallery`.
`python -m bench.cards --pictures` takes a picture of every card of the gallery instead.
"""

import asyncio
import json
import shutil
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from playwright.async_api import Page, ViewportSize, async_playwright

from bot.sandbox.slack.workspace import BOT_USER, Message
from tests.gallery import ALL, EIGHT, WHAT_IS_SEEN, gallery
from tests.stage import BOB, CHANNEL, Stage

ROOT = Path(__file__).parent.parent
PAGE = ROOT / "docs" / "cards.md"
PICTURES = ROOT / "docs" / "images" / "cards"
BEFORE = ROOT / "bench" / "cards_before.json"
FLAGS = [
    "--no-sandbox", "--disable-gpu", "--disable-background-networking",
    "--disable-component-update", "--disable-sync",
]  # fmt: skip
PHONE, WIDE = ViewportSize(width=390, height=844), ViewportSize(width=1280, height=800)


@dataclass(frozen=True, slots=True)
class Seen:
    """One card on a phone: lines of facts, characters, and what is on the screen with its headline."""

    lines: int
    characters: int
    shown: int
    amounts: bool
    first_button: bool
    height: int

    @property
    def words(self) -> str:
        """As a cell of the table."""
        button = "yes" if self.first_button else "**no**"
        amounts = "yes" if self.amounts else "**no**"
        return (
            f"{self.lines} | {self.characters:,} | {self.shown} of {self.lines} | {amounts} | "
            f"{button} | {self.height}"
        )


async def measured(page: Page, ts: str) -> Seen:
    """Measure a card that the page shows."""
    found: Mapping[str, Any] = await page.evaluate(WHAT_IS_SEEN, ts)
    facts, buttons = found["facts"], found["buttons"]
    words = [each["words"] for each in facts]
    amounts = [each["inside"] for each in facts if each["words"].startswith("Amount")
               or (any(c.isdigit() for c in each["words"])
                   and any(code in each["words"] for code in ("USD", "EUR")))]  # fmt: skip
    return Seen(
        lines=len(facts),
        characters=sum(map(len, words)),
        shown=sum(1 for each in facts if each["inside"]),
        amounts=bool(amounts) and amounts[0],
        first_button=bool(buttons) and buttons[0]["inside"],
        height=max((each["bottom"] for each in (*facts, *buttons)), default=0),
    )


def put(stage: Stage, blocks: list[dict[str, Any]]) -> str:
    """Show a card of before as a message of the bot; its `ts`."""
    channel = stage.slack.workspace.channels[CHANNEL]
    ts = f"{stage.clock.now().timestamp() + len(channel.messages):.6f}"
    channel.add(Message(ts, CHANNEL, BOT_USER, "", blocks))
    return ts


async def compare() -> str:
    """The table of the document."""
    before = json.loads(BEFORE.read_text())
    rows = []
    with TemporaryDirectory() as folder:
        async with gallery(Path(folder), EIGHT) as (stage, made), async_playwright() as play:
            old = {name: put(stage, before[name]["blocks"]) for name in made}
            chromium = await play.chromium.launch(
                executable_path=shutil.which("chromium"), args=FLAGS
            )
            page = await chromium.new_page(viewport=PHONE)
            await page.goto(f"{stage.slack.page_url}#as={BOB}&in={CHANNEL}")
            await page.locator(f'#messages li[data-ts="{old["outcome unknown"]}"]').wait_for()
            for name, ts in made.items():
                then, now = await measured(page, old[name]), await measured(page, ts)
                rows += [f"| {name} | before | {then.words} |", f"| | now | {now.words} |"]
            await chromium.close()
    return "\n".join(rows)


async def pictures() -> None:
    """Take every card of the gallery, on a phone and on a wide screen."""
    PICTURES.mkdir(parents=True, exist_ok=True)
    with TemporaryDirectory() as folder:
        async with gallery(Path(folder), ALL) as (stage, made), async_playwright() as play:
            chromium = await play.chromium.launch(
                executable_path=shutil.which("chromium"), args=FLAGS
            )
            for size in (ViewportSize(width=390, height=1000), WIDE):
                page = await chromium.new_page(viewport=size)
                await page.goto(f"{stage.slack.page_url}#as={BOB}&in={CHANNEL}")
                await page.locator("#messages li").first.wait_for()
                for name, ts in made.items():
                    card = page.locator(f'#messages li[data-ts="{ts}"]')
                    await card.screenshot(path=PICTURES / f"{file_of(name)}-{size['width']}.png")
            await chromium.close()


def file_of(name: str) -> str:
    """`mail-a-run` of `mail a run`."""
    return name.replace(" ", "-")


def written(table: str) -> str:
    """The document with a new table."""
    head, _, rest = PAGE.read_text().partition("<!-- measured -->\n")
    tail = rest.partition("<!-- end -->\n")[2]
    columns = (
        "| Request | | Lines | Characters | Lines on screen | Amounts on screen | First button on "
        "screen | Height |\n|---|---|---|---|---|---|---|---|"
    )
    return f"{head}<!-- measured -->\n{columns}\n{table}\n<!-- end -->\n{tail}"


if __name__ == "__main__":
    if "--pictures" in sys.argv:
        asyncio.run(pictures())
    else:
        PAGE.write_text(written(asyncio.run(compare())))
