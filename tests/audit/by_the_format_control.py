"""A program for the other half of FORMAT.md, written from that page alone: signatures, numbers, rules, totals and calls.

`python -I by_the_format_control.py PACKAGE.zip` prints a line for each request, and whatever does not fit.
"""

import base64
import calendar
import hashlib
import json
import string
import sys
import tomllib
import zipfile
from datetime import date, datetime, timedelta
from decimal import Decimal
from itertools import product
from urllib.parse import quote, urlsplit

P = 2**255 - 19
ORDER = 2**252 + 27742317777372353535851937790883648493
D = -121665 * pow(121666, -1, P) % P
PLAIN = f"{string.ascii_letters}{string.digits}-_."
PRODUCTION = {"rest.na.zuora.com", "rest.zuora.com", "rest.eu.zuora.com", "rest.ap.zuora.com"}
SANDBOX = {
    "rest.test.zuora.com", "rest.sandbox.na.zuora.com", "rest.apisandbox.zuora.com", "rest.test.eu.zuora.com",
    "rest.sandbox.eu.zuora.com", "rest.test.ap.zuora.com", "127.0.0.1", "localhost", "::1",
}  # fmt: skip
ENDS = {f"request.{each}" for each in ("rejected", "withdrawn", "expired", "stopped")}
FOLDERS = {
    "invoice": {"invoices"}, "credit_memo": {"credit-memos"}, "debit_memo": {"debitmemos", "debit-memos"},
}  # fmt: skip


CRITERIA = (
    "operations", "tenants", "sends", "mails_again", "above", "documents_above", "entities", "organizations",
)  # fmt: skip


def as_text(criterion):
    """A criterion with amounts as texts."""
    return (
        {code: str(each) for code, each in criterion.items()}
        if isinstance(criterion, dict)
        else criterion
    )


def compact(value):
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False)


def hash_of(text):
    return hashlib.sha256(text.encode()).hexdigest()


def plus(one, two):
    """Add two points of the curve (RFC 8032, 5.1.4)."""
    a, b = (one[1] - one[0]) * (two[1] - two[0]), (one[1] + one[0]) * (two[1] + two[0])
    c, d = 2 * one[3] * two[3] * D, 2 * one[2] * two[2]
    e, f, g, h = b - a, d - c, d + c, b + a
    return e * f % P, g * h % P, f * g % P, e * h % P


def times(number, point):
    total = (0, 1, 1, 0)
    while number:
        if number & 1:
            total = plus(total, point)
        point, number = plus(point, point), number >> 1
    return total


