"""The evidence as one zip: population, packets, refusals, policy, reconciliation, the chain itself."""

import json
import zipfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from hashlib import sha256
from importlib import resources
from pathlib import Path
from typing import Any

from bot.audit import standalone
from bot.audit.evidence.mask import Mask
from bot.audit.evidence.reconcile import Period
from bot.domain.digest import canonical
from bot.domain.history import Head, Row, fingerprint, row_hash
from bot.store.errors import StoreError
from bot.store.file import evidence
from bot.store.file.reading import DatabaseFile
from bot.store.times import to_text

FORMAT = 2
MANIFEST = "manifest.json"
CHAIN = "chain.json"
ROWS = "history.jsonl"
BESIDE = "beside.jsonl"


@dataclass(frozen=True, slots=True, kw_only=True)
class Scope:
    """What the evidence is to be about.

    Attributes:
        made_at: Now, aware UTC.
        key: `AUDIT_KEY`, empty for none; it seals the manifest.
        mask: Removes names and addresses, or nothing.
        before: The package that this one goes on from; None for none.
        verified: What checking the database's history found, for people.
    """

    period: Period
    made_at: datetime
    key: bytes
    mask: Mask
    before: "Before | None"
    verified: dict[str, Any]


@dataclass(frozen=True, slots=True)
class Before:
    """The package before this one.

    Attributes:
        last: Its last row.
        manifest: SHA-256 (hex) of its manifest.
    """

    last: Head
    manifest: str


