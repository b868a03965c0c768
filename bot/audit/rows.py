"""Checks rows as FORMAT.md says: their hashes and commitments, and signatures; and reads heads that were noted elsewhere."""
import collections, email, functools, hashlib, hmac, json, pathlib, re, zipfile
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

ASKED, APPROVED, STARTED, KEEPS, DROPS = "request.asked", "request.approved", "request.started", "number.kept", "number.dropped"
NEW_KEY, PUT_BACK, BEGINS = "audit.signing_key", "database.resumed", "bot.started"
MASKED = ("request.", "call.", "refused", "statement.", "exception.", "estimate.", "policy.confirmed")  # kinds that may be masked
OPEN = frozenset({  # of a row's data: what is never masked
    "about", "accepted", "address", "again_under_its_key", "base", "body_sha256", "card", "change", "clocks_ahead", "compared",
    "conditions", "count", "digest", "facts_sha256", "groups", "http_status", "kept", "key", "mailings", "members", "method", "missing",
    "needed", "new", "number", "operation", "parent", "plain", "policy", "record", "refusal", "rule", "run", "state", "status", "subject",
    "track_id", "try", "verdict", "wanted", "zuora_request_id"})
NO_ROW = "0" * 64  # what stands for a hash where no row is before: no head, no key and no manifest
UNSUPPORTED, BACK = "not supported by the history", timedelta(minutes=1)
P, L = 2**255 - 19, 2**252 + 27742317777372353535851937790883648493  # of Ed25519 (RFC 8032)
D, BASE = -121665 * pow(121666, -1, P), bytes.fromhex("58" + "66" * 31)
CANONICAL = json.JSONEncoder(sort_keys=True, separators=(",", ":"), ensure_ascii=False)
Json = dict[str, Any]
FileRow = collections.namedtuple("FileRow", "sequence at request what who team data before hash masked")
Remark = collections.namedtuple("Remark", "flaw row words")
loaded = functools.lru_cache(9)(json.loads)  # the columns of a record, which several checks read, and none changes
Story = list[tuple[FileRow, Json]]  # the rows of a request, each with its data read


def rule_of(record: Json) -> Json:  # as the record has it; nothing where nobody can read it, which the control then says
    try:
        return {**loaded(record["rule"])}
    except (TypeError, ValueError):
        return {}


def compact(value: Any) -> str:  # the canonical text that is hashed
    return CANONICAL.encode(value)


def hashed(text: str, key: bytes = b"") -> str:  # HMAC-SHA-256 with a key, SHA-256 without; hex
    return (hmac.new(key, text.encode(), "sha256") if key else hashlib.sha256(text.encode())).hexdigest()


def text_of(row: FileRow) -> str:  # the text that is hashed: a field that has a salt, or is left out, is in it as its commitment
    data = json.loads(row.data) if '"salts":{' in row.data or row.masked else {}
    is_canonical, salts, sealed = compact(data) == row.data, data.pop("salts", {}), data.pop("sealed", {}) if row.masked else {}
    sealed |= {name: hashed(compact([salt, data.get(name)])) for name, salt in salts.items()}
    shown = compact({name: value for name, value in data.items() if name not in sealed})
    return compact([row.before, *row[:6], *([shown, sealed] if is_canonical and sealed else [row.data])])


def is_damaged(row: FileRow) -> bool:  # whether nobody could read its data or its time when the package was made: what stood there is named
    return bool(row.data.startswith('{"damaged":{'))


def damage(row: FileRow) -> Iterator[Remark]:
    words = f"Row {row.sequence} ({row.what}) is damaged: nobody can read what it says, so what rests on it was not compared."
    yield from [Remark("damaged", row.sequence, words)] * is_damaged(row)


def has_mask(text: str) -> bool:
    return "[name " in text or "[address " in text


def fits(row: FileRow, about: Json, key: bytes) -> bool:  # whether it has its own hash; an older bot's masked row cannot
    is_mask = about["masked"] and row.what.startswith(MASKED) and has_mask(row.data)
    if row.masked and (not is_mask or OPEN & {*json.loads(row.data).get("sealed", {})}):
        return False
    own = hashed(text_of(row), key if 0 < (about["keyed_from"] or 0) <= row.sequence else b"")
    return row.hash == own or is_unproven(row) or is_damaged(row)  # which is a finding by itself


def is_unproven(row: FileRow) -> bool:  # masked without commitments, because an older bot kept no salts
    return bool(row.masked and not json.loads(row.data).get("sealed"))


def is_masked(row: FileRow, field: str) -> bool:  # whether a field may differ from what was written
    return bool(row.masked and field in json.loads(row.data).get("sealed", {field: ""}))


