"""Check a package of evidence with Python's standard library alone; FORMAT.md says in words how.

AUDIT_KEY=... python verify.py PACKAGE.zip [SEQUENCE:HASH ...]   # heads that were noted elsewhere

The exit status is that of the finding that comes first in CODES; 0: whole.
"""

# fmt: off
import csv
import hashlib
import hmac
import io
import json
import os
import re
import sys
import zipfile
from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple

CODES = {
    "wrong key": 17, "edited": 10, "rebuilt": 18, "tail cut": 14, "not supported by the history": 19,
    "file of the evidence changed": 20, "control not held": 23, "number missing": 21, "clock went back": 22,
    "head not compared": 24,
}
KINDS = {"refusals": "refused", "policy_changes": "policy.changed", "heads": "audit.head", "starts": "bot.started"}
STATES = {
    "request.rejected": "rejected", "request.withdrawn": "withdrawn", "request.expired": "expired",
    "request.stopped": "stopped", "request.asked": "waiting", "request.started": "running",
}
STARTED, APPROVED, SEEN = "request.started", "request.approved", ("request.recorded", "request.settled")
DECIDED = (APPROVED, "request.rejected", "request.withdrawn")
SIGNS = "=+@\uff1d\uff0b\uff0d\uff20-"  # what a spreadsheet takes for the start of a formula
START, BETWEEN = re.compile(rf"(^|[;,|\t\r\n])([\s\"']*)([{SIGNS}])"), re.compile(rf"(?<![\w'])([{SIGNS}])(?=\S)")
BACK = timedelta(minutes=1)  # two processes that write beside each other differ by less
Facts = dict[str, Any]

class Row(NamedTuple):
    """A row of the history, as a line of history.jsonl has it; `data` is JSON text."""
    sequence: int
    at: str
    request: int | None
    what: str
    who: str
    team: str
    data: str
    before: str
    hash: str
    masked: bool = False

class Finding(NamedTuple):
    """What is wrong: a key of CODES, the row of the history, and words."""
    flaw: str
    row: int | None
    words: str

def compact(value: Any) -> str:
    """The one text of a value that hashes are made of."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False)

def hashed(text: str, key: bytes = b"") -> str:
    """HMAC-SHA-256 with a key, SHA-256 without; hex."""
    return (hmac.new(key, text.encode(), "sha256") if key else hashlib.sha256(text.encode())).hexdigest()

def csv_of(found: Sequence[Facts], none: str) -> bytes:
    """A table for spreadsheets: no cell is a formula, and an empty one says so."""
    text = io.StringIO(newline="")
    for cells in [list(found[0]), *(each.values() for each in found)] if found else [["none"], [none]]:
        csv.writer(text).writerow([cell if cell is None or isinstance(cell, int) else BETWEEN.sub(r"'\1", START.sub(r"\1\2'\3", str(cell))) for cell in cells])
    return text.getvalue().encode("utf-8-sig")

def entry(row: Row) -> Facts:
    """A row with its JSON read."""
    return {**row._asdict(), "data": json.loads(row.data)}

def packet_of(kept: Facts, rows: Sequence[Row]) -> Facts:
    """All that the rows say about a request. `kept` stands beside them: record, card, messages, masked."""
    record = {name: json.loads(text) if name in {"body", "facts", "rule"} else text for name, text in kept["record"].items()}
    history, state, since = [entry(row) for row in rows], "", ""
    for each in history:
        new, data = STATES.get(each["what"]), each["data"]
        if each["what"] == APPROVED:
            new = "waiting" if data.get("missing") else "approved"
        elif each["what"] in {"request.ended", "request.settled"}:
            new = data.get("state") or ("succeeded" if data.get("accepted") else "failed")
        state, since = (new, each["at"]) if new else (state, since)
    return {
        **kept, "request": record, "state": state, "state_at": since,
        "decisions": [each for each in history if each["what"] in DECIDED + SEEN],
        "zuora_calls": [each for each in history if each["what"].startswith("call.")], "history": history,
    }

def line_of(packet: Facts, about: Facts) -> Facts:
    """A request's line in the population."""
    first, at, period = packet["history"][0]["sequence"], packet["request"]["created_at"], about["period"]
    new, inside = about["first"] <= first <= about["last"], period["from"] <= at < period["before"]
    request, decided = packet["request"], [each for each in packet["decisions"] if each["what"] in DECIDED]
    return {
        **{name: request.get(name) for name in (
            "number", "operation", "subject", "tenant", "requester", "reason", "digest", "created_at")},
        "place": request.get("place_words"), "state": packet["state"], "state_at": packet["state_at"], "policy": request["policy_hash"],
        "rule": request["rule"].get("name"), "approvals_needed": request["rule"].get("approvals", 1),
        "compared": compact(packet["history"][0]["data"].get("compared")),
        "approvers": " ".join(each["who"] for each in decided if each["what"] == APPROVED),
        "decided_by": decided[-1]["who"] if decided else "", "decided_at": decided[-1]["at"] if decided else "",
        "asked_in_period": "yes" if inside and new else "late: recorded after the period of its date" if new else "no",
    }

