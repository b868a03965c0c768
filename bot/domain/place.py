"""Where in a tenant a request acts: in which of its entities and organizations. No I/O.

Sources: headers `Zuora-Entity-Ids` and `Zuora-Org-Ids` of every operation's page. With
Multi-entity a token may be valid for several entities, and each call names one; with Multi-Org a
call may name organizations.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

from bot.domain import quotes
from bot.domain.clean import as_key

ENTITY, ORG = "entity", "org"
"""The fields of a form, and the words of a line."""

_CHOICE = re.compile(rf"({ENTITY}|{ORG})\s*=\s*", re.IGNORECASE)


class Unit(NamedTuple):
    """An entity, an organization, or several organizations together, with a name for people.

    `id` is the header's value, with commas between several organizations.
    """

    id: str
    name: str

    def is_called(self, text: str) -> bool:
        """Return whether a text is its name or its ids, in any spelling of them."""
        return text.lower() == self.name.lower() or plain_ids(text) == plain_ids(self.id)


def plain_ids(ids: str) -> str:
    """Return the header's ids in one form, whatever their hyphens and case.

    Several organizations are a set, so each occurs once, in order.
    """
    plain = (each.strip().replace("-", "").lower() for each in ids.split(","))
    return ",".join(sorted({each for each in plain if each}))


def units_of(text: str) -> tuple[Unit, ...]:
    """Return the units that a setting lists: `id, id`, or with names `Europe=id`.

    A plus joins organizations that are always used together: `All=id+id`.
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
    """Where a request acts, as it says; empty if there is nothing to choose."""

    entity: Unit | None = None
    organization: Unit | None = None

    @property
    def key(self) -> str:
        """Return the ids in one form, by which places are compared; empty for none."""
        units = {ENTITY: self.entity, ORG: self.organization}
        return ";".join(f"{name}={plain_ids(unit.id)}" for name, unit in units.items() if unit)

    @property
    def words(self) -> str:
        """Return `entity Europe, organization Retail`; empty for none."""
        found = {"entity": self.entity, "organization": self.organization}
        return ", ".join(f"{name} {unit.name}" for name, unit in found.items() if unit)

    @property
    def names(self) -> dict[str, str]:
        """Return the names as a person types them."""
        found = {ENTITY: self.entity, ORG: self.organization}
        return {name: unit.name for name, unit in found.items() if unit}

    @property
    def values(self) -> dict[str, str]:
        """Return it as a form's values."""
        found = {ENTITY: self.entity, ORG: self.organization}
        return {name: unit.id for name, unit in found.items() if unit}


NOWHERE = Place()


@dataclass(frozen=True, slots=True)
class Within:
    """The places that an answer is about.

    `keys` holds their keys; None for everywhere.

    Attributes:
        words: ` in entity Europe`; empty for everywhere.
        choice: What was chosen, as a place's key.
    """

    keys: frozenset[str] | None = None
    words: str = ""
    choice: str = ""

    def has(self, key: str) -> bool:
        """Return whether a request with this place acts there; if its place is not known, it may."""
        return self.keys is None or not key or plain_key(key) in self.keys


EVERYWHERE = Within()


@dataclass(frozen=True, slots=True)
class Places:
    """The entities and organizations that the settings list; there is a choice only among several."""

    entities: tuple[Unit, ...] = ()
    organizations: tuple[Unit, ...] = ()

    @property
    def is_choice(self) -> bool:
        """Return whether a request must name where it acts."""
        return len(self.entities) > 1 or len(self.organizations) > 1

    @property
    def all(self) -> tuple[Place, ...]:
        """Return every place that can be chosen; one empty place if there is no choice."""
        entities = self.entities if len(self.entities) > 1 else (None,)
        organizations = self.organizations if len(self.organizations) > 1 else (None,)
        return tuple(Place(one, other) for one in entities for other in organizations)

    def read(self, form: Mapping[str, Any]) -> tuple[Place, dict[str, str]]:
        """Return what a form or a line chooses, and what is wrong with it by field."""
        entity, no_entity = _chosen(form, ENTITY, self.entities)
        organization, no_organization = _chosen(form, ORG, self.organizations)
        wrong = {ENTITY: no_entity, ORG: no_organization}
        return Place(entity, organization), {name: why for name, why in wrong.items() if why}

    def matching(self, form: Mapping[str, Any]) -> tuple[Place, ...]:
        """Return the places that fit what was chosen so far."""
        wanted = {name: as_key(str(form.get(name) or "")) for name in (ENTITY, ORG)}
        return tuple(
            place
            for place in self.all
            if _fits(wanted[ENTITY], place.entity) and _fits(wanted[ORG], place.organization)
        )

    def within(self, chosen: Mapping[str, Any]) -> Within:
        """Return where an answer should look, by what was chosen; everywhere if nothing was."""
        place, _ = self.read(chosen)
        if not place.key:
            return EVERYWHERE
        keys = frozenset(each.key for each in self.matching(chosen))
        return Within(keys, f" in {place.words}", place.key)

    def unlisted(self, line: Mapping[str, str]) -> str:
        """Return why what a line chooses is not a place; empty if it is one or nothing was chosen."""
        _, wrong = self.read(line)
        nothing = [f"{name}= has no value." for name, said in line.items() if not said]
        return " ".join([*nothing, *(words for name, words in wrong.items() if line.get(name))])

    def at(self, key: str) -> Place:
        """Return a place by its key, with today's names; an id that is not listed is its own name."""
        named = values_of_key(key)
        return Place(
            _by_id(named.get(ENTITY, ""), self.entities),
            _by_id(named.get(ORG, ""), self.organizations),
        )

    def headers(self, key: str) -> tuple[str, str]:
        """Return `Zuora-Entity-Ids` and `Zuora-Org-Ids` for a place by its key, as the settings write them.

        A place that is no longer listed is written as in the key. If there is no choice, the
        headers are what the settings list: the one entity, the one set of organizations.
        """
        place = self.at(key)
        units = {ENTITY: place.entity, ORG: place.organization}
        named = {name: unit.id for name, unit in units.items() if unit}
        entity = _ids(self.entities) if len(self.entities) == 1 else ""
        organizations = _ids(self.organizations) if len(self.organizations) == 1 else ""
        return named.get(ENTITY, entity), named.get(ORG, organizations)


