"""Check a package as FORMAT.md says: `AUDIT_KEY=... python3.11 -I verify.py PACKAGE.zip [HEAD | FILE | FOLDER | KEY | HASH ...]`."""
import hashlib, json, os, sqlite3, sys, zipfile
from collections.abc import Iterator, Sequence
from contextlib import closing
from typing import Any

from bot.audit.along import KINDS, RowLinks, PeriodRows, SignedHeads, line_of
from bot.audit.control import control
from bot.audit.decisions import EXPLAINED, unsigned
from bot.audit.elsewhere import NOT_COMPARED, Earlier, compared, lines_of, rows_of, sum_of, texts_of
from bot.audit.expected import Documents
from bot.audit.rows import ASKED, NEW_KEY, UNSUPPORTED, FileRow, Json, Remark, Story
from bot.audit.rows import NO_ROW, compact, damage, fits, has_mask, is_damaged, hashed, is_masked, loaded, noted_in, signed, slack_clock

FORMAT = 9
CODES = {"not readable": 3, "wrong key": 17, "edited": 10, "rebuilt": 18, "tail cut": 14, "damaged": 27, "not supported by the history": 19,
         "file of the evidence changed": 20, "control not held": 23, "signature wrong": 25, "number missing": 21,
         "clock went back": 22, "head not compared": 24}  # of several flaws the first gives the exit status
FILES = {"chain.json", "history.jsonl", "requests.jsonl", "reconciliation.json", "things.jsonl", "standing.jsonl",
         "slack.json", "sample.json", "documents.jsonl", "verification.json", "brought_forward.jsonl", "00-report.html", "evidence.xlsx",
         "FORMAT.md", "verify.py", *(f"{name}.jsonl" for name in (*KINDS, "population", "exceptions"))}
IDLE = "SELECT COUNT(*) AND NOT TOTAL(what = 'call.sent') FROM line WHERE request = ?"  # whether it has rows, and called nothing
LINE, CARD = ["record", "card", "messages", "masked", "history"], ["text", "blocks"]  # names in a line of requests.jsonl, in order
RECORD = ["number", "operation", "subject", "body", "facts", "digest", "tenant", "requester", "team", "reason", "rule", "policy_hash",
          "form", "created_at", "expires_at"]  # and with a choice of places two more
MESSAGE = ["sequence", "kind", "channel", "user", "text", "blocks", "file", "created_at", "ended_at", "outcome", "ts"]


def shaped(packet: Json) -> bool:  # whether it has the names of a line and no other, in their order, by which values are bound
    record, card = packet["record"], packet["card"]
    return ([*packet] == LINE and [*record] in (RECORD, [*RECORD, "place", "place_words"]) and (card is None or [*card] == CARD)
            and all([*each] == MESSAGE for each in packet["messages"]) and {*packet["masked"]} <= {*LINE[:3], "bound"})


def unlike(packet: Json, story: Story, about: Json) -> Iterator[str]:  # how a request differs from its rows
    record, card, (first, asked) = packet["record"], packet["card"] or {}, story[0]
    may = packet["masked"] if about["masked"] else ()  # be masked; what has no mask in it is compared all the same
    left_out = {name for name in may if has_mask(compact(packet.get(name, record["body"])))}
    known, bound = {*asked} - left_out - {*["bound"] * is_masked(first, "bound")}, asked.get("card", {})
    plain = [value for name, value in record.items() if name not in {"body", "facts", "reason"}]
    is_other = "record" in known and hashed(compact([*record.values()])) != asked["record"]
    if not shaped(packet):
        yield "its line has other names than a line has"
    if is_other or hashed(compact(plain)) != asked.get("plain", hashed(compact(plain))):
        yield "the record is not what was asked for"
    what = {"operation": record["operation"], "body": loaded(record["body"])}
    if "bound" in known and hashed(compact({**asked["bound"], **what})) != asked["digest"]:
        yield "the digest is not that of what was asked for"
    if "card" in known and {name: hashed(text) for name, text in card.items()} not in (bound, {**bound, "blocks": hashed("[]")}):
        yield "the card is not as it was written"
    there = {each["sequence"]: compact([*each.values()]) for each in packet["messages"]}
    shown = [each for row, data in story if row.what == "slack.shown" for each in data["messages"]]
    open_ = [each for each in shown if "messages" not in left_out or not has_mask(there.get(each[0], ""))]
    if any(hashed(there.get(number, "")) != total for number, total in open_):
        yield "a message is not as it was sent to Slack"


