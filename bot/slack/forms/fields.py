"""The parts of forms. Every field takes its first value from `values` by its name."""

from collections.abc import Mapping, Sequence
from typing import Any, TypedDict, Unpack

from bot.cards.blocks import Block, context, paragraph, plain_text
from bot.domain.message import Blocks
from bot.domain.parts_of import parts_of
from bot.domain.words import Part
from bot.operations.typed import Values

View = dict[str, Any]
ELEMENT = "value"
MOST_OPTIONS = 100
CHANGES_FORM = "form:"
"""Prefix of the `action_id` of an element on which the rest of the form depends."""


class Around(TypedDict, total=False):
    """What any field has around its element.

    Attributes:
        hint: The words below it.
        placeholder: The example in an empty element; not for choices that are all in view.
        optional: Whether it may stay empty.
        changes_form: Whether the rest of the form depends on it.
    """

    hint: str
    placeholder: str
    optional: bool
    changes_form: bool


def text(
    name: str,
    label: str,
    values: Values,
    *,
    multiline: bool = False,
    max_length: int = 150,
    **around: Unpack[Around],
) -> Block:
    """Return a field for text. If the first value does not fit, it is cut, and the hint says so."""
    element: Block = {
        "type": "plain_text_input",
        "action_id": ELEMENT,
        "multiline": multiline,
        "max_length": max_length,
    }
    typed = str(values.get(name) or "")
    if typed:
        element["initial_value"] = typed[:max_length]
    if len(typed) > max_length:
        around["hint"] = (
            f"Only the first {max_length:,} of the {len(typed):,} characters typed fit "
            f"here; the rest was left out. {around.get('hint', '')}"
        ).rstrip()
    return _input(name, label, element, **around)


def reason(values: Values) -> Block:
    """Return the field for the reason, which every request has."""
    return text(
        "reason",
        "Reason",
        values,
        hint="For the person who approves and for the record.",
        multiline=True,
        max_length=1000,
    )


def date(name: str, label: str, values: Values, **around: Unpack[Around]) -> Block:
    """Return a field for a date; its value is `YYYY-MM-DD`."""
    element: Block = {"type": "datepicker", "action_id": ELEMENT}
    if value := values.get(name):
        element["initial_date"] = str(value)
    return _input(name, label, element, **around)


Choice = tuple[str, str, str]
"""Value, label and description (may be empty) of an option."""


def radio(
    name: str,
    label: str,
    values: Values,
    choices: Sequence[Choice],
    **around: Unpack[Around],
) -> Block:
    """Return a choice of one, by default the first. It may change the rest of the form."""
    options = [option(choice) for choice in choices]
    chosen = next((o for o in options if o["value"] == values.get(name)), options[0])
    element: Block = {
        "type": "radio_buttons",
        "action_id": CHANGES_FORM + name if around.get("changes_form") else ELEMENT,
        "options": options,
        "initial_option": chosen,
    }
    return _input(name, label, element, **around)


def select(
    name: str,
    label: str,
    values: Values,
    choices: Sequence[Choice],
    *,
    several: bool = False,
    **around: Unpack[Around],
) -> Block:
    """Return a choice of one or of several from a menu, in groups if there are many."""
    options = [option(choice) for choice in choices]
    element: Block = {
        "type": "multi_static_select" if several else "static_select",
        "action_id": CHANGES_FORM + name if around.get("changes_form") else ELEMENT,
        **_menu(options),
    }
    wanted = values.get(name) or ()
    wanted = wanted if isinstance(wanted, list | tuple) else (str(wanted),)
    chosen = [o for o in options if o["value"] in wanted]
    if chosen:
        element["initial_options" if several else "initial_option"] = (
            chosen if several else chosen[0]
        )
    return _input(name, label, element, **around)


def _menu(options: Sequence[Block]) -> Block:
    """Return the options for a menu, in groups if needed; Slack takes 100 options and 100 groups."""
    if len(options) <= MOST_OPTIONS:
        return {"options": list(options)}
    parts = parts_of(options, MOST_OPTIONS)
    return {"option_groups": [{"label": _from_to(part), "options": list(part)} for part in parts]}


