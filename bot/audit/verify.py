"""Checks whether a database's history is complete, and whether it records everything else in the database."""

import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from hashlib import file_digest
from pathlib import Path

from bot.audit import standalone
from bot.audit.along import COUNTED, Numbers, SignedHeads, backwards
from bot.audit.anchors import Anchored, signed
from bot.audit.archived import against_heads, elsewhere, stayed, walked_with_archives
from bot.audit.chain import Walked, days_without
from bot.audit.control import InForce, control
from bot.audit.finding import Finding, Flaw
from bot.audit.rows import NO_ROW, FileRow, Remark, slack_clock
from bot.domain.history import Head, Row, fingerprint
from bot.store.errors import StoreError
from bot.store.file import crosscheck, performed_again
from bot.store.file.archived import archives_of
from bot.store.file.reading import DatabaseFile, open_read_only

MOST_LISTED = 20
NotedHeads = Sequence[Sequence[Head]]
"""Lists of heads that were noted elsewhere."""
ORDER = (
    Flaw.GONE, Flaw.KEY, Flaw.EDITED, Flaw.DELETED, Flaw.INSERTED, Flaw.REORDERED, Flaw.REBUILT,
    Flaw.TAIL_CUT, Flaw.DAMAGED, Flaw.UNSUPPORTED, Flaw.MANIFEST, Flaw.CONTROL, Flaw.SIGNATURE, Flaw.NUMBERS, Flaw.CLOCK,
    Flaw.NOT_COMPARED, Flaw.TRIGGER,
)  # fmt: skip
"""The order in which flaws decide the exit code; a dropped trigger comes last, as a means to the others."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Verified:
    """What a check found.

    Attributes:
        entries: Rows of the history that fit.
        last: The last of them.
        notes: What could not be checked, and why; these are no flaws.
    """

    findings: tuple[Finding, ...]
    entries: int
    last: Head
    keyed: bool
    notes: tuple[str, ...] = ()

    @property
    def flaw(self) -> Flaw | None:
        """Return the flaw that decides the exit code; None if there is none."""
        flaws = {finding.flaw for finding in self.findings}
        return next((flaw for flaw in ORDER if flaw in flaws), None)


def refuse_damage(path: Path) -> None:
    """Make SQLite's full check: every page, and whether each index fits its table.

    It takes some four times as long as checking the history does.

    Raises:
        StoreError: The file is damaged, or cannot be read.
    """
    with open_read_only(path) as file:
        if damage := file.damage():
            raise StoreError(f"{path} is damaged: {damage}. Restore a backup.")


def verify_database(
    path: Path, *, key: str, noted: NotedHeads = (), authority: bytes = b""
) -> Verified:
    """Check a database file without writing to it; the bot may be running.

    Args:
        path: The file.
        key: `AUDIT_KEY`, empty for none.
        noted: Lists of heads that were noted elsewhere; a list of one with the sequence 0 gives a public key that must sign heads here.
        authority: Certificates (PEM) of the authority for time stamps; empty for none.

    Raises:
        StoreError: The file cannot be read as a database of the bot.
    """
    log = Path(f"{path}-wal")
    logged, stamp = log.exists(), _stamp(path)
    try:
        verified = _verify(path, key.encode(), noted, authority)
        if verified.findings and not logged and (log.exists() or _stamp(path) != stamp):
            return _verify(
                path, key.encode(), noted, authority
            )  # the bot started while the file was read
    except (
        LookupError,
        ValueError,
        TypeError,
        AttributeError,
    ) as error:  # bytes that are no longer text
        raise StoreError(f"{path} is damaged: {error!r}.") from error
    return verified


def _stamp(path: Path) -> tuple[int, int]:
    try:
        found = path.stat()
    except OSError as error:
        raise StoreError(f"{path} cannot be read: {error.strerror}.") from error
    return found.st_mtime_ns, found.st_size


def _verify(path: Path, key: bytes, noted: NotedHeads, authority: bytes) -> Verified:
    with open_read_only(path) as file:
        triggers = tuple(_triggers(file))
        if "history" not in file.tables:
            gone = Finding(Flaw.GONE, None, "The table of the history is gone.")
            return Verified(
                findings=(gone, *triggers), entries=0, last=Head(0, ""), keyed=False
            )  # fmt: skip
        archives, said = archives_of(file), tuple[str, ...]()
        given = {head.hash for heads in noted for head in heads if not head.sequence} - {NO_ROW}
        noted = [
            [head for head in heads if head.sequence > 0]
            for heads in noted
            if heads[0].sequence  # manifests are of packages
        ]
        walked = walked_with_archives(
            file, archives, key, {head.sequence for heads in noted for head in heads}
        )
        findings = [
            *_chain(file, walked, key), *_other_keys(file, given),
            *against_heads(archives, walked, noted), *triggers,
        ]  # fmt: skip
        if not any(found.flaw in _BROKEN for found in findings):
            findings += _tables(file, walked, cut=_is_cut(findings))
            again = list(_performed_again(file, walked, _vouched(walked, noted)))
            findings += judged(again)
            said = tuple(each.words for each in again if each.flaw not in standalone.CODES)
            findings += stayed(file, archives)
        anchored = Anchored((Row(*row) for row in file.heads()), authority)
        notes = days_without(file.times(), noted) if noted else (NOT_ANCHORED,)
        return Verified(
            findings=(*findings, *anchored.findings),
            entries=walked.rows,
            last=walked.last,
            keyed=walked.keyed_from is not None,
            notes=(*notes, *map(elsewhere, archives), *said, *anchored.notes()),
        )


def verify_archive(path: Path, database: Path, *, key: str) -> Verified:
    """Check an archive by itself, and against the chain of its database.

    Raises:
        StoreError: It cannot be read.
    """
    with path.open("rb") as opened:
        digest = file_digest(opened, "sha256").hexdigest()
    verified = verify_database(path, key=key)
    with open_read_only(database) as file:
        made = next((each for each in archives_of(file) if each.sha256 == digest), None)
        if made is None:
            words = f"{path} is not an archive that {database} records, or it was changed."
            return replace(
                verified, findings=(*verified.findings, Finding(Flaw.UNSUPPORTED, None, words))
            )
        row = file.row(made.entry)
    if row is None or row.before != verified.last.hash:
        words = f"{path} does not end where the chain of {database} goes on."
        return replace(
            verified, findings=(*verified.findings, Finding(Flaw.REBUILT, made.entry, words))
        )
    return replace(verified, notes=(FITS.format(path, made.entry),))


FITS = "{} is the archive that row {} of the history shows, and the chain goes on from its end"

NOT_ANCHORED = (
    "no head from elsewhere was compared (--head): without one, nobody can notice that the history was rebuilt by "
    "somebody who can write the file and has its key, if it has one"
)
_BROKEN = {
    Flaw.GONE, Flaw.DAMAGED, Flaw.EDITED, Flaw.DELETED, Flaw.INSERTED, Flaw.REORDERED, Flaw.REBUILT, Flaw.KEY
}  # fmt: skip
"""With these flaws the other tables cannot be compared with the rows."""


def _is_cut(findings: list[Finding]) -> bool:
    return any(finding.flaw is Flaw.TAIL_CUT for finding in findings)


def _chain(file: DatabaseFile, walked: Walked, key: bytes) -> Iterator[Finding]:
    if walked.finding is not None:
        yield walked.finding
        return
    head = file.head()
    begun = file.audit_key()
    if not walked.rows:
        if begun or (head and head.sequence) or file.has_requests():
            yield Finding(Flaw.GONE, None, "The history is empty, but other tables are not.")
        return
    if walked.keyed_from is None and (begun or key):
        yield _without_key(begun, key)
        return
    if head is not None and head != walked.last:
        yield _other_head(head, walked.last)


def _other_keys(file: DatabaseFile, given: set[str]) -> Iterator[Finding]:
    """Yield a finding on each public key that an auditor knows, and that signs no head here."""
    for other in sorted(given - {each["public"] for each in file.signing_keys()}):
        yield Finding(Flaw.REBUILT, None, f"No row begins the signing key {other}.")


def _without_key(begun: str, key: bytes) -> Finding:
    if begun:
        return Finding(
            Flaw.REBUILT, None,
            "The database says that its history is made with a key, and no row is: it was rebuilt "
            "by somebody without the key.",
        )  # fmt: skip
    return Finding(
        Flaw.KEY, None,
        f"AUDIT_KEY is set (fingerprint {fingerprint(key)}), and no row of the history is made "
        "with a key. Either the bot has not been started since it was set, or the history was "
        "rebuilt by somebody without the key.",
    )  # fmt: skip


def _other_head(head: Head, last: Head) -> Finding:
    if head.sequence > last.sequence:
        return Finding(
            Flaw.TAIL_CUT, last.sequence + 1,
            f"The history ends with row {last.sequence}, and the bot last wrote row "
            f"{head.sequence}.",
        )  # fmt: skip
    if head.sequence < last.sequence:
        return Finding(
            Flaw.INSERTED, head.sequence + 1,
            f"The bot last wrote row {head.sequence}; the rows after it were put in.",
        )  # fmt: skip
    return Finding(
        Flaw.REBUILT, last.sequence,
        f"Row {last.sequence} has another hash than the bot wrote: the history was rebuilt.",
    )  # fmt: skip


def _tables(file: DatabaseFile, walked: Walked, *, cut: bool) -> Iterator[Finding]:
    """Compare the other tables with the history: rows newer than its last entry mean that its end was cut off."""
    for listed, mismatch in enumerate(crosscheck.mismatches(file)):
        if listed == MOST_LISTED:
            yield Finding(Flaw.UNSUPPORTED, None, "There is more of this; the rest is not listed.")
            return
        if mismatch.at > walked.last_at or (cut and mismatch.at):
            words = f"After row {walked.last.sequence} entries are missing: {mismatch.words}."
            yield Finding(Flaw.TAIL_CUT, walked.last.sequence + 1, words)
        else:
            yield Finding(Flaw.UNSUPPORTED, None, f"{_capital(mismatch.words)}.")


def _performed_again(file: DatabaseFile, walked: Walked, vouched: int) -> Iterator[Remark]:
    """Repeat the checks of a package: the control of each request, the numbers and the clock."""
    stands = InForce()
    for row in _plain(file.standing()):
        yield from stands.note(row)
    stands.signers += _plain(performed_again.explained(file))
    for record, story in performed_again.decided(file):
        yield from control(record, [(row, json.loads(row.data)) for row in _plain(story)], stands)
    yield from (*stands.others(), *stands.changes.left(0))
    order = Numbers(file.first(), number=0, at=walked.last_at)
    for row in _plain(performed_again.counted(file)):
        yield from order.counted(row) if row.what in COUNTED else ()
    yield from order.left()
    for each in walked.back:
        yield from backwards(*each)
    heads = SignedHeads("", signed)
    for row in _plain(file.heads()):
        yield from heads.note(row)
    yield from heads.left(vouched)
    for number, message in performed_again.taken_by_slack(file):
        yield from slack_clock(number, [message])


def _vouched(walked: Walked, noted: NotedHeads) -> int:
    """Return the last row covered by a head from elsewhere; 0 if there is none."""
    bound = (
        head.sequence
        for heads in noted
        for head in heads
        if walked.noted.get(head.sequence) == head.hash
    )
    return max(bound, default=0)


def _plain(rows: Iterable[Row]) -> Iterator[FileRow]:
    return (FileRow(*row, masked=False) for row in rows)


def judged(found: Iterable[Remark]) -> Iterator[Finding]:
    """Return the findings without the notes."""
    return (
        Finding(Flaw(each.flaw), each.row, each.words)
        for each in found
        if each.flaw in standalone.CODES
    )


def _capital(words: str) -> str:
    return words[0].upper() + words[1:]


def _triggers(file: DatabaseFile) -> Iterator[Finding]:
    for name in file.missing_triggers():
        yield Finding(
            Flaw.TRIGGER, None,
            f"The trigger {name} is missing or was changed: the database no longer forbids what "
            "it should.",
        )  # fmt: skip
