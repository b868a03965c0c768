"""The forms behind a card's buttons: for the reason to reject, the number to approve, what was seen."""

from bot.cards.blocks import Block, paragraph
from bot.cards.buttons import what_was_lost
from bot.domain.authority import RECORDS, Verb
from bot.domain.request import Request
from bot.slack.forms import fields
from bot.slack.forms.fields import View
from bot.workflow.decision import MOST_TYPED

DECIDE_FORMS = {
    "decide:approve": Verb.APPROVE,
    "decide:reject": Verb.REJECT,
    "decide:withdraw": Verb.WITHDRAW,
    "decide:sent": Verb.RECORD_SENT,
    "decide:not_sent": Verb.RECORD_NOT_SENT,
}
_CALLBACKS = {verb: callback_id for callback_id, verb in DECIDE_FORMS.items()}


def decide_form(verb: Verb, request: Request, title: str, in_full: str, *, typing: bool) -> View:
    """Return the form for one request; it carries only the request's name.

    Args:
        verb: Approve, reject or withdraw; or record what was seen in Zuora.
        request: The request.
        title: What it would do, as a clause.
        in_full: What an approval does, with figures.
        typing: Whether the number must be typed.
    """
    name = request.name
    if verb in RECORDS:
        return _record(verb, request, typing=typing)
    match verb:
        case Verb.APPROVE:
            heading, button = f"Approve {name}", "Approve"
            tier = "Highest approval tier. " if typing else ""
            blocks: tuple[Block, ...] = (
                paragraph(f"{tier}{in_full}"),
                *((_typed(request),) if typing else ()),
                _why(verb),
            )
        case Verb.REJECT:
            heading, button = f"Reject {name}", "Reject"
            blocks = (paragraph(f"{name}, to {title}, will not be carried out."), _why(verb))
        case _:
            heading, button = f"Withdraw {name}", "Withdraw"
            blocks = (paragraph(f"{name}, to {title}, will not be carried out."), _why(verb))
    return fields.modal(heading, button, _CALLBACKS[verb], request.reference, blocks)


def _record(verb: Verb, request: Request, *, typing: bool) -> View:
    """Return the form that asks what was seen and where, because a record without that would be a guess."""
    seen = "went through" if verb is Verb.RECORD_SENT else "did not go through"
    words = (
        f"You looked in Zuora and saw that {what_was_lost(request)} {seen}. "
        "Recording this sends nothing."
    )
    note = fields.text(
        "reason",
        "What did you see, and where?",
        {},
        hint="Shown in the thread, in the record, and on the next card about the same documents.",
        placeholder="Email history of INV00000012: no mail since 10:02",
        multiline=True,
        max_length=MOST_TYPED,
    )
    blocks = (paragraph(words), note, *((_typed(request),) if typing else ()))
    return fields.modal(
        f"Record of {request.name}", "Record", _CALLBACKS[verb], request.reference, blocks
    )


def _typed(request: Request) -> Block:
    return fields.text("typed", f"Type {request.confirmation} to confirm", {}, max_length=40)


def _why(verb: Verb) -> Block:
    rejects = verb is Verb.REJECT
    label = "A note for the record" if verb is Verb.APPROVE else "Why?"
    hint = "Shown in the thread to whoever asked, and kept in the record."
    return fields.text(
        "reason", label, {}, hint=hint, multiline=True, max_length=MOST_TYPED, optional=not rejects
    )
