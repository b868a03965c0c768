"""Lines of a request's thread: one for each thing that happened, in the past tense, subject first."""

from bot.cards import blocks
from bot.cards.headline import headline
from bot.domain.message import Message, MessageKind
from bot.domain.request import Request, State
from bot.domain.words import Part


def reply(request: Request, *parts: Part) -> Message:
    """Return a line in the request's thread."""
    return Message(
        kind=MessageKind.REPLY,
        request=request.number,
        channel=request.channel,
        text=blocks.as_text(parts),
        blocks=[blocks.paragraph(*parts)],
    )


def private(channel: str, user: str, *parts: Part, request: int | None = None) -> Message:
    """Return an answer that only one person sees."""
    return Message(
        kind=MessageKind.PRIVATE,
        request=request,
        channel=channel,
        user=user,
        text=blocks.as_text(parts),
        blocks=[blocks.paragraph(*parts)],
    )


def shortest(request: Request | None) -> str:
    """Return what replaces a message that Slack takes neither with blocks nor as plain text."""
    if request is None:
        return "Slack did not take a message of the bot that belongs here. /billstatus shows how things stand."
    where = " It can be decided on the bot's Home tab." if request.state is State.WAITING else ""
    return (
        f"{request.name}: {headline(request)}. Slack did not take the message that belongs here; "
        f"/billstatus {request.name} shows the rest.{where}"
    )


def without_blocks(message: Message, request: Request | None) -> str:
    """Return the text of a message whose blocks Slack refused, and where to do what its buttons were for."""
    lines = message.text.split("\n")
    if any(each.get("type") == "actions" for each in message.blocks):
        lines.append(
            f"Slack did not take the buttons that belong here; {_instead_of_buttons(request)}"
        )
    return blocks.fitted(lines)


def _instead_of_buttons(request: Request | None) -> str:
    if request is None or request.state is State.UNKNOWN:
        return "please tell whoever runs Billing Bot."
    if request.state is State.WAITING:
        return f"{request.name} can be decided on the bot's Home tab."
    return f"/billstatus {request.name} shows the rest."
