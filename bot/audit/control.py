"""Repeats the control of FORMAT.md: who approved, by which rule of which policy."""
import bisect, json, tomllib
from collections.abc import Iterator
from decimal import Decimal
from typing import Any

from bot.audit.confirmed import CHANGED, CONFIRMED, ChangesOfPolicy
from bot.audit.expected import called, summed
from bot.audit.rows import APPROVED, ASKED, STARTED, UNSUPPORTED, Json, Remark, FileRow, Story, hashed, loaded, rule_of
from bot.audit.stated import NotCompared, by_hand, settled_without, stated
from bot.domain.gains import DAY, seconds

DENIED, EXPLAINED = "statement.denied", "exception.explained"
SHAPES: dict[str, tuple[str, type, Any]] = {  # what such a row has in any case, and what stands for it in an older one
    CHANGED: ("difference", list, []), "people.groups": ("groups", dict, None), "audit.anchored": ("where", str, None),
    "bot.started": ("says", list, [])}
STANDS = {*SHAPES, CONFIRMED, DENIED, EXPLAINED}
SAID = {"plain", "bound", "compared"}  # by each `request.asked`, since starts say that rows keep salts and before they list it
ENDS = {f"request.{each}": each for each in ("rejected", "withdrawn", "expired", "stopped")}
STATES = {**ENDS, ASKED: "waiting", STARTED: "running"}
KEPT = ("number", "operation", "subject", "tenant", "place_words", "requester", "reason", "digest", "created_at", "policy_hash")
CRITERIA = ("operations", "tenants", "sends", "mails_again", "above", "documents_above", "entities", "organizations")
LATE = "late: recorded after the period of its date"


class InForce:
    """The policy in force, the groups' members, and which decisions are denied; updated row by row."""

    def __init__(self) -> None:
        self.policies, self.force, self.groups = dict[str, Any](), list[tuple[int, str]](), dict[str, Any]()
        self.starts = list[tuple[int, list[str]]]()  # and what each `request.asked` says from there on
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
        yield from self.changes.take(row, data, self.members) if data else ()
        says = data.get("says", sorted(SAID) if data.get("sealed") is True else [])
        self.starts += [(row.sequence, says)] * (row.what == "bot.started")
        if row.what == DENIED:
            self.denied = {**dict.fromkeys(data.get("rows", ()), row), **self.denied}  # the first denial of a decision counts
        if row.what == EXPLAINED:
            self.signed[row.sequence] = data["number"], data["words"], row.who
        for name, members in data.get("groups", {}).items():
            known = self.groups.setdefault(name, [])
            known.append((row.sequence, known[-1][1] if known and known[-1][1] == members else members))  # equal lists are kept once
        if row.what == CHANGED:
            self.force.append((row.sequence, data["new"]))
            if "text" in data and hashed(data["text"]) != data["new"]:
                yield Remark(UNSUPPORTED, row.sequence, f"Row {row.sequence} has another policy than its hash says.")
            self.policies[data["new"]] = tomllib.loads(data["text"]) if "text" in data else None

    def members(self, name: str, sequence: int) -> list[Any]:
        """Return who was in a group, as the rows before and after this one say; nobody knows after a row with null for it."""
        known = self.groups.get(name, [])
        at = bisect.bisect(known, sequence, key=lambda each: each[0])
        return [each for _, each in known[at - 1 : at + 1] if each is not None] if at and known[at - 1][1] is not None else []

    def denials(self, story: Story) -> Iterator[Remark]:
        """Return a note on each of a request's decisions that is denied."""
        for row in (row for row, _ in story if row.sequence in self.denied):
            by, it = self.denied[row.sequence], f"row {row.sequence} ({row.what})"
            self.named.add(row.sequence)
            words = f"R-{row.request}: {by.who} says in row {by.sequence} that the decision in {it} was not theirs"
            yield Remark("note", row.sequence, words)

    def others(self) -> Iterator[Remark]:
        """Return a note on each denied decision that is in no request's rows here."""
        for number, by in sorted(self.denied.items()):
            words = f"{by.who} says in row {by.sequence} that the decision in row {number} was not theirs"
            yield from [Remark("note", number, words)] * (number not in self.named)
        yield from (Remark("not compared", None, words) for words in self.open.words())


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


def ruled(record: Json, asked: Json, policy: Json) -> Iterator[str]:  # how a record's rule differs from the policy's text
    rule, body, compared, said = loaded(record["rule"]), loaded(record["body"]), asked["compared"], asked["conditions"]
    kinds, tiers = body.get("kinds") or [""], policy.get("rule", [])
    alone = f"email_{kinds[0]}" if record["operation"] == "email_mixed_list" else record["operation"]
    parts, names, found, mine = {alone: compared} if "tenant" in compared else compared, list[str](), list[Json](), Json()
    for part, each in parts.items():
        at = next((at for at, tier in enumerate(tiers) if holds(tier, part, each, record)), None)
        tier: Json = {} if at is None else tiers[at]
        names, found = [*names, "the general rule" if at is None else f"rule {at + 1}"], [*found, tier]
        there = {name: tier[name] for name in CRITERIA if tier.get(name) not in (None, [], {})}
        mine[part] = there | ({"above": {code: str(Decimal(one)) for code, one in there["above"].items()}} if "above" in there else {})
    lists = [{*(each.get("approvers") or policy["approvers"])} for each in found]
    if {*rule.get("name", names[0]).split(" and ")} != {*names} or asked.get("rule", rule.get("name")) != rule.get("name"):
        yield f"is under {rule.get('name')}, and by the policy's text {' and '.join(dict.fromkeys(names))} holds"
    if said != (mine[alone] if "tenant" in compared else mine):
        yield "names other conditions than the policy's text"
    if rule.get("approvals", 1) != max(tier.get("approvals", 1) for tier in found):
        yield f"is under a rule of {rule.get('approvals', 1)} approvals, which is not what the policy's text says"
    if rule.get("expires_after", span := min(seconds(tier.get("expires_after", DAY)) for tier in found)) != span:
        yield f"is under a rule that expires after {rule['expires_after']} seconds, which is not what the policy's text says"
    if not all({*name.split("&")} & one for name in rule["approvers"] for one in lists):
        yield "is under a rule with approvers that the policy's text does not name"