def _from_to(options: Sequence[Block]) -> Block:
    first, last = (options[at]["text"]["text"] for at in (0, -1))
    return plain_text(first if first == last else f"{first} to {last}", 75)


def checkboxes(
    name: str, label: str, values: Values, choices: Sequence[Choice], *, hint: str = ""
) -> Block:
    """Return checkboxes for any number of choices; the value is a list."""
    options = [option(choice) for choice in choices]
    element: Block = {"type": "checkboxes", "action_id": ELEMENT, "options": options}
    wanted = values.get(name) or ()
    chosen = [o for o in options if o["value"] in wanted]
    if chosen:
        element["initial_options"] = chosen
    return _input(name, label, element, hint=hint, optional=True)


def file(name: str, label: str, *, types: Sequence[str], hint: str = "") -> Block:
    """Return an optional field for one file; its value is a list of Slack's ids."""
    element: Block = {
        "type": "file_input",
        "action_id": ELEMENT,
        "filetypes": list(types),
        "max_files": 1,
    }
    return _input(name, label, element, hint=hint, optional=True)


def option(choice: Choice) -> Block:
    """Return Slack's option object; its texts have at most 75 characters."""
    value, label, description = choice
    made: Block = {"value": value, "text": plain_text(label, 75)}
    if description:
        made["description"] = plain_text(description, 75)
    return made


def modal(
    title: str, submit: str, callback_id: str, metadata: str, blocks: Sequence[Block]
) -> View:
    """Return a form."""
    return {
        "type": "modal",
        "callback_id": callback_id,
        "private_metadata": metadata,
        "title": plain_text(title, 24),
        "submit": plain_text(submit, 24),
        "close": plain_text("Close", 24),
        "blocks": list(blocks),
    }


def notice(title: str, *parts: Part) -> View:
    """Return a view that shows only these words."""
    return {
        "type": "modal",
        "title": plain_text(title, 24),
        "close": plain_text("Close", 24),
        "blocks": [paragraph(*parts)],
    }


def begun(view: View) -> View:
    """Return the same form with the cursor in its first empty required field, or in none."""
    for at, block in enumerate(view["blocks"]):
        element = block.get("element") or {}
        empty = not any(name.startswith("initial_") for name in element)
        if block["type"] == "input" and empty and not block.get("optional"):
            begun_here = {**block, "element": {**element, "focus_on_load": True}}
            return {**view, "blocks": [*view["blocks"][:at], begun_here, *view["blocks"][at + 1 :]]}
    return view


def shown(title: str, blocks: Blocks) -> View:
    """Return a view that shows only these blocks."""
    return {
        "type": "modal",
        "title": plain_text(title, 24),
        "close": plain_text("Close", 24),
        "blocks": blocks,
    }


def with_problems(blocks: Sequence[Block], problems: Mapping[str, str]) -> Blocks:
    """Return the blocks with each message under its field; messages without a field come first.

    It is for use after the submission was answered, when Slack's own way of showing them is no longer possible.
    """
    names = {block.get("block_id") for block in blocks}
    shown: Blocks = [
        context(f"Please check: {message}")
        for name, message in problems.items()
        if name not in names
    ]
    for block in blocks:
        shown.append(block)
        if message := problems.get(block.get("block_id", "")):
            shown.append(context(f"Please check: {message}"))
    return shown


def _input(name: str, label: str, element: Block, **around: Unpack[Around]) -> Block:
    if placeholder := around.get("placeholder"):
        element = {**element, "placeholder": plain_text(placeholder, 150)}
    made: Block = {
        "type": "input",
        "block_id": name,
        "optional": around.get("optional", False),
        "label": plain_text(label, 2000),
        "element": element,
    }
    if hint := around.get("hint"):
        made["hint"] = plain_text(hint, 2000)
    if around.get("changes_form"):
        made["dispatch_action"] = True
    return made