def before_of(path: Path) -> Before:
    """Where a package ends, so that the next one begins there.

    Raises:
        StoreError: It is no package of this format.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            about = json.loads(archive.read(CHAIN))
            rows = archive.read(ROWS).splitlines()
            manifest = sha256(archive.read(MANIFEST)).hexdigest()
            row = standalone.Row(*json.loads(rows[-1])) if rows else None
            last = Head(row.sequence, row.hash) if row else Head(**about["before"])
    except (zipfile.BadZipFile, KeyError, ValueError, TypeError) as error:
        raise StoreError(f"{path} is no evidence, or is damaged: {error!r}.") from error
    return Before(last, manifest)


def size(file: DatabaseFile, scope: Scope) -> int:
    """How many packets there will be."""
    return len(evidence.concerned(file, _span(file, scope)))


def unfinished_of(path: Path) -> Path:
    """Where a file is written until it is whole; what stands there keeps its mode."""
    return path.with_name(path.name + ".part")


def write(
    path: Path,
    file: DatabaseFile,
    scope: Scope,
    reconciliation: dict[str, Any],
    step: Callable[[], None],
) -> str:
    """Write the zip.

    Args:
        path: The file, replaced only when the new one is whole.
        file: The database.
        scope: What it is about.
        reconciliation: What comparing with Zuora gave.
        step: Called after each packet.

    Returns:
        The SHA-256 (hex) of the manifest, which is worth noting down elsewhere.
    """
    unfinished = unfinished_of(path)
    writing = _Writing(file, scope)
    try:
        with zipfile.ZipFile(unfinished, "w", zipfile.ZIP_DEFLATED) as archive:
            for name, content in writing.files(reconciliation, step):
                archive.writestr(name, content)
                writing.hashes[name] = sha256(content).hexdigest()
            manifest = writing.manifest()
            archive.writestr(MANIFEST, manifest)
        unfinished.replace(path)
    finally:
        unfinished.unlink(missing_ok=True)
    return sha256(manifest).hexdigest()


class _Writing:
    def __init__(self, file: DatabaseFile, scope: Scope) -> None:
        self._file = file
        self._scope = scope
        self._start, self._end = _texts(scope.period)
        self._span = _span(file, scope)
        self._mask = scope.mask
        self._numbers = evidence.concerned(file, self._span)
        self.hashes: dict[str, str] = {}

    def files(
        self, reconciliation: dict[str, Any], step: Callable[[], None]
    ) -> Iterator[tuple[str, bytes]]:
        """Each file's name and content. What follows from the rows is made of the rows alone."""
        for number in self._numbers:  # a name may stand in an earlier text than its own field
            self._mask.learn(evidence.packet(self._file, number))
        rows = [
            self._masked(Row(*row)) for row in self._file.rows(self._span.first, self._span.last)
        ]
        chain = self._chain(len(rows))
        beside, lines = [], []
        for number in self._numbers:
            story = [self._masked(Row(*row)) for row in evidence.story(self._file, number)]
            beside += [
                row for row in story if not self._span.first <= row.sequence <= self._span.last
            ]
            packet = standalone.packet_of(self._kept(number), story)
            lines.append(standalone.line_of(packet, chain))
            yield f"requests/R-{number}.json", _dumped(packet)
            step()
        zuora = self._mask.masked(json.loads(_dumped(reconciliation)))
        yield "reconciliation.json", _dumped(zuora)
        yield from standalone.files_of(chain, lines, rows, zuora)
        yield "verification.json", _dumped(self._mask.masked(self._scope.verified))
        yield CHAIN, _dumped(chain)
        yield ROWS, b"".join(_line(row) for row in rows)
        yield BESIDE, b"".join(_line(row) for row in beside)
        room = resources.files("bot.audit")
        yield "verify.py", room.joinpath("standalone.py").read_bytes()
        yield "FORMAT.md", room.joinpath("FORMAT.md").read_bytes()

    @property
    def _period(self) -> dict[str, str]:
        return {"from": self._start, "before": self._end}

    def _kept(self, number: int) -> dict[str, Any]:
        """What stands beside the rows: the record as stored, the first card, the messages."""
        found = evidence.kept(self._file, number)
        masked = [
            name for name in ("record", "card") if self._text_masked(found[name]) != found[name]
        ]
        return {
            **{name: self._text_masked(found[name]) for name in ("record", "card")},
            "messages": self._mask.masked(found["messages"]),
            "masked": masked,
        }

    def _text_masked(self, texts: dict[str, Any] | None) -> dict[str, Any] | None:
        """Stored columns; JSON that has nothing to mask stays the text that it is."""
        if texts is None:
            return None
        return {name: self._mask.stored(text) for name, text in texts.items()}

    def _masked(self, row: Row) -> standalone.Row:
        """A row of the chain; one whose text is masked says so, for its hash fits no more."""
        data = json.loads(row.data)
        masked = self._mask.masked(data)
        if masked == data:
            return standalone.Row(*row)
        return standalone.Row(*row._replace(data=canonical(masked)), masked=True)

    def _chain(self, count: int) -> dict[str, Any]:
        span, key = self._span, self._scope.key
        return {
            "period": self._period,
            "over": self._scope.made_at >= self._scope.period.end,
            "package_before": self._scope.before.manifest if self._scope.before else None,
            "before": span.before._asdict(),
            "first": span.first,
            "last": span.last,
            "rows": count,
            "keyed_from": span.keyed_from,
            "key": fingerprint(key),
            "columns": standalone.Row._fields,
        }

    def manifest(self) -> bytes:
        """Every file with its hash, sealed where there is a key."""
        about = {
            "format": FORMAT,
            "period": self._period,
            "made_at": to_text(self._scope.made_at),
            "masked": type(self._mask) is Mask,
            "files": self.hashes,
        }
        key = self._scope.key
        seal = {"key": fingerprint(key), "hmac": row_hash(canonical(about), key)} if key else None
        return _dumped({**about, "seal": seal})


def _span(file: DatabaseFile, scope: Scope) -> evidence.Span:
    after = scope.before.last if scope.before else None
    return evidence.span(file, _texts(scope.period), to_text(scope.made_at), after)


def _texts(period: Period) -> tuple[str, str]:
    return to_text(period.start), to_text(period.end)


def _line(value: Any) -> bytes:
    return json.dumps(value, ensure_ascii=False).encode() + b"\n"


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
