"""Draws a form for one person, and keeps in the database what Slack cannot carry for it."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Self

from bot.cards import blocks
from bot.cards.below import OTHERS
from bot.operations.email_documents.reading import MOST_DOCUMENTS
from bot.operations.typed import Values
from bot.slack.forms import fields
from bot.slack.forms.ask_form import METADATA_LIMIT, AskForm, Origin
from bot.slack.forms.email_values import values_for_others
from bot.slack.forms.fields import View
from bot.store.store import Store
from bot.workflow.parts import Working


@dataclass(frozen=True, slots=True)
class Drawing:
    """Draws forms for one person.

    Attributes:
        new_id: Returns a new random id, for what is kept.
    """

    store: Store
    now: datetime
    new_id: Callable[[], str]
    user_id: str

    @classmethod
    def by(cls, parts: Working, user_id: str) -> Self:
        """Return a drawing for this person, as of now."""
        return cls(parts.store, parts.clock.now(), parts.new_id, user_id)

    def drawn(
        self,
        form: AskForm,
        values: Values,
        origin: Origin,
        problems: Mapping[str, str] | None = None,
    ) -> View:
        """Return the form with these values, and keep those that it does not show.

        Slack lets a form carry 3,000 characters unseen; longer values go into the database.

        Raises:
            CouldNotRecordError: They are too long for Slack and could not be saved.
        """
        blocks = form.all_blocks(values)
        kept = form.kept(values, blocks)
        carried = Origin(channel=origin.channel, parent=origin.parent, kept=kept)
        if len(carried.metadata()) > METADATA_LIMIT:
            carried = Origin(channel=origin.channel, parent=origin.parent, draft=self._keep(kept))
        return form.view_of(blocks, carried, problems)

    def with_others(self, view: View, values: Values, others: Sequence[str]) -> View:
        """Return the form with a button that opens one for only these documents.

        Raises:
            CouldNotRecordError: They could not be saved.
        """
        button = blocks.button(
            f"Mail just the other {len(others):,} by number…",
            action_id=f"{fields.CHANGES_FORM}{OTHERS}",
            value=self._keep(values_for_others(others[:MOST_DOCUMENTS], values)),
            spoken="Ask for the other documents by number",
        )
        return {**view, "blocks": [blocks.actions(OTHERS, button), *view["blocks"]]}

    def values_of(self, origin: Origin, shown: Values) -> Values:
        """Return the values that a form shows together with those kept for it; what it shows takes precedence."""
        kept = self.kept(origin.draft) if origin.draft else origin.kept
        return {**kept, **shown}

    def kept(self, name: str) -> Values:
        """Return this person's values kept under a name; empty for other people's, and after a week."""
        return self.store.drafts.get(name, self.user_id, self.now)

    def _keep(self, kept: Mapping[str, Any]) -> str:
        name = self.new_id()
        with self.store.transaction():
            self.store.drafts.add(name, self.user_id, kept, self.now)
        return name
