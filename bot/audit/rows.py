"""Checks rows as FORMAT.md says: their hashes, order, numbers and clocks, and the signed heads."""
import base64, collections, email, hashlib, hmac, json, pathlib, re, zipfile
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

ASKED, APPROVED, STARTED, KEEPS, DROPS = "request.asked", "request.approved", "request.started", "number.kept", "number.dropped"
NEW_KEY, PUT_BACK = "audit.signing_key", "database.resumed"
MASKED = ("request.", "call.", "refused", "statement.", "exception.", "estimate.")  # how the kinds begin that may be masked
OPEN = frozenset({  # of a row's data: what is never masked
    "about", "accepted", "address", "again_under_its_key", "body_sha256", "card", "clocks_ahead", "compared", "conditions",
    "count", "digest", "facts_sha256", "groups", "http_status", "kept", "key", "mailings", "members", "method", "missing",
    "number", "operation", "parent", "plain", "policy", "record", "refusal", "rule", "run", "state", "status", "subject",
    "track_id", "try", "verdict", "wanted", "zuora_request_id"})
UNSUPPORTED, BACK = "not supported by the history", timedelta(minutes=1)
P, L = 2**255 - 19, 2**252 + 27742317777372353535851937790883648493  # of Ed25519 (RFC 8032)
D, BASE = -121665 * pow(121666, -1, P), bytes.fromhex("58" + "66" * 31)
Json = dict[str, Any]
FileRow = collections.namedtuple("FileRow", "sequence at request what who team data before hash masked")
Remark = collections.namedtuple("Remark", "flaw row words")


def compact(value: Any) -> str:  # the canonical text that is hashed
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False)


def hashed(text: str, key: bytes = b"") -> str:  # HMAC-SHA-256 with a key, SHA-256 without; hex
    return (hmac.new(key, text.encode(), "sha256") if key else hashlib.sha256(text.encode())).hexdigest()


def text_of(row: FileRow) -> str:  # the text that is hashed: a field that has a salt, or is left out, is in it as its commitment
    data = json.loads(row.data) if '"salts":{' in row.data or row.masked else {}
    is_canonical, salts, sealed = compact(data) == row.data, data.pop("salts", {}), data.pop("sealed", {}) if row.masked else {}
    sealed |= {name: hashed(compact([salt, data.get(name)])) for name, salt in salts.items()}
    shown = compact({name: value for name, value in data.items() if name not in sealed})
    return compact([row.before, *row[:6], *([shown, sealed] if is_canonical and sealed else [row.data])])


def has_mask(text: str) -> bool:
    return "[name " in text or "[address " in text


def fits(row: FileRow, about: Json, key: bytes) -> bool:  # whether it has its own hash; an older bot's masked row cannot
    is_mask = about["masked"] and row.what.startswith(MASKED) and has_mask(row.data)
    if row.masked and (not is_mask or OPEN & {*json.loads(row.data).get("sealed", {})}):
        return False
    own = hashed(text_of(row), key if 0 < (about["keyed_from"] or 0) <= row.sequence else b"")
    return row.hash == own or is_unproven(row)


def is_unproven(row: FileRow) -> bool:  # masked without commitments, because an older bot kept no salts
    return bool(row.masked and not json.loads(row.data).get("sealed"))


def is_masked(row: FileRow, field: str) -> bool:  # whether a field may differ from what was written
    return bool(row.masked and field in json.loads(row.data).get("sealed", {field: ""}))


def chained(about: Json, rows: Iterable[FileRow], key: bytes) -> Iterator[Remark]:  # along the rows of the period
    last, link = about["before"]["sequence"], about["before"]["hash"]
    for row in rows:
        if (row.sequence, row.before) != (last + 1, link) or not fits(row, about, key):
            yield Remark("edited", row.sequence, f"Row {row.sequence} is not as it was written, or not in its place.")
            return
        last, link = row.sequence, row.hash
    yield from [Remark("tail cut", last + 1, f"The rows end with {last}, not with {about['last']}.")] * (about["last"] != last)


def order(rows: Iterable[FileRow], number: int | None = None, at: str = "") -> Iterator[Remark]:  # of numbers, and of times
    kept, first, begun = dict[int, tuple[Any, str]](), 0, 0  # by the row that keeps it: a number that is open, and since when
    for row in rows:
        data = json.loads(row.data) if row.what in {ASKED, KEEPS, DROPS, PUT_BACK} else {}
        new, by, first = row.request or data.get("number"), data.get("kept", 0), first or row.sequence
        number, begun = max(number or 0, data.get("numbers_behind", 0)) or number, row.sequence if row.what == "bot.started" else begun
        keeps, is_new, and_not = row.what == KEEPS, row.what in {KEEPS, ASKED} and not by, f", and row {by} does not keep it" * bool(by)
        is_wrong = new != number + 1 if is_new and number is not None else by and kept.get(by, (new * (by < first), ""))[0] != new
        yield from [Remark("number missing", row.sequence, f"R-{new} follows R-{number}{and_not}.")] * bool(is_wrong)
        yield from [Remark("note", row.sequence, f"R-{new} was never asked for: {data.get('why')}.")] * (row.what == DROPS)
        words = f"Before row {row.sequence} an older copy of the database was put back: what was recorded after that copy is missing here."
        yield from [Remark("note", row.sequence, words)] * (row.what == PUT_BACK)
        if row.at < at and datetime.fromisoformat(row.at) < datetime.fromisoformat(at) - BACK:
            yield Remark("clock went back", row.sequence, f"Row {row.sequence} is of {row.at}, the row before of {at}.")
        number, at, kept[row.sequence if keeps else by] = new if is_new else number, row.at, (new if keeps else 0, row.at)
    for by, (new, since) in ((by, each) for by, each in kept.items() if each[0]):
        is_late = by < begun or datetime.fromisoformat(at) > datetime.fromisoformat(since) + timedelta(hours=2)
        yield Remark("number missing" if is_late else "note", by, f"R-{new}, which row {by} keeps, was neither asked for nor dropped.")


