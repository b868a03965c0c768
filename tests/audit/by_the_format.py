"""A second program that checks a package, written from FORMAT.md alone: what an outsider can do who trusts no file of ours.

`python -I by_the_format.py PACKAGE.zip [AUDIT_KEY]` prints a line for each request and for whatever does not fit.
"""

import hashlib
import hmac
import json
import sys
import zipfile

AS_THEY_ARE = (
    "number", "operation", "subject", "tenant", "place_words", "requester", "reason", "digest", "created_at",
    "policy_hash",
)  # fmt: skip
BEGINNINGS = {
    "refusals": "refused", "policy_changes": "policy.", "heads": "audit.", "starts": "bot.", "people": "people.",
    "statements": "statement.", "explanations": "exception.",
}  # fmt: skip
ENDS = {f"request.{each}" for each in ("rejected", "withdrawn", "expired", "stopped")}
NEVER_MASKED = (
    "about", "accepted", "address", "again_under_its_key", "base", "body_sha256", "card", "change", "clocks_ahead", "compared",
    "conditions", "count", "digest", "facts_sha256", "groups", "http_status", "kept", "key", "mailings", "members",
    "method", "missing", "needed", "new", "number", "operation", "parent", "plain", "policy", "record", "refusal", "rule", "run", "state",
    "status", "subject", "track_id", "try", "verdict", "wanted", "zuora_request_id",
)  # fmt: skip
COLUMNS = ("sequence", "at", "request", "what", "who", "team", "data", "before", "hash", "masked")


def compact(value):
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False)


def lines(values):
    return "".join(f"{compact(each)}\n" for each in values).encode()


def hash_of(text):
    return hashlib.sha256(text.encode()).hexdigest()


class Check:
    def __init__(self, archive, key):
        self.archive, self.key, self.wrong = archive, key.encode(), []
        self.manifest, self.chain = self.json("manifest.json"), self.json("chain.json")
        self.rows = self.lines("history.jsonl")
        self.numbers = sorted({row[2] for row in self.rows} - {None})

    def json(self, name):
        return json.loads(self.archive.read(name))

    def lines(self, name):
        return [json.loads(each) for each in self.archive.read(name).splitlines()]

    def need(self, holds, words):
        if not holds:
            self.wrong.append(words)

    def with_key(self, text):
        return hmac.new(self.key, text.encode(), "sha256").hexdigest()

    def is_inside(self, sequence):
        return self.chain["before"]["sequence"] < sequence <= self.chain["last"]

    def fits(self, row):
        """Whether a row has its own hash, with commitments in place of what has salts or is masked."""
        sequence, at, request, what, who, team, data, before, own, masked = row
        read = json.loads(data)
        sealed = read.pop("sealed", {}) if masked else {}
        self.need(not {*sealed} & {*NEVER_MASKED}, f"row {sequence}: masked where it may not be")
        salts = read.pop("salts", {})
        for name, salt in salts.items():
            sealed[name] = hash_of(compact([salt, read.get(name)]))
        if sealed:
            self.need(compact(json.loads(data)) == data, f"row {sequence}: data is not compact")
        shown = compact({name: value for name, value in read.items() if name not in sealed})
        said = [shown, sealed] if sealed else [data]
        text = compact([before, sequence, at, request, what, who, team, *said])
        begins = self.chain["keyed_from"]
        return own == (self.with_key(text) if begins and sequence >= begins else hash_of(text))

    def everything(self):
        self.files()
        self.along_the_rows()
        packets = self.lines("requests.jsonl")
        names = [packet["record"]["number"] for packet in packets]
        self.need(names == self.numbers, f"requests {names}")
        population = [self.request(packet) for packet in packets]
        self.same("population.jsonl", lines(population))
        for name, start in BEGINNINGS.items():
            self.same(f"{name}.jsonl", lines(row for row in self.rows if row[3].startswith(start)))
        self.same("late.jsonl", lines(row for row in self.rows if row[1] < self.chain["start"]))
        things = self.lines("things.jsonl")
        exceptions = [
            {**{name: value for name, value in thing.items() if name != "deeds"}, **deed}
            for thing in things for deed in thing["deeds"] if not deed["by"]
        ]  # fmt: skip
        self.same("exceptions.jsonl", lines(exceptions))

    def same(self, name, content):
        self.need(self.archive.read(name) == content, name)

    def files(self):
        for name, sha256 in self.manifest["files"].items():
            self.need(hashlib.sha256(self.archive.read(name)).hexdigest() == sha256, name)
        others = {*self.archive.namelist()} ^ {*self.manifest["files"], "manifest.json"}
        self.need(not others, f"files {others}")
        if seal := self.manifest.pop("seal"):
            self.need(seal["hmac"] == self.with_key(compact(self.manifest)), "seal")
            self.need(seal["key"] == self.with_key("billing-bot audit key")[:32], "fingerprint")

    def along_the_rows(self):
        sequence, link = self.chain["before"]["sequence"], self.chain["before"]["hash"]
        for row in self.rows:
            is_next = (row[0], row[7]) == (sequence + 1, link)
            self.need(is_next and self.fits(row), f"row {row[0]}")
            sequence, link = row[0], row[8]
        self.need(sequence == self.chain["last"], "last row")
        late = self.rows and self.chain["made_at"] >= self.chain["end"] <= self.rows[-1][1]
        early = self.rows and self.rows[0][1] < self.chain["start"]
        self.need(not late and (not early or self.chain["package_before"]), "period")

    def request(self, packet):
        """Check a packet; its line of the population."""
        history, record = packet["history"], packet["record"]
        number = record["number"]
        rows = [
            [compact(each[name]) if name == "data" else each[name] for name in COLUMNS]
            for each in history
        ]
        inside = [row for row in rows if self.is_inside(row[0])]
        self.need(inside == [row for row in self.rows if row[2] == number], f"R-{number}: rows")
        self.need(all(map(self.fits, rows)), f"R-{number}: a row of another period")
        self.bound(packet, history[0]["data"])
        rule = json.loads(record["rule"])
        self.control(rule, history)
        return line_of(record, rule, history) | {"asked_in_period": self.asked(record, history[0])}

    def asked(self, record, asked):
        if not self.is_inside(asked["sequence"]):
            return "no"
        is_inside = self.chain["start"] <= record["created_at"] < self.chain["end"]
        return "yes" if is_inside else "late: recorded after the period of its date"

    def bound(self, packet, asked):
        record, card = packet["record"], packet["card"]
        name = f"R-{record['number']}"
        if "record" not in packet["masked"]:
            self.need(hash_of(compact([*record.values()])) == asked["record"], f"{name}: record")
        plain = [each for key, each in record.items() if key not in ("body", "facts", "reason")]
        self.need(hash_of(compact(plain)) == asked["plain"], f"{name}: plain record")
        if "bound" not in packet["masked"]:
            order = {"operation": record["operation"], "body": json.loads(record["body"])}
            digest = hash_of(compact({**order, **asked["bound"]}))
            self.need(digest == asked["digest"], f"{name}: digest")
        if "card" not in packet["masked"]:
            self.need(hash_of(card["text"]) == asked["card"]["text"], f"{name}: card")
            blocks = card["blocks"]
            fits = blocks == "[]" or hash_of(blocks) == asked["card"]["blocks"]
            self.need(fits, f"{name}: blocks")

        shown = [row for row in packet["history"] if row["what"] == "slack.shown"]
        sent = {each["sequence"]: each for each in packet["messages"]}
        for row in shown if "messages" not in packet["masked"] else ():
            for sequence, total in row["data"]["messages"]:
                message = compact([*sent[sequence].values()])
                self.need(hash_of(message) == total, f"{name}: message {sequence}")

    def control(self, rule, history):
        asked, good, needed, started = history[0], set(), rule.get("approvals", 1), False
        digest, ended = asked["data"]["digest"], False
        for row in history:
            what, data = row["what"], row["data"]
            words = f"R-{row['request']}: row {row['sequence']}"
            if what == "request.approved":
                self.need(counts(row, rule, asked), words)
                good |= {row["who"]}
            started = started or what == "request.started"
            goes_on = what in {"request.started", "call.sent"}
            goes_on = goes_on or (what == "request.approved" and not data.get("missing"))
            self.need(not goes_on or (len(good) >= needed and not ended), words)
            ended = ended or what in ENDS
            self.need(what != "call.sent" or started, words)
            self.need(what != "request.started" or data["digest"] == digest, words)


