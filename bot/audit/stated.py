"""Compares what a request's rows state with what else its rows, its record and the policy say: who asked, what came of it."""
import re
from collections.abc import Iterable, Iterator
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import urlsplit

from bot.audit.decisions import CALLED
from bot.audit.rows import APPROVED, ASKED, STARTED, FileRow, Json, Story, has_mask, hashed, is_masked, loaded

TENANTS = {"PRODUCTION": "production", "SANDBOX": "sandbox", "UNKNOWN ENVIRONMENT": "unknown"}  # how a record's `tenant` begins
PRODUCTION = {"rest.na.zuora.com", "rest.zuora.com", "rest.eu.zuora.com", "rest.ap.zuora.com"}  # hosts
SANDBOX = {"rest.test.zuora.com", "rest.sandbox.na.zuora.com", "rest.apisandbox.zuora.com", "rest.test.eu.zuora.com",
           "rest.sandbox.eu.zuora.com", "rest.test.ap.zuora.com", "127.0.0.1", "localhost", "::1"}  # and the bot's own sandbox
DECIDES = {APPROVED, "request.rejected", "request.withdrawn", "request.recorded", "request.settled"}  # by a person
DAMAGED = "a row of it is damaged, so nothing of it is compared"
Wrong = Iterator[tuple[FileRow, str]]


def may_ask(asked: Json, row: FileRow, policy: Json, members: Any) -> bool:  # by id, or by a group with the requester in it then
    named, by_group = {*policy["requesters"]}, {*asked["groups"]} & {*policy["requesters"]}
    known = [members(each, row.sequence) for each in by_group]
    return row.who in named or any(not lists or any(row.who in each for each in lists) for lists in known)


def same(record: Json, first: FileRow, asked: Json) -> Iterator[str]:  # whether record and first row say the same
    made, ends = (datetime.fromisoformat(record[name]) for name in ("created_at", "expires_at"))
    for name in ("operation", "subject", "reason"):
        if asked.get(name, record[name]) != record[name] and not is_masked(first, name) and not has_mask(record[name]):
            yield f"has another {name} than its record"
    if ends - made != timedelta(seconds=(span := loaded(record["rule"])["expires_after"])):
        yield f"expires at {record['expires_at']}, which is not {span} seconds after it was asked for"


def of_tenant(record: Json, asked: Json) -> Iterator[str]:  # whether the tenant in words and that of the rules are the one of the digest
    address, *_, number = asked["bound"]["tenant"].split("|")
    said, kind = re.search(" · tenant ([^ ]+)", record["tenant"]), TENANTS.get(record["tenant"].partition(" · ")[0])
    host = urlsplit(address).hostname
    if kind not in {"unknown", *["production"] * (host in PRODUCTION), *["sandbox"] * (host in SANDBOX)} or (said and said[1] != number):
        yield f"names the tenant {record['tenant']}, and was for {address}, tenant {number}"
    yield from (f"compares a tenant of the kind {each['tenant']}, and names {record['tenant']}"
                for each in of_each_part(asked) if each["tenant"] != kind)


def of_each_part(asked: Json) -> list[Json]:
    compared = asked["compared"]
    return [compared] if "tenant" in compared else [*compared.values()]


def in_facts(record: Json, asked: Json) -> Iterator[str]:  # whether what the rules were asked about follows from body and facts
    body, facts, bound = loaded(record["body"]), loaded(record["facts"]), asked["bound"]["facts"]
    operation, of_itself = record["operation"], bool(body.get("auto_post") or body.get("auto_email"))
    mails = operation.startswith("email_")
    sends = of_itself if operation == "create_bill_run" else mails or operation == "post_bill_run"
    dates = [each for each in bound.get("documents", ()) if isinstance(each[5], str)]  # were mailed before
    again = mails and (body.get("resend") or body.get("again") or dates or bound.get("mailed_unknown")
                       or facts.get("mails_itself") or facts.get("by_itself"))
    for each in of_each_part(asked):
        if each["sends"] != sends:
            words = "mails" if each["sends"] else "does not mail"
            yield f"says that it {words} customers, which does not follow from what was asked for"
        if again and not each["mails_again"]:
            yield "says that nothing is mailed again, which does not follow from what was asked for"
        if each["documents"] != counted(operation, body, facts, each["documents"]):
            yield f"compares {each['documents']} documents with the rule, which is not what its facts count"


def counted(operation: str, body: Json, facts: Json, said: Any) -> Any:  # how many documents, for an operation on a bill run
    run = facts.get("run", facts).get("documents", {})
    if operation not in {"post_bill_run", "cancel_bill_run", "email_bill_run"} or "counted" not in run:
        return None if operation == "create_bill_run" else said
    mailed = 0 if body.get("resend") else run["mailed_before"] - len(run["mailed_unknown"])  # these the order leaves out
    return None if not run["counted"] else facts["drafts"]["count"] if "drafts" in facts else run["posted"] - mailed


def decided(record: Json, story: Story, in_force: Any) -> Wrong:  # whether they name what was asked for, and count right
    rule, people, open_ = loaded(record["rule"]), set[str](), 0
    names = {"digest": record["digest"], "policy": record["policy_hash"]}
    names |= {"rule": rule["name"]} if "name" in rule else {}  # the first two versions kept none
    needed = rule.get("approvals", 1)
    for row, data in (each for each in story if each[0].what in {*DECIDES, STARTED}):
        yield from ((row, f"names another {name} than the record") for name, value in names.items() if data.get(name, value) != value)
        if row.what == STARTED and open_:
            yield row, f"starts it, and the approval before says that {open_} are missing"
        if row.what == APPROVED:
            people, open_ = people | {row.who}, data.get("missing") or 0
            is_same = in_force(row) in {"", record["policy_hash"]}  # another policy may ask for more
            most = max(0, needed - 1) if is_same else open_
            if open_ and not needed - len(people) <= open_ <= most:
                yield row, f"says that {open_} approvals are missing, of {needed} with {len(people)} given"