def slack_clock(request: int | None, messages: Iterable[Json]) -> Iterator[Remark]:  # taken by Slack while it was sent?
    for each in (each for each in messages if each["kind"] in {"card", "reply", "reminder"} and each["ts"] and each["ended_at"]):
        made, end = (datetime.fromisoformat(each[name]) for name in ("created_at", "ended_at"))
        taken = datetime.fromtimestamp(float(each["ts"]), UTC)
        words = f"A message of R-{request} was made at {made}, and Slack says {taken}: the clocks differ."
        yield from [Remark("clock went back", None, words)] * (not made - BACK <= taken <= end + BACK)


def _point(text: bytes) -> tuple[int, int]:  # of Ed25519; (0, 0) if the 32 bytes are none, and its sums are no point either
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
    try:
        key, both = bytes.fromhex(public), bytes.fromhex(signature)
    except (TypeError, ValueError):
        return False
    r, s = both[:32], both[32:]
    if (len(key), len(r), len(s)) != (32, 32, 32):
        return False
    total = int.from_bytes(hashlib.sha512(r + key + text.encode()).digest(), "little") % L
    return (n := int.from_bytes(s, "little")) < L and _times(n, _point(BASE)) == _add(_point(r), _times(total, _point(key)))


def heads(rows: Iterable[FileRow], key: str, is_signed: Any = signed, vouched: int = 0) -> Iterator[Remark]:
    written, bare = set[Any](), 0  # `vouched`: the last row that a head from elsewhere binds
    for row in (row for row in rows if row.what.startswith("audit.")):
        data, is_head, words, before = json.loads(row.data), row.what == "audit.head", f"Row {row.sequence} ", key
        key, head = data.get("public") or key, (data.get("sequence"), data.get("hash"))
        text, stamp = f"billing-bot head {head[0]}:{head[1]}", base64.b64decode(data.get("token", ""))
        written, bare = written | ({head} if is_head else set()), bare + (is_head and not key)
        if head != (row.sequence - 1, row.before) if is_head else "where" in data and written and head not in written:
            yield Remark("rebuilt", row.sequence, f"{words}says another head than the history has.")
        is_other = stamp and hashlib.sha256(text.encode()).digest() not in stamp
        signature = data.get("signature") or ""  # with a key it has to be there, and without one it cannot be
        if is_other or (is_head and (not is_signed(key, text, signature) if key else signature)):
            words += "has a time stamp of another text." if is_other else "is a head that is not signed with the key in force."
            yield Remark("signature wrong", row.sequence, words)
        if row.what == NEW_KEY and before:
            said, endorsed = f"billing-bot signing key {key}", data.get("endorsed")
            if data.get("before") != before or (endorsed and not is_signed(before, said, endorsed)):
                yield Remark("signature wrong", row.sequence, f"{words}begins a signing key that the one before it does not endorse.")
            elif not endorsed and row.sequence > vouched:
                words += f"begins the signing key {key}, which the one before it does not endorse, nor does a head from elsewhere."
                yield Remark("head not compared", row.sequence, words)
    words = f"no signing key was in force, so heads ({bare}) are not signed: whoever can write the database could have written them"
    yield from [Remark("note", None, words)] * bool(bare)


def noted_in(text: str) -> list[tuple[int, str]]:  # heads in a text, a file (a mail too) or a folder of these; or what a package notes
    if re.fullmatch("[0-9a-f]{64}", text):  # a signing key, or the hash of a manifest
        return [(0, text)]
    path = pathlib.Path(text)
    files = sorted(each for each in path.iterdir() if each.is_file()) if path.is_dir() else [path] * path.is_file()
    if files == [path] and zipfile.is_zipfile(path):
        with zipfile.ZipFile(path) as opened:
            (*_, last), about = ["", *opened.open("history.jsonl")], json.loads(opened.read("chain.json"))
        ends = json.loads(last)[:9:8] if last else about["before"].values()  # with its last row; if it has none, where it begins
        return [tuple(ends), *[(-about["before"]["sequence"], about["package_before"])] * bool(about["package_before"])]
    parts = [each.read_bytes() for each in files] or [text.encode()]
    mails = [one for raw in parts for one in (raw, *re.split(rb"(?m)^From .*\n", raw))]  # a mailbox has several, each after such a line
    mail = [part for one in mails for part in email.message_from_bytes(one).walk() if not part.is_multipart()]
    parts += [bytes(part.get_payload(decode=True)) for part in mail]
    if found := re.findall(rb"(?<!\d)(\d{1,18}):([0-9a-f]{64})(?![0-9a-f])", b"\n".join(parts)):
        return [(int(number), noted.decode()) for number, noted in dict.fromkeys(found)]
    raise ValueError(f"{text} holds no head such as 4711:0f3a... (64 digits)")
