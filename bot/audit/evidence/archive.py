"""The evidence as one zip: population, packets, refusals, policy, reconciliation, the chain itself."""

import json
import zipfile
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal
from hashlib import sha256
from importlib import resources
from itertools import chain as chained
from pathlib import Path
from tempfile import TemporaryDirectory, TemporaryFile
from traceback import clear_frames
from typing import IO, Any

from bot.audit import standalone
from bot.audit.along import KINDS, line_of
from bot.audit.elsewhere import BROUGHT, NAMES, texts_of
from bot.audit.evidence import program, report, workbook
from bot.audit.evidence.mask import Mask
from bot.audit.evidence.own import Period
from bot.audit.evidence.package import DAMAGED, Package
from bot.audit.evidence.reconcile import outside
from bot.audit.rows import FileRow, compact, is_masked
from bot.domain.digest import canonical, text_hash
from bot.domain.history import (
    MAY_NAME,
    OPEN,
    SALTS,
    SEALED,
    Head,
    Row,
    commitment,
    fingerprint,
    row_hash,
)
from bot.store.errors import StoreError
from bot.store.file import evidence, facts
from bot.store.file.reading import DatabaseFile
from bot.store.times import to_text

FORMAT = standalone.FORMAT
MANIFEST = "manifest.json"
CHAIN = "chain.json"
ROWS = "history.jsonl"
REQUESTS = "requests.jsonl"
SIGNED = "billing-bot package {}"
"""The text that is signed, with the hash of the manifest without its signature and its seal."""

NOT_MASKED = "names cannot be masked, because R-{} does not have all that it was asked for with: {}. Make the package without --redact"

BESIDE = ("refused", "statement.", "exception.", "policy.confirmed")
"""How the kinds begin whose rows name people and may be about no request."""

STEPS = 3
"""Steps for each request: its packet, the report and the workbook."""

READ = {"read": 0, "limits": []}
"""What a package says about reading Zuora, besides the things found there."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Scope:
    """What the evidence covers.

    Attributes:
        made_at: Now, aware UTC.
        key: `AUDIT_KEY`, empty for none; it seals the manifest.
        mask: Removes names and addresses, or does nothing.
        before: The package before this one; None if there is none.
        verified: What checking the database's history found, for people; and who makes the
        package, on which machine.
        slack: What reading Slack found, from `in_slack.compared`.
        sample: The auditor's seed, and how many requests to draw with it.
        forward: The exceptions that the package before leaves open, from `brought_forward.read`.
        signature: Returns the `signature` of a text and the `public` key, both hex; None if it is not signed.
    """

    period: Period
    made_at: datetime
    key: bytes
    mask: Mask
    before: "Before | None"
    verified: dict[str, Any]
    slack: dict[str, Any] = field(default_factory=dict)
    sample: tuple[str, int] = ("", 0)
    forward: Sequence[dict[str, Any]] = ()
    signature: Callable[[str], dict[str, str] | None] = lambda _: None


@dataclass(frozen=True, slots=True)
class Before:
    """The package before this one.

    Attributes:
        last: Its last row.
        manifest: SHA-256 (hex) of its manifest.
        about: Its `chain.json`.
    """

    last: Head
    manifest: str
    about: dict[str, Any]


def before_of(path: Path) -> Before:
    """Read where a package ends, so that the next one begins there.

    Raises:
        StoreError: It is no package of this format.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            about = json.loads(archive.read(CHAIN))
            manifest = sha256(archive.read(MANIFEST)).hexdigest()
            last = last_of(archive, about)
    except DAMAGED as error:
        clear_frames(error.__traceback__)  # this closes the files that they hold open
        raise StoreError(f"{path} is no evidence, or is damaged: {error!r}.") from error
    return Before(last, manifest, about)


def last_of(archive: zipfile.ZipFile, about: dict[str, Any]) -> Head:
    """Return the last row of a package; if it has no row, the one before it."""
    line = ""
    for each in texts_of(archive, ROWS):
        line = each
    if not line:
        return Head(**about["before"])
    row = FileRow(*json.loads(line))
    return Head(row.sequence, row.hash)