def files_of(about: Facts, lines: Sequence[Facts], rows: Sequence[Row], zuora: Facts) -> Iterator[tuple[str, bytes]]:
    """The files that follow from the rows of the period, and from what Zuora's list was read to say."""
    made: Facts = {"population": {**about, "count": len(lines), "requests": lines}}
    late = [row for row in rows if row.at < about["period"]["from"]]
    for name, what in {**KINDS, "late": ""}.items():
        found = [entry(row) for row in (rows if what else late) if row.what == what or not what]
        made[name] = {"count": len(found), "entries": found}
    yield from ((f"{name}.json", json.dumps(value, indent=2, ensure_ascii=False).encode()) for name, value in made.items())
    yield "population.csv", csv_of(lines, "Nothing was asked for, decided or carried out in the period.")
    if zuora["status"] == "done":
        yield "exceptions.csv", csv_of(outside(zuora), "Zuora shows nothing that was done outside the bot.")

def outside(zuora: Facts) -> list[Facts]:
    """What Zuora's list shows and no request did."""
    return [
        {"what": deed["what"], **{name: value for name, value in run.items() if name != "deeds"}}
        for run in zuora["runs"] for deed in run["deeds"] if not deed["by"]
    ]

def wrong_with(row: Row, data: Facts, asked: Row, rule: Facts) -> str:
    """Why a row does not count for the control; empty: it does."""
    if row.what in {APPROVED, STARTED} and data.get("digest") != json.loads(asked.data)["digest"]:
        return "is about something else than was asked for"
    if row.what == APPROVED and row.who == asked.who:
        return "is an approval by the requester"
    groups = [each for each in data.get("groups", ()) if row.who in data.get("members", {}).get(each, [row.who])]
    if row.what == APPROVED and not {row.who, *groups} & {*rule["approvers"]}:
        return "is an approval by somebody who is not in the rule's lists or groups"
    return ""

def control(rule: Facts, rows: Sequence[Row]) -> Iterator[Finding]:
    """Perform the control again for one request: who approved what, before anything went out."""
    good, started, needed = set(), False, rule.get("approvals", 1)
    for row in rows:
        data = json.loads(row.data)
        wrong = wrong_with(row, data, rows[0], rule)
        if row.what == APPROVED and not wrong:
            good.add(row.who)
        started = started or row.what == STARTED
        goes_on = row.what in {STARTED, "call.sent"} or (row.what == APPROVED and not data.get("missing"))
        if goes_on and (len(good) < needed or (row.what == "call.sent" and not started)):
            wrong = wrong or f"goes on after {len(good)} of {needed} approvals{'' if started else ', and before the start'}"
        if wrong:
            yield Finding("control not held", row.sequence, f"R-{row.request}: row {row.sequence} ({row.what}) {wrong}.")

