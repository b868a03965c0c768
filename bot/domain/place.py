"""Where in a tenant a request acts: one of its entities, and organizations. No I/O.

Sources: headers `Zuora-Entity-Ids` and `Zuora-Org-Ids` of every operation's page. With Multi-entity
a token may be valid for several entities, and each call says for which one it is; with Multi-Org it
may say for which organizations.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

from bot.domain.clean import as_key

ENTITY, ORG = "entity", "org"
"""The fields of a form, and the words of a line."""

_LINE = re.compile(rf"(?:^|\s+)({ENTITY}|{ORG})\s*=\s*(\"[^\"]*\"|\S+)", re.IGNORECASE)


class Unit(NamedTuple):
    """An entity, an organization, or several organizations together, with a name for people.

    `id` is what the header says: several organizations stand with commas between.
    """

    id: str
    name: str


def units_of(text: str) -> tuple[Unit, ...]:
    """The units that a setting lists: `id, id`, each with a name where one is given: `Europe=id`.

    Organizations that are always used together stand with a plus between: `All=id+id`.
    """
    found = []
    for each in text.split(","):
        name, equals, key = each.strip().rpartition("=")
        ids = ",".join(part.strip() for part in key.split("+") if part.strip())
        if ids:
            found.append(Unit(ids, name.strip() if equals and name.strip() else ids))
    return tuple(dict.fromkeys(found))


@dataclass(frozen=True, slots=True)
class Place:
    """What a request says of where it acts; empty where there is nothing to choose."""

    entity: Unit | None = None
    organization: Unit | None = None

    @property
    def key(self) -> str:
        """The ids as one text, by which requests are told apart; empty for none."""
        units = {ENTITY: self.entity, ORG: self.organization}
        return ";".join(f"{name}={unit.id}" for name, unit in units.items() if unit)

    @property
    def words(self) -> str:
        """`entity Europe, organization Retail`; empty for none."""
        found = {"entity": self.entity, "organization": self.organization}
        return ", ".join(f"{name} {unit.name}" for name, unit in found.items() if unit)

    @property
    def names(self) -> dict[str, str]:
        """As a person types them."""
        found = {ENTITY: self.entity, ORG: self.organization}
        return {name: unit.name for name, unit in found.items() if unit}

    @property
    def values(self) -> dict[str, str]:
        """As a form's values."""
        found = {ENTITY: self.entity, ORG: self.organization}
        return {name: unit.id for name, unit in found.items() if unit}


NOWHERE = Place()


@dataclass(frozen=True, slots=True)
class Places:
    """The places that the settings list. There is a choice only where there are several."""

    entities: tuple[Unit, ...] = ()
    organizations: tuple[Unit, ...] = ()

    @property
    def is_choice(self) -> bool:
        """Whether a request has to say where it acts."""
        return len(self.entities) > 1 or len(self.organizations) > 1

    @property
    def all(self) -> tuple[Place, ...]:
        """Every place that can be chosen; one empty place where there is no choice."""
        entities = self.entities if len(self.entities) > 1 else (None,)
        organizations = self.organizations if len(self.organizations) > 1 else (None,)
        return tuple(Place(one, other) for one in entities for other in organizations)

    def read(self, form: Mapping[str, Any]) -> tuple[Place, dict[str, str]]:
        """What a form or a line chooses, and what is wrong with it by field."""
        wrong: dict[str, str] = {}
        place = Place(
            _chosen(form, ENTITY, self.entities, wrong),
            _chosen(form, ORG, self.organizations, wrong),
        )
        return place, wrong

    def matching(self, form: Mapping[str, Any]) -> tuple[Place, ...]:
        """The places that fit what was chosen so far."""
        wanted = {name: as_key(str(form.get(name) or "")).lower() for name in (ENTITY, ORG)}
        return tuple(
            place
            for place in self.all
            if _fits(wanted[ENTITY], place.entity) and _fits(wanted[ORG], place.organization)
        )

    def unlisted(self, form: Mapping[str, Any]) -> str:
        """Why what was chosen so far is no place; empty where it is one, or nothing was chosen."""
        _, wrong = self.read(form)
        return " ".join(words for name, words in wrong.items() if form.get(name))

    def at(self, key: str) -> Place:
        """A place by its key, with the names of today; an id that is not listed is its own name."""
        named = values_of_key(key)
        return Place(
            _by_id(named.get(ENTITY, ""), self.entities),
            _by_id(named.get(ORG, ""), self.organizations),
        )

    def headers(self, key: str) -> tuple[str, str]:
        """`Zuora-Entity-Ids` and `Zuora-Org-Ids` for a place by its key, whatever is listed now.

        Where there is no choice it is what the settings list: one entity, any organizations.
        """
        named = values_of_key(key)
        entity = _ids(self.entities) if len(self.entities) == 1 else ""
        organizations = _ids(self.organizations) if len(self.organizations) == 1 else ""
        return named.get(ENTITY, entity), named.get(ORG, organizations)


def entity_part(key: str) -> str:
    """The part of a place's key within which a number names one thing: `entity=…`; empty if unknown.

    Organizations of one entity share their numbers and ids: the same document can be reached
    through several of them, so they keep nothing apart.
    """
    return next((part for part in key.split(";") if part.startswith(f"{ENTITY}=")), "")


def values_of_key(key: str) -> dict[str, str]:
    """A place by its key as a form's values."""
    return dict(part.split("=", 1) for part in key.split(";") if "=" in part)


def parted(text: str) -> tuple[str, dict[str, str]]:
    """A line without `entity=` and `org=`, and these by field."""
    found = {match[1].lower(): match[2].strip('"') for match in _LINE.finditer(text)}
    return _LINE.sub("", text).strip(), found


def _by_id(wanted: str, units: tuple[Unit, ...]) -> Unit | None:
    known = {unit.id: unit for unit in units}
    return known.get(wanted, Unit(wanted, wanted)) if wanted else None


def _ids(units: tuple[Unit, ...]) -> str:
    return ",".join(unit.id for unit in units)


def _fits(wanted: str, unit: Unit | None) -> bool:
    return not wanted or unit is None or wanted in (unit.id.lower(), unit.name.lower())


def _chosen(
    form: Mapping[str, Any], field: str, units: tuple[Unit, ...], wrong: dict[str, str]
) -> Unit | None:
    typed = as_key(str(form.get(field) or ""))
    found = next((unit for unit in units if typed and _fits(typed.lower(), unit)), None)
    what = {ENTITY: "entity", ORG: "organization"}[field]
    names = ", ".join(unit.name for unit in units)
    if typed and found is None:
        known = f"these are: {names}" if units else "the settings list none"
        wrong[field] = f"This bot has no {what} {typed}; {known}."
    elif found is None and len(units) > 1:
        wrong[field] = f"Choose the {what}: {names}."
    return found if len(units) > 1 else None