def is_later(line: Json, signed_at: str) -> bool:  # whether an exception was done after a moment
    at = str(line.get("at") or line.get("last_emailed_at") or "")
    return at[:1].isdigit() and datetime.fromisoformat(at) > datetime.fromisoformat(signed_at)


def slack_clock(request: int | None, messages: Iterable[Json]) -> Iterator[Remark]:  # taken by Slack while it was sent?
    for each in (each for each in messages if each["kind"] in {"card", "reply", "reminder"} and each["ts"] and each["ended_at"]):
        try:
            made, end = (datetime.fromisoformat(each[name]) for name in ("created_at", "ended_at"))
            taken = datetime.fromtimestamp(float(each["ts"]), UTC)
        except (ValueError, OverflowError):
            yield Remark(UNSUPPORTED, None, f"A message of R-{request} has a time that nobody can read.")
            continue
        if not made - BACK <= taken <= end + BACK:
            words = f"A message of R-{request} was made at {made}, and Slack says {taken}: the clocks differ."
            yield Remark("clock went back", None, words)


def _point(text: bytes) -> tuple[int, int]:  # of Ed25519; (0, 0) if the 32 bytes are none, and its sums are no point either
    y = int.from_bytes(text, "little") % 2**255
    square = (y * y - 1) * pow(D * y * y + 1, -1, P) % P
    x = pow(square, (P + 3) // 8, P)
    x = x * (1 if x * x % P == square else pow(2, (P - 1) // 4, P)) % P
    is_one = x * x % P == square and y < P and (x or text[31] < 128)  # each point has one text only  # noqa: PLR2004
    return (x if x % 2 == text[31] >> 7 else P - x, y) if is_one else (0, 0)


def _add(one: tuple[int, int], two: tuple[int, int]) -> tuple[int, int]:
    (x, y), (u, v), product = one, two, D * one[0] * one[1] * two[0] * two[1]
    inverse = pow(1 - product * product, -1, P)
    return (x * v + u * y) * (1 - product) * inverse % P, (y * v + x * u) * (1 + product) * inverse % P


def _times(number: int, one: tuple[int, int]) -> tuple[int, int]:
    half = _times(number // 2, _add(one, one)) if number else (0, 1)
    return _add(half, one) if number % 2 else half


@functools.lru_cache(99)
def is_key(text: bytes) -> bool:  # whether it is a point, as its one text, of which more than a few others are multiples
    return len(text) == 32 and _point(text) != (0, 0) and _times(8, _point(text)) != (0, 1)  # noqa: PLR2004


def signed(public: str, text: str, signature: str) -> bool:  # by Ed25519; key and signature in hex
    try:
        key, both = bytes.fromhex(public), bytes.fromhex(signature)
    except (TypeError, ValueError):
        return False
    r, s = both[:32], both[32:]
    if (len(r), len(s)) != (32, 32) or not is_key(key):
        return False
    total = int.from_bytes(hashlib.sha512(r + key + text.encode()).digest(), "little") % L
    return (n := int.from_bytes(s, "little")) < L and _times(n, _point(BASE)) == _add(_point(r), _times(total, _point(key)))


def noted_in(text: str) -> list[tuple[int, str]]:  # heads in a text, a file (a mail too) or a folder of these; or what a package notes
    if re.fullmatch("[0-9a-f]{64}", text):  # a signing key, or the hash of a manifest
        return [(0, text)]
    path = pathlib.Path(text)
    files = sorted(each for each in path.iterdir() if each.is_file()) if path.is_dir() else [path] * path.is_file()
    if files == [path] and zipfile.is_zipfile(path):
        with zipfile.ZipFile(path) as opened:
            (*_, last), about = ["", *opened.open("history.jsonl")], json.loads(opened.read("chain.json"))
        before = about["before"]["sequence"], about["before"]["hash"]
        ends = json.loads(last)[:9:8] if last else before  # with its last row; if it has none, where it begins
        return [tuple(ends), *[(-before[0], about["package_before"])] * bool(about["package_before"])]
    parts = [each.read_bytes() for each in files] or [text.encode()]
    mails = [one for raw in parts for one in (raw, *re.split(rb"(?m)^From .*\n", raw))]  # a mailbox has several, each after such a line
    mail = [part for one in mails for part in email.message_from_bytes(one).walk() if not part.is_multipart()]
    parts += [bytes(part.get_payload(decode=True)) for part in mail]
    if found := re.findall(rb"(?<!\d)(\d{1,18}):([0-9a-f]{64})(?![0-9a-f])", b"\n".join(parts)):
        return [(int(number), noted.decode()) for number, noted in dict.fromkeys(found)]
    raise ValueError(f"{text} holds no head such as 4711:0f3a... (64 digits)")
