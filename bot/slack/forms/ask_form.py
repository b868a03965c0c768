"""The shape of a form that asks for something."""

import json
from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any

from bot.cards.blocks import Block, context
from bot.domain.key import own_spelling, unquoted
from bot.domain.kind import Kind
from bot.domain.named import Named, named
from bot.domain.place import ENTITY, ORG, Places, Unit
from bot.operations.asking import SlashCommand
from bot.operations.typed import Problems, Values
from bot.slack.forms import fields, numbers
from bot.slack.forms.fields import View
from bot.workflow.ask import WantedOrders
from bot.zuora.named import Found

LONGEST_VALUE = 150
"""How many characters Slack takes in an option's value."""

METADATA_LIMIT = 3000
LEFT_OUT = "left_out"
"""The name of a note, not of a field: what a form that was filled in from a request leaves out."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Origin:
    """What a form carries unseen.

    Attributes:
        channel: Where the command was typed, for answers after the form was closed.
        parent: Name of the request that this one continues, with its random part; empty for none.
        kept: Values typed into fields that the form does not show right now.
        draft: Its name in the database, if it is too long for Slack; else empty.
    """

    channel: str = ""
    parent: str = ""
    kept: Mapping[str, Any] = field(default_factory=dict)
    draft: str = ""

    @property
    def continues(self) -> Named | None:
        """Return the request that this one continues; None for none."""
        return named(self.parent)

    def metadata(self) -> str:
        """Return it as `private_metadata`, which may have `METADATA_LIMIT` characters."""
        data = {"channel": self.channel, "parent": self.parent, "kept": dict(self.kept)}
        return json.dumps({**data, "draft": self.draft} if self.draft else data)


def origin_of(metadata: str) -> Origin:
    """Return the origin in `private_metadata`, whatever that holds."""
    try:
        data = json.loads(metadata)
    except ValueError:
        return Origin()
    if not isinstance(data, dict):
        return Origin()
    channel, parent, kept = data.get("channel"), data.get("parent"), data.get("kept")
    draft = data.get("draft")
    return Origin(
        channel=channel if isinstance(channel, str) else "",
        parent=_parent(parent),
        kept=kept if isinstance(kept, dict) else {},
        draft=draft if isinstance(draft, str) else "",
    )


def _parent(data: Any) -> str:
    """Return the request's name; an older version wrote only its number, as a number."""
    if type(data) is int:
        return str(data)
    return data if isinstance(data, str) and not data.isdigit() else ""


class AskForm(ABC):
    """A form: fields that depend on what is chosen, and what is asked for with it.

    Attributes:
        command: The command that opens it; None if it has none, or one that also does other things.
    """

    callback_id: str
    title: str
    command: SlashCommand | None = None
    numbered: Mapping[str, Kind] = MappingProxyType({})
    """The fields for one number each, and what it is a number of."""
    places: Places = Places()
    """The entities and organizations to choose from."""
    takes_files: bool = False
    """Whether Slack lets the bot read files; if not, Slack refuses a form with a file field."""

    @abstractmethod
    def blocks(self, values: Values) -> Sequence[Block]:
        """Return the fields that the choices in `values` allow, each with its value. No I/O."""

    @abstractmethod
    def wanted(self, values: Values) -> WantedOrders | Problems:
        """Return the operations that a submitted form asks for. No I/O."""

    def unclear_behind_command(self, _text: str) -> tuple[str, ...]:
        """Return which parts of the text after the command only Zuora can interpret. No I/O."""
        return ()

    def begins_with(self, _text: str, _found: Found | None, /) -> dict[str, Any]:
        """Return the form's first values for what was typed after its command. No I/O.

        The second argument is what Zuora knows about `unclear_behind_command`; None if it was not asked or did not answer
        in time.
        """
        return {}

    def file_of(self, _values: Values) -> str:
        """Return Slack's id of a file with a list; empty for none. No I/O."""
        return ""

    def carries(self, _values: Values) -> Sequence[str]:
        """Return the names of values that count although the form does not show them. No I/O."""
        return ()

    def submitted(self, values: Values) -> Values:
        """Return the values to keep after the form was submitted and another view replaced it. No I/O."""
        return values

    def unclear(self, values: Values) -> tuple[str, ...]:
        """Return which typed values only Zuora can interpret. No I/O."""
        return tuple(each for name in self.numbered for each in numbers.unclear(values.get(name)))

    def cleared(self, values: Values, found: Found) -> Values | Problems:
        """Return the values with what Zuora knows about `unclear`, or what must be typed instead. No I/O."""
        for name, kind in self.numbered.items():
            for typed in numbers.unclear(values.get(name))[:1]:  # the whole text, if there is any
                number, why = numbers.number_of(kind, typed, found)
                if why:
                    return Problems({name: why})
                values = {**values, name: number or own_spelling(unquoted(typed))}
        return values

    def all_blocks(self, values: Values) -> list[Block]:
        """Return the form's own fields, and those that every form has. No I/O."""
        note = str(values.get(LEFT_OUT) or "")
        return [
            *([context(note)] if note else []),
            *place_fields(values, self.places),
            *self.blocks(values),
            fields.reason(values),
        ]

    def kept(self, values: Values, blocks: Sequence[Block]) -> dict[str, Any]:
        """Return the values that none of the blocks shows. No I/O."""
        shown = {block.get("block_id") for block in blocks}
        return {name: value for name, value in values.items() if name not in shown and value}

    def view_of(
        self, blocks: Sequence[Block], origin: Origin, problems: Mapping[str, str] | None = None
    ) -> View:
        """Return the form with these blocks and this origin. No I/O."""
        return fields.modal(
            self.title,
            "Ask for approval",
            self.callback_id,
            origin.metadata(),
            fields.with_problems(blocks, problems or {}),
        )

    def view(self, values: Values, origin: Origin) -> View:
        """Return the form with these values; it carries those that it does not show. No I/O.

        If they may be too long for Slack, use `slack.drawing`.
        """
        blocks = self.all_blocks(values)
        kept = self.kept(values, blocks)
        return self.view_of(blocks, Origin(channel=origin.channel, parent=origin.parent, kept=kept))


def place_fields(values: Values, places: Places) -> Iterator[Block]:
    """Yield a menu each for entity and organization, if there are several; nothing is chosen at first."""
    for name, label, units in (
        (ENTITY, "Entity", places.entities),
        (ORG, "Organization", places.organizations),
    ):
        if len(units) > 1:
            typed = str(values.get(name) or "")
            chosen = [_value(unit) for unit in units if typed and unit.is_called(typed)]
            choices = [(_value(unit), unit.name, "") for unit in units]
            hint = f"The Zuora {label.lower()} in which the bot does this."
            yield fields.select(name, label, {name: chosen}, choices, hint=hint)


def _value(unit: Unit) -> str:
    return unit.id if len(unit.id) <= LONGEST_VALUE else unit.name