def came_of(record: Json, story: Story) -> Wrong:  # whether the state follows from the answers of the calls
    known = dict[str, str]()  # by subject: what the last row says of its call
    for row, data in (each for each in story if each[0].what.startswith(("call.", "request."))):
        verdict, status = data.get("verdict"), data.get("http_status")
        if row.what.startswith("call."):
            known[data["subject"]] = {"call.sent": "sent", "call.lost": "lost"}.get(row.what, str(verdict))
            yield from labelled(record, row, data)
        if row.what == "call.answered" and verdict == "accepted" and (200 if status is None else status) // 100 != 2:  # noqa: PLR2004
            yield row, f"says that Zuora accepted it with the HTTP status {status}"
        if row.what == "request.settled" and row.who:  # by a person, who says it of all that were lost
            seen = "accepted" if data["accepted"] else "rejected"
            known = {subject: seen if each == "lost" else each for subject, each in known.items()}
        if row.what in {"request.ended", "request.settled"} and "state" in data and not follows(data, {*known.values()}):
            answers = ", ".join(sorted({*known.values()})) or "none"
            yield row, f"says {data['state']}, and the answers of its calls are: {answers}"
        if row.what == STARTED and "facts_sha256" in data and not has_mask(record["facts"]):
            yield from [(row, "names other facts than the record")] * (data["facts_sha256"] != hashed(record["facts"]))


def follows(data: Json, answers: set[str]) -> bool:  # whether a state may come after these answers
    worst = next((each for each in ("lost", "sent", "busy", "rejected") if each in answers), "accepted" if answers == {"accepted"} else "")
    states = {"lost": {"unknown"}, "rejected": {"failed"}, "accepted": {"succeeded", "running"}}.get(worst, {"failed"})
    return data["state"] in states or (worst == "accepted" and "status" in data and data["state"] == "failed")  # it was followed


def labelled(record: Json, row: FileRow, data: Json) -> Wrong:  # whether key and track id are of this request and subject
    plain = re.sub("[^A-Za-z0-9_.-]", "_", data["subject"])
    wanted = {"key": f"billing-bot:R-{record['number']}:", "track_id": f"billing-bot.R-{record['number']}.{plain}"[:64]}
    if not data.get("key", wanted["key"]).startswith(wanted["key"]) or data.get("track_id", wanted["track_id"]) != wanted["track_id"]:
        yield row, "has the key or track id of another request or subject"


def untold(row: FileRow, data: Json, stands: Any) -> Iterator[str]:  # why something of a row is not compared, which is no finding
    if row.what == ASKED and "plain" not in data:
        yield "an earlier version kept less of it, so totals, calls and states are not all compared"
    if row.what in {ASKED, APPROVED} and not stands.policies.get(data.get("policy")):
        yield "its rule is not compared, because no row has the text of its policy"
    groups = [part for name in data.get("groups") or () for part in name.split("&")] if row.what == APPROVED else []
    if groups and not any(stands.members(each, row.sequence) for each in groups):
        yield "who approved it was in a group by that row alone, because no row before it lists the group"
    if row.what == APPROVED and not stands.decides(row) and stands.force_at(row) not in {"", data.get("policy")}:
        yield "the policy had changed when it was approved, and is not compared with who approved it, because an earlier version wrote it"
    if row.what in CALLED and row.who and data.get("groups") and row.what != APPROVED and not stands.decides(row):
        yield "who rejected it or recorded its outcome was in a group by that row alone, because an earlier version wrote it"


class NotCompared:
    """What is not compared because no row says it, and of which requests; that is no finding, and no good news."""

    def __init__(self) -> None:
        self.of = dict[str, set[Any]]()

    def damaged(self, requests: Iterable[Any]) -> None:
        """Take in requests of which nobody can read a row."""
        if found := {*requests}:
            self.of.setdefault(DAMAGED, set()).update(found)

    def look(self, story: Story, stands: Any) -> None:
        """Take in rows of a request."""
        for words, request in ((words, row.request) for row, data in story for words in untold(row, data, stands)):
            self.of.setdefault(words, set()).add(request)

    def words(self) -> list[str]:
        """Return it in words."""
        return [f"{len(some)} request{'s' * (len(some) != 1)} from R-{min(some)} on: {words}" for words, some in sorted(self.of.items())]


def stated(record: Json, story: Story, stands: Any) -> Wrong:  # of one request
    (first, asked), policy = story[0], stands.policies.get(record["policy_hash"])
    found = [*same(record, first, asked), *(of_tenant(record, asked) if {"bound", "compared"} <= {*asked} else ())]
    found += in_facts(record, asked) if {"bound", "compared"} <= {*asked} else ()
    if policy and "groups" in asked and not may_ask(asked, first, policy, stands.members):
        found.append(f"is by {first.who}, who may not ask by the policy's requesters")
    yield from ((first, words) for words in found)
    yield from decided(record, story, stands.force_at)
    yield from came_of(record, story)