def size(file: DatabaseFile, scope: Scope) -> int:
    """Return how many packets there will be."""
    return evidence.how_many(file, span_of(file, scope))


def write(
    path: Path,
    file: DatabaseFile,
    scope: Scope,
    reconciliation: dict[str, Any],
    step: Callable[[], None],
) -> str:
    """Write the zip.

    Args:
        path: The file; it is incomplete until this returns.
        file: The database.
        scope: What it covers.
        reconciliation: The result of comparing with Zuora.
        step: Called `STEPS` times for each request.

    Returns:
        The SHA-256 (hex) of the manifest, which should be noted elsewhere.
    """
    writing = _Writing(file, scope)
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, lines in writing.files(reconciliation, step):
            writing.hashes[name] = _written(archive, name, lines)
    with TemporaryDirectory(dir=path.parent) as folder:
        made = readable(path, Path(folder), step)
        with zipfile.ZipFile(path, "a", zipfile.ZIP_DEFLATED) as archive:
            for each in made:
                with each.open("rb") as lines:
                    writing.hashes[each.name] = _written(archive, each.name, lines)
            manifest = writing.manifest()
            archive.writestr(MANIFEST, manifest)
    return sha256(manifest).hexdigest()


def alongside() -> dict[str, bytes]:
    """Return the program and the page that lie in each package of this version."""
    page = resources.files("bot.audit").joinpath("FORMAT.md").read_bytes()
    return {"verify.py": program.text().encode(), "FORMAT.md": page}


def readable(
    path: Path, folder: Path, step: Callable[[], None] = lambda: None
) -> tuple[Path, Path]:
    """Make the report and the workbook from the rest of a package alone; return where they are."""
    with zipfile.ZipFile(path) as archive:
        package = Package(archive, step)
        files = folder / report.NAME, folder / workbook.NAME
        with files[0].open("wb") as into:
            into.writelines(report.pages(package))
        workbook.write(files[1], package)
    return files


def _written(archive: zipfile.ZipFile, name: str, lines: Iterable[bytes]) -> str:
    """Write a file of any size line by line; return its SHA-256 (hex)."""
    total = sha256()
    with archive.open(name, "w", force_zip64=True) as into:
        for line in lines:
            into.write(line)
            total.update(line)
    return total.hexdigest()


