"""Masks names and addresses: the same name has the same mask everywhere in one evidence file."""

import bisect
import json
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

from bot.audit.evidence.spelled import Another, Spelled
from bot.cards.blocks import escaped
from bot.domain.digest import canonical
from bot.domain.secrets_in import MAIL_ADDRESS
from bot.domain.words import TURNS

_NAMES = (
    "account_name",
    "customer_name",
    "contact_name",
    "first_name",
    "last_name",
    "accountName",
    "mail_domain",
    "person_name",
)
_CUSTOMERS = ("customer", "nobody")
"""Fields with names of customers, or the numbers of their accounts if these have no name."""

_TYPED = ("reason", "decision_reason", "note", "words", "explanation")
"""Fields with what people typed; a bill run's name is typed too."""

SHORTEST = 2
"""The shortest name to mask; a shorter one would be found in the middle of other words."""

SHORTEST_CUT = 4
"""The fewest characters of a name that was cut short by which it is recognised."""

NUMBER = re.compile(r"[\W\d_]*|[A-Z]{1,4}-?\d{3,}|[0-9a-f]{32}")
"""A name without letters, or the number or id of an account: in a text it could be an amount, so it is masked in its own field alone."""

ACCOUNT = re.compile(r" \([^()\s]+\)$")
"""The number of an account behind its name, which stays."""

CUT = re.compile(r"([^\n…]{1,200}?) ?(?:…|\.\.\.)")
"""A text that was cut short, by Zuora or by the bot."""


HOW = (
    "names as their fields have them, everywhere; in what people typed also in other letters, case, accents, width, spacing and hyphens, "
    "without their legal form, and their beginnings; addresses by their form"
)
"""How a package was masked, for its manifest."""