def counts(row, rule, asked):
    """Whether an approval counts."""
    data, who = row["data"], row["who"]
    members = data.get("members", {})
    named = {who, *(each for each in data.get("groups", []) if who in members.get(each, [who]))}
    of_this = data["digest"] == asked["data"]["digest"]
    return of_this and who != asked["who"] and bool(named & {*rule["approvers"]})


def state_after(row, history=()):
    what, data = row["what"].removeprefix("request."), row["data"]
    if what in {"rejected", "withdrawn", "expired", "stopped"}:
        return what
    by_acceptance = "succeeded" if data.get("accepted") else "failed"
    last = {each["data"]["subject"]: each for each in history if each["what"].startswith("call.")}
    is_refused = any(each["data"].get("verdict") == "rejected" for each in last.values())
    return {
        "asked": "waiting",
        "approved": "waiting" if data.get("missing") else "approved",
        "started": "running",
        "ended": data.get("state") or by_acceptance,
        "settled": data.get("state") or ("failed" if is_refused else by_acceptance),
    }.get(what)


def line_of(record, rule, history):
    asked = history[0]["data"]
    last = next(row for row in reversed(history) if state_after(row))
    approved = [row for row in history if row["what"] == "request.approved"]
    deciding = {f"request.{each}" for each in ("approved", "rejected", "withdrawn")}
    decided = [row for row in history if row["what"] in deciding]
    return {name: record.get(name) for name in AS_THEY_ARE} | {
        "rule": rule.get("name"),
        "approvals_needed": rule.get("approvals", 1),
        "conditions": asked.get("conditions"),
        "compared": asked.get("compared"),
        "approvers": [row["who"] for row in approved],
        "decided_by": decided[-1]["who"] if decided else "",
        "decided_at": decided[-1]["at"] if decided else "",
        "state": state_after(last, history[: history.index(last)]),
        "state_at": last["at"],
    }


if __name__ == "__main__":
    with zipfile.ZipFile(sys.argv[1]) as opened:
        check = Check(opened, "".join(sys.argv[2:3]))
        check.everything()
    sys.stdout.write("\n".join(check.wrong) or f"{len(check.numbers)} requests performed again\n")
    sys.exit(bool(check.wrong))
