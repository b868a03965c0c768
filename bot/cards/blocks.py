"""Builds Block Kit from words. Everything somebody typed becomes literal text here, and only here.

Words are always shown as rich text, because Slack never parses its text elements: backticks,
`<!channel>` and `<url|label>` stay as they are. Limits: section 2 of the Slack notes in docs/.
"""

import re
import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from bot.domain.words import (
    FIRST_STRONG_ISOLATE,
    POP_ISOLATE,
    TURNS,
    Break,
    Line,
    Link,
    Mention,
    Moment,
    Part,
    Strong,
    in_minutes,
    shortened,
)

Block = dict[str, Any]
HEADER_LIMIT = 150
TEXT_LIMIT = 3000
BUTTON_LIMIT = 75
CONFIRMATION_LIMIT = 300
MESSAGE_LIMIT = 3900
"""`chat.update` refuses a text of more than 4,000 characters."""

_CUT_OFF = re.compile(r"(&[a-z]{0,3}|<[^>]*)$")

MOST_ACCENTS = 4
"""Combining marks on one letter; a pointed Hebrew or a Tibetan letter has up to four."""

WORD_JOINER = "\u2060"
_FORMATS = re.compile(r"[*_~`]|:(?=[a-z0-9+-]+:)|:(?=//)")
_ISOLATES = "\u2066\u2067\u2068"


def fitted(lines: Sequence[str], limit: int = MESSAGE_LIMIT) -> str:
    """Return lines of message text as one text of at most `limit` characters.

    The longest line is shortened, so that a long reason pushes no other line out. Nothing is cut
    within an entity or a mention.
    """
    kept = list(lines)
    while (over := len("\n".join(kept)) - limit) > 0:
        longest = max(range(len(kept)), key=lambda i: len(kept[i]))
        cut = kept[longest][: max(0, len(kept[longest]) - over - 1)]
        shorter = _CUT_OFF.sub("", cut.removesuffix("…")) + "…"
        if len(shorter) >= len(kept[longest]):
            return "\n".join(kept)[:limit]
        kept[longest] = shorter
    return "\n".join(kept)


def header(text: str) -> Block:
    """Return a heading; literal, and one line."""
    return {"type": "header", "text": plain_text(literal(text), HEADER_LIMIT)}


def plain_text(text: str, limit: int = TEXT_LIMIT) -> Block:
    """Return Slack's plain text object, which is never parsed."""
    return {"type": "plain_text", "text": shortened(text, limit), "emoji": False}


def paragraph(*parts: Part) -> Block:
    """Return one paragraph of words."""
    return {"type": "rich_text", "elements": [_section(parts)]}


def preformatted(text: str) -> Block:
    """Return lines as they are, in letters of one width."""
    section = {"type": "rich_text_preformatted", "elements": [{"type": "text", "text": text}]}
    return {"type": "rich_text", "elements": [section]}


def labelled(lines: Iterable[Line]) -> Block:
    """Return labelled lines, one below the other: label in bold, then the words."""
    elements = []
    for each in lines:
        label: tuple[Part, ...] = (Strong(each.label), "  ") if each.label else ()
        section = _section((*label, *each.parts))
        section["elements"].append({"type": "text", "text": "\n"})
        elements.append(section)
    return {"type": "rich_text", "elements": elements}


def context(text: str) -> Block:
    """Return a quiet line; literal."""
    return {"type": "context", "elements": [plain_text(literal(text), 2000)]}


def context_of(parts: Sequence[Part]) -> Block:
    """Return a quiet line of words; only what the bot itself wrote is parsed."""
    return {"type": "context", "elements": [{"type": "mrkdwn", "text": as_text(parts)}]}


def divider() -> Block:
    """Return a line between two things."""
    return {"type": "divider"}


def overflow(action_id: str, options: Mapping[str, str]) -> Block:
    """Return the menu behind the three dots; `options` are labels by the value that each sends."""
    return {
        "type": "overflow",
        "action_id": action_id,
        "options": [
            {"text": plain_text(label, BUTTON_LIMIT), "value": value}
            for value, label in options.items()
        ],
    }


def actions(block_id: str, *buttons: Block) -> Block:
    """Return a row of buttons."""
    return {"type": "actions", "block_id": block_id, "elements": list(buttons)}


def button(
    label: str,
    *,
    action_id: str,
    value: str,
    style: str | None = None,
    spoken: str = "",
) -> Block:
    """Return a button. `value` is the request's number and nothing else; `spoken` is for screen readers."""
    made: Block = {
        "type": "button",
        "action_id": action_id,
        "text": plain_text(literal(label), BUTTON_LIMIT),
        "value": value,
    }
    if style:
        made["style"] = style
    if spoken:
        made["accessibility_label"] = shortened(spoken, BUTTON_LIMIT)
    return made


