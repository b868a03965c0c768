"""Check a package as FORMAT.md says: `AUDIT_KEY=... python3.11 verify.py PACKAGE.zip [SEQUENCE:HASH | FILE WITH HEADS ...]`."""
import base64, collections, email, hashlib, hmac, json, os, pathlib, re, sqlite3, sys, zipfile
from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any
CODES = {"not readable": 3, "wrong key": 17, "edited": 10, "rebuilt": 18, "tail cut": 14, "not supported by the history": 19,
         "file of the evidence changed": 20, "control not held": 23, "signature wrong": 25, "number missing": 21,
         "clock went back": 22, "head not compared": 24}  # of several flaws the first gives the exit status
KINDS = {"refusals": "refused", "policy_changes": "policy.", "heads": "audit.", "starts": "bot.", "people": "people.",
         "statements": "statement.", "explanations": "exception.", "late": ""}  # files, and how the kinds in them begin
FILES = {"chain.json", "history.jsonl", "requests.jsonl", "reconciliation.json", "things.jsonl",
         "slack.json", "sample.json", "verification.json", "00-report.html", "evidence.xlsx", "verify.py", "FORMAT.md",
         *(f"{name}.jsonl" for name in (*KINDS, "population", "exceptions"))}
ASKED, APPROVED, STARTED, KEEPS, DROPS = "request.asked", "request.approved", "request.started", "number.kept", "number.dropped"
ENDS = {f"request.{each}": each for each in ("rejected", "withdrawn", "expired", "stopped")}
STATES = {**ENDS, ASKED: "waiting", STARTED: "running"}
KEPT = ("number", "operation", "subject", "tenant", "place_words", "requester", "reason", "digest", "created_at", "policy_hash")
UNSUPPORTED, LATE, FORMAT, BACK = "not supported by the history", "late: recorded after the period of its date", 4, timedelta(minutes=1)
P, L = 2**255 - 19, 2**252 + 27742317777372353535851937790883648493  # of Ed25519 (RFC 8032)
D, BASE = -121665 * pow(121666, -1, P), bytes.fromhex("58" + "66" * 31)
Facts = dict[str, Any]
Row = collections.namedtuple("Row", "sequence at request what who team data before hash masked")
Finding = collections.namedtuple("Finding", "flaw row words")
def compact(value: Any) -> str:  # the one text of a value that hashes are made of
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
def hashed(text: str, key: bytes = b"") -> str:  # HMAC-SHA-256 with a key, SHA-256 without; hex
    return (hmac.new(key, text.encode(), "sha256") if key else hashlib.sha256(text.encode())).hexdigest()
def line_of(record: Facts, story: Sequence[Row], about: Facts) -> Facts:  # a request's line in the population
    rule, asked, state, by = json.loads(record["rule"]), json.loads(story[0].data), ("", ""), ("", "")
    for row, data in [(row, json.loads(row.data)) for row in story]:
        end = data.get("state") or ("succeeded" if data.get("accepted") else "failed")
        words = {**STATES, APPROVED: "waiting" if data.get("missing") else "approved", "request.ended": end, "request.settled": end}
        state = (words[row.what], row.at) if row.what in words else state
        by = (row.who, row.at) if row.what in {APPROVED, "request.rejected", "request.withdrawn"} else by
    is_new = about["before"]["sequence"] < story[0].sequence <= about["last"]
    return {**{name: record.get(name) for name in KEPT}, "rule": rule.get("name"), "state": state[0], "state_at": state[1],
            "approvals_needed": rule.get("approvals", 1), "approvers": [row.who for row in story if row.what == APPROVED],
            "conditions": asked.get("conditions"), "compared": asked.get("compared"), "decided_by": by[0], "decided_at": by[1],
            "asked_in_period": "no" if not is_new else "yes" if about["start"] <= record["created_at"] < about["end"] else LATE}
