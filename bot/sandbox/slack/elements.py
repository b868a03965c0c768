"""Block Kit's elements and composition objects (docs.slack.dev/reference/block-kit)."""

import re
from collections.abc import Iterator, Mapping
from typing import Any, Final

from bot.sandbox.slack import limits
from bot.sandbox.slack.inputs import all_options
from bot.sandbox.slack.schema import (
    Check,
    Shape,
    array,
    boolean,
    choice,
    error,
    integer,
    plain,
    string,
    text,
    typed,
)

IDENTIFIER: Final = string(limits.IDENTIFIER)
_URL: Final = string(limits.URL)
_LABEL: Final = string(limits.ACCESSIBILITY_LABEL)
_PLACEHOLDER: Final = plain(limits.PLACEHOLDER)


def _matching(pattern: str, words: str) -> Check:
    def check(value: Any, at: str) -> Iterator[str]:
        if not isinstance(value, str) or not re.fullmatch(pattern, value):
            yield error(f"must be {words}", at)

    return check


DATE: Final = _matching(r"\d{4}-\d{2}-\d{2}", "a date of the form YYYY-MM-DD")
TIME: Final = _matching(r"([01]\d|2[0-3]):[0-5]\d", "a time of the form HH:mm")
NUMBER: Final = _matching(r"-?\d+(\.\d+)?", "a number")

CONFIRM: Final = Shape(
    {
        "title": plain(limits.CONFIRM_TITLE),
        "text": text(limits.CONFIRM_TEXT),
        "confirm": plain(limits.CONFIRM_BUTTON),
        "deny": plain(limits.CONFIRM_BUTTON),
    },
    {"style": choice("primary", "danger")},
)


def _option(label: Check, *, url: bool = False) -> Shape:
    extra: dict[str, Check] = {"description": plain(limits.OPTION_TEXT)}
    if label is _BOX_LABEL:
        extra["description"] = text(limits.OPTION_TEXT)
    if url:
        extra["url"] = _URL
    return Shape({"text": label, "value": string(limits.OPTION_VALUE)}, extra)


_SELECT_LABEL: Final = plain(limits.OPTION_TEXT)
_BOX_LABEL: Final = text(limits.OPTION_TEXT)
SELECT_OPTION: Final = _option(_SELECT_LABEL)
BOX_OPTION: Final = _option(_BOX_LABEL)
_SELECT_OPTIONS: Final = array(SELECT_OPTION, limits.OPTIONS)
_BOX_OPTIONS: Final = array(BOX_OPTION, limits.BOX_OPTIONS)
_GROUPS: Final = array(
    Shape({"label": plain(limits.OPTION_TEXT), "options": _SELECT_OPTIONS}, {}), limits.OPTIONS
)


def _initial_rule(value: Mapping[str, Any], at: str) -> Iterator[str]:
    if ("options" in value) == ("option_groups" in value):
        yield error("must provide either options or option_groups", at)
        return
    try:
        options: list[Any] = list(all_options(value))
    except (KeyError, TypeError):
        return
    known = [str(option.get("value")) for option in options if isinstance(option, dict)]
    if len(known) != len(set(known)):
        yield error("option values must be unique", f"{at}/options")
    chosen = value.get("initial_options") or []
    if value.get("initial_option"):
        chosen = [value["initial_option"]]
    if isinstance(chosen, list):
        for option in chosen:
            if option not in options:
                yield error("initial option must be one of the options", at)


def _range_rule(low: str, high: str) -> Check:
    def check(value: Any, at: str) -> Iterator[str]:
        try:
            wrong = float(value[low]) > float(value[high])
        except (KeyError, TypeError, ValueError):
            return
        if wrong:
            yield error(f"{low} must not be greater than {high}", at)

    return check


_COMMON: Final[dict[str, Check]] = {"confirm": CONFIRM, "focus_on_load": boolean}
_ACTION: Final[dict[str, Check]] = {"action_id": IDENTIFIER}
_FIELD: Final[dict[str, Check]] = {
    **_ACTION,
    "placeholder": _PLACEHOLDER,
    "focus_on_load": boolean,
    "dispatch_action_config": Shape(
        {},
        {"trigger_actions_on": array(choice("on_enter_pressed", "on_character_entered"), 2)},
    ),
}
_PICK: Final[dict[str, Check]] = {**_ACTION, **_COMMON, "placeholder": _PLACEHOLDER}
_STATIC: Final[dict[str, Check]] = {
    **_PICK,
    "options": _SELECT_OPTIONS,
    "option_groups": _GROUPS,
}
_MANY: Final = integer(1, 1000)