def line_of(record: Json, story: Story, about: Json) -> Json:  # a request's line in the population
    rule, (first, asked), state, by, refused = rule_of(record), story[0], ("", ""), ("", ""), set[Any]()
    for row, data in story:
        if row.what.startswith("call."):
            refused = refused - {data.get("subject")} | ({data.get("subject")} if data.get("verdict") == "rejected" else set())
        is_good = data.get("accepted") and not (refused and row.what == "request.settled")
        end = data.get("state") or ("succeeded" if is_good else "failed")
        words = {**STATES, APPROVED: "waiting" if data.get("missing") else "approved", "request.ended": end, "request.settled": end}
        state = (words[row.what], row.at) if row.what in words else state
        by = (row.who, row.at) if row.what in {APPROVED, "request.rejected", "request.withdrawn"} else by
    is_new = about["before"]["sequence"] < first.sequence <= about["last"]
    return {**{name: record.get(name) for name in KEPT}, "rule": rule.get("name"), "state": state[0], "state_at": state[1],
            "approvals_needed": rule.get("approvals", 1), "approvers": [row.who for row, _ in story if row.what == APPROVED],
            "conditions": asked.get("conditions"), "compared": asked.get("compared"), "decided_by": by[0], "decided_at": by[1],
            "asked_in_period": "no" if not is_new else "yes" if about["start"] <= record["created_at"] < about["end"] else LATE}


def approved(rule: Json, story: Story, stands: InForce, expires: str) -> Iterator[tuple[FileRow, str]]:  # enough people, in time
    (first, asked), good, started, over, needed = story[0], dict[str, int](), False, "", rule.get("approvals", 1)
    for row, data in (each for each in story if each[0].what in {APPROVED, STARTED, "call.sent", *ENDS}):
        approves, starts, members, wrong = row.what == APPROVED, row.what == STARTED, data.get("members", {}), ""
        groups = {each for each in data.get("groups", ()) if row.who in members.get(each, [row.who])}
        known = {each: stands.members(each, row.sequence) for name in groups & {*rule["approvers"]} for each in name.split("&")}
        if approves and any(lists and not any(row.who in each for each in lists) for lists in known.values()):
            wrong = "is an approval by somebody who is in the group by this row alone"
        if approves and not {row.who, *groups} & {*rule["approvers"]}:
            wrong = "is an approval by somebody who is not in the rule's lists or groups"
        wrong = "is an approval by the requester" if approves and row.who == first.who else wrong
        wrong = "is an approval of what had expired" if approves and row.at >= expires else wrong
        is_other = (approves or starts) and data.get("digest") != asked.get("digest")
        wrong = "is about something else than was asked for" if is_other else wrong
        good, started = good | ({row.who: row.sequence} if approves and not wrong else {}), started or starts
        no_more = {who: by for who, at in good.items() if (by := stands.denied.get(at)) and by.sequence < row.sequence}
        over, goes_on = over or ENDS.get(row.what, ""), starts or row.what == "call.sent" or (approves and not data.get("missing"))
        if goes_on and not wrong and (over or len(good) - len(no_more) < needed or not (started or approves)):
            when = "" if started else ", and before the start"
            when += "".join(f", because {who} had denied one in row {by.sequence}" for who, by in no_more.items())
            approvals = f"goes on after {len(good) - len(no_more)} of {needed} approvals{when}"
            wrong = f"goes on although it was {over}" if over else approvals
        yield from [(row, wrong)] * bool(wrong)


def asked_for(record: Json, row: FileRow, asked: Json, stands: InForce) -> Iterator[str]:  # whether the record agrees with its first row
    in_force, mine = [each for each in stands.force if each[0] < row.sequence], record["policy_hash"]
    if (record["requester"], record["digest"]) != (row.who, asked.get("digest")) or record["created_at"] > row.at:
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
        found += (*by_hand(rule, story, stands.denied), *stated(record, story, stands)) if "plain" in asked else ()
        found += [(first, words) for words in asked_for(record, first, asked, stands)]
        found += called(record, story, asked) if "bound" in asked else ()
        found += stands.changes.began(record, story)
    except (LookupError, TypeError, ValueError, AttributeError, ArithmeticError, RecursionError) as error:
        found.append((first, f"cannot be performed again: {error!r}"))
    stands.open.look(story, stands)
    yield from (*stands.denials(story), *settled_without(story))
    for row, words in found:
        yield Remark("control not held", row.sequence, f"R-{row.request}: row {row.sequence} ({row.what}) {words}.")
