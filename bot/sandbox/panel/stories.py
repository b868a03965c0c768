"""The stories that play by themselves; each is named after what it shows."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass

from bot.sandbox.panel.teller import ALICE, BOB, CHANNEL, Teller


@dataclass(frozen=True)
class Story:
    """One story: the words on its button, what it shows, and how it goes."""

    label: str
    shows: str
    play: Callable[[Teller], Awaitable[None]]


async def mail_a_run(tell: Teller) -> None:
    """Ask, approve, and see the mails go out."""
    run = tell.new_run()
    orders = len(tell.ordered())
    ts = await tell.ask(f"/billemail {run}", "Month end, amounts agreed with revenue")
    await tell.approve(ts, "Bob reads the card and presses Approve")
    await tell.step(BOB, "The thread shows each step", thread=ts)
    await tell.orders(orders + 1)
    await tell.ended(ts)
    await tell.step(BOB, "Done: one order to Zuora, one mail to each customer", thread=ts)


async def approve_your_own(tell: Teller) -> None:
    """Try to approve what you asked for yourself."""
    run = tell.new_run()
    ts = await tell.ask(f"/billemail {run}", "Nobody else is here today")
    before = len(tell.slack.private(ALICE, CHANNEL))
    await tell.press(ALICE, ts, "Approve", "Alice presses Approve on her own request")
    await tell.slack.until(lambda: len(tell.slack.private(ALICE, CHANNEL)) > before)
    await tell.step(ALICE, "Refused: a second person must approve. Nothing was sent")


async def a_lost_answer(tell: Teller) -> None:
    """Zuora carries out the order, and its answer never arrives."""
    run = tell.new_run()
    orders = len(tell.ordered())
    ts = await tell.ask(f"/billemail {run}", "Month end")
    await tell.step(BOB, "From now on Zuora's answers to orders are lost on their way")
    tell.turn("zuora_losing", on=True)
    await tell.approve(ts, "Bob presses Approve")
    await tell.orders(orders + 1)
    await tell.step(BOB, "The order went out and no answer came. The card says so", thread=ts)
    tell.turn("zuora_losing", on=False)
    await tell.step(BOB, "The line is good again, and half an hour passes", thread=ts)
    for _ in range(6):
        tell.move(minutes=5)
        await tell.ended(ts)
    await tell.step(BOB, "Settled. What Zuora did: each customer has one mail", thread=ts)


async def mailed_twice(tell: Teller) -> None:
    """Ask for a run and for one of its invoices, and approve both."""
    run = tell.new_run()
    world = tell.zuora.world
    invoice = world.documents_of(world.bill_runs[run])[0].number
    orders = len(tell.ordered())
    one = await tell.ask(f"/billemail {run}", "Month end")
    two = await tell.ask(f"/billemail {invoice}", "The customer asked for it")
    await tell.approve(one, f"Bob approves the mails of {run}")
    await tell.orders(orders + 1)
    await tell.approve(two, f"Then Bob approves {invoice}, which {run} has mailed")
    await tell.ended(two)
    if len(tell.ordered()) > orders + 1:
        raise AssertionError(f"{invoice} was mailed twice")
    await tell.step(BOB, f"Stopped: {invoice} went out with {run} already", thread=two)


async def month_end(tell: Teller) -> None:
    """Bill, post and mail, each step approved by a second person."""
    tell.new_charges("Batch2")
    day = tell.clock.now().date().isoformat()
    cards = len(tell.slack.channel_messages(CHANNEL))
    command = f'/billrun batch=Batch2 target={day} name="Month end" reason="Month end"'
    await tell.step(ALICE, "Alice asks for a bill run in one line")
    await tell.slack.slash(ALICE, CHANNEL, command)
    ts = await tell.new_card(cards)
    runs = len(tell.zuora.world.bill_runs)
    await tell.approve(ts, "Bob approves: Zuora may bill Batch2")
    await tell.slack.until(lambda: len(tell.zuora.world.bill_runs) > runs)
    run = list(tell.zuora.world.bill_runs.values())[-1]
    await tell.step(BOB, f"Zuora works on {run.number}; the thread shows how far it is", thread=ts)
    await tell.slack.until(lambda: tell.zuora.world.bill_runs[run.number].status == "Completed", 60)
    await _next(tell, run.number, "Post", "Now the drafts are posted")
    await tell.slack.until(lambda: tell.zuora.world.bill_runs[run.number].status == "Posted", 60)
    await _next(tell, run.number, "Email", "At last the customers get their mails")
    await tell.step(BOB, f"Month end done: {run.number} is billed, posted and mailed")


async def _next(tell: Teller, run: str, button: str, caption: str) -> None:
    """Ask for the next step of a run from its private card, and have Bob approve it."""
    await tell.step(ALICE, caption)
    before = len(tell.slack.private(ALICE, CHANNEL))
    await tell.slack.slash(ALICE, CHANNEL, f"/billrun {run}")
    await tell.slack.until(lambda: len(tell.slack.private(ALICE, CHANNEL)) > before)
    shown = tell.slack.private(ALICE, CHANNEL)[-1].ts
    cards = len(tell.slack.channel_messages(CHANNEL))
    await tell.press(ALICE, shown, button, f"Alice presses {button}… on {run}")
    await tell.slack.until(lambda: tell.slack.view(ALICE) is not None)
    ts = await tell.submit("Month end", cards)
    await tell.approve(ts, "Bob approves")
    await tell.ended(ts)


STORIES: Mapping[str, Story] = {
    "mail_a_run": Story("Mail a run", "Alice asks, Bob approves, Zuora mails.", mail_a_run),
    "approve_your_own": Story(
        "Approve your own", "Alice tries to approve her own request.", approve_your_own
    ),
    "a_lost_answer": Story(
        "A lost answer", "Zuora does it, and its answer never arrives.", a_lost_answer
    ),
    "mailed_twice": Story(
        "A customer mailed twice?",
        "A run and one of its invoices are both approved.",
        mailed_twice,
    ),
    "month_end": Story("Month end", "Bill, post and mail, with an approval each.", month_end),
}