def control(rule: Facts, rows: Sequence[Row]) -> Iterator[Finding]:  # of one request, performed again
    good, started, over, needed, digest = set[str](), False, "", rule.get("approvals", 1), json.loads(rows[0].data).get("digest")
    for row, data in [(row, json.loads(row.data)) for row in rows]:
        approves, starts, members, wrong = row.what == APPROVED, row.what == STARTED, data.get("members", {}), ""
        groups = {each for each in data.get("groups", ()) if row.who in members.get(each, [row.who])}
        if approves and not {row.who, *groups} & {*rule["approvers"]}:
            wrong = "is an approval by somebody who is not in the rule's lists or groups"
        wrong = "is an approval by the requester" if approves and row.who == rows[0].who else wrong
        wrong = "is about something else than was asked for" if (approves or starts) and data.get("digest") != digest else wrong
        good, started = good | ({row.who} if approves and not wrong else set()), started or starts
        over, goes_on = over or ENDS.get(row.what, ""), starts or row.what == "call.sent" or (approves and not data.get("missing"))
        if goes_on and not wrong and (over or len(good) < needed or not (started or approves)):
            when = "" if started else ", and before the start"
            wrong = f"goes on although it was {over}" if over else f"goes on after {len(good)} of {needed} approvals{when}"
        yield from [Finding("control not held", row.sequence, f"R-{row.request}: row {row.sequence} ({row.what}) {wrong}.")] * bool(wrong)
def order(rows: Iterable[Row], number: int | None = None, at: str = "") -> Iterator[Finding]:  # of numbers, and of times
    kept, first, begun = dict[int, tuple[Any, str]](), 0, 0  # by the row that keeps it: a number that is open, and since when
    for row in rows:
        data = json.loads(row.data) if row.what in {ASKED, KEEPS, DROPS, "database.resumed"} else {}
        new, by, first = row.request or data.get("number"), data.get("kept", 0), first or row.sequence
        number, begun = max(number or 0, data.get("numbers_behind", 0)) or number, row.sequence if row.what == "bot.started" else begun
        keeps, is_new, and_not = row.what == KEEPS, row.what in {KEEPS, ASKED} and not by, f", and row {by} does not keep it" * bool(by)
        is_wrong = new != number + 1 if is_new and number is not None else by and kept.get(by, (new * (by < first), ""))[0] != new
        yield from [Finding("number missing", row.sequence, f"R-{new} follows R-{number}{and_not}.")] * bool(is_wrong)
        yield from [Finding("note", row.sequence, f"R-{new} was never asked for: {data.get('why')}.")] * (row.what == DROPS)
        if row.at < at and datetime.fromisoformat(row.at) < datetime.fromisoformat(at) - BACK:
            yield Finding("clock went back", row.sequence, f"Row {row.sequence} is of {row.at}, the row before of {at}.")
        number, at, kept[row.sequence if keeps else by] = new if is_new else number, row.at, (new if keeps else 0, row.at)
    for by, (new, since) in ((by, each) for by, each in kept.items() if each[0]):
        is_late = by < begun or datetime.fromisoformat(at) > datetime.fromisoformat(since) + timedelta(hours=2)
        yield Finding("number missing" if is_late else "note", by, f"R-{new}, which row {by} keeps, was neither asked for nor dropped.")
def slack_clock(request: int | None, messages: Iterable[Facts]) -> Iterator[Finding]:  # taken by Slack while it was sent?
    for each in (each for each in messages if each["kind"] in {"card", "reply", "reminder"} and each["ts"] and each["ended_at"]):
        made, end = (datetime.fromisoformat(each[name]) for name in ("created_at", "ended_at"))
        taken = datetime.fromtimestamp(float(each["ts"]), UTC)
        words = f"A message of R-{request} was made at {made}, and Slack says {taken}: the clocks differ."
        yield from [Finding("clock went back", None, words)] * (not made - BACK <= taken <= end + BACK)
