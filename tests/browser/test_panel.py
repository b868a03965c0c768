"""The panel beside Slack: stories that play by themselves, trouble, clock, policy, what Zuora did."""

from datetime import date

import pytest

from bot.sandbox.panel.stories import STORIES
from tests.browser.conftest import PHONE, WIDE, in_one_loop
from tests.stage import ALICE, BOB, CHANNEL

pytestmark = in_one_loop


BY_TIERS = "month_end"
"""The longest story is played where a second person approves and types a number, after Batch2 was billed."""


async def by_tiers(page, zuora):
    """Choose the policy with tiers, and leave nothing of before to bill."""
    for each in zuora.world.subscriptions.values():
        each.billed_to = date(2199, 1, 1)
    await page.click("#panel-button")
    await page.click("[data-tab=trouble]")
    await page.check("[data-policy=tiers]")
    await page.locator("[data-policy=tiers]:checked").wait_for()
    await page.click("[data-tab=did]")
    await page.click("#panel-button")


@pytest.mark.parametrize("story", STORIES)
async def test_each_story_plays_to_its_end_and_mails_nobody_twice(sandbox, browser, story):
    slack, zuora = sandbox
    async with browser.window(f"{slack.page_url}?pause=0.1") as page:
        if story == BY_TIERS:
            await by_tiers(page, zuora)
        await page.click(f"[data-story={story}]")
        await page.wait_for_selector("[data-scene=close]", timeout=60_000)
        ended = await page.inner_text("#scene p")
        await page.click("#panel-button")
        twice = page.locator("#panel [data-twice]")
        await twice.wait_for()

    assert "stopped here" not in ended, ended
    mailed = [(mail.document, who) for mail in zuora.mails for who in mail.recipients]
    assert len(mailed) == len(set(mailed))


async def test_a_screen_reader_hears_names_and_dates_and_each_caption_once(sandbox, browser):
    slack, _ = sandbox
    async with browser.window(f"{slack.page_url}?pause=1#as={ALICE}&in={CHANNEL}") as page:
        await page.click("[data-story=approve_your_own]")
        live = page.locator("#live")
        await live.get_by_text("approval from @controllers (not @Alice Weber)").wait_for(
            state="attached"
        )
        card = await live.inner_text()
        await page.locator("#scene p", has_text="Refused: ").wait_for()
        await page.evaluate("window.caption = document.querySelector('#scene p')")
        await page.locator("[data-scene=close]").wait_for()
        is_the_same = await page.evaluate("window.caption === document.querySelector('#scene p')")
        refused = await live.inner_text()

    assert card.startswith("New message, Billing Bot in billing: Email 4 documents of bill run ")
    assert refused.startswith(
        "Only visible to you, Billing Bot in billing: R-1 is your own request"
    )
    assert "<" not in card + refused
    assert "*" not in card + refused
    assert is_the_same


async def test_a_story_that_cannot_go_on_says_why_and_which_trouble_is_on(sandbox, browser):
    slack, _ = sandbox
    async with browser.window(f"{slack.page_url}?pause=0") as page:
        await page.click("#panel-button")
        await page.click("[data-tab=trouble]")
        await page.check("[data-trouble=zuora_token]")
        await page.locator("#panel-button.warned").wait_for()
        await page.click("[data-story=mail_a_run]")
        await page.wait_for_selector("[data-scene=close]", timeout=60_000)
        ended = await page.inner_text("#scene p")

    assert ended == (
        "The story stopped here: “Zuora: token revoked” is switched on. Switch it off and press the story again"
    )


async def test_the_buttons_of_a_story_can_be_pressed_while_a_form_is_open(sandbox, browser):
    slack, _ = sandbox
    async with browser.window(f"{slack.page_url}?pause=60#as={ALICE}&in={CHANNEL}") as page:
        await page.click("[data-story=mail_a_run]")
        await page.click("[data-scene=take-over]")
        await page.locator("[data-scene=close]").wait_for()
        await slack.slash(ALICE, CHANNEL, "/billemail BR-00000001")
        reason = page.locator("#modal [data-block-id=reason]")
        await reason.fill("By hand")
        await page.click("[data-scene=close]")
        await page.locator("#scene").wait_for(state="hidden")
        await page.click("#modal [data-modal=submit]")
        await page.locator("#messages button[data-action-id=approve]").wait_for()
        await page.click("[data-story=mail_a_run]")
        await page.click("[data-scene=take-over]")


async def test_a_story_is_taken_over_and_finished_by_hand(sandbox, browser):
    slack, _ = sandbox
    async with browser.window(f"{slack.page_url}?pause=5") as page:
        await page.click("[data-story=mail_a_run]")
        await page.locator("#messages button[data-action-id=approve]").wait_for()
        await page.click("[data-scene=take-over]")
        await page.locator(
            "#scene p", has_text="The page is yours now. The story was at: "
        ).wait_for()
        await page.click(f"[data-person={BOB}]")
        await page.click("#messages button[data-action-id=approve]")
        await page.click("dialog.confirm [data-confirm=yes]")
        approve = page.locator("#messages button[data-action-id=approve]")
        await approve.wait_for(state="detached")
        await page.click("#panel-button")
        await page.locator("#panel", has_text="/emails").wait_for()


@pytest.mark.parametrize("story", STORIES)
async def test_whoever_takes_a_story_over_has_the_page_to_themselves(sandbox, browser, story):
    slack, zuora = sandbox
    async with browser.window(f"{slack.page_url}?pause=5") as page:
        await page.click(f"[data-story={story}]")
        await page.locator("#scene [data-scene=take-over]").click()
        await page.locator("#scene [data-scene=close]").wait_for()
        await page.goto(f"{slack.page_url}#as={ALICE}&in={CHANNEL}")
        await page.fill("[data-composer=channel]", "/billstatus mine")
        await page.keyboard.press("Escape")
        await page.click(".composer button[type=submit]")
        await page.locator("#messages", has_text="Your requests").wait_for()

    assert not zuora.mails


