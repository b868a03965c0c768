"""The form that asks why a request is rejected."""

from bot.cards.blocks import paragraph
from bot.domain.request import Request
from bot.slack.forms import fields
from bot.slack.forms.fields import View

REJECT = "reject"


def reject(request: Request, title: str) -> View:
    """The form for one request; it carries the request's number and nothing else."""
    why = fields.text(
        "reason",
        "Why?",
        {},
        hint="The person who asked reads this in the thread.",
        multiline=True,
        max_length=1000,
    )
    return fields.modal(
        f"Reject {request.name}",
        "Reject",
        REJECT,
        str(request.number),
        (paragraph(f"Nothing will be sent: {title}."), why),
    )
