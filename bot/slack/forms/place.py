"""The fields for the entity and the organization of a request: only where there are several. No I/O."""

from collections.abc import Iterator

from bot.cards.blocks import Block
from bot.domain.place import ENTITY, ORG, Places, Unit
from bot.operations.operation import Values
from bot.slack.forms import fields

LONGEST_VALUE = 150
"""Of an option, for Slack."""


def place_fields(values: Values, places: Places) -> Iterator[Block]:
    """A menu for each of the two that has several to choose from; nothing is chosen beforehand."""
    for name, label, units in (
        (ENTITY, "Entity", places.entities),
        (ORG, "Organization", places.organizations),
    ):
        if len(units) > 1:
            typed = str(values.get(name) or "")
            chosen = [_value(unit) for unit in units if typed and unit.is_called(typed)]
            choices = [(_value(unit), unit.name, "") for unit in units]
            hint = f"The {label.lower()} of Zuora in which this is read and done."
            yield fields.select(name, label, {name: chosen}, choices, hint=hint)


def _value(unit: Unit) -> str:
    return unit.id if len(unit.id) <= LONGEST_VALUE else unit.name
