"""Checks a database some of whose rows are in archives: the rows that stayed, and the chain's start."""

import json
from collections.abc import Collection, Iterator, Sequence
from dataclasses import replace

from bot.audit.chain import Walked, against_noted, stand, walk
from bot.audit.finding import Finding, Flaw
from bot.domain.history import START, Head, Row
from bot.store.file.archived import Archive, kept_hash_of, staying_hash
from bot.store.file.reading import DatabaseFile

MAX_ROW = 2**63 - 1


def walked_with_archives(
    file: DatabaseFile, archives: list[Archive], key: bytes, note: Collection[int]
) -> Walked:
    """Walk the chain from its current start, after the last archive; check earlier rows one by one."""
    if not archives:
        return walk(file.rows(), key=key, note=note)
    start = archives[-1].last
    stood = stand(file.rows(0, start.sequence), key)
    known = {number: hashed for number, hashed in (*stood.rows, start) if number in note}
    if stood.finding:
        last = Head(*stood.rows[-1]) if stood.rows else START
        return Walked(
            finding=stood.finding, rows=len(stood.rows), last=last, last_at="",
            keyed_from=stood.keyed_from, noted=known,
        )  # fmt: skip
    rows, keyed = file.rows(start.sequence + 1, MAX_ROW), stood.keyed_from is not None
    walked = walk(rows, key=key, start=start, keyed=keyed, after=stood.last_at, note=note)
    return replace(
        walked,
        rows=walked.rows + len(stood.rows),
        keyed_from=stood.keyed_from or walked.keyed_from,
        noted={**known, **walked.noted},
        back=(*stood.back, *walked.back),
    )


def against_heads(
    archives: list[Archive], walked: Walked, noted: Sequence[Sequence[Head]]
) -> Iterator[Finding]:
    """Yield findings on noted heads that do not fit, and on those that need an archive because their row is in it."""
    until = archives[-1].last.sequence if archives else 0
    away = {
        head for heads in noted for head in heads
        if head.sequence <= until and head.sequence not in walked.noted
    }  # fmt: skip
    for head in sorted(away):
        words = f"Row {head.sequence} is in an archive: compare the head with its file, by --head."
        yield Finding(Flaw.NOT_COMPARED, head.sequence, words)
    yield from against_noted(
        walked, [[head for heads in noted for head in heads if head not in away]]
    )


def stayed(file: DatabaseFile, archives: list[Archive]) -> Iterator[Finding]:
    """Yield findings where the rows left behind by an archive differ from those that the history recorded."""
    for each in archives:
        row = file.row(each.entry)
        recorded = json.loads(row.data) if row else {}
        is_recorded = (recorded.get("sha256"), recorded.get("last"), recorded.get("hash")) == (
            each.sha256,
            *each.last,
        )
        if not is_recorded or recorded.get("kept") != kept_hash_of(file, each.position):
            words = f"What stayed of the requests in {each.file} is not as the history says."
            yield Finding(Flaw.UNSUPPORTED, each.entry, words)
        newest = each is archives[-1]
        if newest and is_recorded and recorded["stays"] != staying_hash(_standing(file, each)):
            words = f"Rows are missing, or new, among those that stayed when {each.file} was made."
            yield Finding(Flaw.DELETED, each.entry, words)


def _standing(file: DatabaseFile, archive: Archive) -> Iterator[tuple[int, str]]:
    return ((Row(*row).sequence, Row(*row).hash) for row in file.rows(0, archive.last.sequence))


def elsewhere(archive: Archive) -> str:
    """Return a sentence about what is in an archive, and how to compare it."""
    return (
        f"requests that ended before {archive.before} are in {archive.file} (SHA-256 {archive.sha256}); "
        f"--archive {archive.file} compares the two"
    )
