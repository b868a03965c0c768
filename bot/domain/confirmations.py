"""Decides which changes of the policy are confirmed, and who may confirm one."""

from collections.abc import Collection, Mapping
from typing import Any, NamedTuple

from bot.domain.gains import Terms, read, terms_of, told_apart

AT_THE_END = 2**63
"""Comes after every row of a history."""

FEWEST = 2
"""How many must confirm a change if all who could gain by it, even if no rule needs more than one."""

Members = Mapping[str, Collection[str]]
"""Who is in each group that is known."""


class Said(NamedTuple):
    """A row in which somebody confirmed a change; `base` is the confirmed one that it was compared with, 0 in older rows."""

    row: int
    change: int
    who: str
    base: int
    needed: int


class Confirming(NamedTuple):
    """How many people like this one must confirm a change (0: this one may not, and why), who may, and whether this one gains."""

    needed: int
    why: str
    may: list[str]
    gains: bool = True


def is_among(who: str, names: Collection[str], members: Members, *, unknown: bool) -> bool:
    """Return whether somebody is named, or is in a group that is; `unknown` is the answer for a group that is not known."""
    groups = (name for name in names if name.startswith("S"))
    known = (who in members[name] if name in members else unknown for name in groups)
    return who in names or any(known)


def gain(who: str, policies: tuple[Any, Any], members: Members, you: str = "you") -> str:
    """Return what somebody gains by a change; empty if nothing. A group that is not known counts against them.

    Args:
        who: Slack user id.
        policies: The data of the rows that introduced the policy before and the one after.
        members: Who is in the groups.
        you: What the sentence calls them.
    """
    before, after = policies
    if not before.get("text") or not after.get("text"):
        return f"an older version did not record both policies, so what {you} may do since then cannot be compared"
    asks = is_among(who, read(after["text"])["requesters"], members, unknown=True)
    if asks and not is_among(who, read(before["text"])["requesters"], members, unknown=False):
        return f"{you} may ask only since then"
    verb = "ask for" if asks else ""
    pairs = told_apart(before["text"], after["text"])
    found = (_by(who, old, new, members, you, verb) for old, new in pairs)
    return next(filter(None, found), "")


def _by(who: str, old: Terms, new: Terms, members: Members, you: str, asks: str) -> str:
    """Return what somebody gains where a rule applies in place of another."""
    decides = is_among(who, new.approvers, members, unknown=True)
    if decides and not is_among(who, old.approvers, members, unknown=False):
        return f"{you} may approve under {new.name} what only others could approve before"
    verb = "approve" if decides else asks
    if verb and new.approvals < old.approvals:
        needs = f"needs {new.approvals} in place of {old.approvals} approvals"
        return f"what {you} may {verb} under {new.name} {needs}"
    if verb and new.waits > old.waits:
        return f"what {you} may {verb} under {new.name} waits longer for approvals than before"
    return ""


