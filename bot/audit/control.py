"""Repeats the control of FORMAT.md: who approved, by which rule of which policy."""
import bisect, json
from collections.abc import Iterator
from decimal import Decimal
from typing import Any

from bot.audit.confirmed import CHANGED, CONFIRMED, ChangesOfPolicy
from bot.audit.decisions import EXPLAINED, approved, by_hand, ended, groups_of, is_named, settled_without, signed_by
from bot.audit.expected import called, summed
from bot.audit.rows import APPROVED, BEGINS, UNSUPPORTED, Json, Remark, FileRow, Story, hashed, loaded
from bot.audit.stated import NotCompared, stated
from bot.domain.gains import DAY, difference, read, seconds

DENIED, GROUPS = "statement.denied", "people.groups"
SHAPES: dict[str, tuple[str, type, Any]] = {  # what such a row has in any case, and what stands for it in an older one
    CHANGED: ("difference", list, []), GROUPS: ("groups", dict, None), "audit.anchored": ("where", str, None),
    "bot.started": ("says", list, [])}
STANDS = {*SHAPES, CONFIRMED, DENIED, EXPLAINED}
SAID = {"plain", "bound", "compared"}  # by each `request.asked`, since starts say that rows keep salts and before they list it
CRITERIA = ("operations", "tenants", "sends", "mails_again", "above", "documents_above", "entities", "organizations")


class InForce:
    """The policy in force, the groups' members, and which decisions are denied; updated row by row."""

    def __init__(self) -> None:
        self.policies, self.force, self.groups = dict[str, Any](), list[tuple[int, str]](), dict[str, Any]()
        self.starts = list[tuple[int, list[str]]]()  # and what each `request.asked` says from there on
        self.deciding, self.signers = list[tuple[int, Any]](), list[FileRow]()  # decisions that starts list; explanations to compare
        self.changes, self.open = ChangesOfPolicy(), NotCompared()
        self.denied, self.named, self.signed = dict[int, FileRow](), set[int](), dict[int, tuple[Any, ...]]()

    def note(self, row: FileRow) -> Iterator[Remark]:
        """Take in a row; return what is wrong with it."""
        data = json.loads(row.data) if row.what in STANDS else {}
        name, kind, older = SHAPES.get(row.what, ("", dict, {}))
        if is_short := row.what == CHANGED and "text" not in data and any(says for _, says in self.starts):
            name = "text"
        if is_short or not isinstance(data.get(name, older), kind):
            yield Remark(UNSUPPORTED, row.sequence, f"Row {row.sequence} ({row.what}) has no `{name}` as the bot writes it.")
            return
        wrong = self.differs(data) if row.what == CHANGED and "text" in data else ()
        yield from (Remark(UNSUPPORTED, row.sequence, f"Row {row.sequence} has another {each} than its policy's text.") for each in wrong)
        yield from self.changes.take(row, data, self.members) if data else ()
        says = data.get("says", sorted(SAID) if data.get("sealed") is True else [])
        self.starts += [(row.sequence, says)] * (row.what == BEGINS)
        self.deciding += [(row.sequence, data.get("decides") or ())] * (row.what == BEGINS)
        if row.what == DENIED:
            self.denied = {**dict.fromkeys(data.get("rows", ()), row), **self.denied}  # the first denial of a decision counts
        if row.what == EXPLAINED:
            self.signed[row.sequence] = data["number"], data["words"], row.who
        for name, members in {**dict.fromkeys(self.groups if row.what == GROUPS else ()), **data.get("groups", {})}.items():
            known = self.groups.setdefault(name, [])
            known.append((row.sequence, known[-1][1] if known and known[-1][1] == members else members))  # equal lists are kept once
        if row.what == CHANGED:
            self.force.append((row.sequence, data["new"]))
            if "text" in data and hashed(data["text"]) != data["new"]:
                yield Remark(UNSUPPORTED, row.sequence, f"Row {row.sequence} has another policy than its hash says.")
            self.policies[data["new"]] = read(data["text"]) if "text" in data else None

    def differs(self, data: Json) -> Iterator[str]:
        """Return what a change of the policy says otherwise than its text, and that of the policy before, do."""
        before, policy = self.changes.changes.get(self.changes.with_hash(data.get("old", "")), Json()), read(data["text"])
        yield from ["difference"] * (data.get("difference") != difference(str(before.get("text", "")), data["text"]))
        lists = {each: policy.get(each, ()) for each in ("requesters", "approvers", "viewers")}
        yield from (name for name, each in lists.items() if {*data.get(name, each)} != {*each})
        yield from ["number of rules"] * (data.get("rules", len(policy.get("rule", ()))) != len(policy.get("rule", ())))

    def force_at(self, row: FileRow) -> str:
        """Return the hash of the policy in force at a row; empty if no row before it says one."""
        return next((new for at, new in reversed(self.force) if at < row.sequence), "")

    def policy_at(self, row: FileRow) -> Any:
        """Return the policy in force at a row; None if its text is not known."""
        return self.policies.get(self.force_at(row))

    def decides(self, row: FileRow) -> bool:
        """Return whether the bot records, before a decision of this kind, who is in the groups, and looks at the policy in force."""
        return row.what in next((kinds for at, kinds in reversed(self.deciding) if at < row.sequence), ())

    def members(self, name: str, sequence: int) -> list[Any]:
        """Return who was in a group, as the rows before and after this one say; nobody knows after a row without it, or with null."""
        known = self.groups.get(name, [])
        at = bisect.bisect(known, sequence, key=lambda each: each[0])
        return [each for _, each in known[at - 1 : at + 1] if each is not None] if at and known[at - 1][1] is not None else []

    def denials(self, story: Story) -> Iterator[Remark]:
        """Return a note on each of a request's decisions that is denied."""
        for row in (row for row, _ in story if row.sequence in self.denied):
            by, it = self.denied[row.sequence], f"row {row.sequence} ({row.what})"
            self.named.add(row.sequence)
            words = f"R-{row.request}: {by.who} says in row {by.sequence} that the decision in {it} was not theirs"
            words += f"; it is {row.who}'s" * (is_other := by.who != row.who)
            yield Remark("control not held" if is_other else "note", row.sequence, words)

    def others(self) -> Iterator[Remark]:
        """Return a note on each denied decision that is in no request's rows here."""
        for number, by in sorted(self.denied.items()):
            words = f"{by.who} says in row {by.sequence} that the decision in row {number} was not theirs"
            yield from [Remark("note", number, words)] * (number not in self.named)
        yield from (Remark("not compared", None, words) for words in self.open.words())
        yield from (remark for row in self.signers for remark in signed_by(row, self))


