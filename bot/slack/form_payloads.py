"""What Slack sends of a form: what was submitted, and a choice on which the rest of it depends."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from bot.domain.clean import kept, or_nothing
from bot.operations.typed import Values
from bot.slack.payloads import Actor, actor_of, files_of, mapping, only_action, text_of


@dataclass(frozen=True, slots=True, kw_only=True)
class Submission:
    """A submitted form. `view_id` identifies it, also when it is submitted twice."""

    actor: Actor
    view_id: str
    metadata: str
    values: Values


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """A choice in an open form on which the rest of the form depends.

    Attributes:
        draft: Name of the kept values that a button leads to.
        trigger_id: Can open another form for three seconds.
    """

    actor: Actor
    view_id: str
    hash: str
    callback_id: str
    metadata: str
    values: Values
    draft: str = ""
    trigger_id: str = ""


def view_id(body: Mapping[str, Any]) -> str:
    """Return the id of the view on which something was pressed; empty if it was not a view."""
    return text_of(mapping(body, "view"), "id")


def submission(body: Mapping[str, Any]) -> Submission:
    """Read a `view_submission` payload."""
    view = mapping(body, "view")
    return Submission(
        actor=actor_of(body),
        view_id=text_of(view, "root_view_id") or text_of(view, "id"),
        metadata=text_of(view, "private_metadata"),
        values=_values(mapping(mapping(view, "state"), "values")),
    )


def change(body: Mapping[str, Any]) -> Change:
    """Read a `block_actions` payload of an element inside a form."""
    view = mapping(body, "view")
    return Change(
        actor=actor_of(body),
        view_id=text_of(view, "id"),
        hash=text_of(view, "hash"),
        callback_id=text_of(view, "callback_id"),
        metadata=text_of(view, "private_metadata"),
        values=_values(mapping(mapping(view, "state"), "values")),
        draft=text_of(only_action(body), "value"),
        trigger_id=text_of(body, "trigger_id"),
    )


def _values(state: Mapping[str, Any]) -> Values:
    """Return what was typed, by `block_id`."""
    values: dict[str, Any] = {}
    for block_id in state:
        for element in mapping(state, block_id).values():
            values[block_id] = _value(element) if isinstance(element, Mapping) else None
    return values


def _value(state: Mapping[str, Any]) -> Any:
    """Return the value of an element of a form; text exactly as typed, or empty if nothing of it is visible."""
    if "value" in state:
        typed = state["value"]
        return or_nothing(kept(typed)) if isinstance(typed, str) else typed
    for single in ("selected_date", "selected_time", "selected_user"):
        if single in state:
            return state[single]
    if "files" in state:
        return list(files_of(state))
    if "selected_option" in state:
        return mapping(state, "selected_option").get("value")
    if "selected_options" in state:
        options = state["selected_options"]
        listed = options if isinstance(options, list) else []
        return [option.get("value") for option in listed if isinstance(option, Mapping)]
    return None