class Confirmations:
    """The changes of the policy in the history, and who confirmed them.

    Attributes:
        changes: The data of each row that changed the policy, by its sequence, in order.
        said: The rows in which people confirmed one, in order.
        denied: The row that first denies a row, by the row that is denied.
    """

    def __init__(self) -> None:
        self.changes = dict[int, Any]()
        self.said = list[Said]()
        self.denied = dict[int, int]()

    def note(self, row: int, what: str, who: str, data: Any) -> None:
        """Take in a row, in the order of their sequence; those of other kinds mean nothing here."""
        if what == "policy.changed":
            self.changes[row] = data
        elif what == "policy.confirmed":
            self.said.append(
                Said(row, data["change"], who, data.get("base", 0), data.get("needed", 1))
            )
        elif what == "statement.denied":
            self.denied = dict.fromkeys(data.get("rows", ()), row) | self.denied

    def confirmed(self, before: int = AT_THE_END) -> dict[int, int]:
        """Return the changes that were confirmed before a row, each with the row that did it (0 if it needed none).

        The first policy changes nothing, nor does one that is the same as the last that was confirmed by then.
        """
        found = dict[int, int]()
        for change, data in self.changes.items():
            if change >= before:
                break
            last = next((one for one, by in reversed(found.items()) if by < change), 0)
            if not data.get("old") or (last and self.changes[last]["new"] == data["new"]):
                found[change] = 0
            elif by := self._by(change, found, before):
                found[change] = by
        return found

    def _by(self, change: int, confirmed: Collection[int], before: int) -> int:
        """Return the row with which enough people had confirmed a change; 0 if they had not."""
        people = dict[int, set[str]]()
        for each in self.counting(change, before):
            if not each.base or each.base in confirmed:
                agree = people.setdefault(each.base, set())
                agree.add(each.who)
                if len(agree) >= each.needed:
                    return each.row
        return 0

    def counting(self, change: int, before: int) -> list[Said]:
        """Return the rows before a row that confirm a change, without those that were denied by then."""
        said = (each for each in self.said if each.change == change < each.row < before)
        return [each for each in said if self.denied.get(each.row, before) >= before]

    def agreed(self, change: int) -> set[str]:
        """Return who has confirmed a change, compared with the same one as today."""
        base = self.base(change)
        return {each.who for each in self.counting(change, AT_THE_END) if each.base == base}

    def base(self, change: int, before: int = AT_THE_END) -> int:
        """Return the last change before this one that was confirmed before a row; 0 if there is none."""
        return max((each for each in self.confirmed(before) if each < change), default=0)

    def names(self, change: int) -> tuple[str, ...]:
        """Return everybody whose rights a change is about, people and groups."""
        return tuple(names_of(self.changes.get(self.base(change)) or {}, self.changes[change]))

    def with_hash(self, policy: str, before: int = AT_THE_END) -> int:
        """Return the last change before a row that introduced the policy with this hash; 0 if there is none."""
        found = (row for row, data in self.changes.items() if data["new"] == policy)
        return max((row for row in found if row < before), default=0)

    def judge(
        self, change: int, who: str, members: Members, before: int = AT_THE_END, you: str = "you"
    ) -> Confirming:
        """Return whether somebody may confirm a change, and how many like them must."""
        policies = self.changes.get(self.base(change, before)) or {}, self.changes[change]
        groups = (name for name in names_of(*policies) if name.startswith("S"))
        open_ = [name for name in groups if name not in members]
        unsure = f" (Slack does not say who is in {', '.join(open_)})" if open_ else ""
        named = deciders_of(policies[0])
        people = sorted({one for name in named for one in members.get(name, [name])} - {*open_})
        if who not in people:
            may = f"it is not known whether {you} may" if {*open_} & {*named} else f"{you} may not"
            why = f"{may} approve under the policy that was confirmed last{unsure}"
            return Confirming(0, why, people, gains=False)
        why = gain(who, policies, members, you)
        if not why:
            return Confirming(1, "", people, gains=False)
        free = [each for each in people if not gain(each, policies, members)]
        if free or open_:
            gains = f"{you} gain{'' if you == 'you' else 's'} by it"
            return Confirming(0, f"{gains}: {why}{unsure}", free)
        needed = max(each.approvals for each in _terms(policies[0]))
        return Confirming(max(FEWEST, needed), "", people)


def _policy(data: Any) -> Any:
    """Return a row's policy; an older row has only its lists."""
    if text := data.get("text"):
        return read(text)
    deciders = data.get("deciders") or data.get("approvers") or []
    return {"requesters": data.get("requesters") or [], "approvers": deciders}


def _terms(data: Any) -> list[Terms]:
    return terms_of(_policy(data))


def deciders_of(*policies: Any) -> list[str]:
    """Return everybody who approves by these rows' policies, people and groups."""
    return sorted({name for each in policies for one in _terms(each) for name in one.approvers})


def names_of(*policies: Any) -> list[str]:
    """Return everybody who asks or approves by these rows' policies, people and groups."""
    asks = {name for each in policies for name in _policy(each)["requesters"]}
    return sorted(asks | {*deciders_of(*policies)})
