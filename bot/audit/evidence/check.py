"""Checking an evidence file: its manifest and its part of the chain, with nothing but the file."""

import json
import zipfile
from collections.abc import Iterator, Sequence
from hashlib import sha256
from pathlib import Path
from typing import Any

from bot.audit.chain import Finding, Flaw, against_noted, walk
from bot.audit.evidence.archive import CHAIN, MANIFEST, ROWS
from bot.audit.verify import Verified
from bot.domain.digest import canonical
from bot.domain.history import Head, Row, fingerprint, row_hash
from bot.store.errors import StoreError

UNSEALED = (
    "the manifest is not sealed with a key: whoever can write the file can make it anew. Compare "
    "the manifest's SHA-256 with the one that was noted when it was made: {}"
)
MASKED = "{} rows are masked, so only their place in the chain was checked, not their content"


def verify_evidence(path: Path, *, key: str, noted: Head | None = None) -> Verified:
    """Check a file that `billing-bot evidence` made.

    Args:
        path: The zip.
        key: `AUDIT_KEY`, empty for none.
        noted: A head from the audit channel; it tells something if it lies in the period.

    Raises:
        StoreError: It cannot be read as evidence.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            return _Checking(archive, key.encode(), noted).verified()
    except (zipfile.BadZipFile, KeyError, ValueError, TypeError, EOFError) as error:
        raise StoreError(f"{path} is no evidence, or is damaged: {error!r}.") from error


class _Checking:
    def __init__(self, archive: zipfile.ZipFile, key: bytes, noted: Head | None) -> None:
        self._archive = archive
        self._key = key
        self._noted = noted
        self._notes: list[str] = []

    def verified(self) -> Verified:
        files = list(self._files())
        about = json.loads(self._archive.read(CHAIN)) if CHAIN in self._archive.namelist() else None
        if about is None or ROWS not in self._archive.namelist():
            return Verified(findings=tuple(files), entries=0, last=Head(0, ""), keyed=False)
        rows = [json.loads(line) for line in self._archive.read(ROWS).splitlines()]
        chain = self._chain(about, rows)
        return Verified(
            findings=(*files, *chain.findings),
            entries=chain.entries,
            last=chain.last,
            keyed=chain.keyed,
            notes=tuple(self._notes),
        )

    def _files(self) -> Iterator[Finding]:
        content = self._archive.read(MANIFEST)
        manifest = json.loads(content)
        listed: dict[str, str] = manifest["files"]
        there = self._archive.namelist()
        if len(set(there)) != len(there):
            yield _changed("a name stands in the file twice")
        for name in sorted((set(there) - {MANIFEST}) ^ set(listed)):
            yield _changed(f"{name} is {'missing' if name in listed else 'not in the manifest'}")
        for name in sorted(set(there) & set(listed)):
            if sha256(self._archive.read(name)).hexdigest() != listed[name]:
                yield _changed(f"{name} was changed")
        yield from self._seal(manifest, sha256(content).hexdigest())

    def _seal(self, manifest: dict[str, Any], hashed: str) -> Iterator[Finding]:
        about = {name: value for name, value in manifest.items() if name != "seal"}
        seal = manifest.get("seal")
        if not seal:
            if self._key:
                yield Finding(
                    Flaw.KEY, None, "AUDIT_KEY is set, and the manifest is not sealed with a key."
                )
            self._notes.append(UNSEALED.format(hashed))
        elif seal["key"] != fingerprint(self._key):
            which = "is another one" if self._key else "is not set"
            yield Finding(Flaw.KEY, None, f"The manifest is sealed with a key; AUDIT_KEY {which}.")
        elif row_hash(canonical(about), self._key) != seal["hmac"]:
            yield _changed("the manifest was changed")

    def _chain(self, about: dict[str, Any], rows: Sequence[Sequence[Any]]) -> Verified:
        before = Head(about["before"]["sequence"], about["before"]["hash"])
        keyed = bool(about["key_in_force_before"])
        if keyed and not self._key:
            finding = Finding(
                Flaw.KEY, about["first"], "The chain needs AUDIT_KEY, which is not set."
            )
            return Verified(findings=(finding,), entries=0, last=before, keyed=True)
        masked = sum(1 for row in rows if row[-1])
        if masked:
            self._notes.append(MASKED.format(masked))
            return self._row_by_row(before, rows, keyed=keyed)
        walked = walk(
            (Row(*row[:-1]) for row in rows), key=self._key, start=before, keyed=keyed,
            note=self._noted.sequence if self._noted else 0,
        )  # fmt: skip
        found = [walked.finding] if walked.finding else []
        if walked.finding is None and walked.last.sequence != about["last"] and rows:
            words = f"The rows end with {walked.last.sequence}, not with {about['last']}."
            found.append(Finding(Flaw.TAIL_CUT, walked.last.sequence + 1, words))
        if self._noted and before.sequence < self._noted.sequence <= walked.last.sequence:
            found += against_noted(walked, self._noted)
        elif self._noted:
            self._notes.append("the head that was noted lies outside the period")
        return Verified(
            findings=tuple(found), entries=walked.rows, last=walked.last,
            keyed=walked.keyed_from is not None,
        )  # fmt: skip

    def _row_by_row(self, before: Head, rows: Sequence[Sequence[Any]], *, keyed: bool) -> Verified:
        """A masked row keeps its place in the chain: it is only looked at how it is linked."""
        last = before
        for count, (*columns, is_masked) in enumerate(rows):
            row = Row(*columns)
            finding = None
            if is_masked:
                if row.sequence != last.sequence + 1 or row.before != last.hash:
                    words = f"Row {row.sequence} does not follow row {last.sequence}."
                    finding = Finding(Flaw.REORDERED, row.sequence, words)
            else:
                walked = walk([row], key=self._key, start=last, keyed=keyed)
                finding, keyed = walked.finding, walked.keyed_from is not None
            if finding:
                return Verified(findings=(finding,), entries=count, last=last, keyed=keyed)
            last = Head(row.sequence, row.hash)
        return Verified(findings=(), entries=len(rows), last=last, keyed=keyed)


def _changed(words: str) -> Finding:
    return Finding(Flaw.MANIFEST, None, f"{words[0].upper()}{words[1:]}.")
