"""Check a package of evidence with Python's standard library alone: `AUDIT_KEY=... python3.11 verify.py PACKAGE.zip [SEQUENCE:HASH | FILE WITH SUCH HEADS ...]`; FORMAT.md says in words how, and what each exit status is."""

# fmt: off
import base64
import email
import hashlib
import hmac
import json
import os
import re
import sys
import zipfile
from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import UTC, datetime, timedelta
from functools import reduce
from pathlib import Path
from typing import Any, NamedTuple

CODES = {"not readable": 3, "wrong key": 17, "edited": 10, "rebuilt": 18, "tail cut": 14, "not supported by the history": 19, "file of the evidence changed": 20, "control not held": 23, "signature wrong": 25, "number missing": 21, "clock went back": 22, "head not compared": 24}
KINDS = {"refusals": "refused", "policy_changes": "policy.", "heads": "audit.", "starts": "bot.", "people": "people.", "statements": "statement.", "explanations": "exception.", "late": ""}
STATES = {f"request.{each}": each for each in ("rejected", "withdrawn", "expired", "stopped")} | {"request.asked": "waiting", "request.started": "running"}
STARTED, APPROVED, ASKED, KEEPS, DROPS, SENT, UNSUPPORTED, FORMAT, ENDS, BACK = "request.started", "request.approved", "request.asked", "number.kept", "number.dropped", "call.sent", "not supported by the history", 3, {*STATES} - {"request.asked", "request.started"}, timedelta(minutes=1)  # two processes that write beside each other differ by less
P, L, D, FILES = 2**255 - 19, 2**252 + 27742317777372353535851937790883648493, -121665 * pow(121666, -1, 2**255 - 19), {"manifest.json", "chain.json", "history.jsonl", "reconciliation.json", "slack.json", "sample.json", "verification.json", "00-report.html", "evidence.xlsx", "verify.py", "FORMAT.md"}  # of Ed25519 (RFC 8032)
Row = NamedTuple("Row", [  # noqa: UP014 - a row of the history, as a line of history.jsonl has it; `data` is JSON text
    ("sequence", int), ("at", str), ("request", int | None), ("what", str), ("who", str), ("team", str), ("data", str), ("before", str), ("hash", str), ("masked", bool)])
Finding = NamedTuple("Finding", [("flaw", str), ("row", int | None), ("words", str)])  # noqa: UP014 - `flaw` is a key of CODES
def compact(value: Any) -> str:
    """The one text of a value that hashes are made of."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
def hashed(text: str, key: bytes = b"") -> str:
    """HMAC-SHA-256 with a key, SHA-256 without; hex."""
    return (hmac.new(key, text.encode(), "sha256") if key else hashlib.sha256(text.encode())).hexdigest()
def kinds_of(row: Row, about: dict[str, Any]) -> list[str]:
    """The files, besides history.jsonl, in which a row stands."""
    return [name for name, start in KINDS.items() if (row.what.startswith(start) if start else row.at < about["period"]["from"])]
def line_of(record: dict[str, Any], story: Sequence[Row], about: dict[str, Any]) -> dict[str, Any]:
    """A request's line in the population, from its record and its rows."""
    read, state, since, period = [(row, json.loads(row.data)) for row in story], "", "", about["period"]
    for row, data in read:
        ended = data.get("state") or ("succeeded" if data.get("accepted") else "failed")
        new = {**STATES, APPROVED: "waiting" if data.get("missing") else "approved", "request.ended": ended, "request.settled": ended}.get(row.what)
        state, since = (new, row.at) if new else (state, since)
    decided, rule, new, inside = [row for row in story if row.what in {APPROVED, "request.rejected", "request.withdrawn"}], json.loads(record["rule"]), about["first"] <= story[0].sequence <= about["last"], period["from"] <= record["created_at"] < period["before"]
    return {**{name: record.get(name) for name in ("number", "operation", "subject", "tenant", "place_words", "requester", "reason", "digest", "created_at", "policy_hash")},
            "state": state, "state_at": since, "rule": rule.get("name"), "approvals_needed": rule.get("approvals", 1), "conditions": read[0][1].get("conditions"), "compared": read[0][1].get("compared"), "approvers": [row.who for row in decided if row.what == APPROVED],
            "decided_by": decided[-1].who if decided else "", "decided_at": decided[-1].at if decided else "",
            "asked_in_period": ("yes" if inside else "late: recorded after the period of its date") if new else "no"}
