"""Decides who gains by a change of the policy, and so who may confirm it; and shows what it changes."""

import difflib
import re
import tomllib
from collections.abc import Callable, Iterable, Mapping
from decimal import Decimal
from functools import lru_cache
from typing import Any, NamedTuple

DAY, SECONDS = "1d", {"m": 60, "h": 3600, "d": 86400}
MIXED = "email_mixed_list"


class Terms(NamedTuple):
    """What a rule of a policy asks for; `waits` are seconds."""

    name: str
    approvers: list[str]
    approvals: int
    waits: float


def seconds(span: str) -> float:
    """Return a time as a policy writes it, such as `8h`; -1 if it is none."""
    found = re.fullmatch(r"(\d{1,4})\s*(m|h|d)", span, re.ASCII)
    return int(found[1]) * SECONDS[found[2]] if found else -1


@lru_cache(99)
def read(text: str) -> dict[str, Any]:
    """Return a policy's text as values; nobody changes them."""
    return tomllib.loads(text)


def difference(old: str, new: str) -> list[str]:
    """Return the lines that were removed (`- `) and added (`+ `), with one line of context each."""
    lines = difflib.unified_diff(old.splitlines(), new.splitlines(), lineterm="", n=1)
    return [line for line in lines if not line.startswith(("---", "+++", "@@"))]


def terms_of(policy: Mapping[str, Any]) -> list[Terms]:
    """Return what each rule asks for, the general rule last."""
    found = [
        Terms(
            f"rule {number}",
            rule.get("approvers") or policy["approvers"],
            rule.get("approvals", 1),
            seconds(rule.get("expires_after", DAY)),
        )
        for number, rule in enumerate(policy.get("rule", ()), 1)
    ]
    return [*found, Terms("the general rule", policy["approvers"], 1, seconds(DAY))]


def covered(
    rules: list[dict[str, Any]], cases: Iterable[Any], is_for: Callable[[Any, Any], bool]
) -> set[int]:
    """Return which rules cover each case, a bit a rule, and which cover any two cases at once.

    A request can have totals in several currencies, and an entity a name and an id. The first rule for it comes from one of
    these cases, in the old policy as in the new one; so two are enough.
    """
    alone = {sum(1 << at for at, rule in enumerate(rules) if is_for(rule, case)) for case in cases}
    return {one | other for one in alone for other in alone}


def is_in_list(key: str) -> Callable[[Any, Any], bool]:
    """Return whether a rule's list is empty or has one of the names."""
    return lambda rule, names: not rule.get(key) or not names.isdisjoint(rule[key])


def is_above(rule: dict[str, Any], total: tuple[str, Decimal] | None) -> bool:
    """Return whether a rule is for a total; None is a request without one."""
    limits = rule.get("above")
    if not limits or total is None:
        return not limits
    return total[0] not in limits or total[1] > Decimal(limits[total[0]])


def cells(rules: list[dict[str, Any]]) -> set[int]:
    """Return every set of rules (bits) that some request falls under: by operation, tenant, amount and all else that rules look at."""

    def all_of(key: str) -> list[str]:
        return sorted({name for rule in rules for name in rule.get(key, ())})

    def steps(limits: set[Decimal]) -> list[Decimal]:
        return sorted(limits | {max(limits, default=Decimal(0)) + 1})

    sums = {
        code: steps(
            {Decimal(rule["above"][code]) for rule in rules if code in rule.get("above", ())}
        )
        for code in all_of("above")
    }
    totals = [(code, one) for code, limits in sums.items() for one in limits]
    counts = steps(
        {Decimal(rule["documents_above"]) for rule in rules if "documents_above" in rule}
    )
    kinds = ({"production"}, {"sandbox"}, {"unknown", "production"})
    parts = [{name} for name in [*all_of("operations"), ""]]
    parts += [
        each | {MIXED} for each in parts if not any(name.endswith("_bill_run") for name in each)
    ]
    axes = [
        {one for case in kinds for one in covered(rules, [case], is_in_list("tenants"))},
        {one for case in parts for one in covered(rules, [case], is_in_list("operations"))},
        *(
            {one for case in (True, False) for one in covered(rules, [case], _is_said(key))}
            for key in ("sends", "mails_again")
        ),
        covered(rules, counts, lambda rule, n: n > Decimal(rule.get("documents_above", -1))),
        *(
            covered(rules, [{*all_of(key), ""}, *({each} for each in [*all_of(key), ""])], is_in_list(key))
            for key in ("entities", "organizations")
        ),
        covered(rules, [None, ("", Decimal(0)), *totals], is_above),
    ]  # fmt: skip
    found = {-1}
    for axis in axes:
        found = {one & other for one in found for other in axis}
    return found


def _is_said(key: str) -> Callable[[Any, Any], bool]:
    return lambda rule, value: rule.get(key) in {None, value}


@lru_cache(99)
def told_apart(before: str, after: str) -> tuple[tuple[Terms, Terms], ...]:
    """Return the old and the new terms of every kind of request, each pair once; texts are policies."""
    old, new = read(before), read(after)
    rules = [*old.get("rule", ()), {}, *new.get("rule", ()), {}]
    behind = len(old.get("rule", ())) + 1
    pairs = {(_first(cell), _first(cell >> behind)) for cell in cells(rules)}
    return tuple((terms_of(old)[one], terms_of(new)[other]) for one, other in sorted(pairs))


def _first(bits: int) -> int:
    return (bits & -bits).bit_length() - 1
