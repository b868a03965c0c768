"""Reads `policy.toml`, and names everything that is wrong with it at once, with its line."""

import hashlib
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

from bot.domain.operation import OperationName
from bot.domain.place import Places
from bot.domain.policy import A_DAY, Policy, Rule, Tier, is_group
from bot.domain.words import count
from bot.policy.table import PolicyTable

OPERATION_NAMES = tuple(each.value for each in OperationName)
TENANTS = ("production", "sandbox", "unknown")
_LISTS = ("requesters", "approvers", "viewers")
REMINDED_AFTER = timedelta(hours=4)
"""When those who have not decided are reminded if the file does not say: within half a working day."""
_RULE_KEYS = (
    "operations", "tenants", "sends", "mails_again", "above", "documents_above", "entities", "organizations", "approvals", "approvers",
    "expires_after", "remind_after",
)  # fmt: skip


class PolicyError(Exception):
    """The policy cannot be used. Its words name everything that is wrong, a line each."""

    def __init__(self, path: Path, problems: list[str]) -> None:
        listed = "".join(f"\n  {problem}" for problem in problems)
        super().__init__(f"The policy {path} cannot be used:{listed}")


def read_policy(path: Path, places: Places | None = None) -> Policy:
    """Read and check the file; with the settings' places, also check that they list its names.

    Raises:
        PolicyError: With every problem. An empty or missing list of approvers is one, because
            nothing could ever be approved.
    """
    try:
        content = path.read_bytes()
        text = content.decode()
        found = tomllib.loads(text)
    except OSError as error:
        raise PolicyError(path, [f"it cannot be read ({error.strerror})"]) from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise PolicyError(path, [f"it is not TOML ({error})"]) from error
    read = _File(text.splitlines())
    policy = read.policy(found, text, hashlib.sha256(content).hexdigest())
    if policy is not None and places is not None:
        read.check_places(policy, places)
    if policy is None or read.problems:
        raise PolicyError(path, read.problems)
    return policy


class _File:
    """One reading of a file; the problems of its tables are collected in `problems`."""

    def __init__(self, lines: Sequence[str]) -> None:
        self.problems: list[str] = []
        self._lines = lines

    def _table(self, number: int, values: Mapping[str, Any]) -> PolicyTable:
        return PolicyTable(values, number, self._lines, self.problems)

    def policy(self, found: Mapping[str, Any], text: str, file_hash: str) -> Policy | None:
        """Return the policy; None if anything is wrong."""
        top = self._table(0, found)
        top.check_keys((*_LISTS, "remind_after", "rule"))
        lists = {name: top.people(name) for name in _LISTS}
        for name in ("requesters", "approvers"):
            if not lists[name]:
                top.wrong(name, f"{name} is empty: nobody could {_MISSING[name]}")
        rules = found.get("rule", [])
        if not isinstance(rules, list) or not all(isinstance(each, dict) for each in rules):
            top.wrong("rule", "rules are written as [[rule]]")
            rules = []
        usual = top.reminders()
        tables = [self._table(number, rule) for number, rule in enumerate(rules, 1)]
        tiers = [_tier(table, lists["approvers"], usual) for table in tables]
        general = Rule(approvers=lists["approvers"])
        for table, rule in zip(
            [top, *tables], [general, *(tier.rule for tier in tiers)], strict=True
        ):
            _check_possible(table, rule, lists["requesters"])
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
        """Refuse a rule for an entity that nobody can choose; it would never apply, and nobody would notice."""
        for number, tier in enumerate(policy.tiers, 1):
            table = self._table(number, {})
            for key, setting, named, units in (
                ("entities", "ZUORA_ENTITY_IDS", tier.entities, places.entities),
                ("organizations", "ZUORA_ORG_IDS", tier.organizations, places.organizations),
            ):
                for each in named:
                    if not any(unit.is_called(each) for unit in units):
                        table.wrong(key, f"{key}: {each!r} is not listed in {setting}")


def _tier(
    table: PolicyTable, general: tuple[str, ...], usual: tuple[timedelta, ...] | None
) -> Tier:
    table.check_keys(_RULE_KEYS)
    names_some = "approvers" in table.values
    approvers = table.people("approvers") if names_some else general
    if names_some and not approvers:
        table.wrong("approvers", "approvers is empty: nobody could approve")
    approvals = table.whole("approvals", default=1, least=1) or 1
    people = [name for name in approvers if not is_group(name)]
    if approvers and len(people) == len(approvers) and len(approvers) < approvals:
        named = "1 person is" if len(approvers) == 1 else f"{len(approvers)} people are"
        words = f"{_needed(approvals)} and {named} named"
        table.wrong("approvals", words)
    expires_after = table.span("expires_after") or A_DAY
    reminders = table.reminders()
    if reminders and any(span >= expires_after for span in reminders):
        table.wrong("remind_after", "a reminder comes after the request has expired")
    return Tier(
        rule=Rule(
            approvers=approvers,
            approvals=approvals,
            expires_after=expires_after,
            remind_after=_within(expires_after, usual) if reminders is None else reminders,
            name=f"rule {table.number}",
        ),
        operations=table.names("operations", OPERATION_NAMES),
        tenants=table.names("tenants", TENANTS),
        sends=table.truth("sends"),
        mails_again=table.truth("mails_again"),
        above=table.amounts(),
        documents_above=table.whole("documents_above", default=None, least=0),
        entities=table.texts("entities"),
        organizations=table.texts("organizations"),
    )


def _check_possible(table: PolicyTable, rule: Rule, requesters: tuple[str, ...]) -> None:
    """Check that enough people could approve this, if all names are people.

    Who is in a group is known only when Slack is asked; then the request is refused when somebody asks for it.
    """
    if any(is_group(name) for name in (*rule.approvers, *requesters)) or not rule.approvers:
        return
    besides = [len(set(rule.approvers) - {requester}) for requester in requesters]
    if besides and max(besides) < rule.approvals <= len(rule.approvers):
        words = (
            f"{_needed(rule.approvals)}, and besides the requester only "
            f"{max(besides)} of {', '.join(rule.approvers)} could give one"
        )
        table.wrong("approvals" if table.number else "approvers", words)


def _needed(approvals: int) -> str:
    return f"{count(approvals, 'approval')} {'is' if approvals == 1 else 'are'} needed"


_MISSING = {"requesters": "ask", "approvers": "approve"}


def _within(expires_after: timedelta, usual: tuple[timedelta, ...] | None) -> tuple[timedelta, ...]:
    """Return the reminders of a rule that names none: the file's, or one before it expires."""
    if usual is None:
        return (min(REMINDED_AFTER, expires_after / 2),)
    return tuple(span for span in usual if span < expires_after)


def _with_largest(tiers: list[Tier]) -> Iterator[Tier]:
    """Mark the highest tier: the rules whose amounts no other rule exceeds."""
    for tier in tiers:
        larger = [other for other in tiers if _exceeds(other, tier)]
        if tier.above and not larger:
            yield replace(tier, rule=replace(tier.rule, type_the_number=True))
        else:
            yield tier


def _exceeds(other: Tier, tier: Tier) -> bool:
    """Return whether another rule is for larger amounts of the same operations."""
    same = (
        not other.operations or not tier.operations or set(other.operations) & set(tier.operations)
    )
    return bool(same) and any(
        amount > tier.above[currency]
        for currency, amount in other.above.items()
        if currency in tier.above
    )
