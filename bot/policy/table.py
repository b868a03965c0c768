"""One table of `policy.toml`: its values in their types, and what is wrong with them."""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal, InvalidOperation
from typing import Any

_PERSON = re.compile(r"[USW][A-Z0-9]+", re.ASCII)
_SPAN = re.compile(r"(\d{1,4})\s*(m|h|d)", re.ASCII)
_UNITS = {"m": "minutes", "h": "hours", "d": "days"}
_LARGEST = Decimal(10) ** 15
"""No amount of Zuora's is taken as known from here on, so a rule above it would never be looked at."""

_CURRENCY = re.compile(r"[A-Z]{3}", re.ASCII)


@dataclass(frozen=True)
class PolicyTable:
    """The top of the file, or one `[[rule]]`. A wrong value is noted, and then treated as missing.

    Attributes:
        number: The rule's number, from 1; 0 for the top.
        lines: The lines of the whole file.
        problems: Those of the whole file; what is wrong here is added.
    """

    values: Mapping[str, Any]
    number: int
    lines: Sequence[str]
    problems: list[str]

    def wrong(self, key: str, words: str) -> None:
        """Note what is wrong, with the key's line."""
        line = self._line_of(key)
        where = f"line {line}: " if line else ""
        which = f"rule {self.number}: " if self.number else ""
        self.problems.append(f"{where}{which}{words}")

    def _line_of(self, key: str) -> int:
        """Return the line of a key; 0 if it is not there."""
        rule = 0
        start = 0
        for at, line in enumerate(self.lines, 1):
            if line.replace(" ", "").startswith("[[rule]]"):
                rule += 1
                start = at if rule == self.number else start
            elif rule == self.number and re.match(rf"\s*[\"']?{re.escape(key)}[\"']?\s*[=.]", line):
                return at
        return start

    def check_keys(self, known: Sequence[str]) -> None:
        """Note each key that means nothing here."""
        for key in self.values:
            if key not in known:
                self.wrong(key, f"unknown key {key!r}")

    def people(self, name: str) -> tuple[str, ...]:
        """Return a list of users and groups; empty if it is missing."""
        value = self.values.get(name, [])
        if not isinstance(value, list):
            self.wrong(name, f"{name} is not a list")
            return ()
        right = [each for each in value if isinstance(each, str) and _PERSON.fullmatch(each)]
        for each in value:
            if each not in right:
                self.wrong(
                    name,
                    f"{name}: {each!r} is neither a Slack user id (U…) nor a user-group id (S…)",
                )  # fmt: skip
        return tuple(dict.fromkeys(right))

    def names(self, key: str, known: tuple[str, ...]) -> tuple[str, ...]:
        """Return the known names that are listed; empty if the key is missing."""
        value = self.values.get(key)
        if value is None:
            return ()
        if not isinstance(value, list) or not value:
            self.wrong(key, f"{key} is a list of: {', '.join(known)}")
            return ()
        for each in value:
            if each not in known:
                self.wrong(key, f"{key}: {each!r} is none of: {', '.join(known)}")
        return tuple(each for each in value if each in known)

    def texts(self, key: str) -> tuple[str, ...]:
        """Return names or ids from the settings; whether the settings have them is checked at the start."""
        value = self.values.get(key, [])
        texts = (
            tuple(each.strip() for each in value if isinstance(each, str) and each.strip())
            if isinstance(value, list)
            else ()
        )
        if key in self.values and (not texts or len(texts) != len(value)):
            self.wrong(key, f'{key} is a list of names such as ["Europe"]')
        return texts

    def whole(self, key: str, *, default: int | None, least: int) -> int | None:
        """Return a whole number, or the default if it is missing."""
        value = self.values.get(key, default)
        if value is None or (type(value) is int and value >= least):
            return value
        self.wrong(key, f"{key} is a whole number of at least {least}")
        return default

    def truth(self, key: str) -> bool | None:
        """Return true or false; None if it is missing."""
        value = self.values.get(key)
        if value is None or isinstance(value, bool):
            return value
        self.wrong(key, f"{key} is true or false")
        return None

    def span(self, key: str) -> timedelta | None:
        """Return a time such as `8h`; None if it is missing."""
        return self._as_span(key, self.values[key]) if key in self.values else None

    def _as_span(self, key: str, value: Any) -> timedelta | None:
        match = _SPAN.fullmatch(value) if isinstance(value, str) else None
        span = timedelta(**{_UNITS[match[2]]: int(match[1])}) if match else timedelta(0)
        if not span:
            self.wrong(key, f'{key}: {value!r} is not a time such as "30m", "8h" or "2d"')
            return None
        return span

    def reminders(self) -> tuple[timedelta, ...] | None:
        """Return the reminders that this table sets; None if it sets none."""
        value = self.values.get("remind_after")
        if value is None:
            return None
        if not isinstance(value, list):
            self.wrong("remind_after", 'remind_after is a list such as ["1h", "4h"]')
            return ()
        spans = [span for each in value if (span := self._as_span("remind_after", each))]
        return tuple(sorted(set(spans)))

    def amounts(self) -> dict[str, Decimal]:
        """Return the amounts of `above` by currency; empty if it is missing."""
        value = self.values.get("above", {})
        if not isinstance(value, dict) or ("above" in self.values and not value):
            self.wrong("above", 'above names amounts: { USD = "100000.00" }')
            return {}
        return dict(self._each_amount(value))

    def _each_amount(self, value: Mapping[str, Any]) -> Iterator[tuple[str, Decimal]]:
        for currency, written in value.items():
            amount = _amount(written)
            if not _CURRENCY.fullmatch(currency):
                self.wrong("above", f"above: {currency!r} is not a currency code like USD")
            elif amount is None:
                self.wrong(
                    "above",
                    f'above: {currency} = {written!r} is not an amount; write it as "100000.00"',
                )  # fmt: skip
            else:
                yield currency, amount


def _amount(written: Any) -> Decimal | None:
    """Return an amount written as text or as a whole number, so that it is never a float; None for anything else."""
    if isinstance(written, bool) or not isinstance(written, str | int):
        return None
    try:
        amount = Decimal(written)
    except InvalidOperation:
        return None
    return amount if amount.is_finite() and 0 <= amount < _LARGEST else None
