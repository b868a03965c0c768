"""Every operation by clicking and typing, and two people in two windows, in a real browser."""

import asyncio
from datetime import UTC, datetime

import pytest

from tests.browser.conftest import PHONE, WIDE, in_one_loop
from tests.gallery import CUSTOMERS, lines
from tests.stage import ALICE, BOB, CARLA, CHANNEL

pytestmark = in_one_loop

APPROVE = "#messages button[data-action-id=approve]"


@pytest.fixture
def world(sandbox):
    """The sandbox's Zuora with a run to mail, one to post, one to cancel, and documents."""
    _, zuora = sandbox
    for n, name in enumerate(CUSTOMERS):
        zuora.world.add_account(f"C{n:03d}", name=name, batch="Batch4")
    zuora.world.add_subscription("C000", "100.00")
    for number, status in (
        ("BR-00000701", "Posted"), ("BR-00000702", "Completed"), ("BR-00000703", "Completed"),
    ):  # fmt: skip
        zuora.world.add_bill_run(number, status=status, invoices=lines(5))
    zuora.world.add_invoice("C000", "USD", "7.00", number="INV00000901")
    zuora.world.add_debit_memo("C001", "USD", "8.00", number="DM00000901")
    zuora.world.add_credit_memo("C002", "USD", "9.00", number="CM00000901")
    return zuora.world


async def typed(page, command):
    """Type a command into the channel and send it."""
    await page.fill("[data-composer=channel]", command)
    await page.keyboard.press("Escape")
    await page.click(".composer button[type=submit]")


async def submitted(page, reason="Month end"):
    """Say why in the form that is open, and submit it."""
    field = page.locator("#modal [data-block-id=reason]").first
    await field.wait_for()
    box = (
        field if await field.evaluate("n => n.tagName") == "TEXTAREA" else field.locator("textarea")
    )
    await box.fill(reason)
    await page.click("#modal [data-modal=submit]")
    await page.locator("#modal [data-modal=submit]").wait_for(state="hidden")


async def approved(page):
    """Press Approve on the only card that waits, and confirm it."""
    await page.locator(APPROVE).wait_for()
    await page.click(APPROVE)
    await page.click("dialog.confirm [data-confirm=yes]")
    await page.locator(APPROVE).wait_for(state="detached")


def did(zuora, method, end):
    return [c for c in zuora.calls if c.method == method and c.path.endswith(end)]


@pytest.mark.parametrize(
    ("command", "method", "end"),
    [
        ("/billemail BR-00000701", "POST", "/emails"),
        ("/billemail INV00000901", "POST", "/v1/invoices/INV00000901/emails"),
        ("/billemail DM00000901", "POST", "/v1/debitmemos/DM00000901/emails"),
        ("/billemail CM00000901", "POST", "/v1/credit-memos/CM00000901/emails"),
        ("/billemail INV00000901 CM00000901", "POST", "/v1/credit-memos/CM00000901/emails"),
    ],
)
async def test_mails_are_asked_for_and_approved(sandbox, world, browser, command, method, end):
    slack, zuora = sandbox
    async with browser.window(f"{slack.page_url}#as={ALICE}&in={CHANNEL}") as page:
        await typed(page, command)
        await submitted(page)
        await page.locator(APPROVE).wait_for()
        await page.click(f"[data-person={BOB}]")
        await approved(page)

    await slack.until(lambda: len(did(zuora, method, end)) == 1)


async def test_documents_are_asked_for_with_a_file_in_the_form(sandbox, world, browser):
    slack, _ = sandbox
    numbers = "Document Number\nINV00000901\nDM00000901\nCM00000901\n"
    async with browser.window(f"{slack.page_url}#as={ALICE}&in={CHANNEL}") as page:
        await typed(page, "/billemail INV00000901")
        await page.locator("#modal input[type=file]").set_input_files(
            {"name": "november.csv", "mimeType": "text/csv", "buffer": numbers.encode()}
        )
        await submitted(page)
        await page.locator(APPROVE).wait_for()

    (card,) = slack.channel_messages(CHANNEL)
    assert "Email 1 invoice, 1 credit memo and 1 debit memo" in card.text


@pytest.mark.parametrize(
    ("run", "button", "end"),
    [("BR-00000702", "Post…", "/post"), ("BR-00000703", "Cancel…", "/cancel")],
)
async def test_a_run_is_posted_and_canceled_from_its_own_card(
    sandbox, world, browser, run, button, end
):
    slack, zuora = sandbox
    async with browser.window(f"{slack.page_url}#as={ALICE}&in={CHANNEL}") as page:
        await typed(page, f"/billrun {run}")
        await page.locator("#messages button", has_text=button).first.click()
        await submitted(page)
        await page.locator(APPROVE).wait_for()
        await page.click(f"[data-person={BOB}]")
        await approved(page)

    await slack.until(lambda: len(did(zuora, "PUT", end)) == 1)


