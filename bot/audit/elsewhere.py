"""Compares a package with what is given from elsewhere: heads that were noted, and the package before it."""
import collections, hashlib, io, json, zipfile
from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Any

from bot.audit.along import Numbers, PeriodRows
from bot.audit.confirmed import CHANGED, CONFIRMED
from bot.audit.control import DENIED, EXPLAINED
from bot.audit.rows import BEGINS, NEW_KEY, UNSUPPORTED, FileRow, Json, Remark, compact, has_mask

NOT_COMPARED = "not compared with Zuora"  # what an exception says that stands for a list which was not read
FIELDS = ("at", "last_emailed_at", "what", "kind", "number", "bill_run", "who", "known_from", "request", "place")  # kept of an exception
BROUGHT, GROUPS = "brought_forward.jsonl", "people.groups"
EXPLAINS = {"explanation", "explained_by", "explained_in"}
READ = ("chain.json", "history.jsonl", "standing.jsonl", "exceptions.jsonl", BROUGHT)  # of the package before
BESIDE = {CHANGED, CONFIRMED, GROUPS, BEGINS, DENIED, EXPLAINED, NEW_KEY}  # rows on which those of later periods rest
OTHER_ROWS = """
SELECT request, sequence FROM earlier WHERE request IN (SELECT request FROM line) AND NOT EXISTS (SELECT 1 FROM outside
  WHERE outside.request = earlier.request AND outside.sequence = earlier.sequence AND outside.hash = earlier.hash)
UNION SELECT request, sequence FROM outside WHERE sequence BETWEEN ? AND ? AND NOT EXISTS (SELECT 1 FROM earlier
  WHERE earlier.request = outside.request AND earlier.sequence = outside.sequence AND earlier.hash = outside.hash) ORDER BY 2"""


def texts_of(opened: zipfile.ZipFile, name: str) -> Iterator[str]:  # much faster than the lines of a file of a zip
    return io.TextIOWrapper(opened.open(name), "utf-8", newline="\n")


def lines_of(opened: zipfile.ZipFile, name: str, make: Any = dict) -> Iterator[Any]:
    return (make(json.loads(line)) for line in texts_of(opened, name))


def rows_of(opened: zipfile.ZipFile, name: str = "history.jsonl") -> Iterator[FileRow]:
    return lines_of(opened, name, FileRow._make)


def sum_of(opened: zipfile.ZipFile, name: str) -> str:
    return hashlib.file_digest(opened.open(name), "sha256").hexdigest()  # type: ignore[arg-type]


def compared(about: Json, known: dict[int, str], noted: Sequence[Sequence[tuple[int, str]]]) -> Iterator[Remark]:  # with heads
    wanted = {number for each in noted for number, _ in each if number > 0}
    for number in (number for each in noted for number, other in each if known.get(number, other) != other):
        words = f"Row {number} has another hash than the head that was noted."
        words = words if number > 0 else "The package that begins where this one ends names another manifest than this one has."
        yield Remark("rebuilt", abs(number), words)
    yield from (Remark("head not compared", each[0][0], f"Row {each[0][0]} of the head that was noted has no place here.")
                for each in noted if not {*dict(each)} & {*known})
    if (before := about["before"]["sequence"]) and not about["package_before"] and before not in wanted:
        words = f"It names no package before it, so rows 1 to {before} may say anything: give the one that ends with row {before}."
        yield Remark("head not compared", before, words)
    words = f"{len(wanted & {*known})} of {len(wanted)} noted heads have their row here" if noted else "no head from elsewhere was compared"
    yield Remark("note", None, words)