ELEMENTS: Final[Mapping[str, Check]] = {
    "button": Shape(
        {"text": plain(limits.BUTTON_TEXT)},
        {
            **_ACTION,
            "url": _URL,
            "value": string(limits.BUTTON_VALUE),
            "style": choice("primary", "danger"),
            "confirm": CONFIRM,
            "accessibility_label": _LABEL,
        },
    ),
    "overflow": Shape(
        {"options": array(_option(_SELECT_LABEL, url=True), limits.OVERFLOW_OPTIONS)},
        {**_ACTION, "confirm": CONFIRM},
    ),
    "plain_text_input": Shape(
        {},
        {
            **_FIELD,
            "initial_value": string(limits.INPUT_TEXT, 0),
            "multiline": boolean,
            "min_length": integer(0, limits.INPUT_TEXT),
            "max_length": integer(1, limits.INPUT_TEXT),
        },
        _range_rule("min_length", "max_length"),
    ),
    "number_input": Shape(
        {"is_decimal_allowed": boolean},
        {**_FIELD, "initial_value": NUMBER, "min_value": NUMBER, "max_value": NUMBER},
        _range_rule("min_value", "max_value"),
    ),
    "email_text_input": Shape({}, {**_FIELD, "initial_value": string()}),
    "url_text_input": Shape({}, {**_FIELD, "initial_value": string()}),
    "datepicker": Shape({}, {**_PICK, "initial_date": DATE}),
    "timepicker": Shape({}, {**_PICK, "initial_time": TIME, "timezone": string()}),
    "datetimepicker": Shape(
        {}, {**_ACTION, **_COMMON, "initial_date_time": integer(10**9, 10**10)}
    ),
    "static_select": Shape({}, {**_STATIC, "initial_option": SELECT_OPTION}, _initial_rule),
    "multi_static_select": Shape(
        {},
        {
            **_STATIC,
            "initial_options": array(SELECT_OPTION, limits.OPTIONS),
            "max_selected_items": _MANY,
        },
        _initial_rule,
    ),
    "radio_buttons": Shape(
        {"options": _BOX_OPTIONS},
        {**_ACTION, **_COMMON, "initial_option": BOX_OPTION},
        _initial_rule,
    ),
    "checkboxes": Shape(
        {"options": _BOX_OPTIONS},
        {**_ACTION, **_COMMON, "initial_options": array(BOX_OPTION, limits.BOX_OPTIONS)},
        _initial_rule,
    ),
    "users_select": Shape({}, {**_PICK, "initial_user": string()}),
    "multi_users_select": Shape(
        {},
        {**_PICK, "initial_users": array(string(), 1000), "max_selected_items": _MANY},
    ),
    "channels_select": Shape(
        {}, {**_PICK, "initial_channel": string(), "response_url_enabled": boolean}
    ),
    "conversations_select": Shape(
        {}, {**_PICK, "initial_conversation": string(), "response_url_enabled": boolean}
    ),
    "file_input": Shape(
        {}, {**_ACTION, "filetypes": array(string(), 100), "max_files": integer(1, 10)}
    ),
}

_TYPED_ONLY: Final = {
    "plain_text_input",
    "number_input",
    "email_text_input",
    "url_text_input",
    "file_input",
}
INPUT_ELEMENTS: Final = typed(ELEMENTS, set(ELEMENTS) - {"button", "overflow"})
ACTION_ELEMENTS: Final = typed(ELEMENTS, set(ELEMENTS) - _TYPED_ONLY)


def _image_rule(value: Any, at: str) -> Iterator[str]:
    if ("image_url" in value) == ("slack_file" in value):
        yield error("must provide either image_url or slack_file", at)


IMAGE_ELEMENT: Final = Shape(
    {"alt_text": string(limits.IMAGE_ALT)},
    {"image_url": _URL, "slack_file": Shape({}, {"id": string(), "url": string()})},
    _image_rule,
)
IMAGE_BLOCK: Final = Shape(
    IMAGE_ELEMENT.required,
    {**IMAGE_ELEMENT.optional, "title": plain(limits.IMAGE_TITLE), "block_id": IDENTIFIER},
    _image_rule,
)
CONTEXT_ELEMENT: Final = typed(
    {
        "image": IMAGE_ELEMENT,
        "mrkdwn": text(limits.SECTION_TEXT),
        "plain_text": text(limits.SECTION_TEXT),
    }
)
ACCESSORY: Final = typed(
    {**ELEMENTS, "image": IMAGE_ELEMENT}, (set(ELEMENTS) | {"image"}) - _TYPED_ONLY
)