def control(rule: dict[str, Any], rows: Sequence[Row]) -> Iterator[Finding]:
    """Perform the control again for one request: who approved what, before anything went out."""
    good, started, over, needed, digest = set[str](), False, "", rule.get("approvals", 1), json.loads(rows[0].data)["digest"]
    for row, data in [(row, json.loads(row.data)) for row in rows]:
        approves, members = row.what == APPROVED, {row.who, *(each for each in data.get("groups", ()) if row.who in data.get("members", {}).get(each, [row.who]))}
        wrong = "is about something else than was asked for" if row.what in {APPROVED, STARTED} and data.get("digest") != digest else ""
        wrong = wrong or ("is an approval by the requester" if approves and row.who == rows[0].who else "is an approval by somebody who is not in the rule's lists or groups" if approves and not members & {*rule["approvers"]} else "")
        good, started, over = good | ({row.who} if approves and not wrong else set()), started or row.what == STARTED, over or (STATES[row.what] if row.what in ENDS else "")
        if (row.what in {STARTED, SENT} or (approves and not data.get("missing"))) and (over or len(good) < needed or not (started or approves)):
            wrong = wrong or (f"goes on although it was {over}" if over else f"goes on after {len(good)} of {needed} approvals{'' if started else ', and before the start'}")
        yield from [Finding("control not held", row.sequence, f"R-{row.request}: row {row.sequence} ({row.what}) {wrong}.")] * bool(wrong)
def order(rows: Iterable[Row], number: int | None = None, at: str = "") -> Iterator[Finding]:
    """Numbers of requests that are missing, or were kept and are open or dropped (a note where that is no flaw), and rows of an earlier time than the one before."""
    kept, first, begun = dict[int, tuple[Any, str]](), 0, 0  # by the row that keeps it: a number that is open, and since when
    for row in rows:
        data, first = json.loads(row.data) if row.what in {ASKED, KEEPS, DROPS, "database.resumed"} else {}, first or row.sequence
        new, by, number, begun = row.request or data.get("number"), data.get("kept", 0), max(number or 0, data.get("numbers_behind", 0)) or number, row.sequence if row.what == "bot.started" else begun
        keeps, is_new, is_back = row.what == KEEPS, row.what in {KEEPS, ASKED} and not by, row.at < at and datetime.fromisoformat(row.at) < datetime.fromisoformat(at) - BACK
        yield from [Finding("number missing", row.sequence, f"R-{new} follows R-{number}" + f", and row {by} does not keep it" * bool(by) + ".")] * bool(new != number + 1 if is_new and number is not None else by and kept.get(by, (new * (by < first), ""))[0] != new) + [Finding("note", row.sequence, f"R-{new} was never asked for: {data.get('why')}.")] * (row.what == DROPS) + [Finding("clock went back", row.sequence, f"Row {row.sequence} is of {row.at}, the row before of {at}.")] * is_back
        number, at, kept[row.sequence if keeps else by] = new if is_new else number, row.at, (new if keeps else 0, row.at)
    yield from (Finding("number missing" if by < begun or datetime.fromisoformat(at) > datetime.fromisoformat(since) + timedelta(hours=2) else "note", by, f"R-{new}, which row {by} keeps, was neither asked for nor dropped.") for by, (new, since) in kept.items() if new)
def slack_clock(request: int | None, messages: Iterable[dict[str, Any]]) -> Iterator[Finding]:
    """Messages that Slack took at another time than between their making and their end."""
    for each in [each for each in messages if each["kind"] in {"card", "reply", "reminder"} and each["ts"] and each["ended_at"]]:
        made, ended, taken = *map(datetime.fromisoformat, (each["created_at"], each["ended_at"])), datetime.fromtimestamp(float(each["ts"]), UTC)
        yield from [Finding("clock went back", None, f"A message of R-{request} was made at {made}, and Slack says {taken}: the clocks differ.")] * (not made - BACK <= taken <= ended + BACK)
def add(one: tuple[int, ...], two: tuple[int, ...]) -> tuple[int, ...]:
    """The sum of two points of Ed25519 in extended coordinates."""
    a, b, c, d = (one[1] - one[0]) * (two[1] - two[0]), (one[1] + one[0]) * (two[1] + two[0]), 2 * one[3] * two[3] * D, 2 * one[2] * two[2]
    return (b - a) * (d - c) % P, (b + a) * (d + c) % P, (d - c) * (d + c) % P, (b - a) * (b + a) % P