def is_unsure(story: Story) -> bool:  # whether one of its rows is damaged, which is a finding by itself: nothing can be compared with it
    return any(is_damaged(row) for row, _ in story)


def all_unlike(packet: Json, story: Story, about: Json, documents: Documents) -> list[str]:  # the same, with its documents, which are read
    its = [*documents.unlike(packet["record"], story[0][1])]
    try:
        return [] if is_unsure(story) else [*unlike(packet, story, about), *its]
    except ValueError as error:
        return [f"the record cannot be read: {error!r}", *its]


def again(record: Json, story: Story, stands: Any) -> Iterator[Remark]:  # the control of a request whose rows can all be read
    stands.open.damaged([record["number"]] * is_unsure(story))
    yield from () if is_unsure(story) else control(record, story, stands)


def standing_of(opened: zipfile.ZipFile, rows: PeriodRows) -> Iterator[Remark]:  # what was in force before the period too
    about, earlier = rows.about, list(rows_of(opened, "standing.jsonl"))
    numbers, before = [row.sequence for row in earlier], about["before"]["sequence"]
    is_placed = all(row.sequence <= before or (row.what in {EXPLAINED, NEW_KEY} and row.sequence > about["last"]) for row in earlier)
    if not is_placed or numbers != sorted({*numbers}) or not all(fits(row, about, rows.chain.key) for row in earlier):
        yield Remark(UNSUPPORTED, None, "standing.jsonl has a row that is not as it was written, or not in its place.")
    if before and not any(row.sequence <= before for row in earlier):
        yield Remark(UNSUPPORTED, None, f"standing.jsonl has no row from before the period, which begins after row {before}.")
    yield from (each for row in earlier for each in (*damage(row), *rows.stand(row)))


def packets_of(opened: zipfile.ZipFile, wrong: list[str]) -> Iterator[Json]:  # with no name twice, which would be read in two ways
    for line in texts_of(opened, "requests.jsonl"):
        packet = json.loads(line)
        if f"{json.dumps(packet, ensure_ascii=False)}\n" != line:
            wrong.append("requests.jsonl has a line that is not written as its values are")
        yield packet


def of_deed(thing: Json, deed: Json, kept: Any) -> Iterator[str]:  # what is wrong with something that Zuora showed
    if not isinstance(deed.get("what"), str) or (deed["what"] == NOT_COMPARED and "why" not in thing):
        yield f"{thing.get('number')} has a deed in things.jsonl that does not say what was done"
    yield from (f"R-{by} did something, and called nothing" for by in deed["by"] if kept.execute(IDLE, [int(by)]).fetchone()[0])