async def test_trouble_that_is_switched_on_holds_until_it_is_switched_off(sandbox, browser):
    slack, zuora = sandbox
    async with browser.window(slack.page_url) as page:
        await page.click("#panel-button")
        await page.click("[data-tab=trouble]")
        await page.check("[data-trouble=zuora_failing]")
        await page.locator("#panel-button.warned").wait_for()
        await slack.slash(ALICE, CHANNEL, "/billrun BR-00000001")
        await slack.until(lambda: any(call.status == 503 for call in zuora.calls))
        await page.uncheck("[data-trouble=zuora_failing]")
        await page.locator("#panel-button:not(.warned)").wait_for()
        seen = len(zuora.calls)
        await slack.slash(ALICE, CHANNEL, "/billrun BR-00000002")
        await slack.until(lambda: any(call.status == 200 for call in zuora.calls[seen:]))

    assert all(call.status != 503 for call in zuora.calls[seen:])


async def test_moving_the_clock_by_a_day_lets_a_request_expire(sandbox, browser):
    slack, _ = sandbox
    async with browser.window(slack.page_url) as page:
        await slack.slash(ALICE, CHANNEL, "/billemail BR-00000001")
        assert (await slack.submit(ALICE, {"reason": "Month end"})).ok
        approve = page.locator("#messages button[data-action-id=approve]")
        await approve.wait_for()
        await page.click("#panel-button")
        await page.click("[data-tab=trouble]")
        await page.click("[data-move='86400']")
        await approve.wait_for(state="detached")
        await page.locator("#panel", has_text="moved ahead by 1 day").wait_for()
        await page.locator("#messages .day", has_text="Yesterday").wait_for()
        await page.locator("#messages", has_text=" yesterday ").wait_for()


async def test_the_policy_of_two_approvals_holds_once_it_is_chosen(sandbox, browser):
    slack, zuora = sandbox
    async with browser.window(slack.page_url) as page:
        await page.click("#panel-button")
        await page.click("[data-tab=trouble]")
        await page.check("[data-policy=two]")
        await page.locator("[data-policy=two]:checked").wait_for()
        await slack.until(lambda: slack.sockets.connections > 0)
        await slack.slash(ALICE, CHANNEL, "/billemail BR-00000001")
        assert (await slack.submit(ALICE, {"reason": "Month end"})).ok
        await page.locator("#messages button[data-action-id=approve]").wait_for()
        ts = slack.channel_messages(CHANNEL)[-1].ts
        await slack.click(BOB, CHANNEL, ts, "approve")
        await slack.until(lambda: bool(slack.thread(CHANNEL, ts)))

    assert not [call for call in zuora.calls if call.path.endswith("/emails")]


async def test_a_number_in_the_panel_opens_the_record(sandbox, browser):
    slack, _ = sandbox
    async with browser.window(slack.page_url) as page:
        await page.click("#panel-button")
        await page.click("#panel [data-open=BR-00000003]")
        record = page.locator("#panel [data-record=BR-00000003]")
        await record.wait_for()
        assert "Posted" in await record.inner_text()


@pytest.mark.parametrize("size", [WIDE, PHONE, (360, 700)])
async def test_nothing_is_wider_than_the_screen(sandbox, browser, size):
    slack, _ = sandbox
    async with browser.window(slack.page_url, size) as page:
        await page.wait_for_selector("[data-story]")
        await page.click("#panel-button")
        for tab in ("did", "trouble"):
            await page.click(f"[data-tab={tab}]")
            wide = await page.evaluate("document.documentElement.scrollWidth")
            assert wide <= size[0], tab


async def test_a_newcomer_starts_the_first_story_with_the_keyboard_alone(sandbox, browser):
    slack, _ = sandbox
    async with browser.window(f"{slack.page_url}?pause=0.1") as page:
        first = page.locator("[data-first=story]")
        await first.wait_for()
        await first.focus()
        await page.keyboard.press("Enter")
        await page.wait_for_selector("[data-scene=close]", timeout=60_000)


async def test_the_panels_button_is_on_a_small_screen_without_scrolling(sandbox, browser):
    slack, _ = sandbox
    async with browser.window(slack.page_url, (360, 700)) as page:
        box = await page.locator("#panel-button").bounding_box()

    assert box["x"] >= 0
    assert box["x"] + box["width"] <= 360


async def test_what_was_typed_is_still_there_after_a_reload_until_it_is_sent(sandbox, browser):
    slack, _ = sandbox
    async with browser.window(f"{slack.page_url}#as={ALICE}&in={CHANNEL}") as page:
        await page.fill("[data-composer=channel]", "half a sentence")
        await slack.slash(ALICE, CHANNEL, "/billemail BR-00000001")
        reason = page.locator("#modal [data-block-id=reason]")
        await reason.fill("Month end")
        await page.reload()
        await reason.wait_for()
        assert await reason.input_value() == "Month end"
        await page.click("#modal [data-modal=submit]")
        await reason.wait_for(state="hidden")
        assert await page.input_value("[data-composer=channel]") == "half a sentence"
        await page.press("[data-composer=channel]", "Enter")
        await page.locator("#messages", has_text="half a sentence").wait_for()
        await slack.slash(ALICE, CHANNEL, "/billemail BR-00000003")
        await reason.wait_for()
        await page.reload()
        await reason.wait_for()
        assert await reason.input_value() == ""
        assert await page.input_value("[data-composer=channel]") == ""

    assert len(slack.channel_messages(CHANNEL)) == 2
