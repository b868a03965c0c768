"""Each kind of card in each state: made by the bot on a stage, one after the other in one channel.

The browser tests look at each of them, `python -m bench.cards` measures eight and takes pictures.
"""

from collections.abc import Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path

from tests.stage import ALICE, BOB, CARLA, CHANNEL, EMAILS, Stage

POLICY = """requesters = ["S0BILLING"]
approvers = ["S0CONTROLLERS"]

[[rule]]
operations = ["email_bill_run"]
above = { USD = "1000000", EUR = "1000000" }
approvers = ["S0CONTROLLERS"]
approvals = 2

[[rule]]
operations = ["email_bill_run"]
above = { USD = "100000", EUR = "100000" }
approvers = ["S0CONTROLLERS"]
approvals = 2
"""
"""For mails of more than 100,000 two people approve; above a million they type the number too."""

CUSTOMERS = (
    "Northwind Ltd", "Contoso GmbH", "Fabrikam Inc", "Quayside Apparel", "Hilltop Foods",
    "Lindqvist & Partner AB", "Blue Harbour Logistics", "Ateliers du Midi",
)  # fmt: skip
REASON = "Month end, amounts agreed with revenue"

Maker = Callable[[Stage], Awaitable[str]]


def lines(number, currency="USD", first=120.0):
    """Documents of the stage's customers, the later ones larger."""
    return [
        (f"C{n % len(CUSTOMERS):03d}", currency, f"{first + 37.5 * n:.2f}") for n in range(number)
    ]