def of_requests(opened: zipfile.ZipFile, rows: PeriodRows, sums: Json) -> Iterator[Remark]:  # are the other files what the rows give?
    about, stands, kept, wrong = rows.about, rows.stands, rows.kept, list[str]()
    made = rows.made | {name: hashlib.sha256() for name in ("population", "exceptions", "documents")}
    documents = Documents(lines_of(opened, "documents.jsonl", list), made["documents"], about)
    packets = packets_of(opened, wrong)
    for (number,) in kept.execute("SELECT DISTINCT request FROM line WHERE request > 0 ORDER BY 1"):
        packet = next(packets, dict[str, Any](history=[]))
        story = [(FileRow(**{**each, "data": compact(each["data"])}), each["data"]) for each in packet["history"]]
        outside = [row for row, _ in story if not about["before"]["sequence"] < row.sequence <= about["last"]]
        lines = [each for (each,) in kept.execute("SELECT hash FROM line WHERE request = ? ORDER BY sequence", [number])]
        is_whole = lines == [hashed(compact(row)) for row, _ in story if row not in outside]
        is_whole = is_whole and [row.sequence for row, _ in story] == sorted({row.sequence for row, _ in story})
        if not is_whole or packet["record"]["number"] != number or story[0][0].what != ASKED:
            wrong.append(f"R-{number} is missing in requests.jsonl, or is not as its rows say")
            break
        kept.executemany("INSERT INTO outside VALUES (?, ?, ?)", [(number, int(row.sequence), str(row.hash)) for row in outside])
        wrong += [f"R-{number}: row {row.sequence} is not as it was written" for row in outside if not fits(row, about, rows.chain.key)]
        wrong += [f"R-{number} (row {story[0][0].sequence}): {words}" for words in all_unlike(packet, story, about, documents)]
        yield from (*(each for row in outside for each in damage(row)), *slack_clock(number, packet["messages"]),
                    *again(packet["record"], story, stands))
        made["population"].update(f"{compact(line_of(packet['record'], story, about))}\n".encode())
    yield from (*stands.others(), *stands.changes.left(about["before"]["sequence"]))
    unproven = [each for each in lines_of(opened, "brought_forward.jsonl") if unsigned(each, each, stands)]
    for thing, deed in ((each, deed) for each in lines_of(opened, "things.jsonl") for deed in each.pop("deeds")):
        made["exceptions"].update(b"" if deed["by"] else f"{compact({**thing, **deed})}\n".encode())
        unproven += [thing] * unsigned(thing, deed, stands)
        wrong += of_deed(thing, deed, kept)
    wrong += [f"{thing.get('number')} has an explanation that no row shows to be signed" for thing in unproven]
    wrong += [f"{name}.jsonl is not what the rows give" for name in made if made[name].hexdigest() != sums.get(f"{name}.jsonl")]
    wrong += ["requests.jsonl has more than the rows"] * bool(next(packets, ""))
    (_, begun), (_, ended) = kept.execute("SELECT MIN(sequence), at FROM line UNION ALL SELECT MAX(sequence), at FROM line")
    off = (ended or "") >= about["end"] <= about["made_at"] or ((begun or "~") < about["start"] and not about["package_before"])
    wrong += ["The period and the times of its rows do not agree"] * off
    yield from (Remark(UNSUPPORTED, None, f"{words}.") for words in wrong)


def by_whom(manifest: Json, keys: Sequence[str], is_signed: Any) -> Iterator[Remark]:  # whether the last key has signed it
    signed_by = manifest.pop("signature") or {}
    text = f"billing-bot package {hashed(compact(manifest))}"
    if signed_by and (signed_by["public"] != keys[-1] or not is_signed(keys[-1], text, signed_by["signature"])):
        yield Remark("signature wrong", None, "The manifest is not signed with the key that signs the heads.")
    if keys[-1] and not signed_by:
        words = "The manifest is not signed, though heads are: what no row gives (things.jsonl, slack.json) may say anything. "
        yield Remark("head not compared", None, f"{words}Give the hash of the manifest, as it was noted, or the next package.")


def of_files(now: Json, listed: Json, new: Sequence[str]) -> Iterator[Remark]:  # whether they are those of the manifest, and all there
    new = [name for name in sorted({*now, *listed}) if now.get(name) != listed.get(name)] + [*new]
    yield from (Remark("file of the evidence changed", None, f"{name} is missing, new or changed.") for name in new)
    yield from (Remark(UNSUPPORTED, None, f"{name} is missing, or has no place here.") for name in sorted({*now} ^ FILES))


