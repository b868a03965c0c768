"""Reading `policy.toml`: everything that is wrong with it is named at once, with its line."""

import hashlib
import re
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import timedelta
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import Any

from bot.domain.operation import OperationName
from bot.domain.place import Places
from bot.domain.policy import A_DAY, Policy, Rule, Tier, is_group

OPERATIONS = tuple(each.value for each in OperationName)
TENANTS = ("production", "sandbox", "unknown")
_LISTS = ("requesters", "approvers", "viewers")
REMINDED_AFTER = timedelta(hours=4)
"""When those who have not decided are reminded where the file does not say: in the same half of a working day."""
_RULE_KEYS = (
    "operations", "tenants", "sends", "mails_again", "above", "documents_above", "entities", "organizations", "approvals", "approvers",
    "expires_after", "remind_after",
)  # fmt: skip
_PERSON = re.compile(r"[USW][A-Z0-9]+", re.ASCII)
_SPAN = re.compile(r"(\d{1,4})\s*(m|h|d)", re.ASCII)
_UNITS = {"m": "minutes", "h": "hours", "d": "days"}
_CURRENCY = re.compile(r"[A-Z]{3}", re.ASCII)


class PolicyError(Exception):
    """The policy cannot be used. `problems` names everything that is wrong."""

    def __init__(self, path: Path, problems: list[str]) -> None:
        self.problems = problems
        told = "".join(f"\n  {problem}" for problem in problems)
        super().__init__(f"The policy {path} cannot be used:{told}")


def read_policy(path: Path, places: Places | None = None) -> Policy:
    """Read and check the file; with the places of the settings also whether they list its names.

    Raises:
        PolicyError: With every problem. Without approvers nothing could ever be approved, so an
            empty or missing list of them is a problem too.
    """
    try:
        content = path.read_bytes()
        text = content.decode()
        found = tomllib.loads(text)
    except OSError as error:
        raise PolicyError(path, [f"it cannot be read ({error.strerror})"]) from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise PolicyError(path, [f"it is not TOML ({error})"]) from error
    reading = _Reading(text.splitlines())
    policy = reading.policy(found, text, hashlib.sha256(content).hexdigest())
    if policy is not None and places is not None:
        reading.check_places(policy, places)
    if policy is None or reading.problems:
        raise PolicyError(path, reading.problems)
    return policy


