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


async def mail_a_run(teller: Teller) -> None:
    """Ask, approve, and see the mails go out."""
    run = teller.new_run()
    orders = len(teller.ordered())
    ts = await teller.ask(f"/billemail {run}", "Month end, amounts agreed with revenue")
    await teller.approve(ts, "Bob reads the card and presses Approve")
    await teller.step(BOB, "The thread shows each step", thread=ts)
    await teller.orders(orders + 1)
    await teller.ended(ts)
    await teller.step(BOB, "Done: one order to Zuora, one mail to each customer", thread=ts)


async def approve_your_own(teller: Teller) -> None:
    """Try to approve what you asked for yourself."""
    run = teller.new_run()
    ts = await teller.ask(f"/billemail {run}", "Nobody else is here today")
    before = len(teller.slack.private(ALICE, CHANNEL))
    await teller.press(ALICE, ts, "Approve", "Alice presses Approve on her own request")
    await teller.slack.until(lambda: len(teller.slack.private(ALICE, CHANNEL)) > before)
    await teller.step(ALICE, "Refused: a second person must approve. Nothing was sent")


async def a_lost_answer(teller: Teller) -> None:
    """Zuora carries out the order, and its answer never arrives."""
    run = teller.new_run()
    orders = len(teller.ordered())
    ts = await teller.ask(f"/billemail {run}", "Month end")
    await teller.step(BOB, "From now on Zuora's answers to orders are lost on their way")
    teller.turn("zuora_losing", on=True)
    await teller.approve(ts, "Bob presses Approve")
    await teller.orders(orders + 1)
    await teller.said(ts, "answer was lost")
    await teller.step(BOB, "The order went out and no answer came. The card says so", thread=ts)
    teller.turn("zuora_losing", on=False)
    await teller.step(BOB, "The line is good again, and half an hour passes", thread=ts)
    for _ in range(6):
        teller.move(minutes=5)
        await teller.ended(ts)
    await teller.step(BOB, "Settled. What Zuora did: each customer has one mail", thread=ts)


async def mailed_twice(teller: Teller) -> None:
    """Ask for a run and for one of its invoices, and approve both."""
    run = teller.new_run()
    world = teller.zuora.world
    invoice = world.documents_of(world.bill_runs[run])[0].number
    orders = len(teller.ordered())
    one = await teller.ask(f"/billemail {run}", "Month end")
    two = await teller.ask(f"/billemail {invoice}", "The customer asked for it")
    await teller.approve(one, f"Bob approves the mails of {run}")
    await teller.orders(orders + 1)
    await teller.approve(two, f"Then Bob approves {invoice}, which {run} has mailed")
    await teller.ended(two)
    if len(teller.ordered()) > orders + 1:
        raise AssertionError(f"{invoice} was mailed twice")
    await teller.step(BOB, f"Stopped: {invoice} went out with {run} already", thread=two)


async def month_end(teller: Teller) -> None:
    """Bill, post and mail, each step approved by a second person."""
    teller.new_charges("Batch2")
    day = teller.clock.now().date().isoformat()
    cards = len(teller.slack.channel_messages(CHANNEL))
    command = f'/billrun batch=Batch2 target={day} name="Month end" reason="Month end"'
    await teller.step(ALICE, "Alice asks for a bill run in one line")
    await teller.slack.slash(ALICE, CHANNEL, command)
    ts = await teller.new_card(cards)
    runs = len(teller.zuora.world.bill_runs)
    await teller.approve(ts, "Bob approves: Zuora may bill Batch2")
    await teller.slack.until(lambda: len(teller.zuora.world.bill_runs) > runs)
    run = list(teller.zuora.world.bill_runs.values())[-1]
    await teller.step(
        BOB, f"Zuora works on {run.number}; the thread shows how far it is", thread=ts
    )
    await teller.slack.until(
        lambda: teller.zuora.world.bill_runs[run.number].status == "Completed", 60
    )
    await _next(teller, run.number, "Post", "Now the drafts are posted")
    await teller.slack.until(
        lambda: teller.zuora.world.bill_runs[run.number].status == "Posted", 60
    )
    await _next(teller, run.number, "Email", "At last the customers get their mails")
    await teller.step(BOB, f"Month end done: {run.number} is billed, posted and mailed")


async def _next(teller: Teller, run: str, button: str, caption: str) -> None:
    """Ask for the next step of a run from its private card, and have Bob approve it."""
    await teller.step(ALICE, caption)
    before = len(teller.slack.private(ALICE, CHANNEL))
    await teller.slack.slash(ALICE, CHANNEL, f"/billrun {run}")
    await teller.slack.until(lambda: len(teller.slack.private(ALICE, CHANNEL)) > before)
    shown = teller.slack.private(ALICE, CHANNEL)[-1].ts
    cards = len(teller.slack.channel_messages(CHANNEL))
    await teller.press(ALICE, shown, button, f"Alice presses {button}… on {run}")
    await teller.slack.until(lambda: teller.slack.view(ALICE) is not None)
    ts = await teller.submit("Month end", cards)
    await teller.approve(ts, "Bob approves")
    await teller.ended(ts)


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
