"""Words for people, before they become a card, a line of a thread or plain text."""

import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, tzinfo


@dataclass(frozen=True, slots=True)
class Mention:
    """A person (`U…`), a user group (`S…`) or a channel (`C…`); people and groups are notified."""

    slack_id: str


@dataclass(frozen=True, slots=True)
class Moment:
    """A time, shown to each reader in the reader's own zone."""

    at: datetime


@dataclass(frozen=True, slots=True)
class Strong:
    """Words that stand out in the line."""

    text: str


@dataclass(frozen=True, slots=True)
class Link:
    """Words that lead to a page; its address is always made by the program."""

    text: str
    url: str


@dataclass(frozen=True, slots=True)
class Break:
    """The end of a line that the program itself wrote; one in a text that somebody typed is shown as ⏎."""


Part = str | Mention | Moment | Strong | Link | Break
"""A `str` is literal: whatever it contains, it cannot ping, link, format or begin a line."""


@dataclass(frozen=True, slots=True)
class Line:
    """One line of a card: a label and what follows it."""

    label: str
    parts: tuple[Part, ...]


def bare(parts: Sequence[Part]) -> str:
    """Return the words of a line whose parts are all literal, for places that show only text."""
    return "".join(str(part) for part in parts)


def line(label: str, *parts: Part) -> Line:
    """Return a labelled line."""
    return Line(label, parts)


def listed(items: Sequence[str], last: str = "and") -> str:
    """Return `a`, `a and b`, `a, b and c`."""
    if len(items) <= 1:
        return "".join(items)
    return f"{', '.join(items[:-1])} {last} {items[-1]}"


def one_below_the_other(lines: Sequence[str], limit: int) -> tuple[Part, ...]:
    """Return as many lines as fit into `limit` characters, and how many more there are."""
    kept, left = list[Part](), limit
    for at, each in enumerate(lines):
        left -= len(each) + 1
        if at and left < 0:
            return (*kept, f"… and {count(len(lines) - at, 'more line')}")
        kept += [shortened(each, limit), Break()]
    return tuple(kept[:-1])


def some(items: Sequence[str], most: int = 5, last: str = "and", *, where: str = "") -> str:
    """Return the first few as `listed` does: `a, b and 3 more`, followed by where they are."""
    rest = [f"{len(items) - most:,} more{where}"] if len(items) > most else []
    return listed([*items[:most], *rest], last)


IN_DETAILS = ", all in Details"


def first_of(items: Sequence[str], most: int) -> str:
    """Return `a, b`, or of more than `most` the first: `a, b and 3 more (Details lists all)`."""
    more = len(items) - most
    rest = f" and {more:,} more (Details lists all)" if more > 0 else ""
    return f"{', '.join(items[:most])}{rest}"


def and_more(number: int, where: str, *, at_least: bool = False) -> tuple[Line, ...]:
    """Return the line below a list that leaves out so many, `… and 3 more; the evidence has all.`; none if it has all."""
    words = f"… and {'at least ' if at_least else ''}{number:,} more; {where}."
    return (Line("", (words,)),) if number > 0 else ()


def shortened(text: str, limit: int = 40) -> str:
    """Return at most `limit` characters; an ellipsis shows the cut."""
    return text if len(text) <= limit else text[: limit - 1] + "…"


def named(name: str, limit: int = 40) -> str:
    """Return a name for use among other words: shortened, and unable to turn the text around it.

    Direction marks are removed, because they could show the amount after the name backwards; a name that runs from
    right to left is isolated, so that it does not change places with its neighbors.
    """
    plain = shortened(TURNS.sub("", name), limit)
    runs_back = any(unicodedata.bidirectional(sign) in ("R", "AL") for sign in plain)
    return f"{FIRST_STRONG_ISOLATE}{plain}{POP_ISOLATE}" if runs_back else plain


def some_named(names: Sequence[str], most: int) -> str:
    """Return names as `some` does."""
    return some([named(each) for each in names], most)


FIRST_STRONG_ISOLATE, POP_ISOLATE = "\u2068", "\u2069"
TURNS = re.compile("[\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]")


def folded(text: str, limit: int) -> str:
    """Return as many of the pieces between ` · ` as fit, and how many more there are."""
    if len(text) <= limit:
        return text
    pieces = text.split(" · ")
    kept = [pieces[0]]
    while len(kept) < len(pieces) and len(" · ".join([*kept, pieces[len(kept)]])) <= limit:
        kept.append(pieces[len(kept)])
    rest = len(pieces) - len(kept)
    return f"{' · '.join(kept)} · and {rest:,} more{IN_DETAILS}" if rest else text


