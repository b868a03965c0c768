"""Text as people see it when they type and paste: for text that is kept, and for keys. No I/O.

Phones, spreadsheets, PDFs and mails put characters into a text that nobody sees or that look like
others. A reason stays as it was typed, and a name loses only what is invisible and means nothing. A
key (a number, an id, a date) is what it looks like.
"""

import re
import unicodedata
from typing import Final

UNSEEN: Final = "\u061c\u180e\u200b\u200e\u200f\u2060-\u2065\u206a-\u206f\ufeff\ufff0-\ufff8"
"""Zero-width space, word joiner, byte order mark, marks of direction: invisible and without meaning in a text.

Left out are characters that turn the direction of a whole passage, because they change how it looks, and
the joiners U+200C and U+200D, variation selectors and tags, because Persian and Mongolian words, Japanese
names and emoji need them.
"""

_UNSEEN: Final = re.compile(f"[{UNSEEN}]")
_BLANK: Final = re.compile(
    "[\u034f\u115f\u1160\u17b4\u17b5\u180b-\u180f\u2800\u3164\ufe00-\ufe0f\uffa0\ufffc"
    "\U00016fe4\U0001d159\U000e0000-\U000e0fff]"
)
"""Other invisible characters, which Unicode's categories do not name: the rest of *Default_Ignorable_Code_Point*
(DerivedCoreProperties.txt), letters and signs with an empty glyph, and what stands for a lost object."""

_SEEN_FORMATS: Final = re.compile(
    "[\u0600-\u0605\u06dd\u070f\u0890\u0891\u08e2\U000110bd\U000110cd]"
)
"""The format characters (category Cf) that are drawn: *Prepended_Concatenation_Mark*."""

_SPACES: Final = re.compile("[\u00a0\u1680\u2000-\u200a\u202f\u205f\u3000]")
_GAP: Final = re.compile(" {2,}")
"""A PDF with justified lines has gaps of several spaces."""

_LINES: Final = re.compile("\r\n?|[\u0085\u2028\u2029]")
SOFT_HYPHEN: Final = "\u00ad"
_SOFT_FOR_HARD: Final = re.compile(
    rf"(\b[^\W\d_]+){SOFT_HYPHEN}(?=\d)|(\b\d{{4}}){SOFT_HYPHEN}(\d\d){SOFT_HYPHEN}(?=\d\d\b)"
)
"""Many PDFs have a soft hyphen for each hyphen: after a number's prefix, and in a date."""

_MINUS: Final = "\u02d7\u2043\u207b\u208b\u2212\u23af\u2500\u2501\u2796\u2cba\u00ac"
_LONG_SOUND: Final = re.compile("(?<=[A-Za-z0-9])[\u30fc\uff70\u4e00\u3161\u1173](?=[A-Za-z0-9])")
"""East Asian letters that look like a dash and share its key; between Latin letters they mean one."""

_NOT_KEPT: Final = re.compile("[\0\ud800-\udfff]")

_MARKS: Final = frozenset("*_`~\"'")
_NO_STOPS: Final = frozenset("#%&@/\\*\"'\u00a7\u00b6\u2020\u2021\u2030\u2031")
"""Punctuation (category Po) that a number can end with."""


def unescaped(text: str) -> str:
    """Return the text of a slash command as it was typed; Slack writes `&`, `<` and `>` as entities.

    Only one layer is undone: for a typed `&lt;` Slack sends `&amp;lt;`, and the four characters are meant.
    Source: Slack's guide *Formatting text for app surfaces*, *Escaping text*.
    """
    return text.replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&")


def kept(text: str) -> str:
    r"""Return a text that every database keeps and every hash takes: U+FFFD for the character 0 and for half a pair.

    JSON can hold both (`\u0000`, `\ud83d`); PostgreSQL accepts neither, and UTF-8 cannot encode
    the second.
    """
    return _NOT_KEPT.sub("\ufffd", text)


def clean(text: str) -> str:
    """Return a text without characters that nobody sees, and with plain spaces; empty if nothing is visible."""
    return or_nothing(_LINES.sub("\n", _SPACES.sub(" ", _UNSEEN.sub("", text))))


def or_nothing(text: str) -> str:
    """Return a text as it was typed; empty if nothing of it is visible."""
    return text if any(map(_is_seen, text)) else ""


def trimmed(text: str) -> str:
    """Return a text without spaces and unseen characters at its ends; the inside stays as it is."""
    seen = [at for at, each in enumerate(text) if _is_seen(each)]
    return text[seen[0] : seen[-1] + 1] if seen else ""


def as_key(text: str) -> str:
    """Return a number, id, date or choice as it was meant.

    It loses marks, quotation marks and brackets around it, half a pair of brackets, and full stops
    after it. Whatever looks like a hyphen becomes one, a wide gap becomes a space, and letters and
    digits of every width and style become plain ones.
    """
    return _key(_SOFT_FOR_HARD.sub(_with_hyphens, text))


def spellings(text: str) -> tuple[str, ...]:
    """Return a text as it is written, and as a key if that differs; empty for none.

    For numbers in which every character may be meant.
    """
    as_typed = clean(text.replace(SOFT_HYPHEN, "")).strip()
    found = (as_typed, as_key(text), _key(text.replace(SOFT_HYPHEN, "-")))
    return tuple(dict.fromkeys(each for each in found if each))


def _key(text: str) -> str:
    found = unicodedata.normalize("NFKC", clean(_LONG_SOUND.sub("-", text)))
    found = "".join(map(_plain, found))
    while (shorter := _peeled(found)) != found:
        found = shorter
    return _GAP.sub(" ", found)


def _with_hyphens(found: re.Match[str]) -> str:
    return "".join(f"{part}-" for part in found.groups() if part)


def _is_seen(each: str) -> bool:
    if each.isspace() or _BLANK.match(each):
        return False
    category = unicodedata.category(each)
    return category not in ("Cc", "Cf") or bool(_SEEN_FORMATS.match(each))


def _plain(each: str) -> str:
    """Return a character of a key as it was meant; an empty text for an invisible one."""
    if each.isspace():
        return each
    if not _is_seen(each):
        return ""
    if unicodedata.category(each) == "Pd" or each in _MINUS:
        return "-"
    return each


def _peeled(text: str) -> str:
    """Return the text without one layer of what surrounds it."""
    text = text.strip()
    if len(text) > 1 and _is_stop(text[-1]):
        return text[:-1]
    if len(text) > 2 and _is_around(text[0], text[-1]):  # noqa: PLR2004 - a pair and something
        return text[1:-1]
    if len(text) > 1 and (cut := _without_half_a_pair(text)):
        return cut
    return text


def _without_half_a_pair(text: str) -> str:
    """Return a text without a bracket at its start or end that has no partner: `7)` of a list, `(7` of a sentence."""
    brackets = [unicodedata.category(each) for each in text]
    if brackets[-1] == "Pe" and "Ps" not in brackets:
        return text[:-1]
    return text[1:] if brackets[0] == "Ps" and "Pe" not in brackets else ""


def _is_stop(each: str) -> bool:
    """Return whether it ends a sentence or a part of one, in any script."""
    return unicodedata.category(each) == "Po" and each not in _NO_STOPS


def _is_around(first: str, last: str) -> bool:
    """Return whether these are Slack's marks, quotation marks or brackets."""
    if (first == last and first in _MARKS) or (first, last) == ("<", ">"):
        return True
    opens, closes = unicodedata.category(first), unicodedata.category(last)
    return opens in ("Ps", "Pi", "Pf") and closes in ("Pe", "Pi", "Pf")
