"""Checks an evidence file with nothing but the file, as its own `verify.py` does, with longer messages."""

import json
import zipfile
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from dataclasses import replace
from hashlib import file_digest, sha256
from pathlib import Path
from tempfile import TemporaryDirectory
from traceback import clear_frames
from typing import IO, Any

from bot.audit import standalone
from bot.audit.along import KINDS
from bot.audit.anchors import Anchored, signed
from bot.audit.chain import days_without, walk
from bot.audit.elsewhere import rows_of
from bot.audit.evidence.archive import FORMAT, MANIFEST, REQUESTS, alongside, last_of, readable
from bot.audit.evidence.package import DAMAGED, Package, about_of
from bot.audit.finding import Finding, Flaw
from bot.audit.verify import Verified, judged
from bot.domain.history import START, Head, Row
from bot.domain.words import count
from bot.store.errors import StoreError

UNSEALED = (
    "the manifest is not sealed with a key: whoever can write the file can make it anew. Compare "
    "the manifest's SHA-256 with the one that was noted when it was made: {}"
)
SIGNED = "the package is signed with the public key {}: compare it with the key that you noted"
NOT_SIGNED = (
    "the package is not signed: nothing in it shows whether somebody with the key of the seal, or without a seal anybody, took an "
    "exception out; the SHA-256 that was printed when it was made does (--known), and the package that follows (--heads)"
)
MASKED = "in {} requests the body, the facts, the reason, the card or messages are masked; what was masked is not proven"
OLD = "it is of format {}, and this program reads format {}. From format 2 on a package holds the verify.py that checks it."
HOW = "masked: {}; {:,} names known, {:,} addresses, {:,} other spellings of names"
HOW_NOT_SAID = "its manifest does not say how it was masked"
SAYS_HOW = {"how": str, "names": int, "addresses": int, "other_spellings": int}
NOT_AGAIN = "00-report.html and evidence.xlsx were made by another program (version {}), so they were not made again"
NOT_BEFORE = "{} is not the package before this one: nothing was compared with the package before."
HELD = "the control was performed again for {}"


def verify_evidence(
    path: Path,
    *,
    key: str,
    noted: Sequence[Sequence[Head]] = (),
    authority: bytes = b"",
    program: str = "",
    given: Sequence[Path] = (),
) -> Verified:
    """Check a file that `billing-bot evidence` made.

    Args:
        path: The zip.
        key: `AUDIT_KEY`, empty for none.
        noted: Lists of heads that were noted elsewhere; at least one head of each list has to be
        of a row in it. A list of one with the sequence 0 gives the hash of its manifest, or a public key that signs its heads.
        authority: Certificates (PEM) of the authority for time stamps; empty for none.
        program: SHA-256 of this program's files: if the package was made by it, report and
        workbook are made again and compared.
        given: Other packages: the one before, with which it is compared, and the one that follows.

    Raises:
        StoreError: The file cannot be read as evidence.
    """
    try:
        with ExitStack() as stack:
            archive, *others = (
                stack.enter_context(zipfile.ZipFile(each)) for each in (path, *given)
            )
            verified = _verified(archive, key.encode(), noted, authority, others)
            if verified.flaw:
                return verified  # a wrong package's report and workbook need no comparison
            made = json.loads(archive.read("verification.json"))
            notes = () if made.get("files") == program else (NOT_AGAIN.format(made.get("version")),)
            found = tuple(_for_people(archive, path, program))
            return replace(verified, findings=found, notes=(*verified.notes, *notes))
    except DAMAGED as error:
        clear_frames(error.__traceback__)  # this closes the files that they hold open
        names = " or ".join(map(str, (path, *given)))
        raise StoreError(f"{names} is no evidence, or is damaged: {error!r}.") from error