def holds(tier: Json, part: str, compared: Json, record: Json) -> bool:  # whether a policy's rule covers (a part of) the request
    tenants = {compared["tenant"], *(["production"] if compared["tenant"] == "unknown" else [])}
    above, amounts = {code: Decimal(each) for code, each in tier.get("above", {}).items()}, compared["amounts"]
    is_above = not above or amounts is None or any(
        code not in above or not Decimal(each).is_finite() or abs(Decimal(each)) > above[code] for code, each in amounts)
    place = dict(each.split("=", 1) for each in (record.get("place") or "").split(";") if each)
    words = (record.get("place_words") or "").lower()
    def is_in(wanted: list[str], unit: str, called: str) -> bool:
        ids = [",".join(sorted({each.strip().replace("-", "").lower() for each in one.split(",")} - {""})) for one in wanted]
        return not wanted or unit not in place or place[unit] in ids or any(f"{called} {each.lower()}" in words for each in wanted)
    limit, documents = tier.get("documents_above"), compared["documents"]
    return bool((not tier.get("operations") or {*part.split(" in ")} & {*tier["operations"]})
        and (not tier.get("tenants") or tenants & {*tier["tenants"]}) and is_above
        and is_in(tier.get("entities", []), "entity", "entity") and is_in(tier.get("organizations", []), "org", "organization")
        and tier.get("sends") in {None, compared["sends"]} and tier.get("mails_again") in {None, compared["mails_again"]}
        and (limit is None or documents is None or documents > limit))


def tiers_of(record: Json, compared: Json, policy: Json, **other: Any) -> Iterator[tuple[str, int, Json]]:  # the rule of each part
    kinds, tiers = loaded(record["body"]).get("kinds") or [""], policy.get("rule", [])
    alone = f"email_{kinds[0]}" if record["operation"] == "email_mixed_list" else record["operation"]
    for part, each in ({alone: compared} if "tenant" in compared else compared).items():
        at = next((at for at, tier in enumerate(tiers, 1) if holds(tier, part, {**each, **other}, record)), 0)
        yield part, at, tiers[at - 1] if at else {}


