"""Buttons below a line of a request's thread."""

from collections.abc import Sequence
from dataclasses import replace

from bot.cards import blocks, buttons
from bot.domain.message import Message
from bot.domain.request import Request
from bot.operations.catalog import STEPS

OTHERS = "others"

NEXT = "next:"
"""Prefix of buttons that open the form of a new request; its first values come from the database."""


def change_and_ask_again(message: Message, request: Request) -> Message:
    """Return a message with the button that opens the request's form again with what was typed."""
    if not request.typed:
        return message
    row = blocks.actions(f"change-{request.number}", buttons.change(request))
    return replace(message, blocks=[*message.blocks, row])


def mail_the_others(message: Message, request: Request, others: int) -> Message:
    """Return a message with the button that asks only for the documents that no other request has reached."""
    if not others:
        return message
    button = blocks.button(
        f"Mail just the other {others:,} by number…",
        action_id=OTHERS,
        value=request.reference,
        spoken=f"Ask for the other documents of {request.name} by number",
    )
    row = blocks.actions(f"others-{request.number}", button)
    return replace(message, blocks=[*message.blocks, row])


def next_steps(message: Message, request: Request, names: Sequence[str]) -> Message:
    """Return a message with a button for each operation that is legal now on the run it speaks of."""
    if not names:
        return message
    found = [
        blocks.button(
            STEPS[name].button,
            action_id=f"{NEXT}{name}",
            value=request.reference,
            spoken=STEPS[name].button,
        )
        for name in names
    ]
    row = blocks.actions(f"next-{request.number}", *found)
    return replace(message, blocks=[*message.blocks, row])
