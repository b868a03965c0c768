"""The story of a first mailing, played by itself: asked for by one person, approved by another."""

import html
import re
from collections.abc import Callable
from typing import Any

from bot.sandbox.slack.server import LocalSlack
from bot.sandbox.zuora.server import LocalZuora

CHANNEL = "C0BILLING"
REQUESTER = "U0ALICE"
APPROVER = "U0BOB"
BILL_RUN = "BR-00000001"
STEPS = ("approved", "Nothing has changed in Zuora", "Zuora accepted")


async def play_story(slack: LocalSlack, zuora: LocalZuora, say: Callable[[str], Any]) -> bool:
    """Play it and print the conversation.

    Returns:
        Whether it ended correctly: one card, approved by another person, one order to Zuora, and a
        thread that says approved, sent, accepted, in this order.
    """
    try:
        await _ask(slack, say)
        ts = await _approve(slack, say)
        await slack.until(
            lambda: any(STEPS[-1] in reply.text for reply in slack.thread(CHANNEL, ts)), seconds=20
        )
    except AssertionError as error:
        say(f"The story stopped: {error}")
        return False
    for reply in slack.thread(CHANNEL, ts):
        say(f"   thread  {_read(slack, reply.text)}")
    say("\nThe card now reads:\n" + _card(slack))
    return _ended_well(slack, zuora, ts, say)


async def _ask(slack: LocalSlack, say: Callable[[str], Any]) -> None:
    say(f"#billing\n{_name(slack, REQUESTER)}  /billemail {BILL_RUN}")
    await slack.slash(REQUESTER, CHANNEL, f"/billemail {BILL_RUN}")
    await slack.until(lambda: slack.view(REQUESTER) is not None)
    reason = "Month end, amounts agreed with revenue"
    submitted = await slack.submit(REQUESTER, {"reason": reason})
    if not submitted.ok:
        msg = f"the form was refused: {submitted.errors}"
        raise AssertionError(msg)
    say(f"{_name(slack, REQUESTER)}  fills in the form: {reason}")
    await slack.until(lambda: bool(slack.channel_messages(CHANNEL)))
    say("\nBilling Bot\n" + _card(slack))


async def _approve(slack: LocalSlack, say: Callable[[str], Any]) -> str:
    ts = slack.channel_messages(CHANNEL)[-1].ts
    say(f"\n{_name(slack, REQUESTER)}  presses Approve")
    await slack.click(REQUESTER, CHANNEL, ts, "approve")
    await slack.until(lambda: bool(slack.private(REQUESTER, CHANNEL)))
    seen = _read(slack, slack.private(REQUESTER, CHANNEL)[-1].text)
    say(f"   only {_name(slack, REQUESTER)} sees  {seen}")
    say(f"\n{_name(slack, APPROVER)}  presses Approve")
    await slack.click(APPROVER, CHANNEL, ts, "approve")
    return ts


def _ended_well(slack: LocalSlack, zuora: LocalZuora, ts: str, say: Callable[[str], Any]) -> bool:
    seen = [reply.text for reply in slack.thread(CHANNEL, ts)]
    orders = [call for call in zuora.calls if call.path == f"/v1/bill-runs/{BILL_RUN}/emails"]
    steps = [step for text in seen for step in STEPS if step in text]
    in_order = steps == list(STEPS)  # others may be in between
    say(f"\nZuora received {len(orders)} order to send mails.")
    ended_well = in_order and len(orders) == 1
    say("The story ended as it should." if ended_well else "The story did not end as it should.")
    return ended_well


def _card(slack: LocalSlack) -> str:
    return _indented(_read(slack, slack.channel_messages(CHANNEL)[-1].text))


def _name(slack: LocalSlack, user: str) -> str:
    return f"@{slack.workspace.users[user].name}"


def _read(slack: LocalSlack, text: str) -> str:
    """Return message text as a person reads it: names for ids, times in words, no entities."""
    text = re.sub(r"<@(\w+)>", lambda found: _name(slack, found[1]), text)
    text = re.sub(
        r"<!subteam\^(\w+)>", lambda found: f"@{slack.workspace.groups[found[1]].handle}", text
    )
    text = re.sub(r"<!date\^[^|>]*\|([^>]*)>", r"\1", text)
    return html.unescape(text)


def _indented(text: str) -> str:
    return "\n".join(f"   {line}" for line in text.splitlines())
