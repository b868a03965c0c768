"""The forms (modals) as views. A field's name is its `block_id`, in the form and in messages. No I/O."""

import json
from collections.abc import Mapping
from typing import Any

from bot.cards.blocks import Block, context, paragraph, plain_text, shortened
from bot.domain.message import Blocks
from bot.domain.request import Request
from bot.domain.words import Part

EMAIL_BILL_RUN = "email_bill_run"
REJECT = "reject"
View = dict[str, Any]


def email_bill_run(
    values: Mapping[str, Any], *, channel: str, problems: Mapping[str, str] | None = None
) -> View:
    """The form for emailing the documents of a bill run.

    Args:
        values: What the fields hold at first, by field name.
        channel: Where the command was typed, for answers that have no form any more.
        problems: Messages to show at the fields, when Slack's own way (the answer to the
            submission) is no longer open.
    """
    fields: Blocks = [
        _text_field(
            "bill_run", "Bill run", values,
            hint="Its number, like BR-00000001, or its id. It must be Posted.",
            placeholder="BR-00000001",
        ),
        _checkbox(
            "resend", "Customers who were already mailed", values,
            option="Mail them again",
            description="Every customer gets a mail, also those who had one before.",
        ),
        _text_field(
            "reason", "Reason", values, multiline=True, max_length=1000,
            hint="For the person who approves and for the record.",
        ),
    ]  # fmt: skip
    return {
        "type": "modal",
        "callback_id": EMAIL_BILL_RUN,
        "private_metadata": json.dumps({"channel": channel}),
        "title": plain_text("Email a bill run"),
        "submit": plain_text("Ask for approval"),
        "close": plain_text("Close"),
        "blocks": [
            paragraph(
                "Zuora mails the invoices and credit memos of a bill run to the customers. "
                "A second person approves before anything is sent."
            ),
            *_with_problems(fields, problems or {}),
        ],
    }


def reject(request: Request, title: str) -> View:
    """The form that asks why a request is rejected."""
    return {
        "type": "modal",
        "callback_id": REJECT,
        "private_metadata": str(request.number),
        "title": plain_text(f"Reject {request.name}", 24),
        "submit": plain_text("Reject"),
        "close": plain_text("Back"),
        "blocks": [
            paragraph(f"Nothing will be sent: {title}."),
            _text_field(
                "reason",
                "Why?",
                {},
                multiline=True,
                max_length=1000,
                hint="The person who asked reads this in the thread.",
            ),
        ],
    }


def notice(title: str, *parts: Part) -> View:
    """A view that only says something."""
    return {
        "type": "modal",
        "title": plain_text(title, 24),
        "close": plain_text("Close"),
        "blocks": [paragraph(*parts)],
    }


def channel_of(metadata: str) -> str:
    """The channel that a form's metadata names; empty if it names none."""
    try:
        found = json.loads(metadata).get("channel", "")
    except (ValueError, AttributeError):
        return ""
    return found if isinstance(found, str) else ""


def _with_problems(fields: Blocks, problems: Mapping[str, str]) -> Blocks:
    shown: Blocks = []
    for field in fields:
        shown.append(field)
        if message := problems.get(field["block_id"]):
            shown.append(context(f"Please check: {message}"))
    return shown


def _text_field(  # noqa: PLR0913 - what a field shows
    name: str,
    label: str,
    values: Mapping[str, Any],
    *,
    hint: str,
    placeholder: str = "",
    multiline: bool = False,
    max_length: int = 150,
) -> Block:
    element: Block = {
        "type": "plain_text_input",
        "action_id": "value",
        "multiline": multiline,
        "max_length": max_length,
    }
    if placeholder:
        element["placeholder"] = plain_text(placeholder)
    if value := values.get(name):
        element["initial_value"] = shortened(str(value), max_length)
    return {
        "type": "input",
        "block_id": name,
        "label": plain_text(label),
        "hint": plain_text(hint),
        "element": element,
    }


def _checkbox(
    name: str, label: str, values: Mapping[str, Any], *, option: str, description: str
) -> Block:
    choice = {
        "value": "yes",
        "text": plain_text(option, 75),
        "description": plain_text(description, 75),
    }
    element: Block = {"type": "checkboxes", "action_id": "value", "options": [choice]}
    if values.get(name):
        element["initial_options"] = [choice]
    return {
        "type": "input",
        "block_id": name,
        "optional": True,
        "label": plain_text(label),
        "element": element,
    }