def checked(opened: zipfile.ZipFile, key: bytes, noted: Sequence[Sequence[tuple[int, str]]],
            given: Sequence[zipfile.ZipFile] = (), is_signed: Any = signed) -> Iterator[Remark]:  # `given`: other packages
    manifest, about = (json.loads(opened.read(name)) for name in ("manifest.json", "chain.json"))
    manifest = {FORMAT: manifest}[manifest["format"]]  # another format is not readable here
    names, mine = opened.namelist(), hashed("billing-bot audit key", key)[:32] if key else ""
    is_right = mine == (seal := manifest.pop("seal") or {"key": ""})["key"] == about["key"]
    yield from [Remark("wrong key", None, "The package needs the AUDIT_KEY that it was made with, or none.")] * (not is_right)
    now = {name: sum_of(opened, name) for name in names if name != "manifest.json"}
    new = ["seal"] * bool(mine and hashed(compact(manifest), key) != seal["hmac"]) + ["a name twice"] * (len(names) - 1 > len(now))
    yield from of_files(now, manifest["files"], new)
    with_rows = [each for each in noted if each[0][0]]
    said, numbers = {pair for each in with_rows for pair in each}, {number for each in with_rows for number, _ in each}
    known, heads = {about["before"]["sequence"]: about["before"]["hash"]}, SignedHeads(about["signing_key"][1], is_signed)
    made: Json = json.loads(opened.read("verification.json"))["last"] if "verification.json" in now else about["before"]
    with closing(sqlite3.connect("")) as kept:  # on disk
        earlier = Earlier(given, opened, rows := PeriodRows(about, RowLinks(about, key, is_whole=is_right), heads, kept))
        yield from (*earlier.read(), *standing_of(opened, rows))
        for row in rows_of(opened):
            yield from rows.note(row)
            known |= {row.sequence: row.hash} if row.sequence in numbers or row.sequence == made["sequence"] else {}
        yield from (*rows.chain.left(), *rows.order.left(), *of_requests(opened, rows, now), *earlier.left())
    later = (row for row in rows_of(opened, "standing.jsonl") if row.sequence > about["last"])
    yield from (each for row in later for each in heads.note(row))
    itself, told = sum_of(opened, "manifest.json"), {each[0][1] for each in noted if not each[0][0]} - {NO_ROW}
    yield from (Remark("rebuilt", None, f"{other} is neither the hash of its manifest nor a key that signs its heads.")
                for other in sorted(told - {itself, *heads.keys}))
    yield from by_whom(manifest, heads.keys, is_signed) if (-about["last"], itself) not in said and itself not in told else ()
    words = f"verification.json says another hash of row {made['sequence']} than the row has."
    yield from [Remark(UNSUPPORTED, None, words)] * (known.get(made["sequence"], made["hash"]) != made["hash"])
    known[-about["last"]] = itself
    vouched = max((number for number, other in known.items() if (number, other) in said), default=0)
    yield from (*heads.left(vouched), *compared(about, known, with_rows))
    words = f", {rows.bare} of these without commitments: of them only the place is proven" if rows.bare else ""
    yield Remark("note", None, f"{rows.count} rows were looked at, {rows.masked} of them masked in single fields{words}")


if __name__ == "__main__":
    if not sys.argv[1:]:
        sys.exit("Name the package: python3 -I verify.py PACKAGE.zip [heads and other packages]")
    try:
        noted, others = [*map(noted_in, sys.argv[2:])], [zipfile.ZipFile(each) for each in sys.argv[2:] if zipfile.is_zipfile(each)]
        everything = list(checked(zipfile.ZipFile(sys.argv[1]), os.environ.get("AUDIT_KEY", "").encode(), noted, others))
    except Exception as error:  # noqa: BLE001 - any damage
        everything = [Remark("not readable", None, repr(error))]
    status = next((code for flaw, code in CODES.items() if flaw in {each.flaw for each in everything}), 0)
    print("\n".join([*(f"{each.flaw}: {each.words}" for each in everything), "note: FORMAT.md says what is not checked here"]))
    print("not whole" if status else "whole: nothing above is a finding")
    sys.exit(status)
