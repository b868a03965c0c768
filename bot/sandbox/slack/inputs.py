"""The elements a person can set: their state, what may be typed, and what Slack's client checks."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from bot.sandbox.slack.errors import NotOnScreenError

Element = dict[str, Any]
Values = dict[str, dict[str, Any]]
REQUIRED_TEXT: Final = "Please complete this required field."


@dataclass(frozen=True)
class ElementKind:
    """How an element keeps its state: ``key`` in the state, ``initial`` in the element."""

    key: str
    initial: str
    many: bool = False
    option: bool = False

    def empty(self) -> Any:
        """Return the state of an element that nobody has set."""
        return [] if self.many else None


KINDS: Final[Mapping[str, ElementKind]] = {
    "plain_text_input": ElementKind("value", "initial_value"),
    "number_input": ElementKind("value", "initial_value"),
    "email_text_input": ElementKind("value", "initial_value"),
    "url_text_input": ElementKind("value", "initial_value"),
    "datepicker": ElementKind("selected_date", "initial_date"),
    "timepicker": ElementKind("selected_time", "initial_time"),
    "datetimepicker": ElementKind("selected_date_time", "initial_date_time"),
    "static_select": ElementKind("selected_option", "initial_option", option=True),
    "radio_buttons": ElementKind("selected_option", "initial_option", option=True),
    "multi_static_select": ElementKind(
        "selected_options", "initial_options", many=True, option=True
    ),
    "checkboxes": ElementKind("selected_options", "initial_options", many=True, option=True),
    "users_select": ElementKind("selected_user", "initial_user"),
    "multi_users_select": ElementKind("selected_users", "initial_users", many=True),
    "channels_select": ElementKind("selected_channel", "initial_channel"),
    "conversations_select": ElementKind("selected_conversation", "initial_conversation"),
    "file_input": ElementKind("files", "initial_files", many=True),
}


def elements(block: Mapping[str, Any]) -> Iterator[Element]:
    """Yield a block's interactive elements."""
    for key in ("element", "accessory"):
        if isinstance(block.get(key), dict) and block[key].get("action_id"):
            yield block[key]
    if block.get("type") == "actions":
        yield from block["elements"]


def initial_values(blocks: list[dict[str, Any]], kept: Mapping[str, Mapping[str, Any]]) -> Values:
    """Return the state of ``blocks``; ``kept`` wins where block_id and action_id are the same."""
    values: Values = {}
    for block in blocks:
        for element in elements(block):
            kind = KINDS.get(element["type"])
            if kind is None:
                continue
            block_id, action_id = block["block_id"], element["action_id"]
            old = kept.get(block_id, {}).get(action_id)
            fits = old is not None and old.get("type") == element["type"]
            state = old if fits else state_value(element, element.get(kind.initial))
            values.setdefault(block_id, {})[action_id] = state
    return values


def all_options(element: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Return an element's options, those in groups too."""
    found = list(element.get("options") or [])
    for group in element.get("option_groups") or []:
        found.extend(group["options"])
    return found


def _option(element: Mapping[str, Any], wanted: Any) -> dict[str, Any]:
    if isinstance(wanted, Mapping):
        wanted = wanted.get("value")
    for option in all_options(element):
        if wanted in (option.get("value"), option["text"]["text"]):
            return option
    raise NotOnScreenError(f"{element.get('action_id')} has no option {wanted!r}")


def state_value(element: Mapping[str, Any], value: Any) -> dict[str, Any]:
    """Return the state of ``element`` when a person sets it to ``value``.

    ``value`` is a text, a number, a date as ``YYYY-MM-DD``, an option's value or label, a user
    id, a list of these, None to clear, or a state as Slack sends it.

    Raises:
        NotOnScreenError: there is no such option.
    """
    kind = KINDS[element["type"]]
    if isinstance(value, Mapping) and not (kind.option and "value" in value):
        value = value.get(kind.key)
    if value is None or value == "":
        return {"type": element["type"], kind.key: kind.empty()}
    if kind.many:
        items = list(value) if isinstance(value, (list, tuple, set)) else [value]
        chosen: Any = [_option(element, item) if kind.option else item for item in items]
    elif kind.option:
        chosen = _option(element, value)
    else:
        chosen = value if element["type"] == "datetimepicker" else str(value)
    return {"type": element["type"], kind.key: chosen}


def find_input(blocks: list[dict[str, Any]], name: str) -> dict[str, Any]:
    """Find an input block by block_id, by its label or by its element's action_id.

    Raises:
        NotOnScreenError: there is none.
    """
    fields = [block for block in blocks if any(e["type"] in KINDS for e in elements(block))]
    for block in fields:
        if block["block_id"] == name:
            return block
    for block in fields:
        label = (block.get("label") or {}).get("text")
        if name == label or any(e["action_id"] == name for e in elements(block)):
            return block
    known = ", ".join(block["block_id"] for block in fields)
    raise NotOnScreenError(f"no input {name!r} on the screen; there are: {known}")


def client_problem(block: Mapping[str, Any], values: Mapping[str, Mapping[str, Any]]) -> str | None:
    """Return why Slack's client would not submit an input block, if it would not."""
    if block["type"] != "input" or block["element"]["type"] not in KINDS:
        return None
    element = block["element"]
    key = KINDS[element["type"]].key
    value = values[block["block_id"]][element["action_id"]][key]
    if value in (None, "", []):
        return None if block.get("optional") else REQUIRED_TEXT
    check = _CHECKS.get(element["type"])
    return check(element, value) if check is not None else None


def _check_text(element: Mapping[str, Any], value: str) -> str | None:
    longest, shortest = element.get("max_length", 3000), element.get("min_length", 0)
    if len(value) > longest:
        return f"This field needs to be {longest} characters or fewer."
    if len(value) < shortest:
        return f"This field needs to be at least {shortest} characters."
    return None


def _check_number(element: Mapping[str, Any], value: str) -> str | None:
    pattern = r"-?\d+(\.\d+)?" if element.get("is_decimal_allowed") else r"-?\d+"
    if not re.fullmatch(pattern, value):
        return "Please enter a valid number."
    lowest, highest = element.get("min_value"), element.get("max_value")
    if lowest is not None and float(value) < float(lowest):
        return f"Please enter a number greater than or equal to {lowest}."
    if highest is not None and float(value) > float(highest):
        return f"Please enter a number less than or equal to {highest}."
    return None


def _check_email(_element: Mapping[str, Any], value: str) -> str | None:
    fine = re.fullmatch(r"[^@\s]+@[^@\s]+\.[^@\s]+", value)
    return None if fine else "Please enter a valid email address."


_CHECKS: Final = {
    "plain_text_input": _check_text,
    "number_input": _check_number,
    "email_text_input": _check_email,
}


def action_of(block: Mapping[str, Any], element: Element, value: Any, ts: str) -> dict[str, Any]:
    """Return the entry in ``actions`` that shows an app what a person did to an element."""
    action = {
        "type": element["type"],
        "action_id": element["action_id"],
        "block_id": block["block_id"],
        "action_ts": ts,
    }
    for key in ("style", "text", "url", "placeholder"):
        if key in element:
            action[key] = element[key]
    if element["type"] == "button":
        return action | ({"value": element["value"]} if "value" in element else {})
    if element["type"] == "overflow":
        if isinstance(value, Mapping):
            value = value.get("selected_option", value)
        return action | {"selected_option": _option(element, value)}
    return action | state_value(element, value)
