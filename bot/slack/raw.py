"""Members of a raw payload, which may be missing or of another kind than expected."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from bot.domain.clean import kept


@dataclass(frozen=True, slots=True, kw_only=True)
class Actor:
    """Who acts: Slack user id and the payload's workspace; empty when not given."""

    user_id: str
    team_id: str


def only_action(body: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return the only action of a click; an empty mapping if there are none or several."""
    actions = body.get("actions")
    only = actions[0] if isinstance(actions, list) and len(actions) == 1 else None
    return only if isinstance(only, Mapping) else {}


def actor_of(body: Mapping[str, Any]) -> Actor:
    """Return who acts."""
    user = mapping(body, "user")
    team = text_of(user, "team_id") or text_of(mapping(body, "team"), "id")
    return Actor(user_id=text_of(user, "id"), team_id=team)


def files_of(holder: Mapping[str, Any]) -> Iterator[str]:
    """Yield the ids of the files that a field or a message holds."""
    files = holder.get("files")
    for each in files if isinstance(files, list) else ():
        if isinstance(each, Mapping) and (its_id := text_of(each, "id")):
            yield its_id


def mapping(body: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    """Return a member that has members itself; empty if it has none."""
    found = body.get(name)
    return found if isinstance(found, Mapping) else {}


def text_of(body: Mapping[str, Any], name: str) -> str:
    """Return a member that is a text, without what no database takes; empty if it is none."""
    found = body.get(name)
    return kept(found) if isinstance(found, str) else ""
