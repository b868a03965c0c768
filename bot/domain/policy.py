"""Who may ask, approve and look, and which rule applies to what is asked."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import timedelta
from decimal import Decimal
from functools import reduce
from typing import Any

from bot.domain.money import Money
from bot.domain.place import NOWHERE, Place, Unit

A_DAY = timedelta(hours=24)
AND = "&"
"""Joins names that must all include the same person."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """What it takes to approve. A request keeps the rule that applied when it was asked for.

    Attributes:
        approvals: How many distinct people must approve, at least 1.
        approvers: Slack user ids (`U…`, `W…`) and user-group ids (`S…`), or several joined as
            `in_both` does, which must all include the person.
        expires_after: How long the request waits for them.
        remind_after: How long after the asking those who have not decided are reminded; ascending.
        type_the_number: Whether the approver types the subject's number to confirm: the largest
            tier of the policy.
        name: Which rule of the file it is, for people: `rule 2`, or `the general rule`.
    """

    approvers: tuple[str, ...]
    approvals: int = 1
    expires_after: timedelta = A_DAY
    remind_after: tuple[timedelta, ...] = ()
    type_the_number: bool = False
    name: str = "the general rule"

    def and_of(self, other: "Rule") -> "Rule":
        """Return the stricter of both in everything; an approver must be named by both, for example."""
        if self == other:
            return self
        expires_after = min(self.expires_after, other.expires_after)
        reminders = sorted({*self.remind_after, *other.remind_after})
        return Rule(
            approvals=max(self.approvals, other.approvals),
            approvers=in_both(self.approvers, other.approvers),
            expires_after=expires_after,
            remind_after=tuple(each for each in reminders if each < expires_after),
            type_the_number=self.type_the_number or other.type_the_number,
            name=f"{self.name} and {other.name}",
        )


NOBODY = Rule(approvers=(), name="a rule that cannot be read")
"""Stands for a stored rule that cannot be read: nobody approves under it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """What a rule of the policy looks at.

    Attributes:
        amounts: Totals per kind and currency; None if not known, which counts as above every
            amount.
        mails_again: Whether it mails again what was mailed before.
        documents: How many documents it touches; None if not known, which counts as above every
            limit.
        place: The entity and the organization that were chosen, if there are several.
        part_of: The operation of the whole list, if this is only a part of it.
    """

    operation: str
    tenant: str
    sends: bool
    amounts: Sequence[Money] | None
    documents: int | None
    mails_again: bool = False
    place: Place = NOWHERE
    part_of: str = ""

    @property
    def compared(self) -> dict[str, Any]:
        """Return what the rules looked at, for the history; amounts as text, None if not known."""
        amounts = self.amounts
        return {
            "tenant": self.tenant,
            "sends": self.sends,
            "mails_again": self.mails_again,
            "amounts": None if amounts is None else [[code, str(sum_)] for code, sum_ in amounts],
            "documents": self.documents,
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class Tier:
    """A rule of the file with the cases it applies to. A missing criterion matches everything.

    Attributes:
        above: Amounts per currency; one total above its amount is enough to match, and so is a
            total in a currency that is not named.
        documents_above: More documents than this match.
        entities, organizations: Names or ids as the settings have them. A request that chose none
            matches too, because it may act in any of them.
    """

    rule: Rule
    operations: tuple[str, ...] = ()
    tenants: tuple[str, ...] = ()
    sends: bool | None = None
    mails_again: bool | None = None
    above: Mapping[str, Decimal] = field(default_factory=dict)
    documents_above: int | None = None
    entities: tuple[str, ...] = ()
    organizations: tuple[str, ...] = ()

    @property
    def conditions(self) -> dict[str, Any]:
        """Return the criteria that are set, for the history; amounts as text."""
        there = {
            "operations": list(self.operations),
            "tenants": list(self.tenants),
            "sends": self.sends,
            "mails_again": self.mails_again,
            "above": {currency: str(amount) for currency, amount in self.above.items()},
            "documents_above": self.documents_above,
            "entities": list(self.entities),
            "organizations": list(self.organizations),
        }
        return {name: value for name, value in there.items() if value not in (None, [], {})}

    def holds_for(self, asked: Asked) -> bool:
        """Return whether every criterion of this rule matches what is asked."""
        return (
            (not self.operations or bool({asked.operation, asked.part_of} & {*self.operations}))
            and (not self.tenants or not _kinds(asked.tenant).isdisjoint(self.tenants))
            and _is_in(self.entities, asked.place.entity)
            and _is_in(self.organizations, asked.place.organization)
            and self.sends in (None, asked.sends)
            and self.mails_again in (None, asked.mails_again)
            and (not self.above or _is_above(self.above, asked.amounts))
            and (
                self.documents_above is None
                or asked.documents is None
                or asked.documents > self.documents_above
            )
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Policy:
    """The policy file as read.

    `hash` is the SHA-256 (hex) of its bytes, and `text` is those bytes as text. `remind_after` applies if no rule
    of the file does; see `Rule`.
    """

    requesters: tuple[str, ...]
    approvers: tuple[str, ...]
    viewers: tuple[str, ...]
    remind_after: tuple[timedelta, ...] = ()
    tiers: tuple[Tier, ...] = ()
    hash: str
    text: str = ""

    def rule(self, asked: Asked) -> Rule:
        """Return the first rule that matches, else the general rule: one approval within 24 hours."""
        return self._tier(asked).rule

    def strictest(self, parts: Sequence[Asked]) -> Rule:
        """Return the rule for something with several parts: the strictest of the parts' rules."""
        return reduce(Rule.and_of, self.rules(parts))

    def rules(self, parts: Sequence[Asked]) -> tuple[Rule, ...]:
        """Return the rules that apply to the parts, each once."""
        found = (tier.rule for each in parts for tier in self._tiers(each).values())
        return tuple(dict.fromkeys(found))

    def why(self, parts: Sequence[Asked]) -> dict[str, Any]:
        """Return what the rules looked at and their conditions, for the history; with several parts, by operation."""
        of_each = {
            name: {"conditions": tier.conditions, "compared": each.compared}
            for each in parts
            for name, tier in self._tiers(each).items()
        }
        if len(of_each) == 1:
            return next(iter(of_each.values()))
        names = ("conditions", "compared")
        return {name: {part: said[name] for part, said in of_each.items()} for name in names}

    def _tier(self, asked: Asked) -> Tier:
        general = Tier(rule=Rule(approvers=self.approvers, remind_after=self.remind_after))
        return next((tier for tier in self.tiers if tier.holds_for(asked)), general)

    def _tiers(self, asked: Asked) -> dict[str, Tier]:
        """Return its tier by its operation's name, and for a part also the one that applies to the whole.

        A rule for the whole never replaces the part's own. Otherwise somebody could add a document of another kind to
        come under a milder rule.
        """
        own, in_whole = self._tier(replace(asked, part_of="")), self._tier(asked)
        if own.rule == in_whole.rule:
            return {asked.operation: own}
        return {asked.operation: own, f"{asked.operation} in {asked.part_of}": in_whole}

    @property
    def deciders(self) -> tuple[str, ...]:
        """Return every name that may approve under any rule, once."""
        named = [*self.approvers, *(name for tier in self.tiers for name in tier.rule.approvers)]
        return tuple(dict.fromkeys(named))

    @property
    def everybody(self) -> tuple[str, ...]:
        """Return every name in the file, once; all of them may look."""
        named = [*self.viewers, *self.requesters, *self.approvers]
        for tier in self.tiers:
            named += tier.rule.approvers
        return tuple(dict.fromkeys(named))


def _is_in(wanted: tuple[str, ...], unit: Unit | None) -> bool:
    if not wanted or unit is None:
        return True
    return any(unit.is_called(each) for each in wanted)


def _kinds(tenant: str) -> frozenset[str]:
    """Return the kinds that a tenant counts as; an unknown one may be production, so it counts as that too."""
    return frozenset({tenant, "production"}) if tenant == "unknown" else frozenset({tenant})


def _is_above(above: Mapping[str, Decimal], amounts: Sequence[Money] | None) -> bool:
    """Return whether an amount without its sign is above its limit; NaN and infinity always are."""
    if amounts is None:
        return True
    return any(
        currency not in above or not amount.is_finite() or abs(amount) > above[currency]
        for currency, amount in amounts
    )


def is_group(name: str) -> bool:
    """Return whether Slack must be asked who this is: a user group's id, or a name made by `in_both`."""
    return name.startswith("S")


def in_both(names: Sequence[str], others: Sequence[str]) -> tuple[str, ...]:
    """Return names for exactly the people whom both lists name: `S0A&U0B` is that person, if in that group.

    The parts of such a name are sorted, so a group comes first.
    """
    if names == others:
        return tuple(names)
    pairs = {frozenset((*one.split(AND), *other.split(AND))) for one in names for other in others}
    possible = [each for each in pairs if sum(not is_group(name) for name in each) <= 1]
    least = [each for each in possible if not any(other < each for other in possible)]
    return tuple(sorted(AND.join(sorted(each)) for each in least))
