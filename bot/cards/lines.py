"""Lines of a request's thread: one for each thing that happened, in the past tense, subject first."""

from bot.cards import blocks
from bot.domain.message import Message, MessageKind
from bot.domain.request import Request
from bot.domain.words import Part


def reply(request: Request, *parts: Part) -> Message:
    """A line in the request's thread."""
    return Message(
        kind=MessageKind.REPLY,
        request=request.number,
        channel=request.channel,
        text=blocks.as_text(parts),
        blocks=[blocks.paragraph(*parts)],
    )


def private(channel: str, user: str, *parts: Part, request: int | None = None) -> Message:
    """An answer that only one person sees."""
    return Message(
        kind=MessageKind.PRIVATE,
        request=request,
        channel=channel,
        user=user,
        text=blocks.as_text(parts),
        blocks=[blocks.paragraph(*parts)],
    )
