"""Rich text and tables (docs.slack.dev/reference/block-kit/blocks)."""

from collections.abc import Iterator, Mapping
from typing import Any, Final

from bot.sandbox.slack import limits
from bot.sandbox.slack.schema import (
    Check,
    Shape,
    anything,
    array,
    boolean,
    choice,
    error,
    integer,
    string,
    typed,
)

_STYLE: Final = Shape({}, dict.fromkeys(("bold", "italic", "strike", "code", "underline"), boolean))
_INLINE: Final[Mapping[str, Check]] = {
    "text": Shape({"text": string()}, {"style": _STYLE}),
    "link": Shape({"url": string()}, {"text": string(), "unsafe": boolean, "style": _STYLE}),
    "emoji": Shape({"name": string()}, {"unicode": string(), "style": _STYLE}),
    "user": Shape({"user_id": string()}, {"style": _STYLE}),
    "usergroup": Shape({"usergroup_id": string()}, {"style": _STYLE}),
    "channel": Shape({"channel_id": string()}, {"style": _STYLE}),
    "broadcast": Shape({"range": choice("here", "channel", "everyone")}, {"style": _STYLE}),
    "color": Shape({"value": string()}, {"style": _STYLE}),
    "date": Shape(
        {"timestamp": integer(0, 10**11), "format": string()},
        {"url": string(), "fallback": string(), "style": _STYLE},
    ),
}
_MANY: Final = 1000
_INLINES: Final = array(typed(_INLINE), _MANY, 0)
_BORDER: Final = integer(0, 1)
_SECTION: Final = Shape({"elements": _INLINES}, {})
_PARTS: Final[Mapping[str, Check]] = {
    "rich_text_section": _SECTION,
    "rich_text_list": Shape(
        {
            "style": choice("bullet", "ordered"),
            "elements": array(typed({"rich_text_section": _SECTION}), _MANY),
        },
        {"indent": integer(0, 8), "offset": integer(0, _MANY), "border": _BORDER},
    ),
    "rich_text_preformatted": Shape(
        {"elements": _INLINES}, {"border": _BORDER, "language": string()}
    ),
    "rich_text_quote": Shape({"elements": _INLINES}, {"border": _BORDER}),
}
RICH_TEXT: Final = Shape(
    {"elements": array(typed(_PARTS), _MANY)}, {"block_id": string(limits.IDENTIFIER)}
)
_CELL: Final = typed(
    {
        "raw_text": Shape({"text": string()}, {}),
        "raw_number": Shape({"value": anything}, {"text": string()}),
        "rich_text": RICH_TEXT,
    }
)
_COLUMN: Final = Shape({}, {"align": choice("left", "center", "right"), "is_wrapped": boolean})


def characters(value: Any) -> int:
    """Return how many characters the texts within ``value`` have."""
    if isinstance(value, dict):
        own = sum(len(str(value[key])) for key in ("text", "value") if _leaf(value.get(key)))
        return own + sum(characters(part) for part in value.values())
    if isinstance(value, list):
        return sum(characters(part) for part in value)
    return 0


def _leaf(value: Any) -> bool:
    return isinstance(value, (str, int, float))


def _table_rule(most: int) -> Check:
    def check(value: Any, at: str) -> Iterator[str]:
        rows = value.get("rows")
        if not isinstance(rows, list) or not all(isinstance(row, list) for row in rows):
            return
        if len({len(row) for row in rows}) > 1:
            yield error("all rows must have the same number of cells", f"{at}/rows")
        if characters(rows) > most:
            yield error(f"must be less than {most + 1} characters", f"{at}/rows")

    return check


_ROW: Final = array(_CELL, limits.TABLE_COLUMNS)
TABLE: Final = Shape(
    {"rows": array(_ROW, limits.TABLE_ROWS)},
    {
        "block_id": string(limits.IDENTIFIER),
        "column_settings": array(_COLUMN, limits.TABLE_COLUMNS, 0),
    },
    _table_rule(limits.TABLE_CHARACTERS),
)
DATA_TABLE: Final = Shape(
    {"rows": array(_ROW, limits.DATA_TABLE_ROWS), "caption": string()},
    {
        "block_id": string(limits.IDENTIFIER),
        "page_size": integer(1, 100),
        "row_header_column_index": integer(0, limits.TABLE_COLUMNS - 1),
    },
    _table_rule(limits.DATA_TABLE_CHARACTERS),
)