@dataclass
class _Reading:
    """One reading of a file, collecting what is wrong."""

    lines: list[str]
    problems: list[str] = field(default_factory=list)

    def policy(self, found: Mapping[str, Any], text: str, file_hash: str) -> Policy | None:
        """The policy; None if anything is wrong."""
        for key in found:
            if key not in (*_LISTS, "remind_after", "rule"):
                self._wrong(key, 0, f"unknown key {key!r}")
        lists = {name: self._people(name, found.get(name, []), 0) for name in _LISTS}
        for name in ("requesters", "approvers"):
            if not lists[name]:
                self._wrong(name, 0, f"{name} is empty: nobody could {_MISSING[name]}")
        rules = found.get("rule", [])
        if not isinstance(rules, list) or not all(isinstance(each, dict) for each in rules):
            self._wrong("rule", 0, "rules are written as [[rule]]")
            rules = []
        usual = self._reminders(found, 0)
        tiers = [
            self._tier(number, rule, lists["approvers"], usual)
            for number, rule in enumerate(rules, 1)
        ]
        general = Rule(approvers=lists["approvers"])
        for number, rule in enumerate([general, *(tier.rule for tier in tiers)]):
            self._check_possible(number, rule, lists["requesters"])
        if self.problems:
            return None
        return Policy(
            **lists,
            remind_after=_within(A_DAY, usual),
            tiers=tuple(_with_largest(tiers)),
            hash=file_hash,
            text=text,
        )

    def check_places(self, policy: Policy, places: Places) -> None:
        """A rule for an entity that nobody can choose would never hold, and nobody would know."""
        for number, tier in enumerate(policy.tiers, 1):
            for key, named, units in (
                ("entities", tier.entities, places.entities),
                ("organizations", tier.organizations, places.organizations),
            ):
                for each in named:
                    if not any(unit.is_called(each) for unit in units):
                        setting = {
                            "entities": "ZUORA_ENTITY_IDS",
                            "organizations": "ZUORA_ORG_IDS",
                        }[key]
                        self._wrong(key, number, f"{key}: {each!r} is not listed in {setting}")

    def _tier(
        self,
        number: int,
        rule: Mapping[str, Any],
        general: tuple[str, ...],
        usual: tuple[timedelta, ...] | None,
    ) -> Tier:
        for key in rule:
            if key not in _RULE_KEYS:
                self._wrong(key, number, f"unknown key {key!r}")
        approvers = general
        if "approvers" in rule:
            approvers = self._people("approvers", rule["approvers"], number)
        if "approvers" in rule and not approvers:
            self._wrong("approvers", number, "approvers is empty: nobody could approve")
        approvals = self._whole("approvals", rule, number, default=1, least=1) or 1
        people = [name for name in approvers if not is_group(name)]
        if approvers and len(people) == len(approvers) and len(approvers) < approvals:
            self._wrong(
                "approvals", number,
                f"{approvals} approvals are needed and {len(approvers)} people are named",
            )  # fmt: skip
        expires_after = self._span("expires_after", rule, number) or A_DAY
        reminders = self._reminders(rule, number)
        if reminders and any(span >= expires_after for span in reminders):
            self._wrong("remind_after", number, "a reminder comes after the request has expired")
        return Tier(
            rule=Rule(
                approvers=approvers,
                approvals=approvals,
                expires_after=expires_after,
                remind_after=_within(expires_after, usual) if reminders is None else reminders,
                name=f"rule {number}",
            ),
            operations=self._names("operations", rule, number, OPERATIONS),
            tenants=self._names("tenants", rule, number, TENANTS),
            sends=self._truth("sends", rule, number),
            mails_again=self._truth("mails_again", rule, number),
            above=self._amounts(rule, number),
            documents_above=self._whole("documents_above", rule, number, default=None, least=0),
            entities=self._texts("entities", rule, number),
            organizations=self._texts("organizations", rule, number),
        )

    def _check_possible(self, number: int, rule: Rule, requesters: tuple[str, ...]) -> None:
        """Where all names are people, whether anybody at all could get this approved.

        Groups are known only when they are read; there a request says it when it is asked for.
        """
        if any(is_group(name) for name in (*rule.approvers, *requesters)) or not rule.approvers:
            return
        besides = [len(set(rule.approvers) - {requester}) for requester in requesters]
        if besides and max(besides) < rule.approvals <= len(rule.approvers):
            words = (
                f"{rule.approvals} approvals are needed, and besides the requester only "
                f"{max(besides)} of {', '.join(rule.approvers)} could give one"
            )
            self._wrong("approvals" if number else "approvers", number, words)

    def _people(self, name: str, value: Any, number: int) -> tuple[str, ...]:
        if not isinstance(value, list):
            self._wrong(name, number, f"{name} is not a list")
            return ()
        right = [each for each in value if isinstance(each, str) and _PERSON.fullmatch(each)]
        for each in value:
            if each not in right:
                self._wrong(
                    name, number,
                    f"{name}: {each!r} is neither a Slack user id (U…) nor a user-group id (S…)",
                )  # fmt: skip
        return tuple(dict.fromkeys(right))

    def _names(
        self, key: str, rule: Mapping[str, Any], number: int, known: tuple[str, ...]
    ) -> tuple[str, ...]:
        value = rule.get(key)
        if value is None:
            return ()
        if not isinstance(value, list) or not value:
            self._wrong(key, number, f"{key} is a list of: {', '.join(known)}")
            return ()
        for each in value:
            if each not in known:
                self._wrong(key, number, f"{key}: {each!r} is none of: {', '.join(known)}")
        return tuple(each for each in value if each in known)

    def _texts(self, key: str, rule: Mapping[str, Any], number: int) -> tuple[str, ...]:
        """Names or ids that the settings list; whether they do is checked at the start."""
        value = rule.get(key, [])
        texts = (
            tuple(each.strip() for each in value if isinstance(each, str) and each.strip())
            if isinstance(value, list)
            else ()
        )
        if key in rule and (not texts or len(texts) != len(value)):
            self._wrong(key, number, f'{key} is a list of names such as ["Europe"]')
        return texts

    def _whole(
        self, key: str, rule: Mapping[str, Any], number: int, *, default: int | None, least: int
    ) -> int | None:
        value = rule.get(key, default)
        if value is None or (type(value) is int and value >= least):
            return value
        self._wrong(key, number, f"{key} is a whole number of at least {least}")
        return default

    def _truth(self, key: str, rule: Mapping[str, Any], number: int) -> bool | None:
        value = rule.get(key)
        if value is None or isinstance(value, bool):
            return value
        self._wrong(key, number, f"{key} is true or false")
        return None

    def _span(self, key: str, rule: Mapping[str, Any], number: int) -> timedelta | None:
        return self._as_span(key, rule[key], number) if key in rule else None

    def _as_span(self, key: str, value: Any, number: int) -> timedelta | None:
        match = _SPAN.fullmatch(value) if isinstance(value, str) else None
        span = timedelta(**{_UNITS[match[2]]: int(match[1])}) if match else timedelta(0)
        if not span:
            self._wrong(key, number, f'{key}: {value!r} is not a time such as "30m", "8h" or "2d"')
            return None
        return span

    def _reminders(self, rule: Mapping[str, Any], number: int) -> tuple[timedelta, ...] | None:
        """What a rule says of them, or the file for all rules (0); None where it says nothing."""
        value = rule.get("remind_after")
        if value is None:
            return None
        if not isinstance(value, list):
            self._wrong("remind_after", number, 'remind_after is a list such as ["1h", "4h"]')
            return ()
        spans = [span for each in value if (span := self._as_span("remind_after", each, number))]
        return tuple(sorted(set(spans)))

    def _amounts(self, rule: Mapping[str, Any], number: int) -> dict[str, Decimal]:
        value = rule.get("above", {})
        if not isinstance(value, dict) or ("above" in rule and not value):
            self._wrong("above", number, 'above names amounts: { USD = "100000.00" }')
            return {}
        return dict(self._each_amount(value, number))

    def _each_amount(self, value: Mapping[str, Any], number: int) -> Iterator[tuple[str, Decimal]]:
        for currency, written in value.items():
            amount = _amount(written)
            if not _CURRENCY.fullmatch(currency):
                self._wrong("above", number, f"above: {currency!r} is no currency code like USD")
            elif amount is None:
                self._wrong(
                    "above", number,
                    f'above: {currency} = {written!r} is no amount; write it as "100000.00"',
                )  # fmt: skip
            else:
                yield currency, amount

    def _wrong(self, key: str, number: int, words: str) -> None:
        """Note what is wrong, with the line on which the key stands."""
        line = self._line_of(key, number)
        where = f"line {line}: " if line else ""
        which = f"rule {number}: " if number else ""
        self.problems.append(f"{where}{which}{words}")

    def _line_of(self, key: str, number: int) -> int:
        """The line of a key in a rule, or at the top (rule 0); 0 if it does not stand there."""
        rule = 0
        start = 0
        for at, line in enumerate(self.lines, 1):
            if line.replace(" ", "").startswith("[[rule]]"):
                rule += 1
                start = at if rule == number else start
            elif rule == number and re.match(rf"\s*[\"']?{re.escape(key)}[\"']?\s*[=.]", line):
                return at
        return start


