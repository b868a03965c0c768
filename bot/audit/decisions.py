"""Performs the decisions of people again: who approved, rejected, withdrew, recorded and signed, and in which order."""
from collections.abc import Iterator
from typing import Any

from bot.audit.rows import APPROVED, ASKED, STARTED, FileRow, Json, Remark, Story
from bot.domain.gains import terms_of

REJECTED, WITHDRAWN, EXPIRED, ENDED, SETTLED, EXPLAINED = (
    "request.rejected", "request.withdrawn", "request.expired", "request.ended", "request.settled", "exception.explained")
ENDS = {f"request.{each}": each for each in ("rejected", "withdrawn", "expired", "stopped")}
STATES = {**ENDS, ASKED: "waiting", STARTED: "running"}
RECORDS = {"request.recorded": "a record", SETTLED: "a record"}  # of what a person saw in Zuora; the bot settles too
CALLED = {APPROVED: "an approval", REJECTED: "a rejection", **RECORDS}
OUT = {"running", "succeeded", "failed", "unknown", "stopped"}
MOVES = {"waiting": {"waiting", "approved", *ENDS.values()}, "approved": {"running", "stopped"}, "running": OUT, "unknown": OUT}


def states(story: Story) -> Iterator[tuple[FileRow, str, bool]]:  # each row with a new state, and whether the row itself says which
    refused = set[Any]()
    for row, data in story:
        if row.what.startswith("call."):
            refused = refused - {data.get("subject")} | ({data.get("subject")} if data.get("verdict") == "rejected" else set())
        is_good = data.get("accepted") and not (refused and row.what == SETTLED)
        end = data.get("state") or ("succeeded" if is_good else "failed")
        words = {**STATES, APPROVED: "waiting" if data.get("missing") else "approved", ENDED: end, SETTLED: end}
        if row.what in words:
            yield row, words[row.what], words[row.what] is not end or "state" in data


def in_order(story: Story) -> Iterator[tuple[FileRow, str]]:  # whether each state may follow the one before
    before = ""
    for row, state, is_said in states(story):
        may_be = {"approved"} if row.what == STARTED else {each for each, others in MOVES.items() if state in others}
        if row.what != ASKED and before and before not in may_be:
            yield row, f"makes it {state}, after it was {before}"
        before = state if is_said else ""


def groups_of(row: FileRow, data: Json) -> set[str]:  # by which somebody decided, but for those whose members the row lists without them
    return {each for each in data.get("groups", ()) if row.who in data.get("members", {}).get(each, [row.who])}


def is_alone(names: Any, row: FileRow, data: Json, stands: Any) -> bool:  # no row of groups has the person in one by which they decided
    parts = {part for name in groups_of(row, data) & {*names} for part in name.split("&")}
    known = [stands.members(each, row.sequence) for each in parts]
    return any(lists and not any(row.who in each for each in lists) for lists in known)


def by_whom_it_is(rule: Json, first: FileRow, row: FileRow, data: Json, stands: Any) -> str:  # why not theirs to decide, in words
    people = {row.who, *groups_of(row, data)}
    if row.who == first.who:
        return "by the requester"
    if not people & {*rule["approvers"]}:
        return "by somebody who is not in the rule's lists or groups"
    if (stands.decides(row) or row.what == APPROVED) and is_alone(rule["approvers"], row, data, stands):
        return "by somebody who is in the group by this row alone"
    today = {name for each in terms_of(stands.policy_at(row) or rule) for name in each.approvers} if stands.decides(row) else people
    return "" if is_named(people, today) else "by somebody whom the policy in force at that time lets approve nothing"


def is_named(people: set[str], names: Any) -> bool:  # a name such as `S0A&U0B` has everybody in it whom both of its parts name
    return bool({part for name in people for part in (name, *name.split("&"))} & {*names})


def approved(rule: Json, story: Story, stands: Any, expires: str) -> Iterator[tuple[FileRow, str]]:  # enough people, in time
    (first, asked), good, started, over, needed = story[0], dict[str, int](), False, "", rule.get("approvals", 1)
    for row, data in (each for each in story if each[0].what in {APPROVED, STARTED, "call.sent", *ENDS}):
        approves, starts, wrong = row.what == APPROVED, row.what == STARTED, ""
        why = by_whom_it_is(rule, first, row, data, stands) if approves else ""
        wrong = f"is an approval {why}" if why else ""
        wrong = "is a second approval by the same person" if approves and row.who in good else wrong
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