class _Writing:
    def __init__(self, file: DatabaseFile, scope: Scope) -> None:
        self._file = file
        self._scope = scope
        self._start, self._end = _texts(scope.period)
        self._span = span_of(file, scope)
        self._mask = scope.mask
        evidence.made_ready(file)
        self.hashes: dict[str, str] = {}

    def files(
        self, reconciliation: dict[str, Any], step: Callable[[], None]
    ) -> Iterator[tuple[str, Iterable[bytes]]]:
        """Yield each file's name and lines.

        Files that follow from the rows are made from the rows alone. One packet is in memory at a time, and the
        population is on disk: a quarter can have 100,000 requests.
        """
        things = reconciliation["things"]
        deeds = (deed for thing in things for deed in thing["deeds"])
        both = (*deeds, *self._scope.forward)
        signed = [deed["explained_in"] for deed in both if "explained_in" in deed]
        self._learn_names(signed)
        chain = self._chain()
        yield CHAIN, [_dumped(chain)]
        yield ROWS, self._rows("", "")
        for name, start in KINDS.items():
            yield f"{name}.jsonl", self._rows(start, "" if start else self._start)
        earlier = evidence.standing(self._file, self._span, signed)
        yield "standing.jsonl", (_line(self._masked(Row(*row))) for row in earlier)
        with TemporaryFile() as population:
            yield REQUESTS, self._requests(chain, population, step)
            population.seek(0)
            yield "population.jsonl", population
        yield "documents.jsonl", self._documents()
        read = {name: reconciliation.get(name) or empty for name, empty in READ.items()}
        yield "reconciliation.json", [_dumped(self._mask.masked(read))]
        yield "things.jsonl", (_line(each) for each in self._things(things))
        yield "exceptions.jsonl", (_line(each) for each in outside(self._things(things)))
        yield BROUGHT, (_line(each | self._named_in(each)) for each in self._scope.forward)
        yield "verification.json", [_dumped(self._mask.masked(self._scope.verified))]
        yield "slack.json", [_dumped(self._mask.masked(self._scope.slack))]
        seed, number = self._scope.sample
        yield "sample.json", [_dumped({"seed": seed, "size": number})]
        yield from ((name, [text]) for name, text in alongside().items())

    def _requests(
        self, chain: dict[str, Any], population: IO[bytes], step: Callable[[], None]
    ) -> Iterator[bytes]:
        """Yield one packet a line, its fields in the order in which a record is hashed; write the population too."""
        for number in evidence.concerned(self._file, self._span):
            packet, line = self._request(number, chain)
            population.write(line)
            yield json.dumps(packet, ensure_ascii=False).encode() + b"\n"
            step()

    def _documents(self) -> Iterator[bytes]:
        """Yield a line for each document of each request's bill run: the request's number, then what is hashed of the document."""
        for number in evidence.concerned(self._file, self._span):
            for line in facts.lines(self._file, number):
                if self._mask.masks:
                    yield _line([number, *self._mask.masked(json.loads(line))])
                else:  # as it is stored: there may be millions
                    yield b"[%d,%s\n" % (number, line.removeprefix(b"["))

    def _things(self, things: Iterable[dict[str, Any]]) -> Iterator[dict[str, Any]]:
        """Yield what Zuora shows, masked, as the JSON values that are written."""
        return (self._mask.masked(json.loads(_dumped(each))) for each in things)

    def _named_in(self, line: dict[str, Any]) -> dict[str, Any]:
        """Return what may name somebody in an exception that is brought forward, masked; the rest is compared word by word."""
        may = {name: line[name] for name in (*NAMES, "explanation") if name in line}
        masked: dict[str, Any] = self._mask.masked(may)
        return masked

    def _learn_names(self, signed: Sequence[int]) -> None:
        """Learn all names first: a name may occur in a text before its own field.

        Raises:
            StoreError: Some of them cannot be read, so they would stay unmasked elsewhere.
        """
        if self._mask.masks:
            self._learn_people(signed)
            changed = {*facts.with_other_parts(self._file)}
            for number in evidence.concerned(self._file, self._span):
                if number in changed or self._is_changed(number):
                    raise StoreError(NOT_MASKED.format(number, "it was changed"))
                try:
                    self._mask.learn(evidence.packet(self._file, number))
                    for part in facts.documents(self._file, number):
                        self._mask.learn({"documents": part})
                except facts.UNREADABLE as error:
                    raise StoreError(NOT_MASKED.format(number, repr(error))) from error

    def _learn_people(self, signed: Sequence[int]) -> None:
        """Learn the names of people who did something that is about no request, in the period or in what it rests on."""
        outside_it = evidence.standing(self._file, self._span, signed)
        beside = (row for row in outside_it if Row(*row).what.startswith(BESIDE))
        of_the_span = (evidence.rows_of(self._file, self._span, kind, "") for kind in BESIDE)
        for row in chained(beside, *of_the_span):
            self._mask.learn(json.loads(Row(*row).data))

    def _is_changed(self, number: int) -> bool:
        """Return whether a request is not what its first row binds, so that it may lack names which stand elsewhere."""
        record = evidence.kept(self._file, number)["record"]
        first = next(evidence.story(self._file, number), None)
        bound = json.loads(Row(*first).data).get("record") if first else None
        return bound not in {None, text_hash(canonical([*record.values()]))}

    def _rows(self, kind: str, before: str) -> Iterator[bytes]:
        """Yield the lines of rows whose kind begins like this; if a time is given, of those before it."""
        found = evidence.rows_of(self._file, self._span, kind, before)
        return (_line(self._masked(Row(*row))) for row in found)

    def _request(self, number: int, chain: dict[str, Any]) -> tuple[dict[str, Any], bytes]:
        """Return a request's packet, and its line in the population."""
        rows = (self._masked(Row(*row)) for row in evidence.story(self._file, number))
        story = [(row, json.loads(row.data)) for row in rows]
        kept = self._kept(number)
        if is_masked(story[0][0], "bound") and "bound" not in kept["masked"]:
            kept["masked"].append("bound")
        entries = [{**row._asdict(), "data": data} for row, data in story]
        return {**kept, "history": entries}, _line(line_of(kept["record"], story, chain))

    def _kept(self, number: int) -> dict[str, Any]:
        """Return what is stored besides the rows: the record, the first card, the messages."""
        found = evidence.kept(self._file, number)
        record = found["record"]
        may_name = self._text_masked({name: record[name] for name in MAY_NAME}) or {}
        kept = {
            "record": record | may_name,
            "card": self._text_masked(found["card"]),
            "messages": [self._text_masked(each) for each in found["messages"]],
        }
        masked = [name for name, value in kept.items() if value != found[name]]
        return {**kept, "masked": masked + ["bound"] * (may_name["body"] != record["body"])}

    def _text_masked(self, texts: dict[str, Any] | None) -> dict[str, Any] | None:
        """Return stored columns, masked; JSON without anything to mask stays the same text."""
        if texts is None:
            return None
        return {name: self._mask.stored(text) for name, text in texts.items()}

    def _masked(self, row: Row) -> FileRow:
        """Return a row of the chain without names and addresses: each field with one is replaced by its commitment.

        Fields that are needed to repeat the control are never masked. A row without salts, written by an older bot, no longer fits its hash.
        """
        if not self._mask.masks or not row.what.startswith(SEALED):
            return FileRow(*row, masked=False)
        data = json.loads(row.data)
        salts = data.get(SALTS, {})
        masked = {
            name: self._mask.masked(value)
            for name, value in data.items() if name not in OPEN and name != SALTS
        }  # fmt: skip
        changed = {name: value for name, value in masked.items() if value != data[name]}
        if not changed:
            return FileRow(*row, masked=False)
        if changed.keys() <= salts.keys():
            sealed = {name: commitment(salts.pop(name), data[name]) for name in changed}
            changed["sealed"] = sealed
        return FileRow(*row._replace(data=canonical(data | changed)), masked=True)

    def _chain(self) -> dict[str, Any]:
        span, key = self._span, self._scope.key
        signed_by = self._file.signing_keys(span.first - 1)
        return {
            "made_at": to_text(self._scope.made_at),
            "masked": self._mask.masks,
            "start": self._start,
            "end": self._end,
            "package_before": self._scope.before.manifest if self._scope.before else None,
            "before": span.before._asdict(),
            "last": span.last,
            "keyed_from": span.keyed_from,
            "key": fingerprint(key),
            "signing_key": [0, ""] if not signed_by else [*signed_by[-1].values()],
        }

    def manifest(self) -> bytes:
        """Return every file with its hash, signed and sealed if there are keys."""
        about: dict[str, Any] = {"format": FORMAT, "files": self.hashes}
        about |= {"masked": self._mask.said} if self._mask.masks else {}
        about["signature"] = self._scope.signature(SIGNED.format(text_hash(canonical(about))))
        key = self._scope.key
        seal = {"key": fingerprint(key), "hmac": row_hash(canonical(about), key)} if key else None
        return _dumped({**about, "seal": seal})


def span_of(file: DatabaseFile, scope: Scope) -> evidence.Span:
    """Return the rows that a package covers."""
    after = scope.before.last if scope.before else None
    return evidence.span(file, _texts(scope.period), to_text(scope.made_at), after)


def _texts(period: Period) -> tuple[str, str]:
    return to_text(period.start), to_text(period.end)


def _line(value: Any) -> bytes:
    return compact(value).encode() + b"\n"


def _dumped(value: Any) -> bytes:
    text = json.dumps(value, indent=2, ensure_ascii=False, default=_plain)
    return text.encode() + b"\n"


def _plain(value: Any) -> str:
    if isinstance(value, datetime | date):
        return value.isoformat()
    if isinstance(value, Decimal):
        return format(value, "f")
    msg = f"{type(value).__name__} has no place in the evidence"
    raise TypeError(msg)