def numbers(rows: Iterable[Row], last: int | None = None) -> Iterator[Finding]:
    """Numbers of requests that are missing; after a restored copy they go on behind what was seen."""
    for row in rows:
        if row.what == "database.resumed":
            last = max(last or 0, json.loads(row.data)["numbers_behind"])
        if row.what == "request.asked" and row.request is not None:
            if last is not None and row.request != last + 1:
                yield Finding("number missing", row.sequence, f"R-{row.request} follows R-{last}.")
            last = row.request

def clock(rows: Iterable[Row], last: str = "") -> Iterator[Finding]:
    """Rows that are of an earlier time than the row before them."""
    for row in rows:
        if row.at < last and datetime.fromisoformat(row.at) < datetime.fromisoformat(last) - BACK:
            yield Finding("clock went back", row.sequence, f"Row {row.sequence} is of {row.at}, the row before of {last}.")
        last = row.at

def slack_clock(request: int | None, messages: Iterable[Facts]) -> Iterator[Finding]:
    """Messages that Slack took at another time than between their making and their end."""
    for each in messages:
        if each["kind"] in {"card", "reply"} and each["ts"] and each["ended_at"]:
            made, ended, taken = (*map(datetime.fromisoformat, (each["created_at"], each["ended_at"])), datetime.fromtimestamp(float(each["ts"]), UTC))
            if not made - BACK <= taken <= ended + BACK:
                words = f"made at {made.isoformat()}, and Slack says {taken.isoformat()}"
                yield Finding("clock went back", None, f"A message of R-{request} was {words}: the clocks differ.")

def chained(about: Facts, rows: Sequence[Row], key: bytes, masks: Sequence[str]) -> Iterator[Finding]:
    """Go along the rows; those from outside the period have no place in it and stand for themselves."""
    last, link, keyed = about["before"]["sequence"], about["before"]["hash"], about["keyed_from"]
    for row in rows:
        text, inside = compact([row.before, *row[:7]]), about["first"] <= row.sequence <= about["last"]
        content = any(mask in row.data for mask in masks) if row.masked else row.hash == hashed(text, key if keyed and row.sequence >= keyed else b"")
        if not content or (inside and (row.sequence, row.before) != (last + 1, link)):
            yield Finding("edited", row.sequence, f"Row {row.sequence} is not as it was written, or not in its place.")
            return
        last, link = (row.sequence, row.hash) if inside else (last, link)
    if last != max(about["last"], about["before"]["sequence"]):
        yield Finding("tail cut", last + 1, f"The rows end with {last}, not with {about['last']}.")

def supported(packet: Facts, story: Sequence[Row]) -> Iterator[str]:
    """What of a packet its rows do not support."""
    asked, record, card = json.loads(story[0].data), packet["record"], packet["card"]
    if packet_of({name: packet[name] for name in ("record", "card", "messages", "masked")}, story) != packet:
        yield "the packet is not as the rows say"
    if "record" in asked and "record" not in packet["masked"] and hashed(compact(list(record.values()))) != asked["record"]:
        yield "the record is not what was asked for"
    texts = {name: hashed(text) for name, text in (card or {}).items()}
    if "card" in asked and "card" not in packet["masked"] and texts != asked["card"] and (
            not card or card["blocks"] != "[]" or texts["text"] != asked["card"]["text"]):
        yield "the card is not as it was written"

def of_files(files: dict[str, bytes], manifest: Facts, key: bytes) -> Iterator[Finding]:
    """What the manifest says of the files, and its seal of itself."""
    for name in sorted({*files, *manifest["files"]} - {"manifest.json"}):
        if name not in files or hashlib.sha256(files[name]).hexdigest() != manifest["files"].get(name):
            yield Finding("file of the evidence changed", None, f"{name} is missing, new or changed.")
    about = {name: value for name, value in manifest.items() if name != "seal"}
    if manifest["seal"] and hashed(compact(about), key) != manifest["seal"]["hmac"]:
        yield Finding("file of the evidence changed", None, "The manifest was changed.")

