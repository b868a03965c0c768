"""Draws a form, and keeps what it does not show: in the form itself, or in the database."""

from collections.abc import Mapping

from bot.slack.answering import Answering
from bot.slack.forms.ask_form import METADATA_LIMIT, AskForm, Origin
from bot.slack.forms.fields import Values, View


def drawn(
    answering: Answering,
    user_id: str,
    form: AskForm,
    values: Values,
    origin: Origin,
    problems: Mapping[str, str] | None = None,
) -> View:
    """The form with these values, for one person. What it does not show is kept for it.

    Slack takes 3,000 characters of what a form carries unseen, and 500 numbers are more.

    Raises:
        CouldNotRecordError: It is too long for Slack and could not be written down.
    """
    blocks = form.all_blocks(values)
    kept = form.kept(values, blocks)
    carried = Origin(channel=origin.channel, parent=origin.parent, kept=kept)
    if len(carried.metadata()) > METADATA_LIMIT:
        parts = answering.parts
        name = parts.new_id()
        with parts.store.transaction():
            parts.store.drafts.add(name, user_id, kept, parts.clock.now())
        carried = Origin(channel=origin.channel, parent=origin.parent, draft=name)
    return form.view_of(blocks, carried, problems)


def values_of(answering: Answering, user_id: str, origin: Origin, form: Values) -> Values:
    """What a form shows and what was kept for it; what it shows goes first."""
    kept = origin.kept
    if origin.draft:
        parts = answering.parts
        kept = parts.store.drafts.get(origin.draft, user_id, parts.clock.now())
    return {**kept, **form}
