"""Checking an evidence file, with nothing but the file: as its own `verify.py` does, and in more words."""

import json
import zipfile
import zlib
from hashlib import sha256
from pathlib import Path
from typing import Any

from bot.audit import standalone
from bot.audit.chain import Finding, Flaw, walk
from bot.audit.evidence.archive import CHAIN, MANIFEST, ROWS
from bot.audit.verify import Verified
from bot.domain.history import Head, Row
from bot.store.errors import StoreError

DAMAGED = (
    zipfile.BadZipFile, zlib.error, LookupError, ValueError, TypeError, AttributeError, EOFError,
    RuntimeError,
)  # fmt: skip
"""What Python makes of a zip of which some bytes are other ones."""

UNSEALED = (
    "the manifest is not sealed with a key: whoever can write the file can make it anew. Compare "
    "the manifest's SHA-256 with the one that was noted when it was made: {}"
)
MASKED = (
    "{} rows are masked, so only their place in the chain was checked, not their content; likewise the "
    "record or the card of {} requests"
)
HELD = "the control was performed again for {} requests"


def verify_evidence(path: Path, *, key: str, noted: Head | None = None) -> Verified:
    """Check a file that `billing-bot evidence` made.

    Args:
        path: The zip.
        key: `AUDIT_KEY`, empty for none.
        noted: A head from the audit channel.

    Raises:
        StoreError: It cannot be read as evidence.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            return _verified(archive, key.encode(), [noted] if noted else [])
    except DAMAGED as error:
        raise StoreError(f"{path} is no evidence, or is damaged: {error!r}.") from error


def _verified(archive: zipfile.ZipFile, key: bytes, heads: list[Head]) -> Verified:
    found = [
        Finding(Flaw(each.flaw), each.row, each.words)
        for each in standalone.checked(archive, key, heads)
    ]
    manifest, about = (json.loads(archive.read(name)) for name in (MANIFEST, CHAIN))
    rows = [standalone.Row(*json.loads(line)) for line in archive.read(ROWS).splitlines()]
    last = Head(rows[-1].sequence, rows[-1].hash) if rows else Head(**about["before"])
    return Verified(
        findings=tuple(_named(each, about, rows, key) for each in found),
        entries=len(rows),
        last=last,
        keyed=about["keyed_from"] is not None,
        notes=tuple(_notes(archive, about, manifest, rows)),
    )


def _named(
    finding: Finding, about: dict[str, Any], rows: list[standalone.Row], key: bytes
) -> Finding:
    """A break of the chain, by what must have been done to it."""
    if finding.flaw is not Flaw.EDITED or any(row.masked for row in rows):
        return finding
    keyed = about["keyed_from"] is not None and about["keyed_from"] < about["first"]
    walked = walk(
        (Row(*row[:-1]) for row in rows), key=key, start=Head(**about["before"]), keyed=keyed
    )
    return walked.finding or finding


def _notes(
    archive: zipfile.ZipFile,
    about: dict[str, Any],
    manifest: dict[str, Any],
    rows: list[standalone.Row],
) -> list[str]:
    masked = sum(row.masked for row in rows)
    requests = len({row.request for row in rows} - {None})
    notes = [HELD.format(requests)]
    if not about["over"]:
        notes.append("the period was not over when it was made")
    if about["package_before"] is None and about["first"] > 1:
        notes.append(f"it names no package before it; rows 1 to {about['first'] - 1} are not in it")
    if not manifest["seal"]:
        notes.append(UNSEALED.format(sha256(archive.read(MANIFEST)).hexdigest()))
    if masked:
        packets = [name for name in archive.namelist() if name.startswith("requests/")]
        count = sum(bool(json.loads(archive.read(name))["masked"]) for name in packets)
        notes.append(MASKED.format(masked, count))
    return notes