def a_run(stage, number, status="Posted", size=24, first=120.0, **more):
    """A run with invoices in two currencies and credit memos."""
    stage.zuora.world.add_bill_run(
        number,
        name="November 2026",
        status=status,
        invoices=[*lines(size, first=first), *lines(size // 3, "EUR", first)],
        credit_memos=[("C000", "USD", "1200.00")],
        **more,
    )
    return number


async def mail_a_run(stage):
    """A month's mails, of which one has no address."""
    stage.zuora.world.accounts["C003"].bill_to.work_email = None
    return await stage.ask(text=a_run(stage, "BR-00000417"), reason=REASON)


async def mail_a_list(stage):
    """Twelve invoices by number."""
    made = [
        stage.zuora.world.add_invoice(account, currency, amount, number=f"INV{900 + n:08d}")
        for n, (account, currency, amount) in enumerate(lines(12))
    ]
    text = " ".join(each.number for each in made)
    return await stage.ask(text=text, reason="Asked for by the customers' purchasing")


async def mixed_list(stage):
    """Invoices, credit memos and debit memos with one approval."""
    world = stage.zuora.world
    made = [
        world.add_invoice("C000", "USD", "1200.50", number="INV00000951"),
        world.add_invoice("C001", "EUR", "88.00", number="INV00000952"),
        world.add_credit_memo("C000", "USD", "200.00", number="CM00000951"),
        world.add_debit_memo("C002", "USD", "75.00", number="DM00000951"),
    ]
    return await stage.ask(text=" ".join(each.number for each in made), reason=REASON)


async def mail_again(stage):
    """A run that was mailed yesterday."""
    number = a_run(stage, "BR-00000418", size=6, mailed_at=stage.clock.now())
    return await stage.ask(text=number, resend=["yes"], reason="The PDF was wrong")


async def repeat_for_ever(stage):
    """A run that bills, posts and mails each month without an end."""
    return await line(
        stage,
        "batch=Batch4 repeat=Monthly from=2026-12-01 hour=4 targetmonths=0 targetday=31 "
        "autoPost=yes autoEmail=yes",
    )


async def line(stage, text):
    """Ask in one line."""
    before = len(stage.slack.channel_messages(CHANNEL))
    ack = await stage.slack.slash(ALICE, CHANNEL, f'/billrun {text} reason="{REASON}"')
    await stage.slack.until(lambda: len(stage.slack.channel_messages(CHANNEL)) > before)
    assert ack.ok, ack
    await stage.quiet()
    return stage.slack.channel_messages(CHANNEL)[-1].ts


async def post(stage):
    """Drafts become final."""
    number = a_run(stage, "BR-00000420", "Completed", size=9)
    return await stage.ask_step("post_bill_run", number, reason=REASON)


async def cancel(stage):
    """Drafts are discarded."""
    number = a_run(stage, "BR-00000421", "Completed", size=9)
    return await stage.ask_step("cancel_bill_run", number, reason="Wrong target date")


async def largest_tier(stage):
    """More than a million."""
    number = a_run(stage, "BR-00000422", size=30, first=50000.0)
    return await stage.ask(text=number, reason=REASON)


async def unknown(stage):
    """The answer was lost, and reading proves nothing."""
    ts = await stage.ask(text=a_run(stage, "BR-00000423", size=6), reason=REASON)
    stage.zuora.faults.add(EMAILS, kind="lose_answer")
    await stage.press(BOB, ts)
    await stage.until_card(ts, "OUTCOME UNKNOWN")
    return ts


EIGHT: dict[str, Maker] = {
    "mail a run": mail_a_run,
    "mail a list of documents": mail_a_list,
    "mail again": mail_again,
    "a run each month that posts and mails": repeat_for_ever,
    "post a run": post,
    "cancel a run": cancel,
    "highest tier": largest_tier,
    "outcome unknown": unknown,
}


async def once_approved(stage):
    """One of two approvals is there."""
    number = a_run(stage, "BR-00000424", size=30, first=5000.0)
    ts = await stage.ask(text=number, reason=REASON)
    await stage.press(BOB, ts)
    await stage.until(lambda: len(newest(stage).approvals) == 1)
    await stage.quiet()
    return ts


def newest(stage):
    """The request that was asked for last."""
    return stage.request(stage.store.requests.next_number() - 1)


async def typed_addresses(stage):
    """One invoice to an address that somebody typed."""
    stage.zuora.world.add_invoice("C001", "USD", "480.00", number="INV00000880")
    before = len(stage.slack.channel_messages(CHANNEL))
    await stage.open_form(text="INV00000880")
    await stage.slack.choose(ALICE, "form:recipients", "addresses")
    await stage.slack.until(lambda: "email_addresses" in str(stage.slack.view(ALICE)))
    typed = {"email_addresses": "cfo@contoso.example", "reason": "Asked for by phone"}
    assert (await stage.slack.submit(ALICE, typed)).ok
    await stage.slack.until(lambda: len(stage.slack.channel_messages(CHANNEL)) > before)
    return stage.slack.channel_messages(CHANNEL)[-1].ts


async def rejected(stage):
    """Somebody said no."""
    ts = await stage.ask(text=a_run(stage, "BR-00000425", size=6), reason=REASON)
    await stage.reject(BOB, ts, "The tax rate is last year's")
    await stage.until_card(ts, "Rejected")
    return ts


async def withdrawn(stage):
    """Who asked took it back."""
    ts = await stage.ask(text=a_run(stage, "BR-00000426", size=6), reason=REASON)
    await stage.withdraw(ALICE, ts)
    await stage.until_card(ts, "Withdrawn")
    return ts


async def stopped(stage):
    """Something changed in Zuora after it was asked."""
    ts = await stage.ask(text=a_run(stage, "BR-00000427", size=6), reason=REASON)
    stage.zuora.world.bill_runs["BR-00000427"].status = "Canceled"
    await stage.press(BOB, ts)
    await stage.until_card(ts, "Stopped")
    return ts


async def accepted(stage):
    """Zuora took the order."""
    ts = await stage.ask(text=a_run(stage, "BR-00000428", size=6), reason=REASON)
    await stage.press(CARLA, ts)
    await stage.until_card(ts, "Accepted by Zuora")
    return ts


async def refused(stage):
    """Zuora refused the order."""
    ts = await stage.ask(text=a_run(stage, "BR-00000429", size=6), reason=REASON)
    words = "Notification is not active."
    stage.zuora.faults.add(EMAILS, kind="http200_failure", category=30, message=words)
    await stage.press(CARLA, ts)
    await stage.until_card(ts, "Failed")
    return ts


async def running(stage):
    """Zuora bills, and the card follows it."""
    stage.zuora.world.add_account("C900", batch="Batch2")
    stage.zuora.world.add_subscription("C900", "100.00")
    ts = await line(stage, "batch=Batch2 target=2026-11-30")
    await stage.press(BOB, ts)
    await stage.until_card(ts, "Running in Zuora")
    return ts


async def expired(stage):
    """Nobody decided. The first of all: days pass, in which others would expire too."""
    ts = await stage.ask(text=a_run(stage, "BR-00000430", size=6), reason=REASON)
    await stage.pass_time(days=2)
    await stage.until_card(ts, "Expired")
    return ts


async def followed(stage, ts, end):
    """Approve what Zuora then works on, and follow it to its end."""
    await stage.press(BOB, ts)
    await stage.until_card(ts, "Running in Zuora")
    await stage.as_time_passes(lambda: stage.card(ts).startswith(end), step=10.0)
    await stage.quiet()
    return ts


async def created(stage):
    """The run that was asked for is there."""
    stage.zuora.world.add_account("C901", name="Polar Textiles", batch="Batch3")
    stage.zuora.world.add_subscription("C901", "100.00")
    return await followed(stage, await line(stage, "batch=Batch3 target=2026-11-30"), "Created")


async def posted(stage):
    """The drafts are final."""
    number = a_run(stage, "BR-00000431", "Completed", size=9)
    return await followed(stage, await stage.ask_step("post_bill_run", number), "Posted")


async def canceled(stage):
    """The drafts are gone."""
    number = a_run(stage, "BR-00000432", "Completed", size=9)
    return await followed(stage, await stage.ask_step("cancel_bill_run", number), "Canceled")


async def some_refused(stage):
    """Zuora took two of three mails."""
    made = [
        stage.zuora.world.add_invoice(f"C00{n}", "USD", "50.00", number=f"INV0000094{n}")
        for n in range(3)
    ]
    ts = await stage.ask(text=" ".join(each.number for each in made), reason=REASON)
    words = "The account is not active."
    path = f"/v1/invoices/{made[1].number}/emails"
    stage.zuora.faults.add(path, kind="http200_failure", category=30, message=words)
    await stage.press(CARLA, ts)
    await stage.until_card(ts, "1 of 3 failed")
    return ts


ALL: dict[str, Maker] = {
    "expired": expired,
    "created": created,
    "posted": posted,
    "canceled": canceled,
    **EIGHT,
    "a list of several kinds": mixed_list,
    "typed addresses": typed_addresses,
    "one of two approvals": once_approved,
    "rejected": rejected,
    "withdrawn": withdrawn,
    "stopped": stopped,
    "accepted": accepted,
    "refused by Zuora": refused,
    "some refused": some_refused,
    "running in Zuora": running,
}


WHAT_IS_SEEN = (Path(__file__).parent / "what_is_seen.js").read_text()
"""Of a card that is scrolled to the top: its parts, and whether each is on the screen entirely."""


@asynccontextmanager
async def gallery(folder, makers=None):
    """A stage with the cards on it; yields the stage and each card's `ts` by its name."""
    stage = Stage(folder, "run")
    stage.policy = POLICY
    stage.changes = {"repeat_lost": "no"}
    await stage.open()
    try:
        for n, name in enumerate(CUSTOMERS):
            stage.zuora.world.add_account(f"C{n:03d}", name=name, batch="Batch4")
        await stage.start()
        yield stage, {name: await make(stage) for name, make in (makers or ALL).items()}
    finally:
        await stage.close()
