"""Which words of a message may be numbers in Zuora. No I/O."""

import re
from collections.abc import Iterator
from itertools import pairwise

from bot.domain import quotes
from bot.domain.clean import as_key, unescaped
from bot.domain.key import listed_in, tokens

MOST = 50
"""How many numbers one call to Zuora asks about, for each kind."""

MOST_WORDS = 8
"""How many words one number without quotation marks may have."""

_MARKUP = re.compile(r"<([^<>|]*)(?:\|([^<>]*))?>")
"""How Slack writes people, channels and addresses (*Formatting text for app surfaces*)."""

_MARKS = re.escape("".join(quotes.CLOSING))
_BOLD = re.compile(rf"(?<!\S)[*_~]+(?=[{_MARKS}])|(?<=[{_MARKS}])[*_~]+")
"""Slack's marks around quotation marks."""

_IN_AN_ADDRESS = re.compile(r"[/?&=#;]")
_NOT_IN_A_LIST = frozenset(",[]")
MOST_ALONE = 3
"""How many numbers are asked about one by one, because a call for several cannot hold them."""


def mentioned(text: str) -> tuple[str, ...]:
    """Return what may be a number, the likeliest first.

    These are a short message or line as a whole, then words with digits (each with the word before it, then
    alone), then the other words. Web addresses are split into their parts.
    """
    addresses: list[str] = []

    def plain(found: re.Match[str]) -> str:
        if found[1][:1] in "@#!":  # a person, a channel, everybody
            return " "
        addresses.extend(_IN_AN_ADDRESS.split(found[1]))
        return found[2] or " "

    said = _BOLD.sub("", unescaped(_MARKUP.sub(plain, text)))
    lines: list[str] = []
    words: list[str] = []
    for whole, *parts in listed_in(said):
        lines += [whole] if len(parts) <= MOST_WORDS else []
        words += _together(parts or [whole])
    counted = [each for each in [*words, *addresses] if any(map(str.isdigit, each))]
    others = [each for each in words if " " not in each]
    found = [
        *([said.strip()] if len(tokens(said)) <= MOST_WORDS else []),
        *lines,
        *counted,
        *others,
    ]
    asked = (as_key(each) if _NOT_IN_A_LIST & set(each) else each for each in found)
    once = [each for each in dict.fromkeys(asked) if each]
    alone = set([each for each in once if _NOT_IN_A_LIST & set(each)][MOST_ALONE:])
    return tuple(each for each in once if each not in alone)[:MOST]


def _together(parts: list[str]) -> Iterator[str]:
    """Yield each word with the one before it, then alone."""
    yield parts[0]
    for before, each in pairwise(parts):
        yield f"{before} {each}"
        yield each