def _verified(
    archive: zipfile.ZipFile, key: bytes, noted: Sequence[Sequence[Head]], authority: bytes,
    given: Sequence[zipfile.ZipFile],
) -> Verified:  # fmt: skip
    manifest = json.loads(archive.read(MANIFEST))
    if manifest["format"] != FORMAT:
        raise StoreError(OLD.format(manifest["format"], FORMAT))
    again = list(standalone.checked(archive, key, noted, given, signed))
    found = list(judged(again))
    if not {*archive.namelist()} >= standalone.FILES:
        return Verified(findings=tuple(found), entries=0, last=START, keyed=False)
    about = about_of(archive)
    last = last_of(archive, about)
    heads = [row for row in rows_of(archive) if row.what.startswith(KINDS["heads"])]
    anchored = Anchored((Row(*row[:-1]) for row in heads if not row.masked), authority)
    return Verified(
        findings=(
            *(_named(each, archive, about, key) for each in found),
            *anchored.findings,
        ),
        entries=about["rows"],
        last=last,
        keyed=bool(about["key"]),
        notes=(
            *_notes(archive, about, manifest, noted),
            *(each.words for each in again if each.flaw not in standalone.CODES),
            *anchored.notes([about["signing_key"]]),
        ),
    )


def follows(path: Path, before: Path) -> Iterator[Finding]:
    """Yield a finding if a package does not begin where the one ends that was given as the one before; both are readable."""
    with zipfile.ZipFile(path) as archive, zipfile.ZipFile(before) as given:
        if about_of(given)["last"] != about_of(archive)["before"]["sequence"]:
            yield Finding(Flaw.NOT_COMPARED, None, NOT_BEFORE.format(before))


def _for_people(archive: zipfile.ZipFile, path: Path, program: str) -> Iterator[Finding]:
    """Make the report and the workbook again, and compare program and page, if this version of the program made them."""
    if json.loads(archive.read("verification.json")).get("files") != program:
        return
    with TemporaryDirectory() as folder:
        try:
            again = readable(path, Path(folder))
        except DAMAGED as error:  # a file that no row gives lacks what the report needs
            clear_frames(error.__traceback__)
            words = f"Report and workbook cannot be made from the package: {error!r}."
            yield Finding(Flaw.UNSUPPORTED, None, words)
            return
        for made in again:
            if _sum(made.open("rb")) != _sum(archive.open(made.name)):
                words = f"{made.name} is not what the package gives."
                yield Finding(Flaw.UNSUPPORTED, None, words)
    for name, text in alongside().items():
        if archive.read(name) != text:
            yield Finding(Flaw.UNSUPPORTED, None, f"{name} is not the one of this version.")


def _sum(file: IO[bytes]) -> bytes:
    with file:
        return file_digest(file, "sha256").digest()  # type: ignore[arg-type]


def _named(
    finding: Finding, archive: zipfile.ZipFile, about: dict[str, Any], key: bytes
) -> Finding:
    """Describe a break of the chain by the change that explains it."""
    if finding.flaw is not Flaw.EDITED or about["masked"]:
        return finding
    keyed = about["keyed_from"] is not None and about["keyed_from"] < about["first"]
    rows = (Row(*row[:-1]) for row in rows_of(archive))
    walked = walk(rows, key=key, start=Head(**about["before"]), keyed=keyed)
    return walked.finding or finding


def _how(said: Any) -> str:
    """Return how a package was masked, in words; an earlier version did not say it, and a forger may say anything."""
    if not isinstance(said, dict) or {name: type(each) for name, each in said.items()} != SAYS_HOW:
        return HOW_NOT_SAID
    return HOW.format(" ".join(said["how"].split()), *(said[name] for name in [*SAYS_HOW][1:]))


def _notes(
    archive: zipfile.ZipFile,
    about: dict[str, Any],
    manifest: dict[str, Any],
    noted: Sequence[Sequence[Head]],
) -> Iterator[str]:
    yield HELD.format(count(about["requests"], "request"))
    if not about["over"]:
        yield "the period was not over when it was made"
    if about["package_before"] is None and about["first"] > 1:
        yield f"it names no package before it; rows 1 to {about['first'] - 1} are not in it"
    if why := Package(archive).not_compared:
        yield f"not compared with Zuora: {why}"
    signature = manifest["signature"]
    yield SIGNED.format(signature["public"]) if signature else NOT_SIGNED
    if not manifest["seal"]:
        yield UNSEALED.format(sha256(archive.read(MANIFEST)).hexdigest())
    if about["masked"]:
        yield MASKED.format(sum(bool(each["masked"]) for each in Package(archive).lines(REQUESTS)))
        yield _how(manifest.get("masked"))
    if noted := [each for each in noted if each[0].sequence]:
        yield from days_without(((row.sequence, row.at) for row in rows_of(archive)), noted)
