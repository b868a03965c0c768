"""The forms behind the buttons of a card: why it is rejected or withdrawn, the number to approve."""

from bot.cards.blocks import Block, paragraph
from bot.domain.authority import Verb
from bot.domain.request import Request
from bot.slack.forms import fields
from bot.slack.forms.fields import View

DECIDE_FORMS = {
    "decide:approve": Verb.APPROVE,
    "decide:reject": Verb.REJECT,
    "decide:withdraw": Verb.WITHDRAW,
}
_CALLBACKS = {verb: callback_id for callback_id, verb in DECIDE_FORMS.items()}


def decide_form(verb: Verb, request: Request, title: str, in_full: str, *, typing: bool) -> View:
    """The form for one request; it carries the request's name and nothing else.

    Args:
        verb: Approve, reject or withdraw.
        request: The request.
        title: What it would do, as a clause.
        in_full: What an approval does, with figures.
        typing: Whether an approver types the number.
    """
    name = request.name
    match verb:
        case Verb.APPROVE:
            heading, button = f"Approve {name}", "Approve"
            tier = "Highest approval tier. " if typing else ""
            typed = fields.text(
                "typed", f"Type {request.confirmation} to confirm", {}, max_length=40
            )
            blocks: tuple[Block, ...] = (
                paragraph(f"{tier}{in_full}"),
                *((typed,) if typing else ()),
                _why(verb),
            )
        case Verb.REJECT:
            heading, button = f"Reject {name}", "Reject"
            blocks = (paragraph(f"{name}, to {title}, will not be carried out."), _why(verb))
        case _:
            heading, button = f"Withdraw {name}", "Withdraw"
            blocks = (paragraph(f"{name}, to {title}, will not be carried out."), _why(verb))
    return fields.modal(heading, button, _CALLBACKS[verb], request.reference, blocks)


def _why(verb: Verb) -> Block:
    rejects = verb is Verb.REJECT
    label = "A note for the record" if verb is Verb.APPROVE else "Why?"
    hint = "It stands in the thread, for whoever asked and for the record."
    return fields.text(
        "reason", label, {}, hint=hint, multiline=True, max_length=1000, optional=not rejects
    )