def in_days(day: date | None) -> str:
    """Return `30 Nov 2026`."""
    return day.strftime("%-d %b %Y") if day else "not known"


def in_minutes(at: datetime) -> str:
    """Return `30 Nov 2026 14:05 UTC`, which `with_moments` and `in_zone` show in a reader's zone."""
    return at.astimezone(UTC).strftime("%-d %b %Y %H:%M UTC")


def with_moments(text: str) -> tuple[Part, ...]:
    """Return a stored sentence with its times as moments: each reader sees them in their own zone."""
    found: list[Part] = []
    for at, piece in enumerate(_IN_MINUTES.split(text)):
        found.append(_moment(piece) if at % 2 else piece)
    return tuple(each for each in found if each)


_IN_MINUTES = re.compile(r"\b(\d{1,2} [A-Z][a-z]{2} \d{4} \d\d:\d\d UTC)\b", re.ASCII)


def in_zone(text: str, zone: tzinfo) -> str:
    """Return a stored sentence with its times in a reader's zone, for where Slack formats no date.

    `30 Nov 2026 15:05 CET`; a zone without letters shows its offset, `19:05 UTC+05`.
    """

    def theirs(part: Part) -> str:
        if not isinstance(part, Moment):
            return str(part)
        at = part.at.astimezone(zone)
        name = at.strftime("%Z")
        return f"{at:%-d %b %Y %H:%M} {name if name[:1].isalpha() else f'UTC{name}'}"

    return "".join(theirs(part) for part in with_moments(text))


def _moment(text: str) -> Part:
    try:
        return Moment(datetime.strptime(text, "%d %b %Y %H:%M UTC").replace(tzinfo=UTC))
    except ValueError:
        return text


VERBS = re.compile(r"(?:\w+, )*(?:\w+ and )?\w+(?= )")
"""The verbs with which an effect begins: `create, post and mail bill run “November”`."""


def doing(effect: str) -> str:
    """Return `Sending 200 mails` for `send 200 mails`."""
    said = VERBS.sub(lambda verbs: re.sub(r"\w+", _ing, verbs[0]), effect, count=1)
    return f"{said[:1].upper()}{said[1:]}"


def _ing(verb: re.Match[str]) -> str:
    """Return `canceling`, `writing`, `splitting`; only a short verb doubles its last letter."""
    word = verb[0]
    if word == "and":
        return word
    if re.fullmatch(r"[^aeiou]+[aeiou][^aeiouwxy]", word):
        return f"{word}{word[-1]}ing"
    return f"{word.removesuffix('e')}ing"


def changed(what: str, before: object, now: object) -> list[str]:
    """Return `the target date was 30 Nov 2026 and is 31 Dec 2026 now`; nothing if they are the same."""
    was, is_now = (in_days(each) if isinstance(each, date) else each for each in (before, now))
    return [] if before == now else [f"{what} was {was} and is {is_now} now"]


def all_of(number: int, singular: str) -> str:
    """Return `the document`, `both documents`, `all 13 documents`."""
    if number == 2:  # noqa: PLR2004 - both
        return f"both {singular}s"
    return f"the {singular}" if number == 1 else f"all {count(number, singular)}"


def any_of(number: int, singular: str) -> str:
    """Return `the document`, `any of the 13 documents`, for a sentence that denies something."""
    return f"the {singular}" if number == 1 else f"any of the {count(number, singular)}"


def part_was(number: int, of: int) -> str:
    """Return `the document was`, `both documents were`, `2 of 13 documents were`."""
    of_them = f"{number:,} of {count(of, 'document')}"
    part = all_of(of, "document") if number == of else of_them
    return f"{part} {'was' if number == 1 else 'were'}"


def at_most(number: int, singular: str) -> str:
    """Return `at most 1 mail`, `up to 12 mails`."""
    return f"{'at most' if number == 1 else 'up to'} {count(number, singular)}"


def count(number: int, singular: str, plural: str = "") -> str:
    """Return `1 invoice`, `312 invoices`, `1,204 invoices`."""
    return f"{number:,} {singular if number == 1 else plural or singular + 's'}"