class Mask:
    """Replaces customers' names and mail addresses by `[name 1]` and `[address 1]`.

    The masks are numbered in the order in which they appear, so a mask shows nothing of its name.
    Slack ids of people stay, because the evidence is about who did what. In what people typed, and where a message shows it, names
    are found in other spellings too (`spelled`); elsewhere only as they are written in their fields, so that no word of a card or an
    amount is taken for one.
    """

    masks = True

    def __init__(self) -> None:
        self._names: dict[str, str] = {}
        self._known: dict[str, str] = {}
        self._typed: dict[str, None] = {}
        self._spellings: set[str] = set()
        self._number = 0
        self._addresses: dict[str, str] = {}
        self._pattern: re.Pattern[str] | None = None
        self._sorted: list[str] = []
        self._spelled: Spelled | None = None

    def learn(self, value: Any) -> None:
        """Learn every text in a name's field as a name, and what people typed; addresses are recognised by their form."""
        if isinstance(value, Mapping):
            for key, item in value.items():
                for name in _named_in(key, item):
                    self._name(name)
                for typed in _typed_in(key, item):
                    self._typed[typed], self._spelled = None, None
                self.learn(item)
        elif isinstance(value, list | tuple):
            for item in value:
                self.learn(item)

    def _name(self, name: str) -> None:
        if name not in self._names:
            self._number += 1
            mask = f"[name {self._number}]"
            plain = TURNS.sub("", name)  # as cards show it
            self._names |= dict.fromkeys((name, escaped(name), plain, escaped(plain)), mask)
            self._known[name] = mask
            self._pattern, self._sorted, self._spelled = None, [], None

    def masked(self, value: Any) -> Any:
        """Return the same value without names and addresses."""
        if isinstance(value, str):
            return self.text(value)
        if isinstance(value, Mapping):
            return {key: self._in_its_place(key, item) for key, item in value.items()}
        if isinstance(value, list | tuple):
            return [self.masked(item) for item in value]
        return value

    def _in_its_place(self, key: str, value: Any) -> Any:
        """Return a field's value masked; a name in its own field is one whatever it looks like."""
        if isinstance(value, str) and [*_named_in(key, value)]:
            return self._names.get(value.strip()) or self.text(value)
        return self.masked(value)

    def stored(self, value: Any) -> Any:
        """Return a stored column masked: JSON stays JSON, and a text that needs no mask stays the same."""
        try:
            inside = json.loads(value)
        except (TypeError, ValueError):
            return self.masked(value)
        masked = self.masked(inside)
        return value if masked == inside else canonical(masked)

    def text(self, text: str) -> str:
        """Return the same text without names and addresses."""
        masked, at = [], 0
        for start, end in self._spellings_of().typed_in(text):
            masked += [
                self._without(text[at:start], self._without_names),
                self._without(text[start:end], self._without_spellings),
            ]
            at = end
        return "".join([*masked, self._without(text[at:], self._without_names)])

    def _without(self, text: str, names: Callable[[str], str]) -> str:
        """Return a text without addresses and names; addresses come first, as a domain can be a known name too."""
        masked, at = [], 0
        for found in MAIL_ADDRESS.finditer(text):
            masked += [names(text[at : found.start()]), self._address(found)]
            at = found.end()
        return "".join([*masked, names(text[at:])])

    def _spellings_of(self) -> Spelled:
        if self._spelled is None:
            names = {name: mask for name, mask in self._known.items() if not NUMBER.fullmatch(name)}
            another = Another(self._number)
            self._spelled = Spelled(names, self._typed, another)
            self._number = another.number
        return self._spelled

    def _without_spellings(self, text: str) -> str:
        """Return what somebody typed without names in any spelling."""
        masked = list[str]()
        for piece, mask in self._spellings_of().split(text):
            masked.append(mask or self._without_names(piece))
            if mask and piece not in self._names:
                self._spellings.add(piece)
        return "".join(masked)

    @property
    def said(self) -> dict[str, Any] | None:
        """Return for the manifest how it masked, and how many names, addresses and other spellings there were; None: it masks nothing."""
        counts = {"names": self._number, "addresses": len(self._addresses)}
        return {"how": HOW, **counts, "other_spellings": len(self._spellings)}

    def _without_names(self, text: str) -> str:
        if not self._names:
            return text
        self._pattern = self._pattern or _any_of(
            each for each in self._names if not NUMBER.fullmatch(each)
        )
        text = self._pattern.sub(lambda found: self._names[found[0]], text)
        return CUT.sub(self._whole, text)

    def _whole(self, found: re.Match[str]) -> str:
        """Return a text that was cut short with the mask of the name that it ends with, if it ends with the beginning of one."""
        self._sorted = self._sorted or sorted(
            each for each in self._names if not NUMBER.fullmatch(each)
        )
        said = found[1]
        for at in range(len(said) - SHORTEST_CUT + 1):
            begins = at == 0 or not said[at - 1].isalnum()
            near = bisect.bisect_left(self._sorted, said[at:])
            if begins and near < len(self._sorted) and self._sorted[near].startswith(said[at:]):
                return f"{said[:at]}{self._names[self._sorted[near]]}{found[0][len(said) :]}"
        return found[0]

    def _address(self, found: re.Match[str]) -> str:
        address = found[0].lower().rstrip(".")
        return self._addresses.setdefault(address, f"[address {len(self._addresses) + 1}]")


class NoMask(Mask):
    """Leaves everything as it is."""

    masks = False
    said = None

    def masked(self, value: Any) -> Any:
        """Return the value itself."""
        return value

    def stored(self, value: Any) -> Any:
        """Return the column itself, unread."""
        return value

    def text(self, text: str) -> str:
        """Return the text itself."""
        return text


def _named_in(key: str, value: Any) -> Iterator[str]:
    """Yield the names of customers and people that a field holds; the number of an account without a name is none."""
    if key in _CUSTOMERS:
        values = (
            [value] if isinstance(value, str) else value if isinstance(value, list | tuple) else ()
        )
        names = (ACCOUNT.sub("", each).strip() for each in values if isinstance(each, str))
        yield from (each for each in names if len(each) >= SHORTEST and not NUMBER.fullmatch(each))
    elif key in _NAMES and isinstance(value, str) and len(value.strip()) >= SHORTEST:
        yield value.strip()


def _typed_in(key: str, value: Any) -> Iterator[str]:
    """Yield what a field holds that somebody typed."""
    if key in _TYPED and isinstance(value, str) and value.strip():
        yield value
    elif key == "body" and isinstance(value, Mapping) and isinstance(value.get("name"), str):
        yield from [value["name"]] * bool(value["name"].strip())


def _any_of(names: Iterable[str]) -> re.Pattern[str]:
    """Return a pattern with the longest name first, so that no shorter one is found inside it."""
    longest = sorted(names, key=len, reverse=True)
    return re.compile("|".join(map(re.escape, longest)) or "(?!)")
