"""Checks blocks and views as Slack does, and adds ids as Slack does."""

import secrets
from collections.abc import Iterator, Mapping
from typing import Any, Final, Literal

from bot.sandbox.slack import limits
from bot.sandbox.slack.copied import copied
from bot.sandbox.slack.elements import (
    ACCESSORY,
    ACTION_ELEMENTS,
    CONTEXT_ELEMENT,
    ELEMENTS,
    IDENTIFIER,
    IMAGE_BLOCK,
    INPUT_ELEMENTS,
)
from bot.sandbox.slack.rich_text import DATA_TABLE, RICH_TEXT, TABLE
from bot.sandbox.slack.schema import (
    Check,
    Shape,
    anything,
    array,
    boolean,
    choice,
    error,
    plain,
    string,
    text,
    typed,
)

Surface = Literal["message", "modal", "home"]
_ID: Final[dict[str, Check]] = {"block_id": IDENTIFIER}


def _section_rule(value: Any, at: str) -> Iterator[str]:
    if not value.get("text") and not value.get("fields"):
        yield error("must provide text or fields", at)


BLOCKS: Final[Mapping[str, Check]] = {
    "section": Shape(
        {},
        {
            **_ID,
            "text": text(limits.SECTION_TEXT),
            "fields": array(text(limits.FIELD_TEXT), limits.FIELDS),
            "accessory": ACCESSORY,
            "expand": boolean,
        },
        _section_rule,
    ),
    "divider": Shape({}, _ID),
    "header": Shape({"text": plain(limits.HEADER_TEXT)}, _ID),
    "context": Shape({"elements": array(CONTEXT_ELEMENT, limits.CONTEXT_ELEMENTS)}, _ID),
    "actions": Shape({"elements": array(ACTION_ELEMENTS, limits.ACTIONS_ELEMENTS)}, _ID),
    "image": IMAGE_BLOCK,
    "input": Shape(
        {"label": plain(limits.INPUT_LABEL), "element": INPUT_ELEMENTS},
        {
            **_ID,
            "hint": plain(limits.INPUT_LABEL),
            "optional": boolean,
            "dispatch_action": boolean,
        },
    ),
    "markdown": Shape({"text": string(limits.MARKDOWN_TEXT)}, _ID),
    "rich_text": RICH_TEXT,
    "table": TABLE,
    "data_table": DATA_TABLE,
}
_ANYWHERE: Final = {"section", "divider", "header", "context", "actions", "image", "rich_text"}
SURFACES: Final[Mapping[Surface, set[str]]] = {
    "message": _ANYWHERE | {"markdown", "table", "data_table"},
    "modal": _ANYWHERE | {"input"},
    "home": _ANYWHERE | {"input"},
}
_VIEW_COMMON: Final[dict[str, Check]] = {
    "private_metadata": string(limits.PRIVATE_METADATA, 0),
    "callback_id": string(limits.IDENTIFIER, 0),
    "external_id": string(limits.IDENTIFIER, 0),
}
_TITLE: Final = plain(limits.VIEW_TITLE)
_MODAL: Final = Shape(
    {"title": _TITLE, "blocks": anything},
    {
        **_VIEW_COMMON,
        "submit": _TITLE,
        "close": _TITLE,
        "clear_on_close": boolean,
        "notify_on_close": boolean,
        "submit_disabled": boolean,
    },
)
_HOME: Final = Shape({"blocks": anything}, _VIEW_COMMON)


def check_blocks(blocks: Any, surface: Surface, at: str = "/blocks") -> list[str]:
    """Return Slack's objections to ``blocks``; empty if it would accept them."""
    most = limits.MESSAGE_BLOCKS if surface == "message" else limits.VIEW_BLOCKS
    shape = array(typed(BLOCKS, SURFACES[surface]), most, 0 if surface == "message" else 1)
    problems = list(shape(blocks, at))
    if isinstance(blocks, list) and all(isinstance(block, dict) for block in blocks):
        problems += _across(blocks, at)
    return problems


def _across(blocks: list[dict[str, Any]], at: str) -> Iterator[str]:
    seen: set[str] = set()
    focus = 0
    for index, block in enumerate(blocks):
        block_id = block.get("block_id")
        if isinstance(block_id, str):
            if block_id in seen:
                yield error(f'`block_id` "{block_id}" already exists', f"{at}/{index}/block_id")
            seen.add(block_id)
        yield from _unique_actions(block, f"{at}/{index}")
        focus += sum(1 for e in _parts(block) if e.get("focus_on_load") is True)
    if focus > 1:
        yield error("only one element may have focus_on_load", at)
    kinds = [block.get("type") for block in blocks]
    for kind in ("table", "data_table"):
        if kinds.count(kind) > 1:
            yield error(f"only one {kind} block is allowed", at)
    texts = [block.get("text") for block in blocks if block.get("type") == "markdown"]
    if sum(len(t) for t in texts if isinstance(t, str)) > limits.MARKDOWN_TEXT:
        yield error(f"markdown must be less than {limits.MARKDOWN_TEXT + 1} characters in all", at)


def _parts(block: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    candidates = [block.get("element"), block.get("accessory")]
    inner = block.get("elements")
    if block.get("type") == "actions" and isinstance(inner, list):
        candidates += inner
    yield from (part for part in candidates if isinstance(part, dict))


def _unique_actions(block: Mapping[str, Any], at: str) -> Iterator[str]:
    ids = [part.get("action_id") for part in _parts(block) if part.get("action_id")]
    for action_id in {str(i) for i in ids if ids.count(i) > 1}:
        yield error(f'`action_id` "{action_id}" already exists for block', at)


def check_view(view: Any, kind: str) -> list[str]:
    """Return Slack's objections to a view of this ``kind`` (modal or home)."""
    if not isinstance(view, dict):
        return [error("must provide an object", "/view")]
    if view.get("type") != kind:
        return list(choice(kind)(view.get("type"), "/view/type"))
    surface: Surface = "modal" if kind == "modal" else "home"
    shape = _MODAL if surface == "modal" else _HOME
    problems = list(shape(view, "/view"))
    if view.get("blocks") is not None:
        problems += check_blocks(view["blocks"], surface, "/view/blocks")
    if surface == "modal" and not view.get("submit") and _has_input(view.get("blocks")):
        problems.append(error("missing required field: submit (there are inputs)", "/view"))
    return problems


def _has_input(blocks: Any) -> bool:
    if not isinstance(blocks, list):
        return False
    return any(isinstance(block, dict) and block.get("type") == "input" for block in blocks)


def with_block_ids(blocks: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return a copy in which every block has a block_id and every element an action_id."""
    whole = copied(blocks)
    for block in whole:
        if not block.get("block_id"):
            block["block_id"] = secrets.token_urlsafe(4)
        for part in _parts(block):
            if part.get("type") in ELEMENTS and not part.get("action_id"):
                part["action_id"] = secrets.token_urlsafe(4)
    return whole