def of_requests(files: dict[str, bytes], manifest: Facts, rows: Sequence[Row], beside: Sequence[Row]) -> Iterator[Finding]:
    """Make everything again that follows from the rows, and perform the control again."""
    stories: dict[int, list[Row]] = {row.request: [] for row in rows if row.request is not None}
    for row in sorted((*beside, *rows)):
        stories.get(row.request or 0, []).append(row)
    lines = []
    for number, story in sorted(stories.items()):
        name, first = f"requests/R-{number}.json", story[0].sequence
        packet = json.loads(files.get(name, b"{}"))
        if not packet or story[0].what != "request.asked" or (packet["masked"] and not manifest["masked"]):
            yield Finding("not supported by the history", first, f"{name} is missing, or masked against the manifest.")
            continue
        yield from (Finding("not supported by the history", first, f"R-{number}: {words}.") for words in supported(packet, story))
        yield from control(packet["request"]["rule"], story)
        yield from slack_clock(number, packet["messages"])
        lines.append(line_of(packet, json.loads(files["chain.json"])))
    zuora = json.loads(files["reconciliation.json"])
    did = {number for run in zuora.get("runs", ()) for deed in run["deeds"] for number in deed["by"]}
    for number in sorted(did & {number for number, story in stories.items() if all(row.what != "call.sent" for row in story)}):
        yield Finding("not supported by the history", stories[number][0].sequence, f"reconciliation.json says that R-{number} did something, and it called nothing.")
    for name, content in files_of(json.loads(files["chain.json"]), lines, rows, zuora):
        if files.get(name) != content:
            yield Finding("not supported by the history", None, f"{name} is not what the rows give.")

def checked(archive: zipfile.ZipFile, key: bytes, heads: Iterable[tuple[int, str]]) -> Iterator[Finding]:
    """Everything that is wrong with a package."""
    files = {name: archive.read(name) for name in archive.namelist()}
    manifest, about = json.loads(files["manifest.json"]), json.loads(files["chain.json"])
    rows, beside = ([Row(*json.loads(line)) for line in files[name].splitlines()] for name in ("history.jsonl", "beside.jsonl"))
    mine = hashed("billing-bot audit key", key)[:32] if key else ""
    if mine != (manifest["seal"] or {"key": ""})["key"] or mine != about["key"]:
        yield Finding("wrong key", about["keyed_from"], "The package needs the AUDIT_KEY that it was made with, or none.")
    else:
        yield from chained(about, [*rows, *beside], key, ("[name ", "[address ") if manifest["masked"] else ())
    if len(files) != len(archive.namelist()):
        yield Finding("file of the evidence changed", None, "A name stands in the package twice.")
    yield from of_files(files, manifest, key)
    yield from of_requests(files, manifest, rows, beside)
    yield from numbers(rows)
    yield from clock(rows)
    known = {row.sequence: row.hash for row in rows} | {about["before"]["sequence"]: about["before"]["hash"]}
    for number, noted in heads:
        if known.get(number) != noted:
            flaw, words = ("rebuilt", "another hash") if number in known else ("head not compared", "no place in this package")
            yield Finding(flaw, number, f"Row {number} of the head that was noted has {words}.")

if __name__ == "__main__":
    try:
        with zipfile.ZipFile(sys.argv[1]) as opened:
            pairs = [(int(number), noted) for number, _, noted in (text.partition(":") for text in sys.argv[2:])]
            found_all = list(checked(opened, os.environ.get("AUDIT_KEY", "").encode(), pairs))
    except Exception as error:  # noqa: BLE001 - whatever damage makes of it
        print(f"not readable: {error!r}")  # noqa: T201 - a command's output
        sys.exit(3)
    for each_found in found_all:
        print(f"{each_found.flaw}: {each_found.words}")  # noqa: T201 - a command's output
    sys.exit(next((code for flaw, code in CODES.items() if flaw in {each.flaw for each in found_all}), 0))