def entity_part(key: str) -> str:
    """Return the part of a place's key within which a number is unique: `entity=…`; empty if unknown.

    Organizations of one entity share numbers and ids, and the same document can be reached through several of
    them, so they do not make a number unique.
    """
    entity = values_of_key(key).get(ENTITY, "")
    return f"{ENTITY}={plain_ids(entity)}" if entity else ""


def plain_key(key: str) -> str:
    """Return a place's key in one form; older versions wrote the ids as the settings had them."""
    return ";".join(f"{name}={plain_ids(ids)}" for name, ids in values_of_key(key).items())


def where(key: str, words: str, tenant: str) -> tuple[str, str]:
    """Return a stored request's place in today's form, and its tenant without the place's name."""
    return plain_key(key), tenant.removesuffix(f" · {words}") if words else tenant


def values_of_key(key: str) -> dict[str, str]:
    """Return a place by its key as a form's values."""
    return dict(part.split("=", 1) for part in key.split(";") if "=" in part)


def parted(text: str) -> tuple[str, dict[str, str]]:
    """Return a line without its `entity=` and `org=`, wherever they stand, and their values by field.

    Quoted text is left alone, and quotation marks may enclose a name with spaces. Two different values for one
    field are joined into a text that names nothing.
    """
    found: dict[str, str] = {}
    rest: list[str] = []
    at = 0

    def opens(at: int) -> int:
        choice = _CHOICE.match(text, at)
        return choice.end() if choice else at

    for piece in quotes.pieces(text, "", before=opens):
        if piece.start < at:  # it is what `entity =` chose
            continue
        choice = _CHOICE.match(text, piece.start)
        if choice is None:
            rest.append(text[at : piece.end])
            at = piece.end
            continue
        value = next(quotes.pieces(text[choice.end() :], ""), None)
        at = choice.end() + (value.end if value else 0)
        said = "" if value is None else _unquoted(text[choice.end() :], value)
        before = found.get(choice[1].lower(), said)
        found[choice[1].lower()] = said if said == before else f"{before} and also {said}"
    return "".join(rest).strip(), found


def _unquoted(text: str, piece: quotes.Piece) -> str:
    return text[piece.start : piece.end] if piece.quoted is None else piece.quoted


def _by_id(wanted: str, units: tuple[Unit, ...]) -> Unit | None:
    known = {plain_ids(unit.id): unit for unit in units}
    return known.get(plain_ids(wanted), Unit(wanted, wanted)) if wanted else None


def _ids(units: tuple[Unit, ...]) -> str:
    return ",".join(unit.id for unit in units)


def _fits(wanted: str, unit: Unit | None) -> bool:
    return not wanted or unit is None or unit.is_called(wanted)


def _chosen(
    form: Mapping[str, Any], field: str, units: tuple[Unit, ...]
) -> tuple[Unit | None, str]:
    """Return the unit that a field names, if there is a choice, and what is wrong with it (empty: nothing)."""
    typed = as_key(str(form.get(field) or ""))
    found = next((unit for unit in units if typed and unit.is_called(typed)), None)
    what = {ENTITY: "entity", ORG: "organization"}[field]
    names = ", ".join(unit.name for unit in units)
    if typed and found is None:
        known = f"it has {names}" if units else "its settings list none"
        return None, f"This bot has no {what} {typed}; {known}."
    if len(units) <= 1:
        return None, ""
    return found, "" if found else f"Choose the {what}: {names}."
