"""Compares a package with what is given from elsewhere: heads that were noted, and the package before it."""
import collections, hashlib, io, json, zipfile
from collections.abc import Iterator, Sequence
from typing import Any

from bot.audit.along import Numbers, PeriodRows
from bot.audit.confirmed import CHANGED, CONFIRMED
from bot.audit.control import DENIED, GROUPS
from bot.audit.decisions import EXPLAINED
from bot.audit.rows import BEGINS, NEW_KEY, UNSUPPORTED, FileRow, Json, Remark, compact, has_mask, is_later

NOT_COMPARED = "not compared with Zuora"  # what an exception says that stands for a list which was not read
FIELDS = ("at", "last_emailed_at", "what", "kind", "number", "bill_run", "who", "known_from", "request", "place")  # kept of an exception
BROUGHT = "brought_forward.jsonl"
EXPLAINS = {"explanation", "explained_by", "explained_in"}
NAMES = ("who", "known_from", "place")  # what may be masked of an exception that is brought forward, besides its explanation
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
    own = ((number, other) for each in noted for number, other in each if number != -each[0][0])  # one without rows: see `after`
    for number in (number for number, other in own if known.get(number, other) != other):
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


def apart(old: Json, start: str) -> str:  # which days lie between two packages, in words; empty for none
    since = min(old["end"], old["made_at"])
    days = " to ".join(each[:16].replace("T", " ") for each in (since, start))
    return f"what was done in Zuora from {days} (UTC) is in neither package, since this one begins later" if since < start else ""


class Earlier:
    """The package before, if it is among those given: what this one must go on from."""

    def __init__(self, given: Sequence[zipfile.ZipFile], opened: zipfile.ZipFile, rows: PeriodRows) -> None:
        self.opened, self.rows, self.about, self.kept = opened, rows, rows.about, rows.kept
        self.given = [(each, json.loads(each.read("chain.json"))) for each in given]
        self.stood = dict[int, FileRow]()
        self.named = self.about["package_before"]
        none = list[tuple[zipfile.ZipFile | None, Json, str]]([(None, {}, "")])
        none += [(each, about, itself) for each, about in self.given if self.is_before(about, itself := sum_of(each, "manifest.json"))]
        self.sums = {each for _, _, each in none if each}
        found: Any = max(none, key=lambda each: (bool(each[2]), each[2] == self.named))
        self.before, self.old, self.itself = found

    def is_before(self, about: Json, itself: str) -> bool:
        """Return whether another package ends where this one begins; one without rows also does that if it comes after this one."""
        is_earlier = itself == self.named or about["before"]["sequence"] < about["last"] or about["start"] < self.about["start"]
        return bool(is_earlier and about["last"] == self.about["before"]["sequence"])

    def after(self) -> Iterator[Json]:
        """Return those without rows that begin where this one ends."""
        ends = self.about["last"]
        return (about for each, about in self.given if about["before"]["sequence"] == about["last"] == ends and each is not self.before)

    def read(self) -> Iterator[Remark]:
        """Read it, before the rows of this one; return why it is not the one that this one goes on from."""
        begins, ends = self.about["before"]["sequence"], self.about["last"]
        for about in (each for _, each in self.given if begins != each["last"] and each["before"]["sequence"] != ends):
            words = f"The package of rows {about['before']['sequence'] + 1} to {about['last']} is neither the one before nor the one after."
            is_here = begins <= about["last"] <= ends  # its head is compared: it may be of a part of the period, or masked
            yield Remark("note" if is_here else "head not compared", about["last"], words)
        mine, sums = sum_of(self.opened, "manifest.json"), {sum_of(each, "manifest.json") for each, _ in self.given}
        for about in (each for each in self.after() if each["package_before"] not in {None, mine, *sums}):
            words = f"The package from {about['start'][:10]} on has no row, and names another package before it than the given ones."
            yield Remark("head not compared", about["last"], words)
        if not self.before:
            words = "the package before was not given, so its end, open exceptions, keys, policies and last number were not compared"
            yield from [Remark("note", None, words)] * bool(self.named)
            return
        manifest, mine = (json.loads(each.read("manifest.json")) for each in (self.before, self.opened))
        if manifest["format"] != mine["format"]:
            words = f"The package before is of format {manifest['format']}, so only its head was compared."
            yield Remark("head not compared", None, words)
            self.before = None
            return
        changed = [name for name in READ if sum_of(self.before, name) != manifest["files"].get(name)]
        yield from (Remark("file of the evidence changed", None, f"In the package before, {name} is changed.") for name in changed)
        if self.named and self.sums != {self.named}:
            yield Remark("rebuilt", None, "It names another package before it than the one that was given.")
        elif len(self.sums) > 1:
            words = "Several of the given packages end where this one begins, and it names none of them: give one."
            yield Remark("head not compared", None, words)
        words = apart(self.old, self.about["start"])
        yield from [Remark("note", None, words)] * bool(words)
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
        must = [each for each in every if each["what"] != NOT_COMPARED and not self.closed(each)]
        wrong = [(self.unmet(must, there), "is open in the package before, and is not brought forward"),
                 (self.unmet(there, every), "is brought forward, and is no exception of the package before")]
        yield from (f"{each.get('number')} ({each.get('what')}) {words}" for found, words in wrong for each in found)

    def unmet(self, found: Sequence[Json], others: Sequence[Json]) -> Iterator[Json]:
        """Return the lines that no other line is the same as; a name that is masked in one of both fits any."""
        left = collections.defaultdict[str, list[Json]](list)
        def fixed(line: Json) -> str:
            return compact({name: value for name, value in line.items() if name not in {*NAMES, *EXPLAINS}})
        def masks(line: Json) -> list[str]:
            return [name for name in NAMES if self.about["masked"] and has_mask(compact(line.get(name)))]
        def fits_in(one: Json, two: Json) -> bool:
            return all(one.get(name) == two.get(name) for name in {*NAMES} - {*masks(one), *masks(two)})
        for each in sorted(others, key=lambda line: len(masks(line))):
            left[fixed(each)].append(each)
        for each in sorted(found, key=lambda line: len(masks(line))):
            same = next((other for other in left[fixed(each)] if fits_in(each, other)), None)
            yield from [each] * (same is None)
            left[fixed(each)] = [other for other in left[fixed(each)] if other is not same]

    def closed(self, line: Json) -> bool:
        """Return whether a row up to the end of the package before explains an exception of it."""
        said = [(row, json.loads(row.data)) for row in self.stood.values() if row.what in {DENIED, EXPLAINED}]
        denied = {*self.rows.stands.denied, *(each for row, data in said if row.what == DENIED for each in data.get("rows", ()))}
        return any(str(line.get("number")) == data.get("number") and bool(line.get("place")) >= bool(data.get("entity"))
                   and not is_later(line, row.at) for row, data in said if row.what == EXPLAINED and row.sequence not in denied)