def times(number: int, one: tuple[int, ...]) -> tuple[int, ...]:
    """A point, so many times."""
    return (0, 1, 1, 0) if not number else add(times(number - 1, one), one) if number % 2 else times(number // 2, add(one, one))
def point(text: bytes) -> tuple[int, ...]:
    """A point from its 32 bytes; 0 in the third place where they are none."""
    y = int.from_bytes(text, "little") % 2**255
    x = pow(square := (y * y - 1) * pow(D * y * y + 1, -1, P) % P, (P + 3) // 8, P)
    x = x * (pow(2, (P - 1) // 4, P) if (x * x - square) % P else 1) % P
    x = x if x % 2 == text[31] >> 7 else P - x
    return x, y, int((x * x - square) % P == 0 and y < P), x * y % P
def signed(public: str, text: str, signature: str) -> bool:
    """Whether an Ed25519 signature (hex, RFC 8032) is that of the text by the owner of a public key (hex)."""
    key, r, s = bytes.fromhex(public), bytes.fromhex(signature)[:32], int.from_bytes(bytes.fromhex(signature)[32:], "little")
    left, factor = times(s, point(bytes.fromhex("58" + "66" * 31))), int.from_bytes(hashlib.sha512(r + key + text.encode()).digest(), "little") % L
    return s < L and point(r)[2] == point(key)[2] == 1 and not any((left[each] * right[2] - right[each] * left[2]) % P for right in [add(point(r), times(factor, point(key)))] for each in (0, 1))
def heads(rows: Iterable[Row], keys: Sequence[dict[str, Any]]) -> Iterator[Finding]:
    """Heads that the history says it ended with: each names the row before its own, is signed with the key of then, and was left and stamped as it is."""
    written: set[tuple[int, str]] = set()
    for row, data in ((row, json.loads(row.data)) for row in rows if row.what in {"audit.head", "audit.anchored", "audit.signing_key"} and not row.masked):
        key, head = next((each["public"] for each in reversed(keys) if each["row"] < row.sequence), ""), (data.get("sequence"), data.get("hash"))
        text, is_head, is_key = f"billing-bot head {head[0]}:{head[1]}", row.what == "audit.head", row.what == "audit.signing_key"
        written.update([head] * is_head)
        is_other = head != (row.sequence - 1, row.before) if is_head else written and not is_key and head not in written
        is_unsigned = {"row": row.sequence, "public": data["public"]} not in keys if is_key else is_head and key and not signed(key, text, data.get("signature") or "00" * 64)
        is_unstamped = "token" in data and hashlib.sha256(text.encode()).digest() not in base64.b64decode(data["token"])
        yield from [Finding("rebuilt", row.sequence, f"Row {row.sequence} says another head than the history has.")] * bool(is_other)
        yield from [Finding("signature wrong", row.sequence, f"Row {row.sequence} is a head that is not signed with the key that was in force, or a key that chain.json does not have.")] * bool(is_unsigned)
        yield from [Finding("signature wrong", row.sequence, f"The time stamp in row {row.sequence} is not one of its head: it is of another text.")] * is_unstamped
def chained(about: dict[str, Any], rows: Iterable[Row], key: bytes, masks: Sequence[str]) -> Iterator[Finding]:
    """Go along the rows; those from outside the period have no place in it and stand for themselves."""
    last, link, keyed = about["before"]["sequence"], about["before"]["hash"], about["keyed_from"]
    for row in rows:
        text, inside = compact([row.before, *row[:7]]), about["first"] <= row.sequence <= about["last"]
        content = any(mask in row.data for mask in masks) if row.masked else row.hash == hashed(text, key if keyed and row.sequence >= keyed else b"")
        if not content or (inside and (row.sequence, row.before) != (last + 1, link)):
            yield Finding("edited", row.sequence, f"Row {row.sequence} is not as it was written, or not in its place.")
            return
        last, link = (row.sequence, row.hash) if inside else (last, link)
    yield from [Finding("tail cut", last + 1, f"The rows end with {last}, not with {about['last']}.")] * (last != max(about["last"], about["before"]["sequence"]))
def supported(packet: dict[str, Any], asked: dict[str, Any]) -> list[str]:
    """What of a packet is not as the row says in which it was asked for."""
    record, card, known = packet["record"], packet["card"] or {}, {*asked} - {*packet["masked"]}
    return [words for words, is_so in {"the record is not what was asked for": "record" in known and hashed(compact(list(record.values()))) != asked["record"],
             "the digest is not that of what was asked for": "bound" in known and hashed(compact({**asked["bound"], "operation": record["operation"], "body": json.loads(record["body"])})) != asked["digest"],
             "the card is not as it was written": "card" in known and {name: hashed(text) for name, text in card.items()} not in (asked["card"], {**asked["card"], "blocks": hashed("[]")})}.items() if is_so]
def of_requests(archive: zipfile.ZipFile, files: dict[str, str], rows: Callable[[], Iterator[Row]], key: bytes, masks: Sequence[str]) -> Iterator[Finding]:
    """Make everything again that follows from the rows, and perform the control again; one packet at a time. `files`: the hash of each."""
    manifest, about, zuora, sample = (json.loads(archive.read(name)) for name in ("manifest.json", "chain.json", "reconciliation.json", "sample.json"))
    first, last, sums, made, called = "", "", {0: ""}, {name: hashlib.sha256() for name in (*KINDS, "population", "exceptions")}, set()
    for row in rows():
        sums[row.request or 0] = hashed(sums.get(row.request or 0, "") + compact(row))
        called |= {row.request} if row.what == SENT else set()
        first, last = first or row.at, row.at
        for name in kinds_of(row, about):
            made[name].update(f"{compact(row)}\n".encode())
    for number in sorted({*sums} - {0}):
        packet = json.loads(archive.read(name) if (name := f"requests/R-{number}.json") in files else '{"history": [], "masked": []}')
        story = [Row(**{**each, "data": compact(each["data"])}) for each in packet["history"]]
        total = reduce(lambda so_far, row: hashed(so_far + compact(row)), [row for row in story if about["first"] <= row.sequence <= about["last"]], "")
        if total != sums[number] or story[0].what != ASKED or (packet["masked"] and not masks) or packet["record"]["number"] != number:
            yield Finding(UNSUPPORTED, None, f"requests/R-{number}.json is missing, not as the rows say, or masked against the manifest.")
            continue
        yield from chained({**about, "first": 1, "last": 0, "before": {"sequence": 0, "hash": ""}}, [row for row in story if not about["first"] <= row.sequence <= about["last"]], key, masks)
        unlike = [Finding(UNSUPPORTED, story[0].sequence, f"R-{number}: {words}.") for words in supported(packet, json.loads(story[0].data))]
        yield from (*unlike, *control(json.loads(packet["record"]["rule"]), story), *slack_clock(number, packet["messages"]))
        made["population"].update(f"{compact(line_of(packet['record'], story, about))}\n".encode())
    deeds = [{**thing, **deed} for thing in zuora["things"] for deed in thing.pop("deeds")]
    made["exceptions"].update("".join(f"{compact(each)}\n" for each in deeds if not each["by"]).encode())
    wrong = [f"{name}.jsonl is not what the rows give" for name, total in made.items() if total.hexdigest() != files.get(f"{name}.jsonl")] + [f"reconciliation.json says that R-{number} did something, and it called nothing" for number in sorted({each for deed in deeds for each in deed["by"]} & {*sums} - called)]
    wrong += [f"{name} is missing, or has no place in a package" for name in sorted({*files} ^ {*FILES, *(f"{name}.jsonl" for name in made), *(f"requests/R-{number}.json" for number in {*sums} - {0})})]
    wrong += [f"{words} do not agree" for words, agree in {
        "sample.json and its seed": sorted(sorted({*sums} - {0}, key=lambda each: hashlib.sha256(f"{sample['seed']}:{each}".encode()).digest())[:sample["size"]]) == sample["numbers"],
        "manifest.json and chain.json about the period": about["period"] == manifest["period"] and about["over"] == (manifest["made_at"] >= about["period"]["before"]),
        "chain.json and its rows": (about["rows"], about["requests"], about["columns"]) == (about["last"] - about["first"] + 1, len(sums) - 1, list(Row._fields)),
        "the period and the times of its rows": (about["package_before"] or not first or about["period"]["from"] <= first) and (not about["over"] or last < about["period"]["before"]),
        "reconciliation.json and its things": (zuora["status"] == "done") == all(deed["what"] != "not compared with Zuora" for deed in deeds)}.items() if not agree]
    yield from (Finding(UNSUPPORTED, None, f"{words}.") for words in wrong)
def checked(archive: zipfile.ZipFile, key: bytes, noted: Sequence[Sequence[tuple[int, str]]]) -> Iterator[Finding]:
    """Everything that is wrong with a package. Of each list of heads that were noted elsewhere, at least one must lie in it."""
    def rows() -> Iterator[Row]:
        with archive.open("history.jsonl") as lines:
            yield from (Row(*json.loads(each)) for each in lines)
    def sum_of(name: str) -> str:
        with archive.open(name) as file:
            return hashlib.file_digest(file, "sha256").hexdigest()  # type: ignore[arg-type]
    manifest, about = (json.loads(archive.read(name)) for name in ("manifest.json", "chain.json"))
    manifest = {FORMAT: manifest}[manifest["format"]]  # another one is not readable here
    mine, masks = hashed("billing-bot audit key", key)[:32] if key else "", ("[name ", "[address ") if manifest["masked"] else ()
    is_mine = mine == (manifest["seal"] or {"key": ""})["key"] == about["key"]
    yield from chained(about, rows(), key, masks) if is_mine else [Finding("wrong key", about["keyed_from"], "The package needs the AUDIT_KEY that it was made with, or none.")]
    files = {name: sum_of(name) for name in archive.namelist()}
    changed = [name for name in sorted({*files, *manifest["files"]} - {"manifest.json"}) if files.get(name) != manifest["files"].get(name)] + ["A name that stands there twice"] * (len(files) != len(archive.namelist()))
    changed += ["manifest.json"] if manifest["seal"] and hashed(compact({name: value for name, value in manifest.items() if name != "seal"}), key) != manifest["seal"]["hmac"] else []
    yield from (Finding("file of the evidence changed", None, f"{name} is missing, new or changed.") for name in changed)
    yield from (*of_requests(archive, files, rows, key, masks), *order(rows()), *heads(rows(), about["signing_keys"]))
    known, wanted = {about["before"]["sequence"]: about["before"]["hash"]}, {number for each in noted for number, _ in each}
    known |= {row.sequence: row.hash for row in rows() if row.sequence in wanted}
    yield from (Finding("head not compared", each[0][0], f"Row {each[0][0]} of the head that was noted has no place in this package.") for each in noted if not {*dict(each)} & {*known})
    yield from (Finding("rebuilt", number, f"Row {number} has another hash than the head that was noted.") for each in noted for number, other in each if known.get(number, other) != other)
def notes(archive: zipfile.ZipFile) -> Iterator[str]:
    """What this program cannot check, and what a package says against itself: no exit status speaks of it."""
    manifest, about, zuora = (json.loads(archive.read(name)) for name in ("manifest.json", "chain.json", "reconciliation.json"))
    yield "not checked: 00-report.html and evidence.xlsx (`billing-bot verify` makes them again); what Zuora and Slack said and verification.json (the manifest alone holds them); who made time stamps, if there are any (`billing-bot verify --authority` and `openssl ts -verify` find that out)"
    with archive.open("history.jsonl") as lines:
        yield from [f"not checked: the content of {sum(json.loads(line)[-1] for line in lines)} rows, which is masked"] * manifest["masked"]
    yield from [f"no key seals the manifest: compare its SHA-256 with the one that was noted when it was made: {hashlib.sha256(archive.read('manifest.json')).hexdigest()}"] * (not manifest["seal"])
    yield from [f"not compared with Zuora: {zuora.get('why')}"] * (zuora["status"] != "done") + ["the period was not over when this was made"] * (not about["over"])
def noted_in(text: str) -> list[tuple[int, str]]:
    """The heads SEQUENCE:HASH in a text, or in the file of that name: messages copied from a channel, files that were kept, mails as they were saved."""
    parts = [raw := Path(text).read_bytes() if Path(text).is_file() else text.encode()]
    parts += [bytes(part.get_payload(decode=True)) for part in email.message_from_bytes(raw).walk() if not part.is_multipart()]
    if found := re.findall(rb"(?<!\d)(\d{1,18}):([0-9a-f]{64})(?![0-9a-f])", b"\n".join(parts)):
        return [(int(number), noted.decode()) for number, noted in dict.fromkeys(found)]
    raise ValueError(f"{text} holds no head such as 4711:0f3a... (64 digits)")
if __name__ == "__main__":
    try:
        with zipfile.ZipFile(sys.argv[1]) as opened:
            everything, said = list(checked(opened, os.environ.get("AUDIT_KEY", "").encode(), [noted_in(each) for each in sys.argv[2:]])), [f"note: {words}" for words in notes(opened)]
    except Exception as error:  # noqa: BLE001 - whatever damage makes of it
        everything, said = [Finding("not readable", None, repr(error))], []
    print("\n".join([*(f"{each.flaw}: {each.words}" for each in everything), *said]))  # noqa: T201 - a command's output
    sys.exit(next((code for flaw, code in CODES.items() if flaw in {each.flaw for each in everything}), 0))