def _point(text: bytes) -> tuple[int, int]:  # of Ed25519; where 32 bytes are none, (0, 0), whose sums are no point either
    y = int.from_bytes(text, "little") % 2**255
    square = (y * y - 1) * pow(D * y * y + 1, -1, P) % P
    x = pow(square, (P + 3) // 8, P)
    x = x * (1 if x * x % P == square else pow(2, (P - 1) // 4, P)) % P
    return (x if x % 2 == text[31] >> 7 else P - x, y) if x * x % P == square and y < P else (0, 0)
def _add(one: tuple[int, int], two: tuple[int, int]) -> tuple[int, int]:
    (x, y), (u, v), product = one, two, D * one[0] * one[1] * two[0] * two[1]
    inverse = pow(1 - product * product, -1, P)
    return (x * v + u * y) * (1 - product) * inverse % P, (y * v + x * u) * (1 + product) * inverse % P
def _times(number: int, one: tuple[int, int]) -> tuple[int, int]:
    half = _times(number // 2, _add(one, one)) if number else (0, 1)
    return _add(half, one) if number % 2 else half
def signed(public: str, text: str, signature: str) -> bool:  # by Ed25519; key and signature in hex
    key, r, s = map(bytes.fromhex, (public, signature[:64], signature[64:]))
    total = int.from_bytes(hashlib.sha512(r + key + text.encode()).digest(), "little") % L
    return (n := int.from_bytes(s, "little")) < L and _times(n, _point(BASE)) == _add(_point(r), _times(total, _point(key)))
def heads(rows: Iterable[Row], key: str, is_signed: Any = signed, written: Any = frozenset()) -> Iterator[Finding]:
    for row in (row for row in rows if row.what.startswith("audit.") and not row.masked):
        data, is_head, words = json.loads(row.data), row.what == "audit.head", f"Row {row.sequence} "
        key, head = data.get("public") or key, (data.get("sequence"), data.get("hash"))
        text, stamp = f"billing-bot head {head[0]}:{head[1]}", base64.b64decode(data.get("token", ""))
        written |= {head} if is_head else frozenset()
        if head != (row.sequence - 1, row.before) if is_head else "where" in data and written and head not in written:
            yield Finding("rebuilt", row.sequence, f"{words}says another head than the history has.")
        is_other = stamp and hashlib.sha256(text.encode()).digest() not in stamp
        if is_other or (is_head and key and not is_signed(key, text, data.get("signature") or "00" * 64)):
            words += "has a time stamp, and it is of another text." if is_other else "is a head that is not signed with the key of then."
            yield Finding("signature wrong", row.sequence, words)
def fits(row: Row, about: Facts, key: bytes) -> bool:  # whether a row has its own hash; what is masked has none to compare
    own = hashed(compact([row.before, *row[:7]]), key if 0 < (about["keyed_from"] or 0) <= row.sequence else b"")
    return about["masked"] and ("[name " in row.data or "[address " in row.data) if row.masked else row.hash == own
def chained(about: Facts, rows: Iterable[Row], key: bytes) -> Iterator[Finding]:  # along the rows of the period
    last, link = about["before"]["sequence"], about["before"]["hash"]
    for row in rows:
        if (row.sequence, row.before) != (last + 1, link) or not fits(row, about, key):
            yield Finding("edited", row.sequence, f"Row {row.sequence} is not as it was written, or not in its place.")
            return
        last, link = row.sequence, row.hash
    yield from [Finding("tail cut", last + 1, f"The rows end with {last}, not with {about['last']}.")] * (about["last"] != last)
def unlike(packet: Facts, story: Sequence[Row], about: Facts) -> Iterator[str]:  # what is not as a request's rows say
    record, card, asked = packet["record"], packet["card"] or {}, json.loads(story[0].data)
    known, bound = {*asked, "messages"} - {*(packet["masked"] if about["masked"] else ())}, asked.get("card", {})
    if "record" in known and hashed(compact([*record.values()])) != asked["record"]:
        yield "the record is not what was asked for"
    what = {"operation": record["operation"], "body": json.loads(record["body"])}
    if "bound" in known and hashed(compact({**asked["bound"], **what})) != asked["digest"]:
        yield "the digest is not that of what was asked for"
    if "card" in known and {name: hashed(text) for name, text in card.items()} not in (bound, {**bound, "blocks": hashed("[]")}):
        yield "the card is not as it was written"
    there = {each["sequence"]: hashed(compact([*each.values()])) for each in packet["messages"]}
    shown = [each for row in story if row.what == "slack.shown" for each in json.loads(row.data)["messages"]]
    if "messages" in known and any(there.get(number) != total for number, total in shown):
        yield "a message is not as it was sent to Slack"
def lines_of(opened: zipfile.ZipFile, name: str, make: Any = dict) -> Iterator[Any]:
    return (make(json.loads(line)) for line in opened.open(name))
def rows_of(opened: zipfile.ZipFile) -> Iterator[Row]:
    return lines_of(opened, "history.jsonl", Row._make)
def of_requests(opened: zipfile.ZipFile, about: Facts, key: bytes, sums: Facts) -> Iterator[Finding]:  # made of rows again
    made, kept = {name: hashlib.sha256() for name in (*KINDS, "population", "exceptions")}, sqlite3.connect("")  # on disk
    kept.execute("CREATE TABLE line (request, sequence, at, what, hash, PRIMARY KEY (request, sequence)) WITHOUT ROWID")
    for row in rows_of(opened):
        values = int(row.request or 0), int(row.sequence), str(row.at), str(row.what), hashed(compact(row))
        kept.execute("INSERT OR REPLACE INTO line VALUES (?, ?, ?, ?, ?)", values)
        for name in (name for name, kind in KINDS.items() if row.what.startswith(kind) and (kind or row.at < about["start"])):
            made[name].update(f"{compact(row)}\n".encode())
    packets, wrong = lines_of(opened, "requests.jsonl"), list[str]()
    for (number,) in kept.execute("SELECT DISTINCT request FROM line WHERE request > 0 ORDER BY 1"):
        packet = next(packets, dict[str, Any](history=[]))
        story = [Row(**{**each, "data": compact(each["data"])}) for each in packet["history"]]
        outside = [row for row in story if not about["before"]["sequence"] < row.sequence <= about["last"]]
        rows = [each for (each,) in kept.execute("SELECT hash FROM line WHERE request = ? ORDER BY sequence", [number])]
        is_whole = rows == [hashed(compact(row)) for row in story if row not in outside]
        if not is_whole or packet["record"]["number"] != number or story[0].what != ASKED:
            wrong.append(f"R-{number} is missing in requests.jsonl, or is not as its rows say")
            break
        wrong += [f"R-{number}: row {row.sequence} is not as it was written" for row in outside if not fits(row, about, key)]
        wrong += [f"R-{number} (row {story[0].sequence}): {words}" for words in unlike(packet, story, about)]
        yield from (*control(json.loads(packet["record"]["rule"]), story), *slack_clock(number, packet["messages"]))
        made["population"].update(f"{compact(line_of(packet['record'], story, about))}\n".encode())
    called = "SELECT COUNT(*) AND NOT TOTAL(what = 'call.sent') FROM line WHERE request = ?"
    for thing in lines_of(opened, "things.jsonl"):
        for deed in thing.pop("deeds"):
            made["exceptions"].update(b"" if deed["by"] else f"{compact({**thing, **deed})}\n".encode())
            wrong += [f"R-{by} did something, and called nothing" for by in deed["by"] if kept.execute(called, [int(by)]).fetchone()[0]]
    wrong += [f"{name}.jsonl is not what the rows give" for name in made if made[name].hexdigest() != sums.get(f"{name}.jsonl")]
    wrong += ["requests.jsonl has more than the rows"] * bool(next(packets, ""))
    (_, begun), (_, ended) = kept.execute("SELECT MIN(sequence), at FROM line UNION ALL SELECT MAX(sequence), at FROM line")
    off = (ended or "") >= about["end"] <= about["made_at"] or ((begun or "~") < about["start"] and not about["package_before"])
    wrong += ["The period and the times of its rows do not agree"] * off
    yield from (Finding(UNSUPPORTED, None, f"{words}.") for words in wrong)
def checked(opened: zipfile.ZipFile, key: bytes, noted: Sequence[Sequence[tuple[int, str]]], is_signed: Any = signed) -> Iterator[Finding]:
    manifest, about = (json.loads(opened.read(name)) for name in ("manifest.json", "chain.json"))
    manifest = {FORMAT: manifest}[manifest["format"]]  # another format is not readable here
    files, names, mine = manifest["files"], opened.namelist(), hashed("billing-bot audit key", key)[:32] if key else ""
    yield from chained(about, rows_of(opened), key) if mine == (seal := manifest.pop("seal") or {"key": ""})["key"] == about["key"] else [
        Finding("wrong key", None, "The package needs the AUDIT_KEY that it was made with, or none.")]
    now = {name: hashlib.file_digest(opened.open(name), "sha256").hexdigest()  # type: ignore[arg-type]
            for name in names if name != "manifest.json"}
    new = [name for name in sorted({*now, *files}) if now.get(name) != files.get(name)]
    new += ["seal"] * bool(mine and hashed(compact(manifest), key) != seal["hmac"]) + ["a name twice"] * (len(names) - 1 > len(now))
    yield from (Finding("file of the evidence changed", None, f"{name} is missing, new or changed.") for name in new)
    yield from (Finding(UNSUPPORTED, None, f"{name} is missing, or has no place here.") for name in sorted({*now} ^ FILES))
    yield from (*of_requests(opened, about, key, now), *order(rows_of(opened)), *heads(rows_of(opened), about["signing_key"][1], is_signed))
    wanted = {number for each in noted for number, _ in each}
    known = dict([about["before"].values()]) | {row.sequence: row.hash for row in rows_of(opened) if row.sequence in wanted}
    yield from (Finding("rebuilt", number, f"Row {number} has another hash than the head that was noted.")
                for each in noted for number, other in each if known.get(number, other) != other)
    yield from (Finding("head not compared", each[0][0], f"Row {each[0][0]} of the head that was noted has no place here.")
                for each in noted if not {*dict(each)} & {*known})
def noted_in(text: str) -> list[tuple[int, str]]:  # heads in a text, or in the file of that name: messages, mails that were saved
    parts = [raw := pathlib.Path(text).read_bytes() if pathlib.Path(text).is_file() else text.encode()]
    parts += [bytes(part.get_payload(decode=True)) for part in email.message_from_bytes(raw).walk() if not part.is_multipart()]
    if found := re.findall(rb"(?<!\d)(\d{1,18}):([0-9a-f]{64})(?![0-9a-f])", b"\n".join(parts)):
        return [(int(number), noted.decode()) for number, noted in dict.fromkeys(found)]
    raise ValueError(f"{text} holds no head such as 4711:0f3a... (64 digits)")
if __name__ == "__main__":
    try:
        everything = list(checked(zipfile.ZipFile(sys.argv[1]), os.environ.get("AUDIT_KEY", "").encode(), [*map(noted_in, sys.argv[2:])]))
    except Exception as error:  # noqa: BLE001 - whatever damage makes of it
        everything = [Finding("not readable", None, repr(error))]
    print("\n".join([*(f"{each.flaw}: {each.words}" for each in everything), "note: FORMAT.md says what is not checked here"]))
    sys.exit(next((code for flaw, code in CODES.items() if flaw in {each.flaw for each in everything}), 0))