async def test_a_run_is_created_with_the_form(sandbox, world, browser):
    slack, zuora = sandbox
    async with browser.window(f"{slack.page_url}#as={ALICE}&in={CHANNEL}") as page:
        await typed(page, f"/billrun batch=Batch4 target={datetime.now(UTC):%Y-%m-%d}")
        await submitted(page)
        await page.locator(APPROVE).wait_for()
        await page.click(f"[data-person={BOB}]")
        await approved(page)

    await slack.until(lambda: len(did(zuora, "POST", "/v1/bill-runs")) == 1)


async def test_two_people_in_two_windows_see_each_others_work_at_once(sandbox, world, browser):
    """Alice asks on a wide screen; Bob approves on a phone; both cards change without a reload."""
    slack, zuora = sandbox
    here = f"in={CHANNEL}"
    async with (
        browser.window(f"{slack.page_url}#as={ALICE}&{here}", WIDE) as alice,
        browser.window(f"{slack.page_url}#as={BOB}&{here}", PHONE) as bob,
    ):
        await typed(alice, "/billemail BR-00000701")
        await submitted(alice)
        await bob.locator(APPROVE).wait_for()
        await alice.click(APPROVE)
        await alice.click("dialog.confirm [data-confirm=yes]")
        await alice.locator("#messages", has_text="is your own request").wait_for()
        assert did(zuora, "POST", "/emails") == []
        await approved(bob)
        await alice.locator(APPROVE).wait_for(state="detached")
        await alice.locator("#messages", has_text="Accepted by Zuora").wait_for()
        await bob.locator("#messages", has_text="Accepted by Zuora").wait_for()

    assert len(did(zuora, "POST", "/emails")) == 1


async def test_two_people_who_press_at_the_same_moment_make_one_decision_and_both_see_it(
    sandbox, world, browser
):
    """Both have the question open; whoever comes second gets a sentence, whatever the screen shows."""
    slack, zuora = sandbox
    here = f"in={CHANNEL}"
    yes = "dialog.confirm [data-confirm=yes]"
    async with (
        browser.window(f"{slack.page_url}#as={BOB}&{here}", PHONE) as bob,
        browser.window(f"{slack.page_url}#as={CARLA}&{here}") as carla,
    ):
        await slack.slash(ALICE, CHANNEL, "/billemail BR-00000701")
        await slack.submit(ALICE, {"reason": "Month end"})
        for page in (bob, carla):
            await page.locator(APPROVE).wait_for()
            await page.click(APPROVE)
            await page.locator(yes).wait_for()
        await asyncio.gather(bob.click(yes), carla.click(yes))
        late = "R-1 was approved by"
        await slack.until(
            lambda: sum(late in each.text for each in slack.workspace.ephemerals) == 1
        )
        (sentence,) = [each for each in slack.workspace.ephemerals if late in each.text]
        page = bob if sentence.ephemeral_to == BOB else carla
        await page.locator("#messages", has_text=late).wait_for()
        for page in (bob, carla):
            await page.locator(APPROVE).wait_for(state="detached")
            await page.locator("#messages", has_text="Accepted by Zuora").wait_for()

    assert len(did(zuora, "POST", "/emails")) == 1


async def test_a_button_pressed_on_an_older_screen_is_answered(sandbox, world, browser):
    """Carla's question is open while Bob decides and the card loses its buttons."""
    slack, zuora = sandbox
    async with browser.window(f"{slack.page_url}#as={CARLA}&in={CHANNEL}") as carla:
        await slack.slash(ALICE, CHANNEL, "/billemail BR-00000701")
        await slack.submit(ALICE, {"reason": "Month end"})
        await carla.locator(APPROVE).wait_for()
        await carla.click(APPROVE)
        card = slack.channel_messages(CHANNEL)[-1].ts
        await slack.click(BOB, CHANNEL, card, "approve")
        await carla.locator(APPROVE).wait_for(state="detached")
        await carla.click("dialog.confirm [data-confirm=yes]")
        await carla.locator("#messages", has_text="R-1 was approved by").wait_for()

    assert len(did(zuora, "POST", "/emails")) == 1


async def test_details_are_paged_and_lead_to_the_record(sandbox, world, browser):
    slack, _ = sandbox
    world.add_bill_run("BR-00000704", invoices=lines(70))
    async with browser.window(f"{slack.page_url}#as={BOB}&in={CHANNEL}") as page:
        await slack.slash(ALICE, CHANNEL, "/billemail BR-00000704")
        assert (await slack.submit(ALICE, {"reason": "Month end"})).ok
        await page.locator(APPROVE).wait_for()
        await page.click("#messages button[data-action-id=details]")
        await page.locator("#modal", has_text="Documents 1 to 50 of 70").wait_for()
        await page.click("#modal button[data-action-id='details:next']")
        await page.locator("#modal", has_text="Documents 51 to 70 of 70").wait_for()
        assert await page.locator("#modal a[href*='#zuora=INV']").count() == 20