def ruled(record: Json, asked: Json, policy: Json) -> Iterator[str]:  # how a record's rule differs from the policy's text
    rule, compared, said = loaded(record["rule"]), asked["compared"], asked["conditions"]
    names, found, mine = list[str](), list[Json](), Json()
    for part, at, tier in tiers_of(record, compared, policy):
        names, found = [*names, f"rule {at}" if at else "the general rule"], [*found, tier]
        there = {name: tier[name] for name in CRITERIA if tier.get(name) not in (None, [], {})}
        mine[part] = there | ({"above": {code: str(Decimal(one)) for code, one in there["above"].items()}} if "above" in there else {})
    lists = [{*(each.get("approvers") or policy["approvers"])} for each in found]
    if {*rule.get("name", names[0]).split(" and ")} != {*names} or asked.get("rule", rule.get("name")) != rule.get("name"):
        yield f"is under {rule.get('name')}, and by the policy's text {' and '.join(dict.fromkeys(names))} holds"
    if said != (next(iter(mine.values())) if "tenant" in compared else mine):
        yield "names other conditions than the policy's text"
    if rule.get("approvals", 1) != max(tier.get("approvals", 1) for tier in found):
        yield f"is under a rule of {rule.get('approvals', 1)} approvals, which is not what the policy's text says"
    if rule.get("expires_after", span := min(seconds(tier.get("expires_after", DAY)) for tier in found)) != span:
        yield f"is under a rule that expires after {rule['expires_after']} seconds, which is not what the policy's text says"
    if not all({*name.split("&")} & one for name in rule["approvers"] for one in lists):
        yield "is under a rule with approvers that the policy's text does not name"


def still(record: Json, story: Story, stands: InForce) -> Iterator[tuple[FileRow, str]]:  # approved as a later policy demands too
    people = set[str]()
    for row, data in (each for each in story if each[0].what == APPROVED and "compared" in story[0][1]):
        people, policy = people | {row.who}, stands.policy_at(row) if stands.decides(row) else None
        if not policy or stands.policies.get(record["policy_hash"]) == policy:
            continue
        again = [[tier for *_, tier in tiers_of(record, story[0][1]["compared"], policy, mails_again=is_so)] for is_so in (False, True)]
        mine, needed = {row.who, *groups_of(row, data)}, min(max(tier.get("approvals", 1) for tier in tiers) for tiers in again)
        if not any(all(is_named(mine, tier.get("approvers") or policy["approvers"]) for tier in tiers) for tiers in again):
            yield row, "is an approval by somebody whom the rule of the policy in force at that time does not name"
        if not data.get("missing") and len(people) < needed:
            yield row, f"is the last approval of {len(people)}, and the policy in force at that time needs {needed}"


def asked_for(record: Json, row: FileRow, asked: Json, stands: InForce) -> Iterator[str]:  # whether the record agrees with its first row
    in_force, mine = [each for each in stands.force if each[0] < row.sequence], record["policy_hash"]
    own = record["requester"], record.get("team", row.team), record["digest"]
    if own != (row.who, row.team, asked.get("digest")) or record["created_at"] > row.at:
        yield "is by somebody else, of another time or about something else than its record says"
    *_, says = [], *(says for at, says in stands.starts if at < row.sequence)
    if silent := [name for name in map(str, says) if name not in asked]:
        yield f"says nothing of {', '.join(silent)}, as the bot did at that time"
        return
    if asked.get("policy", mine) != mine or (in_force and in_force[-1][1] != mine):
        since = f", which row {in_force[-1][0]} replaced: a process still had the older file" * (mine in dict(in_force).values())
        yield f"is under another policy than the one in force{since}"
    if policy := stands.policies.get(mine):
        yield from ruled(record, asked, policy) if "compared" in asked else ()
        yield from summed(record, asked) if "plain" in asked else ()  # an older row may add up its totals differently
    if "bound" in asked and not (in_force and mine in stands.policies):
        yield "is under a policy of which no row before it says that it was in force"


def control(record: Json, story: Story, stands: InForce) -> Iterator[Remark]:  # of one request, performed again
    (first, asked), found = story[0], list[tuple[FileRow, str]]()
    try:
        found += approved(rule := loaded(record["rule"]), story, stands, record["expires_at"])
        if "plain" in asked:
            found += (*ended(rule, story, stands, record["expires_at"]), *by_hand(rule, story, stands), *stated(record, story, stands))
            found += still(record, story, stands)
        found += [(first, words) for words in asked_for(record, first, asked, stands)]
        found += called(record, story, asked) if "bound" in asked else ()
        found += stands.changes.began(record, story)
    except (LookupError, TypeError, ValueError, AttributeError, ArithmeticError, RecursionError) as error:
        found.append((first, f"cannot be performed again: {error!r}"))
    stands.open.look(story, stands)
    yield from (*stands.denials(story), *settled_without(story))
    for row, words in found:
        yield Remark("control not held", row.sequence, f"R-{row.request}: row {row.sequence} ({row.what}) {words}.")
