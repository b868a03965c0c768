"""What the help of every command says at its end."""

from bot.cards import blocks
from bot.cards.card import approvers_in_words
from bot.slack.answering import Answering

WHAT_HAPPENS = """
What happens then: the bot reads Zuora and shows the request in {channel}. One of {approvers} \
approves it, never the person who asked. Then the bot reads Zuora again, sends the order if \
nothing has changed, and tells each step in the request's thread."""


def what_happens(answering: Answering) -> str:
    """What every command's help ends with."""
    return WHAT_HAPPENS.format(
        channel=f"<#{answering.parts.channel}>",
        approvers=blocks.as_text(approvers_in_words(answering.parts.policy.approvers)),
    )