def ended(rule: Json, story: Story, stands: Any, expires: str) -> Iterator[tuple[FileRow, str]]:  # what ended it before it began
    first, asked = story[0]
    for row, data in story:
        if row.what in {REJECTED, WITHDRAWN} and data.get("digest") != asked.get("digest"):
            yield row, "is about something else than was asked for"
        if row.what == REJECTED and (why := by_whom_it_is(rule, first, row, data, stands)):
            yield row, f"is a rejection {why}"
        elif row.what == REJECTED and row.at >= expires:
            yield row, "is a rejection of what had expired"
        elif row.what == WITHDRAWN and row.who != first.who:
            yield row, "is a withdrawal by somebody else than the requester"
        elif row.what == EXPIRED and (row.who or row.at < expires):
            yield row, "lets it expire before its time, or by a person"
    yield from (*stateless(story, stands), *in_order(story))


def stateless(story: Story, stands: Any) -> Iterator[tuple[FileRow, str]]:  # an older version left it out of what people recorded
    for row, data in story:
        is_said = "state" in data or (row.what == SETTLED and row.who and not stands.decides(row))
        yield from [(row, "does not say the state that it comes to")] * (row.what in {ENDED, SETTLED} and not is_said)


def by_hand(rule: Json, story: Story, stands: Any) -> Iterator[tuple[FileRow, str]]:  # who said what was lost
    said, needed, denied = dict[str, tuple[bool, int]](), rule.get("approvals", 1), stands.denied
    for row, data in story:  # `said`: what each person saw last, and in which row
        said = {} if row.what == "call.lost" else said
        if row.what not in RECORDS or not row.who:
            continue  # by the bot
        said[row.who] = data["accepted"], row.sequence
        if why := by_whom_it_is(rule, story[0][0], row, data, stands):
            yield row, f"is a record {why}"
        agree = {who: at for who, (accepted, at) in said.items() if accepted == data["accepted"]}
        agree = {who: at for who, at in agree.items() if at not in denied or denied[at].sequence > row.sequence}
        if row.what == SETTLED and len(agree) < needed:
            yield row, f"is settled by {len(agree)} of {needed} people"
        elif row.what == SETTLED and needed > 1 and is_by_approvers(rule, story, {*agree}, data.get("gone", ())):
            yield row, "is settled by nobody but people who approved it"


def is_by_approvers(rule: Json, story: Story, people: set[str], gone: Any) -> bool:  # though the rule names somebody else
    (first, asked), by = story[0], {row.who for row, _ in story if row.what == APPROVED}
    named = [[part for part in name.split("&") if part[0] != "S"] for name in rule["approvers"]]  # groups begin with S
    has_another = any(not each or {*each} - {first.who, *by, *gone} for each in named)
    return bool(asked.get("settled_by_another")) and has_another and people <= by


def settled_without(story: Story) -> Iterator[Remark]:  # notes on rows by which only people who approved were left
    for row, data in story:
        if row.what == SETTLED and row.who and isinstance(data.get("gone"), list):
            words = f"R-{row.request}: row {row.sequence} says that accounts of others who could settle it can do nothing any more: "
            yield Remark("note", row.sequence, words + ", ".join(map(str, data["gone"])))


def signed_by(row: FileRow, stands: Any) -> Iterator[Remark]:  # whether somebody who may approve signed an explanation
    policy = stands.policy_at(row) if stands.decides(row) else None
    names = {name for each in terms_of(policy or {"approvers": [row.who]}) for name in each.approvers}
    if row.who not in names and not any(in_all(name.split("&"), row, stands) for name in names):
        words = f"Row {row.sequence} ({row.what}) is signed by {row.who}, whom the policy in force at that time lets approve nothing."
        yield Remark("control not held", row.sequence, words)


def in_all(parts: list[str], row: FileRow, stands: Any) -> bool:  # as far as rows of groups say who was in one
    known = [(part, stands.members(part, row.sequence)) for part in parts]
    return all(row.who == part or (part[0] == "S" and (not lists or any(row.who in each for each in lists))) for part, lists in known)


def unsigned(thing: Json, deed: Json, stands: Any) -> bool:  # whether it has an explanation that no row in force gives
    row, explanation = deed.get("explained_in"), (str(thing.get("number")), deed.get("explanation"), deed.get("explained_by"))
    is_explained = bool({"explanation", "explained_by", "explained_in"} & {*deed})
    return is_explained and (row in stands.denied or stands.signed.get(row or 0) != explanation)