def confirmation(title: str, text: str, yes: str, no: str = "Back") -> Block:
    """Return the question before a button counts."""
    return {
        "title": plain_text(title, 100),
        "text": plain_text(literal(text), CONFIRMATION_LIMIT),
        "confirm": plain_text(yes, 30),
        "deny": plain_text(no, 30),
    }


def plainly(parts: Sequence[Part]) -> str:
    """Return roughly the words that a reader sees, with names and moments of their usual length."""
    usual = {Mention: "@Firstname Name", Moment: "Nov 23, 2026 10:00 AM", Break: "\n"}
    return "".join(usual.get(type(part)) or str(getattr(part, "text", part)) for part in parts)


def as_text(parts: Sequence[Part]) -> str:
    """Return the same words as message text, for notifications and screen readers, with typed text escaped."""
    return "".join(_text(part) for part in parts)


def lines_as_text(lines: Iterable[Line]) -> str:
    """Return labelled lines as message text."""
    return "\n".join(
        f"{each.label}: {as_text(each.parts)}" if each.label else as_text(each.parts)
        for each in lines
    )


def literal(text: str) -> str:
    """Return text that stays on its line and turns no text around it.

    A reason with line breaks could look like lines of the card, one with direction marks could turn the text around
    it, and a letter with a pile of accents could cover the lines above and below.
    """
    text = " ⏎ ".join(text.splitlines())
    if text.isascii():
        return text
    text = _without_piles(text)
    return _isolated(text) if TURNS.search(text) else text


def _without_piles(text: str) -> str:
    """Return a text with at most `MOST_ACCENTS` combining marks on a letter."""
    kept, marks = [], 0
    for sign in text:
        marks = marks + 1 if unicodedata.combining(sign) else 0
        if marks <= MOST_ACCENTS:
            kept.append(sign)
    return "".join(kept)


def _isolated(text: str) -> str:
    """Return a text in isolation: every direction mark that it opens is closed, and no other."""
    kept, depth = [FIRST_STRONG_ISOLATE], 0
    for each in text:
        if each == POP_ISOLATE and not depth:
            continue
        depth += (each in _ISOLATES) - (each == POP_ISOLATE)
        kept.append(each)
    return "".join([*kept, POP_ISOLATE * (depth + 1)])


def unformatted(text: str) -> str:
    """Return text in which Slack finds no bold, code, emoji or address; a word joiner breaks each sign.

    Blocks are literal anyway; message text is parsed wherever it is shown in their place.
    """
    return _FORMATS.sub(f"\\g<0>{WORD_JOINER}", text)


def escaped(text: str) -> str:
    """Return the text with Slack's three control characters as entities, so that nothing pings or links."""
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def _section(parts: Sequence[Part]) -> Block:
    return {"type": "rich_text_section", "elements": [_element(part) for part in parts if part]}


def _element(part: Part) -> Block:
    match part:
        case Mention(slack_id):
            kind, name = _MENTIONS.get(slack_id[:1], ("user", "user_id"))
            return {"type": kind, name: slack_id}
        case Moment(at):
            return {
                "type": "date",
                "timestamp": int(at.timestamp()),
                "format": "{date_short_pretty} {time}",
                "fallback": in_minutes(at),
            }
        case Break():
            return {"type": "text", "text": "\n"}
        case Strong(text):
            return {"type": "text", "text": literal(text), "style": {"bold": True}}
        case Link(text, url):
            return {"type": "link", "text": literal(text), "url": url}
        case str():
            return {"type": "text", "text": shortened(literal(part), TEXT_LIMIT)}


_MENTIONS = {"S": ("usergroup", "usergroup_id"), "C": ("channel", "channel_id")}
_MENTIONED = {"S": "<!subteam^{}>", "C": "<#{}>"}


def _text(part: Part) -> str:
    match part:
        case Mention(slack_id):
            return _MENTIONED.get(slack_id[:1], "<@{}>").format(slack_id)
        case Moment(at):
            form = "{date_short_pretty} {time}"
            return f"<!date^{int(at.timestamp())}^{form}|{in_minutes(at)}>"
        case Break():
            return "\n"
        case Strong(text):
            return escaped(literal(text))
        case Link(text, url):
            return f"<{url}|{escaped(literal(text))}>"
        case str():
            return escaped(unformatted(shortened(literal(part), TEXT_LIMIT)))
