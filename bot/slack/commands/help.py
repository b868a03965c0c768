"""The end of every command's help."""

from bot.cards import blocks
from bot.cards.approvers import approvers_in_words
from bot.slack.answering import Answering
from bot.slack.payloads import Actor

WHAT_HAPPENS = """
What happens then: the bot reads Zuora and shows the request in {channel}. One of {approvers} \
approves it, never the person who asked. Then the bot reads Zuora again, sends the order if \
nothing has changed, and shows each step in the request's thread."""


async def what_happens(answering: Answering, actor: Actor) -> str:
    """Return what happens after asking; empty for guests and people of other companies."""
    person = await answering.people.person(actor, ())
    if person.barred:
        return ""
    return WHAT_HAPPENS.format(
        channel=f"<#{answering.parts.channel}>",
        approvers=blocks.as_text(approvers_in_words(answering.parts.rules.policy.approvers)),
    )