_MISSING = {"requesters": "ask", "approvers": "approve"}


def _within(expires_after: timedelta, usual: tuple[timedelta, ...] | None) -> tuple[timedelta, ...]:
    """The reminders of a rule that says nothing of them: the file's, or one, and before it expires."""
    if usual is None:
        return (min(REMINDED_AFTER, expires_after / 2),)
    return tuple(span for span in usual if span < expires_after)


def _amount(written: Any) -> Decimal | None:
    """Money is written as text, so that no float comes near it; whole numbers are fine too."""
    if isinstance(written, bool) or not isinstance(written, str | int):
        return None
    try:
        amount = Decimal(written)
    except InvalidOperation:
        return None
    return amount if amount.is_finite() and amount >= 0 else None


def _with_largest(tiers: list[Tier]) -> Iterator[Tier]:
    """Mark the largest tier: the rules with amounts that no other rule's amounts exceed."""
    for tier in tiers:
        larger = [other for other in tiers if _exceeds(other, tier)]
        if tier.above and not larger:
            yield replace(tier, rule=replace(tier.rule, type_the_number=True))
        else:
            yield tier


def _exceeds(other: Tier, tier: Tier) -> bool:
    """Whether another rule is for larger amounts of the same operations."""
    same = (
        not other.operations or not tier.operations or set(other.operations) & set(tier.operations)
    )
    return bool(same) and any(
        amount > tier.above[currency]
        for currency, amount in other.above.items()
        if currency in tier.above
    )