def point_of(text):
    """The point in 32 bytes (RFC 8032, 5.1.3)."""
    number = int.from_bytes(text, "little")
    sign, y = number >> 255, number & (2**255 - 1)
    square = (y * y - 1) * pow(D * y * y + 1, -1, P) % P
    x = pow(square, (P + 3) // 8, P)
    if x * x % P != square:
        x = x * pow(2, (P - 1) // 4, P) % P
    if y >= P or x * x % P != square:
        raise ValueError(text)
    x = x if x & 1 == sign else P - x
    return x, y, 1, x * y % P


BASE = point_of(bytes([0x58] + 31 * [0x66]))


def is_signed(public, text, signature):
    key, (r, s) = bytes.fromhex(public), (signature[:64], signature[64:])
    challenge = hashlib.sha512(bytes.fromhex(r) + key + text.encode()).digest()
    scalar = int.from_bytes(bytes.fromhex(s), "little")
    left = times(scalar, BASE)
    right = plus(
        point_of(bytes.fromhex(r)),
        times(int.from_bytes(challenge, "little") % ORDER, point_of(key)),
    )
    is_one = all((left[at] * right[2] - right[at] * left[2]) % P == 0 for at in (0, 1))
    return scalar < ORDER and is_one


class Check:
    def __init__(self, archive):
        self.archive, self.wrong, self.said = archive, [], []
        self.chain = json.loads(archive.read("chain.json"))
        self.rows = self.lines("history.jsonl")
        self.standing = self.lines("standing.jsonl")
        self.every = sorted(self.standing + self.rows)
        self.denied: dict[int, int] = {}
        for row in self.every:
            for each in json.loads(row[6]).get("rows", ()) if row[3] == "statement.denied" else ():
                self.denied.setdefault(each, row[0])

    def lines(self, name):
        return [json.loads(each) for each in self.archive.read(name).splitlines()]

    def need(self, holds, words):
        if not holds:
            self.wrong.append(words)

    def everything(self):
        self.signatures()
        self.order()
        last = json.loads(self.archive.read("verification.json"))["last"]
        named = [row for row in self.rows if row[0] == last["sequence"]]
        self.need(all(row[8] == last["hash"] for row in named), "verification.json: the last row")
        self.changes = Changes(self)
        for packet in self.lines("requests.jsonl"):
            self.changes.begin(packet)
            Request(self, packet).perform()

    def signatures(self):
        key, left = self.chain["signing_key"][1], set()
        later = [row for row in self.standing if row[0] > self.chain["last"]]
        for row in self.rows + later:
            data, words = json.loads(row[6]), f"row {row[0]}"
            if row[3] == "audit.signing_key":
                said = f"billing-bot signing key {data['public']}"
                is_next = (
                    data["before"] == key and is_signed(key, said, data["endorsed"] or "0" * 128)
                    if key
                    else True
                )
                self.need(is_next, f"{words}: a key that the one before it does not endorse")
                key = data["public"]
            text = f"billing-bot head {data.get('sequence')}:{data.get('hash')}"
            if row[3] == "audit.head":
                self.need(
                    [data["sequence"], data["hash"]] == [row[0] - 1, row[7]], f"{words}: head"
                )
                is_right = is_signed(key, text, data.get("signature") or "0" * 128) if key else True
                self.need(is_right, f"{words}: signature")
                left.add(text)
            if row[3] == "audit.anchored":
                self.need(text in left or self.chain["before"]["sequence"], f"{words}: anchored")
                stamp = base64.b64decode(data.get("token", ""))
                is_of_it = hashlib.sha256(text.encode()).digest() in stamp
                self.need(is_of_it or not stamp, f"{words}: stamp")
        manifest = json.loads(self.archive.read("manifest.json"))
        signature = manifest.pop("signature")
        manifest.pop("seal")
        if key:
            text = f"billing-bot package {hash_of(compact(manifest))}"
            is_mine = signature and signature["public"] == key
            self.need(
                is_mine and is_signed(key, text, signature["signature"]), "manifest: signature"
            )

    def order(self):
        """Numbers go up by one, the first of all is 1, and no time goes back by more than a minute."""
        last, kept, at = None if self.chain["before"]["sequence"] else 0, {}, ""
        for row in self.rows:
            data = json.loads(row[6])
            is_new = row[3] == "number.kept" or (row[3] == "request.asked" and "kept" not in data)
            number = data.get("number") or row[2]
            if is_new:
                self.need(
                    last is None or number == last + 1, f"row {row[0]}: R-{number} after {last}"
                )
                last = number
            if row[3] == "number.kept":
                kept[row[0]] = number
            if "kept" in data and row[3] in {"request.asked", "number.dropped"}:
                self.need(kept.pop(data["kept"], None) == number, f"row {row[0]}: kept")
            if at and row[1] < at:
                back = datetime.fromisoformat(at) - datetime.fromisoformat(row[1])
                self.need(back <= timedelta(minutes=1), f"row {row[0]}: the clock went back")
            at = row[1]

    def policy_at(self, sequence):
        """The policy in force: its hash and its tables."""
        found = [row for row in self.every if row[3] == "policy.changed" and row[0] < sequence]
        data = json.loads(found[-1][6])
        self.need(hash_of(data["text"]) == data["new"], f"row {found[-1][0]}: the policy's text")
        return data["new"], tomllib.loads(data["text"])

    def is_known_in(self, who, group, sequence):
        """Whether the rows about groups before an approval, or the next one after it, have the person."""
        found = self.members_of(group, sequence)
        return not found or any(who in each for each in found)

    def members_of(self, group, sequence):
        """What the rows about groups before a row, and the next one after it, list; nothing where nobody knows."""
        rows = [
            (row[0], json.loads(row[6])["groups"])
            for row in self.every
            if row[3] == "people.groups"
        ]
        first = min((at for at, groups in rows if group in groups), default=0)
        listed = [(at, groups.get(group)) for at, groups in rows if first and at >= first]
        before = [members for at, members in listed if at < sequence]
        after = [members for at, members in listed if at > sequence]
        if not before or before[-1] is None:
            return []
        return [each for each in (before[-1], *after[:1]) if each is not None]


class Changes:
    """The changes of the policy, and who confirmed them."""

    def __init__(self, check):
        self.check, self.said, self.waits, named = check, [], [], False
        self.changes: dict[int, dict[str, str]] = {}
        for row in check.every:
            data = json.loads(row[6])
            if row[3] == "bot.started":
                named = named or "confirms" in data
                is_held = data.get("settings", {}).get("POLICY_CHANGES") == "confirm"
                self.waits.append((row[0], is_held))
            if row[3] == "policy.changed":
                self.changes[row[0]] = data
            if row[3] == "policy.confirmed":
                if found := self.wrong(row, data, named):
                    check.wrong.append(f"row {row[0]}: {found}")
                else:
                    self.said.append((row[0], row[4], data))

    def confirmed(self, at):
        good: dict[int, int] = {}
        for change, data in self.changes.items():
            by_then = [each for each, by in good.items() if by < change]
            is_back = by_then and self.changes[by_then[-1]]["new"] == data["new"]
            if change < at and (not data["old"] or is_back):
                good[change] = 0
            elif change < at and (by := self.is_said(change, at, good)):
                good[change] = by
        return [*good]

    def is_said(self, change, at, good):
        people: dict[int, set[str]] = {}
        for sequence, who, data in self.said:
            is_denied = self.check.denied.get(sequence, at) < at
            base = data.get("base", 0)
            if data["change"] == change and sequence < at and not is_denied and base in {0, *good}:
                people.setdefault(base, set()).add(who)
                if len(people[base]) >= data.get("needed", 1):
                    return sequence
        return 0

    def wrong(self, row, data, named):
        change = self.changes.get(data["change"])
        if not change or change["new"] != data["new"]:
            return "of no change before it"
        if "base" not in data:
            return "no base" if named else ""
        base = [each for each in self.confirmed(row[0]) if each < data["change"]]
        if base[-1:] != [data["base"]]:
            return "another base"
        return self.by_whom(row, data, change)

    def by_whom(self, row, data, change):
        if not isinstance(data["members"], dict):
            return "no members"
        old, new = (tomllib.loads(each["text"]) for each in (self.changes[data["base"]], change))
        if data["needed"] != needed(row[4], old, new, data["members"]):
            return "another needed, or may not"
        for group, people in data["members"].items():
            found = self.check.members_of(group, row[0])
            if found and {*people} != {*found[0]}:
                return "other people in a group"
        return ""

    def begin(self, packet):
        for row in packet["history"]:
            holds = [held for at, held in self.waits if at < row["sequence"]]
            if row["what"] == "request.started" and holds and holds[-1]:
                mine = [
                    at for at, data in self.changes.items()
                    if data["new"] == packet["record"]["policy_hash"] and at < row["sequence"]
                ]  # fmt: skip
                is_right = mine and mine[-1] in self.confirmed(row["sequence"])
                self.check.need(is_right, f"row {row['sequence']}: not confirmed")


def rules_of(policy):
    usual = {"approvers": policy["approvers"], "approvals": 1, "expires_after": "1d"}
    return [usual | rule for rule in policy.get("rule", [])] + [usual]


def names(who, listed, members, *, unknown):
    return who in listed or any(
        who in members[each] if each in members else unknown
        for each in listed
        if each.startswith("S")
    )


def needed(who, old, new, members):
    """How many people like this one must confirm the change; 0: this one may not."""
    named = {each for rule in rules_of(old) for each in rule["approvers"]}
    people = {one for each in named for one in members.get(each, [each])}
    if who not in people:
        return 0
    if not may_do_more(who, old, new, members):
        return 1
    lists = [rule["approvers"] for rule in rules_of(old) + rules_of(new)]
    lists += [old["requesters"], new["requesters"]]
    groups = {each for one in lists for each in one if each.startswith("S")}
    if groups - {*members} or not all(may_do_more(each, old, new, members) for each in people):
        return 0
    return max(2, *(rule["approvals"] for rule in rules_of(old)))


def may_do_more(who, old, new, members):
    asks = names(who, new["requesters"], members, unknown=True)
    if asks and not names(who, old["requesters"], members, unknown=False):
        return True
    for operations, compared in every_request(rules_of(old) + rules_of(new)):
        was, now = (
            next(rule for rule in rules_of(each) if matches(rule, operations, compared))
            for each in (old, new)
        )
        decides = names(who, now["approvers"], members, unknown=True)
        if decides and not names(who, was["approvers"], members, unknown=False):
            return True
        is_more = now["approvals"] < was["approvals"] or seconds(now["expires_after"]) > seconds(
            was["expires_after"]
        )
        if is_more and (decides or asks):
            return True
    return False


def every_request(rules):
    """Operations, and what is compared, of each kind of request that these rules tell apart."""
    named = sorted({each for rule in rules for each in rule.get("operations", ())} | {""})
    operations = [[each] for each in named]
    operations += [[each, "email_mixed_list"] for each in named if "bill_run" not in each]
    steps = {("OTHER", "0")}
    for rule in rules:
        for code, limit in rule.get("above", {}).items():
            steps |= {(code, str(limit)), (code, str(Decimal(limit) + 1))}
    totals = [[], *([one, other] for one in steps for other in steps)]
    many = {0} | {each["documents_above"] + 1 for each in rules if "documents_above" in each}
    for each in product(
        operations, ("production", "sandbox", "unknown"), (True, False), (True, False), many, totals
    ):
        names_ = ("tenant", "sends", "mails_again", "documents", "amounts")
        yield each[0], dict(zip(names_, each[1:], strict=True))


def state_of(what, data):
    """The state after a row; empty if the row does not say it, None if it moves nothing."""
    kind = what.removeprefix("request.")
    if kind == "approved":
        return "waiting" if data.get("missing") else "approved"
    if kind in {"ended", "settled"}:
        return data.get("state", "")
    if what in ENDS:
        return kind
    return {"asked": "waiting", "started": "running"}.get(kind)


def may_come_before(state):
    """The states from which a request can come to this one."""
    if state in {"waiting", "approved", "rejected", "withdrawn", "expired"}:
        return {"waiting"}
    begun = {"running", "unknown"}
    return {"waiting", "approved", *begun} if state == "stopped" else begun


class Request:
    """One request, performed again."""

    def __init__(self, check, packet):
        self.check, self.record, self.history = check, packet["record"], packet["history"]
        self.messages = packet["messages"]
        self.body, self.rule = json.loads(self.record["body"]), json.loads(self.record["rule"])
        self.asked = self.history[0]["data"]
        self.facts = self.asked["bound"]["facts"]
        self.operation, self.name = self.record["operation"], f"R-{self.record['number']}"

    def need(self, holds, words):
        self.check.need(holds, f"{self.name}: {words}")

    def perform(self):
        first = self.history[0]
        started = [
            json.loads(row[6])
            for row in self.check.every
            if row[3] == "bot.started" and row[0] < first["sequence"]
        ]
        is_new = started and started[-1].get("sealed") is True
        self.need(
            not is_new or {"plain", "bound", "compared"} <= {*self.asked},
            "its first row says less than it did",
        )
        self.need(
            (self.record["requester"], self.record["digest"])
            == (first["who"], self.asked["digest"]),
            "record",
        )
        self.need(self.record["created_at"] <= first["at"], "created later than its row")
        own = self.record.get("team", first["team"])
        self.need(own == first["team"], "asked for in another team")
        people = self.approvals()
        self.ended()
        self.in_order()
        self.ruled()
        self.summed()
        number = self.calls()
        self.settled()
        self.says()
        self.stated()
        self.decided()
        self.answered()
        self.clocks()
        ended = [row["what"] for row in self.history if row["what"].startswith("request.")][-1]
        self.check.said.append(
            f"{self.name} {self.operation}: asked for by {first['who']}, approved by {', '.join(people)}, "
            f"{number} call{'s' * (number != 1)} as approved, {ended}"
        )

    def says(self):
        """Nothing is left out that the bot said at that time."""
        starts = [
            json.loads(row[6])
            for row in self.check.every
            if row[3] == "bot.started" and row[0] < self.history[0]["sequence"]
        ]
        silent = {*(starts[-1].get("says", ()) if starts else ())} - {*self.asked}
        self.need(not silent, f"its first row does not say {sorted(silent)}")

    def stated(self):
        """What the first row and the record state follows from the rest."""
        record, asked, facts = self.record, self.asked, json.loads(self.record["facts"])
        for name in ("operation", "subject", "reason"):
            self.need(asked.get(name, record[name]) == record[name], f"another {name}")
        at, who = self.history[0]["sequence"], self.history[0]["who"]
        policy = self.check.policy_at(at)[1]
        wanted = {*policy["requesters"]}
        by = [each for each in asked.get("groups", ()) if each in wanted]
        may = who in wanted or any(self.check.is_known_in(who, each, at) for each in by)
        self.need(may or "groups" not in asked, f"{who} may not ask")
        made, ends = (datetime.fromisoformat(record[each]) for each in ("created_at", "expires_at"))
        span = timedelta(seconds=self.rule["expires_after"])
        self.need(ends - made == span, "it does not expire when its rule says")
        self.tenant(asked["bound"]["tenant"].split("|"))
        mails = self.operation.startswith("email_")
        sends = mails or self.operation == "post_bill_run"
        sends = sends or bool(self.body.get("auto_post") or self.body.get("auto_email"))
        again = mails and (
            any(self.body.get(each) for each in ("resend", "again"))
            or any(facts.get(each) for each in ("mails_itself", "by_itself"))
            or bool(self.facts.get("mailed_unknown"))
            or any(isinstance(each[5], str) for each in self.facts.get("documents", ()))
        )
        for each in self.parts().values():
            self.need(each["sends"] == sends, "sends")
            self.need(each["mails_again"] or not again, "mails_again")
            if self.operation == "create_bill_run" or "documents" not in self.facts:
                self.need(each["documents"] == self.count(facts), "number of documents of the run")

    def count(self, facts):
        """How many documents of a run it is about."""
        if self.operation == "create_bill_run":
            return None
        run = facts.get("run", facts)["documents"]
        if not run["counted"]:
            return None
        if self.operation != "email_bill_run":
            return facts["drafts"]["count"]
        if self.body["resend"]:
            return run["posted"]
        return run["posted"] - run["mailed_before"] + len(run["mailed_unknown"])

    def tenant(self, bound):
        words = self.record["tenant"].split(" · ")
        kind = {"PRODUCTION": "production", "SANDBOX": "sandbox", "UNKNOWN ENVIRONMENT": "unknown"}
        host = urlsplit(bound[0]).hostname
        allowed = {"PRODUCTION": PRODUCTION, "SANDBOX": SANDBOX}.get(words[0], {host})
        self.need(host in allowed, f"the tenant {words[0]} is not at {host}")
        for each in self.parts().values():
            self.need(each["tenant"] == kind.get(words[0]), "tenant")
        numbers = [each.removeprefix("tenant ") for each in words if each.startswith("tenant ")]
        self.need(not numbers or numbers[0] == bound[-1], "the tenant's number")

    def decided(self):
        """What decisions name is that of the record, and they count right."""
        people: set[str] = set()
        needed, last = self.rule.get("approvals", 1), 0
        names = {
            "digest": self.record["digest"], "policy": self.record["policy_hash"], "rule": self.rule["name"],
        }  # fmt: skip
        for row in self.history:
            kind, words = row["what"].removeprefix("request."), f"row {row['sequence']}"
            if kind in {"approved", "rejected", "withdrawn", "recorded", "settled"}:
                for name, value in names.items():
                    self.need(row["data"].get(name, value) == value, f"{words}: another {name}")
            if kind == "approved":
                people, last = people | {row["who"]}, row["data"].get("missing", 0)
                still = self.check.policy_at(row["sequence"])[0] == self.record["policy_hash"]
                most = needed - 1 if still else last
                self.need(not last or needed - len(people) <= last <= most, f"{words}: missing")
            if kind == "started":
                self.need(not last, f"{words}: an approval is missing")
                own = hash_of(self.record["facts"])
                is_masked = "[name " in self.record["facts"] or "[address " in self.record["facts"]
                fits = is_masked or row["data"].get("facts_sha256", own) == own
                self.need(fits, f"{words}: facts")

    def answered(self):
        """The state follows from the answers of the calls."""
        number, known = self.record["number"], {}
        for row in self.history:
            data, words = row["data"], f"row {row['sequence']}"
            if row["what"].startswith("call."):
                by_kind = {"call.sent": "sent", "call.lost": "lost"}
                known[data["subject"]] = by_kind.get(row["what"], data.get("verdict"))
                plain = "".join(each if each in PLAIN else "_" for each in data["subject"])
                track = f"billing-bot.R-{number}.{plain}"[:64]
                self.need(data.get("track_id", track) == track, f"{words}: track_id")
                self.need(data["key"].startswith(f"billing-bot:R-{number}:"), f"{words}: key")
                is_good = row["what"] != "call.answered" or data["verdict"] != "accepted"
                self.need(is_good or 200 <= data["http_status"] <= 299, f"{words}: http_status")
            if row["what"] == "request.settled" and row["who"]:
                seen = "accepted" if data["accepted"] else "rejected"
                known = {name: seen if each == "lost" else each for name, each in known.items()}
            if row["what"] in {"request.ended", "request.settled"} and "state" in data:
                self.need(data["state"] in may_follow(known, data), f"{words}: {data['state']}")

    def approvals(self):
        people, started, ended, needed = {}, False, False, self.rule.get("approvals", 1)
        for row in self.history:
            words = f"row {row['sequence']}"
            if row["what"] == "request.approved":
                self.need(self.counts(row), f"{words} does not count")
                self.need(row["who"] not in people, f"{words}: approved twice")
                people[row["who"]] = row["sequence"]
            started = started or row["what"] == "request.started"
            goes_on = row["what"] in {"request.started", "call.sent"}
            goes_on = goes_on or (
                row["what"] == "request.approved" and not row["data"].get("missing")
            )
            at = row["sequence"]
            number = sum(not self.check.denied.get(each, at) < at for each in people.values())
            self.need(not goes_on or (number >= needed and not ended), f"{words} goes on")
            self.need(row["what"] != "call.sent" or started, f"{words} is before the start")
            if row["what"] == "request.started":
                self.need(row["data"]["digest"] == self.asked["digest"], f"{words}: digest")
            ended = ended or row["what"] in ENDS
        return people

    def ended(self):
        """Rejections, withdrawals and expiries are by whom they may be, and in time."""
        for row in self.history:
            kind, words = row["what"].removeprefix("request."), f"row {row['sequence']}"
            if kind in {"rejected", "withdrawn"}:
                self.need(row["data"].get("digest") == self.asked["digest"], f"{words}: digest")
            if kind == "rejected":
                self.need(self.counts(row), f"{words}: this person may not reject it")
            if kind == "withdrawn":
                self.need(row["who"] == self.history[0]["who"], f"{words}: withdrawn by another")
            if kind == "expired":
                is_due = row["at"] >= self.record["expires_at"]
                self.need(is_due and not row["who"], f"{words}: expired too early")

    def in_order(self):
        """Each state follows from the one before, and a call goes out anew under its key until its answer is known."""
        now: str | None = "waiting"
        keys: dict[str, str] = {}
        for row in self.history[1:]:
            data, words = row["data"], f"row {row['sequence']}"
            after = state_of(row["what"], data)
            is_by_hand = row["what"] == "request.settled" and row["who"]
            self.need(after != "" or is_by_hand, f"{words}: no state")
            if after is not None:
                before = (
                    {"approved"} if row["what"] == "request.started" else may_come_before(after)
                )
                self.need(now is None or now in before, f"{words}: {after} after {now}")
                now = after or None
            if row["what"] == "call.sent":
                is_same = keys.setdefault(data["subject"], data["key"]) == data["key"]
                self.need(is_same, f"{words}: another key")
            if data.get("verdict") in {"accepted", "rejected", "busy"}:
                keys.pop(data.get("subject"), None)

    def counts(self, row):
        data, who, lists = row["data"], row["who"], {*self.rule["approvers"]}
        members = data.get("members", {})
        groups = {
            each for each in data.get("groups", ()) if who in members.get(each, [who])
        } & lists
        is_known = all(
            self.check.is_known_in(who, part, row["sequence"])
            for each in groups
            for part in each.split("&")
        )
        is_of_this = (
            data["digest"] == self.asked["digest"] and row["at"] < self.record["expires_at"]
        )
        return (
            is_of_this
            and who != self.history[0]["who"]
            and bool(groups or who in lists)
            and is_known
        )

    def parts(self):
        """What was compared, by the operations that a rule may name."""
        compared = self.asked["compared"]
        return {self.operation: compared} if "tenant" in compared else compared

    def ruled(self):
        new, policy = self.check.policy_at(self.history[0]["sequence"])
        self.need(self.record["policy_hash"] == new, "another policy was in force")
        names, rules, conditions = [], [], []
        for part, compared in self.parts().items():
            found = [
                (f"rule {at}", rule)
                for at, rule in enumerate(policy.get("rule", ()), 1)
                if matches(rule, part.split(" in "), compared)
            ] or [("the general rule", {})]
            names.append(found[0][0])
            rules.append(found[0][1])
            conditions.append(
                {
                    name: as_text(found[0][1][name])
                    for name in CRITERIA
                    if found[0][1].get(name) not in (None, [], {})
                }
            )
        self.need({*self.rule["name"].split(" and ")} == {*names}, f"its rule is {names}")
        self.need(
            {*map(compact, conditions)} == {*map(compact, self.conditions())},
            "its conditions are others",
        )
        needed = max(rule.get("approvals", 1) for rule in rules)
        span = min(seconds(rule.get("expires_after", "1d")) for rule in rules)
        self.need(self.rule["expires_after"] == span, f"its rule expires after {span} seconds")
        self.need(self.rule.get("approvals", 1) == needed, f"{needed} approvals are needed")
        for rule in rules:
            allowed = {*rule.get("approvers", policy["approvers"])}
            named = all({*each.split("&")} & allowed for each in self.rule["approvers"])
            self.need(named, "an approver whom the policy does not name")

    def conditions(self):
        said = self.asked["conditions"]
        return [said] if "tenant" in self.asked["compared"] else [*said.values()]

    def summed(self):
        for part, compared in self.parts().items():
            kind = part.split(" in ")[0].removeprefix("email_")
            amounts = self.amounts(kind)
            said = compared["amounts"]
            said = (
                said if said is None else sorted((code, abs(Decimal(each))) for code, each in said)
            )
            self.need(amounts == said, f"totals of {part}: {amounts}")
            if "documents" in self.facts:
                self.need(
                    compared["documents"] == len(self.facts["documents"]), "number of documents"
                )

    def amounts(self, kind):
        if self.operation == "create_bill_run":
            return None
        if "documents" in self.facts:
            kinds = self.body.get("kinds")
            kind_of = dict(zip(self.body["documents"], kinds, strict=True)) if kinds else {}
            found = [
                (kind, each[3], each[4])
                for each in self.facts["documents"]
                if kind_of.get(each[0], kind) == kind
            ]
        else:
            shown = json.loads(self.record["facts"])
            kinds = (shown.get("drafts") or shown.get("documents") or {"kinds": []})["kinds"]
            if any(each["not_known"] for each in kinds):
                return None
            found = [(each["kind"], *total) for each in kinds for total in each["totals"]]
        if not all(isinstance(each, str) for one in found for each in one):
            return None
        sums: dict[tuple[str, str, bool], Decimal] = {}
        for of, code, amount in found:
            at = (of, code, Decimal(amount) < 0)
            sums[at] = sums.get(at, 0) + Decimal(amount)
        return sorted(
            (code, abs(total))
            for (of, code, below), total in sums.items()
            if total or (of, code, not below) not in sums
        )

    def calls(self):
        number, done, said = 0, set[str](), set[str]()
        for row in self.history:
            data, words = row["data"], f"row {row['sequence']}"
            if row["what"] == "call.sent":
                said = said | {data["subject"]} if "method" in data else said - {data["subject"]}
            if row["what"] == "call.sent" and "method" in data:
                number += 1
                self.need(data["subject"] not in done, f"{words}: sent again")
                method, addresses, body = self.planned(data)
                self.need(
                    (data["method"], data["address"] in addresses) == (method, True),
                    f"{words}: address",
                )
                sent = json.loads(data["body"] or "{}")
                self.need(sent == body, f"{words}: {sent} was sent, and approved was {body}")
                self.need(
                    hash_of(data["body"]) == data["body_sha256"], f"{words}: hash of the body"
                )
            if row["what"].startswith("call.") and data.get("verdict") == "accepted":
                done.add(data["subject"])
                self.need(data["subject"] in said, f"{words}: accepted, and nothing went out")
        return number

    def settled(self):
        """As many people as approve have recorded a lost answer in the same way, and none of them asked for it."""
        seen: dict[str, tuple[bool, int]] = {}
        for row in self.history:
            data, words = row["data"], f"row {row['sequence']}"
            if row["what"] == "call.lost":
                seen = {}
            if row["what"] in {"request.recorded", "request.settled"} and row["who"]:
                seen[row["who"]] = (data["accepted"], row["sequence"])
                members = data.get("members", {})
                groups = {
                    each for each in data["groups"] if row["who"] in members.get(each, [row["who"]])
                }
                named = {row["who"], *groups} & {*self.rule["approvers"]}
                self.need(
                    named and row["who"] != self.history[0]["who"],
                    f"{words}: recorded by {row['who']}",
                )
                at = row["sequence"]
                same = {
                    who for who, (accepted, each) in seen.items()
                    if accepted == data["accepted"] and self.check.denied.get(each, at) >= at
                }  # fmt: skip
                is_enough = len(same) >= self.rule.get("approvals", 1)
                self.need(
                    row["what"] != "request.settled" or is_enough,
                    f"{words}: settled by {len(same)}",
                )
                self.need(
                    row["what"] != "request.settled"
                    or not self.by_approvers(same, data.get("gone", [])),
                    f"{words}: settled by those who approved",
                )

    def by_approvers(self, people, gone):
        """Whether somebody who did not approve is missing among those who recorded a lost answer."""
        approved = {each["who"] for each in self.history if each["what"] == "request.approved"}
        first, rule = self.history[0], self.rule
        parts = {part for name in rule["approvers"] for part in name.split("&")}
        alone = {
            name for name in rule["approvers"] if {part[0] for part in name.split("&")} == {"S"}
        }
        others = {part for part in parts if part[0] != "S"} - approved - {first["who"], *gone}
        is_asked = rule.get("approvals", 1) > 1 and first["data"].get("settled_by_another")
        return bool(is_asked and (alone or others) and not people - approved)

    def planned(self, sent):
        subject, facts, body = sent["subject"], self.facts, self.body
        run = f"/v1/bill-runs/{quote(facts.get('run_id', ''), safe='')}"
        if self.operation == "create_bill_run":
            self.need(subject == self.record["subject"], f"a call about {subject}")
            return "POST", {"/v1/bill-runs"}, self.created(sent["key"])
        if self.operation.endswith("bill_run"):
            self.need(subject == facts["number"], f"a call about {subject}")
        if self.operation == "post_bill_run":
            day = body["invoice_date"]
            return "PUT", {f"{run}/post"}, {"invoiceDate": day} if day else {}
        if self.operation == "cancel_bill_run":
            return "PUT", {f"{run}/cancel"}, {"cancelOnce": body["cancel_once"] is not False}
        if self.operation == "email_bill_run":
            number = quote(facts["number"], safe="")
            return "POST", {f"/v1/bill-runs/{number}/emails"}, {"resend": body["resend"]}
        self.need(subject in [each[0] for each in facts["documents"]], f"a call about {subject}")
        kinds = body.get("kinds") or [self.operation.removeprefix("email_")] * len(
            body["documents"]
        )
        folders = FOLDERS[dict(zip(body["documents"], kinds, strict=True))[subject]]
        fields = {
            "emailAddresses": ",".join(body["email_addresses"]), "includeAdditionalEmailAddresses": body["additional"],
            "useEmailTemplateSetting": body["recipients"] == "template", "pdfFileId": body["pdf_file_id"],
        }  # fmt: skip
        addresses = {f"/v1/{each}/{quote(subject, safe='')}/emails" for each in folders}
        return "POST", addresses, {name: value for name, value in fields.items() if value}

    def created(self, key):
        body, facts = self.body, self.facts
        made = {
            "name": f"{body['name'] or 'Billing Bot'} [{self.name} {key[-4:]}]",
            "autoPost": body["auto_post"], "autoEmail": body["auto_email"], "autoRenewal": body["auto_renewal"],
            "noEmailForZeroAmountInvoice": body["no_email_for_zero_amount"],
        }  # fmt: skip
        account = {"accountId": facts["account"]}
        if body["batches"]:
            made |= {"batches": body["batches"]}
            made |= {"billCycleDay": body["bill_cycle_day"]} if body["bill_cycle_day"] else {}
        elif body["subscriptions"]:
            one = {"filterType": "Subscription", **account}
            made["billRunFilters"] = [
                {**one, "subscriptionId": each} for _, each in facts["subscriptions"]
            ]
        else:
            made["billRunFilters"] = [{"filterType": "Account", **account}]
        for name in ("target", "invoice"):
            made |= {f"{name}Date": body[f"{name}_date"]} if body[f"{name}_date"] else {}
            if each := body[f"{name}_month_day"]:
                made |= {
                    f"{name}DateMonthOffset": each["months"],
                    f"{name}DateDayOfMonth": each["day"],
                }
        made |= {"billRunType": body["run_type"]} if body["run_type"] != "Regular" else {}
        made |= {"chargeTypeToExclude": body["exclude"]} if body["exclude"] else {}
        made |= {} if body["include_subscriptions"] else {"includeSubscriptions": False}
        made |= {} if body["include_order_line_items"] else {"includeOrderLineItems": False}
        units = [
            {"organizationId": each["id"]} if each.get("id") else {"organizationName": each["name"]}
            for each in body["organizations"]
        ]
        made |= {"organizationLabels": units} if units else {}
        return made | ({"schedule": self.schedule(body["schedule"])} if body["schedule"] else {})

    def schedule(self, plan):
        names = {
            "repeatType": "repeat_type", "repeatFrom": "repeat_from", "repeatTo": "repeat_to", "runTime": "run_time",
            "weeklyOnDay": "weekly_on",
        }  # fmt: skip
        made = {name: plan[of] for name, of in names.items() if plan.get(of) not in (None, "")}
        day = date.fromisoformat(plan["repeat_from"])
        if (
            plan["repeat_type"] == "Monthly"
            and day.day == calendar.monthrange(day.year, day.month)[1]
        ):
            made["monthlyOnEndOfMonth"] = plan["on_end_of_month"]
        return made

    def clocks(self):
        minute = 60
        for each in self.messages:
            if each["kind"] in {"card", "reply", "reminder"} and each["ts"] and each["ended_at"]:
                made, ended = (
                    datetime.fromisoformat(each[name]).timestamp()
                    for name in ("created_at", "ended_at")
                )
                self.need(made - minute <= float(each["ts"]) <= ended + minute, "the clocks differ")


def may_follow(known, data):
    """The states that may come after these answers."""
    answers = {*known.values()}
    if "lost" in answers:
        return {"unknown"}
    if answers != {"accepted"}:
        return {"failed"}
    return {"succeeded", "running"} | ({"failed"} if "status" in data else set())


def seconds(span):
    return int(span[:-1]) * {"m": 60, "h": 3600, "d": 86400}[span[-1]]


def matches(rule, operations, compared):
    """Whether a rule of the policy is for what was compared; this program knows no entities and organizations."""
    if rule.get("entities") or rule.get("organizations"):
        raise NotImplementedError(rule)
    tenants = {compared["tenant"]} | ({"production"} if compared["tenant"] == "unknown" else set())
    above, amounts, limit = rule.get("above"), compared["amounts"], rule.get("documents_above")
    is_above = not above or amounts is None or any(
        code not in above or abs(Decimal(each)) > Decimal(str(above[code])) for code, each in amounts
    )  # fmt: skip
    many = limit is None or compared["documents"] is None or compared["documents"] > limit
    return (
        (not rule.get("operations") or bool({*rule["operations"]} & {*operations}))
        and (not rule.get("tenants") or bool({*rule["tenants"]} & tenants))
        and rule.get("sends") in (None, compared["sends"])
        and rule.get("mails_again") in (None, compared["mails_again"])
        and is_above and many
    )  # fmt: skip


if __name__ == "__main__":
    with zipfile.ZipFile(sys.argv[1]) as opened:
        check = Check(opened)
        check.everything()
    sys.stdout.write("\n".join([*check.said, *check.wrong, ""]))
    sys.exit(bool(check.wrong))
