"""What people type and paste, as they see it: for text that is kept, and for keys. No I/O.

Phones, spreadsheets and mails put characters into a text that nobody sees or that look like others.
A text for people (a name, a reason) loses only what has no look and no meaning. A key (a number, an
id, a date) is what it looks like.
"""

import re
import unicodedata
from typing import Final

# ruff: noqa: RUF001 - these characters are what this is about
UNSEEN: Final = (
    "\u00ad\u061c\u180e\u200b\u200e\u200f\u202a\u202b\u202c\u202d\u202e"
    "\u2060\u2061\u2062\u2063\u2064\u2066\u2067\u2068\u2069\ufeff"
)
"""Soft hyphen, zero-width space, word joiner, byte order mark, marks of direction. Not the joiners
U+200C and U+200D, which Persian words and emoji are written with."""

_UNSEEN: Final = re.compile(f"[{UNSEEN}]")
_JOINERS: Final = re.compile("[\u200c\u200d\ufe00-\ufe0f]")
_SPACES: Final = re.compile("[\u00a0\u1680\u2000-\u200a\u202f\u205f\u3000]")
_LINES: Final = re.compile("\r\n?|[\u0085\u2028\u2029]")
_MINUS: Final = "\u2212\u2043\u00ac"
_WIDE: Final = {code: code - 0xFEE0 for code in range(0xFF01, 0xFF5F)}
_AROUND: Final = {
    "*": "*", "_": "_", "`": "`", "~": "~", '"': '"', "'": "'", "“": "”“", "„": "“”", "«": "»",
    "»": "«", "‹": "›", "‘": "’‘", "‚": "‘’", "(": ")", "[": "]", "<": ">", "{": "}",
}  # fmt: skip
"""What is put around a word, with what closes it: Slack's marks, quotation marks, brackets."""

_AFTER: Final = ".,;:!?…"


def unescaped(text: str) -> str:
    """The text of a slash command as it was typed; Slack writes `&`, `<` and `>` as entities.

    Once and no more: who types `&lt;` is sent as `&amp;lt;` and means the four characters. Source:
    Slack's guide *Formatting text for app surfaces*, *Escaping text*.
    """
    return text.replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&")


def trimmed(text: str) -> str:
    """A text without the spaces and the unseen characters at its ends; inside it stays as it is."""
    return text.strip(UNSEEN + " \n\r\t\u00a0\u3000")


def clean(text: str) -> str:
    """A text without what nobody sees in it; spaces of all kinds are spaces."""
    return _LINES.sub("\n", _SPACES.sub(" ", _UNSEEN.sub("", text)))


def as_key(text: str) -> str:
    """A number, id, date or choice as it is meant.

    Without marks and quotation marks around it and points behind it; its dashes are hyphens, and
    wide letters and digits plain ones.
    """
    found = _JOINERS.sub("", clean(text)).translate(_WIDE)
    found = "".join("-" if _is_dash(each) else each for each in found)
    while (shorter := _peeled(found)) != found:
        found = shorter
    return found


def spellings(text: str) -> tuple[str, ...]:
    """A text as it stands there, and as a key where that is another; empty for none.

    For numbers of which every character may be meant.
    """
    return tuple(dict.fromkeys(each for each in (clean(text).strip(), as_key(text)) if each))


def _is_dash(each: str) -> bool:
    return unicodedata.category(each) == "Pd" or each in _MINUS


def _peeled(text: str) -> str:
    """One layer less of what stands around."""
    text = text.strip()
    bare = text.rstrip(_AFTER)
    if bare != text and bare:
        return bare
    if len(text) > 2 and text[-1] in _AROUND.get(text[0], ""):  # noqa: PLR2004 - a pair and something
        return text[1:-1]
    return text