class Earlier:
    """The package before, if it is among those given: what this one must go on from."""

    def __init__(self, given: Sequence[zipfile.ZipFile], opened: zipfile.ZipFile, rows: PeriodRows) -> None:
        self.opened, self.rows, self.about, self.kept = opened, rows, rows.about, rows.kept
        self.given = [(each, json.loads(each.read("chain.json"))) for each in given]
        self.stood, self.itself = dict[int, FileRow](), ""
        none = list[tuple[zipfile.ZipFile | None, Json]]([(None, {})])
        self.before, self.old = [*none, *(each for each in self.given if self.is_before(each[1]))][-1]

    def is_before(self, about: Json) -> bool:
        """Return whether another package ends where this one begins."""
        return bool(about["last"] == self.about["before"]["sequence"])

    def read(self) -> Iterator[Remark]:
        """Read it, before the rows of this one; return why it is not the one that this one goes on from."""
        for about in (about for _, about in self.given if not self.is_before(about) and about["before"]["sequence"] != self.about["last"]):
            words = f"The package of rows {about['before']['sequence'] + 1} to {about['last']} is neither the one before nor the one after."
            yield Remark("head not compared", about["last"], words)
        if not self.before:
            words = "the package before was not given, so its end, open exceptions, keys, policies and last number were not compared"
            yield from [Remark("note", None, words)] * bool(self.about["package_before"])
            return
        text, mine = self.before.read("manifest.json"), json.loads(self.opened.read("manifest.json"))
        manifest, self.itself = json.loads(text), hashlib.sha256(text).hexdigest()
        if manifest["format"] != mine["format"]:
            words = f"The package before is of format {manifest['format']}, so only its head was compared."
            yield Remark("head not compared", None, words)
            self.before = None
            return
        changed = [name for name in READ if sum_of(self.before, name) != manifest["files"].get(name)]
        yield from (Remark("file of the evidence changed", None, f"In the package before, {name} is changed.") for name in changed)
        if self.about["package_before"] not in {None, self.itself}:
            yield Remark("rebuilt", None, "It names another package before it than the one that was given.")
        yield from self.walked(self.before)

    def walked(self, before: zipfile.ZipFile) -> Iterator[Remark]:
        """Take in its rows; return whether it ends, with its keys, as this one says."""
        self.kept.execute("CREATE TABLE earlier (request, sequence, hash, PRIMARY KEY (request, sequence)) WITHOUT ROWID")
        self.rows.order, ends = Numbers(number=None if self.old["before"]["sequence"] else 0), {**self.old["before"]}
        self.stood = {row.sequence: row for row in rows_of(before, "standing.jsonl") if row.sequence <= self.old["last"]}
        for row in rows_of(before):
            collections.deque(self.rows.order.note(row), 0)  # what is wrong with it is a finding of its own package
            ends = {"sequence": row.sequence, "hash": row.hash}
            self.stood |= {row.sequence: row} if row.what in BESIDE else {}
            values = [(int(row.request), int(row.sequence), str(row.hash))] if row.request else []
            self.kept.executemany("INSERT OR REPLACE INTO earlier VALUES (?, ?, ?)", values)
        if ends != self.about["before"]:
            yield Remark("rebuilt", ends["sequence"], "It goes on from another row than the one with which the package before ends.")
        signs = [[at, json.loads(row.data).get("public")] for at, row in sorted(self.stood.items()) if row.what == NEW_KEY]
        if [*self.about["signing_key"]] != [self.old["signing_key"], *signs][-1]:
            yield Remark("signature wrong", None, "chain.json names another signing key than the one with which the package before ends.")
        was, keyed = self.old["keyed_from"], self.about["keyed_from"]
        is_other = was != keyed if was else 0 < (keyed or 0) <= self.old["last"]
        if is_other or (self.old["key"] and self.old["key"] != self.about["key"]):
            yield Remark("rebuilt", None, "Its rows are not made with the key of the package before.")

    def left(self) -> Iterator[Remark]:
        """Return what this one, which is read by now, leaves out or has otherwise."""
        if not self.before:
            return
        words = [f"standing.jsonl and the package before differ in row {each}" for each in self.standing()]
        span = self.old["before"]["sequence"] + 1, self.old["last"]
        words += [f"R-{of}: requests.jsonl and the package before differ in row {at}" for of, at in self.kept.execute(OTHER_ROWS, span)]
        words += self.brought(self.before)
        yield from (Remark(UNSUPPORTED, None, f"{each}.") for each in words)
        yield Remark("note", None, "it was compared with the package before, which is checked by itself")

    def standing(self) -> Iterator[int]:
        """Return the rows that stand here otherwise than there, or that are missing."""
        before, stood = self.about["before"]["sequence"], self.stood
        there = {row.sequence: row.hash for row in rows_of(self.opened, "standing.jsonl") if row.sequence <= before}
        ((oldest,),) = self.kept.execute("SELECT MIN(sequence) FROM outside")  # the first row of a request asks for it
        first = min(oldest or before + 1, before + 1)
        of = {kind: [at for at, row in stood.items() if row.what == kind] for kind in BESIDE}
        groups = max((at for at in of[GROUPS] if at < first), default=0)
        denies = [at for at in of[DENIED] if at >= first or {*json.loads(stood[at].data).get("rows", ())} & {*of[CONFIRMED]}]
        wanted = {*of[CHANGED], *of[CONFIRMED], *(at for at in of[GROUPS] if at >= groups), *denies, *sorted(of[BEGINS])[-1:]}
        span = range(self.old["before"]["sequence"] + 1, self.old["last"] + 1)
        other = {at for at, own in there.items() if (stood[at].hash != own if at in stood else at in span)}
        yield from sorted(other | (wanted - {*there}))

    def brought(self, before: zipfile.ZipFile) -> Iterator[str]:
        """Return how the exceptions that are brought forward differ from those that were open there."""
        named = {"start": self.old["start"], "end": self.old["end"], "manifest": self.itself}
        own = ({name: each[name] for name in FIELDS if name in each} for each in lines_of(before, "exceptions.jsonl"))
        every = [*lines_of(before, BROUGHT), *({**each, "package": named} for each in own)]
        there = [*lines_of(self.opened, BROUGHT)]
        masked = {name for each in there for name, value in each.items() if self.about["masked"] and has_mask(compact(value))}
        def plain(found: Sequence[Json]) -> collections.Counter[str]:
            names = [[name for name in each if name not in masked | EXPLAINS] for each in found]
            return collections.Counter(compact({name: each[name] for name in of}) for of, each in zip(names, found, strict=True))
        must = plain([each for each in every if each["what"] != NOT_COMPARED and not self.closed(each)])
        wrong = [(must - plain(there), "is open in the package before, and is not brought forward"),
                 (plain(there) - plain(every), "is brought forward, and is no exception of the package before")]
        for found, words in ((json.loads(text), words) for texts, words in wrong for text in texts):
            yield f"{found.get('number')} ({found.get('what')}) {words}"

    def closed(self, line: Json) -> bool:
        """Return whether a row up to the end of the package before explains an exception of it."""
        said = [(row, json.loads(row.data)) for row in self.stood.values() if row.what in {DENIED, EXPLAINED}]
        denied = {*self.rows.stands.denied, *(each for row, data in said if row.what == DENIED for each in data.get("rows", ()))}
        return any(str(line.get("number")) == data["number"] and bool(line.get("place")) >= bool(data.get("entity"))
                   and not is_later(line, row.at) for row, data in said if row.what == EXPLAINED and row.sequence not in denied)


def is_later(line: Json, signed_at: str) -> bool:  # whether an exception was done after a moment
    at = str(line.get("at") or line.get("last_emailed_at") or "")
    return at[:1].isdigit() and datetime.fromisoformat(at) > datetime.fromisoformat(signed_at)
