"""Masks names and addresses: the same name has the same mask everywhere in one evidence file."""

import json
import re
from collections.abc import Iterable, Mapping
from typing import Any

from bot.cards.blocks import escaped
from bot.domain.digest import canonical
from bot.domain.secrets_in import MAIL_ADDRESS

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
SHORTEST = 2
"""The shortest name to mask; a shorter one would be found in the middle of other words."""


class Mask:
    """Replaces customers' names and mail addresses by `[name 1]` and `[address 1]`.

    The masks are numbered in the order in which they appear, so a mask shows nothing of its name.
    Slack ids of people stay, because the evidence is about who did what.
    """

    masks = True

    def __init__(self) -> None:
        self._names: dict[str, str] = {}
        self._addresses: dict[str, str] = {}
        self._pattern: re.Pattern[str] | None = None

    def learn(self, value: Any) -> None:
        """Learn every text in a name's field as a name; addresses are recognised by their form."""
        if isinstance(value, Mapping):
            for key, item in value.items():
                if key in _NAMES and isinstance(item, str) and len(item.strip()) >= SHORTEST:
                    self._name(item.strip())
                else:
                    self.learn(item)
        elif isinstance(value, list | tuple):
            for item in value:
                self.learn(item)

    def _name(self, name: str) -> None:
        if name not in self._names:
            mask = f"[name {len(set(self._names.values())) + 1}]"
            self._names[name] = mask
            self._names[escaped(name)] = mask
            self._pattern = None

    def masked(self, value: Any) -> Any:
        """Return the same value without names and addresses."""
        if isinstance(value, str):
            return self.text(value)
        if isinstance(value, Mapping):
            return {key: self.masked(item) for key, item in value.items()}
        if isinstance(value, list | tuple):
            return [self.masked(item) for item in value]
        return value

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
        if self._names:
            self._pattern = self._pattern or _any_of(self._names)
            text = self._pattern.sub(lambda found: self._names[found[0]], text)
        return MAIL_ADDRESS.sub(self._address, text)

    def _address(self, found: re.Match[str]) -> str:
        address = found[0].lower().rstrip(".")
        return self._addresses.setdefault(address, f"[address {len(self._addresses) + 1}]")


class NoMask(Mask):
    """Leaves everything as it is."""

    masks = False

    def masked(self, value: Any) -> Any:
        """Return the value itself."""
        return value

    def stored(self, value: Any) -> Any:
        """Return the column itself, unread."""
        return value

    def text(self, text: str) -> str:
        """Return the text itself."""
        return text


def _any_of(names: Iterable[str]) -> re.Pattern[str]:
    """Return a pattern with the longest name first, so that no shorter one is found inside it."""
    return re.compile("|".join(re.escape(name) for name in sorted(names, key=len, reverse=True)))
