"""The evidence as one zip: population, packets, refusals, policy, reconciliation, the chain itself."""

import io
import json
import zipfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from hashlib import sha256
from pathlib import Path
from typing import Any

from bot.audit.evidence.mask import Mask
from bot.audit.evidence.reconcile import Period
from bot.domain.digest import canonical
from bot.domain.history import Row, What, fingerprint, row_hash
from bot.domain.spreadsheet import Sheet
from bot.store.file import evidence
from bot.store.file.evidence import Span
from bot.store.file.reading import DatabaseFile
from bot.store.times import to_text

FORMAT = 1
MANIFEST = "manifest.json"
CHAIN = "chain.json"
ROWS = "history.jsonl"
KINDS = {
    "refusals.json": What.REFUSED,
    "policy_changes.json": What.POLICY_CHANGED,
    "heads.json": What.HEAD,
    "starts.json": What.STARTED_BOT,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Scope:
    """What the evidence is to be about.

    Attributes:
        made_at: Now, aware UTC.
        key: `AUDIT_KEY`, empty for none; it seals the manifest.
        mask: Removes names and addresses, or nothing.
        verified: What checking the database's history found, for people.
    """

    period: Period
    made_at: datetime
    key: bytes
    mask: Mask
    verified: dict[str, Any]


def size(file: DatabaseFile, period: Period) -> int:
    """How many packets there will be."""
    return len(evidence.population(file, *_texts(period)))


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
        self._span = evidence.span(file, self._start, self._end)
        self._mask = scope.mask
        self.hashes: dict[str, str] = {}

    def files(
        self, reconciliation: dict[str, Any], step: Callable[[], None]
    ) -> Iterator[tuple[str, bytes]]:
        """Each file's name and content."""
        found = evidence.population(self._file, self._start, self._end)
        for (
            each
        ) in found:  # a name may stand in an earlier text than the field that tells it is one
            self._mask.learn(evidence.packet(self._file, each["number"]))
        yield from self._population(found)
        for each in found:
            yield f"requests/R-{each['number']}.json", self._packet(each["number"])
            step()
        for name, what in KINDS.items():
            entries = evidence.entries(self._file, self._span, what.value)
            yield name, self._json({"count": len(entries), "entries": entries})
        yield "reconciliation.json", self._json(reconciliation)
        if reconciliation["status"] == "done":
            yield "exceptions.csv", self._csv(reconciliation["exceptions"])
        yield "verification.json", self._json(self._scope.verified)
        rows = list(self._rows())
        yield CHAIN, self._json(_chain_of(self._span, rows))
        yield ROWS, b"".join(rows)

    def _population(self, found: Sequence[dict[str, Any]]) -> Iterator[tuple[str, bytes]]:
        first, last = (
            next(self._file.rows(at, at), None) for at in (self._span.first, self._span.last)
        )
        about = {
            "period": {"from": self._start, "before": self._end},
            "count": len(found),
            "history": {
                "count": self._span.last - self._span.first + 1,
                "first": {"sequence": first[0], "hash": first[8]} if first else None,
                "last": {"sequence": last[0], "hash": last[8]} if last else None,
            },
            "query": evidence.POPULATION,
        }
        yield "population.json", self._json({**about, "requests": list(found)})
        yield "population.csv", self._csv(found)

    def _packet(self, number: int) -> bytes:
        found = evidence.packet(self._file, number)
        request, history = found["request"], found["history"]
        decisions = [each for each in history if each["what"] in _DECISIONS]
        started = [each["data"].get("facts") for each in history if each["what"] == What.STARTED]
        card = next((each for each in found["messages"] if each["kind"] == "card"), None)
        return self._json(
            {
                "request": request,
                "card_as_shown": card,
                "decisions": [
                    {
                        "what": each["what"],
                        "who": each["who"],
                        "team": each["team"],
                        "at": each["at"],
                        "groups": each["data"].get("groups"),
                        "rule": each["data"].get("rule") or request["rule"].get("name"),
                        "policy": each["data"].get("policy"),
                        "digest": each["data"].get("digest"),
                        "digest_is_the_requests": each["data"].get("digest") == request["digest"],
                        "reason": each["data"].get("reason"),
                        "seconds_after_asking": _seconds(request["created_at"], each["at"]),
                    }
                    for each in decisions
                ],
                "facts_when_asked": request["facts"],
                "facts_read_again_before_sending": started[-1] if started else None,
                "zuora_calls": found["calls"],
                "approvals": found["approvals"],
                "messages": found["messages"],
                "history": history,
            }
        )

    def _rows(self) -> Iterator[bytes]:
        """The rows of the chain; one whose text is masked says so, for its hash fits no more."""
        for row in self._file.rows(self._span.first, self._span.last):
            each = Row(*row)
            data = json.loads(each.data)
            masked = self._mask.masked(data)
            if masked == data:
                yield _line([*each, False])
            else:
                yield _line([*each._replace(data=canonical(masked)), True])

    def manifest(self) -> bytes:
        """Every file with its hash, sealed where there is a key."""
        about = {
            "format": FORMAT,
            "period": {"from": self._start, "before": self._end},
            "made_at": to_text(self._scope.made_at),
            "masked": type(self._mask) is Mask,
            "files": self.hashes,
        }
        key = self._scope.key
        seal = {"key": fingerprint(key), "hmac": row_hash(canonical(about), key)} if key else None
        return _dumped({**about, "seal": seal})

    def _json(self, value: Any) -> bytes:
        return _dumped(self._mask.masked(value))

    def _csv(self, found: Sequence[dict[str, Any]]) -> bytes:
        """With a byte-order mark, so that spreadsheets read it as UTF-8; no cell is a formula."""
        content = io.StringIO(newline="")
        if found:
            sheet = Sheet(content)
            sheet.row(found[0])
            for each in found:
                sheet.row(self._mask.masked(item) for item in each.values())
        return content.getvalue().encode("utf-8-sig")


_DECISIONS = {What.APPROVED, What.REJECTED, What.WITHDRAWN, What.RECORDED, What.SETTLED}


def _chain_of(span: Span, rows: Sequence[bytes]) -> dict[str, Any]:
    return {
        "before": {"sequence": span.before.sequence, "hash": span.before.hash},
        "key_in_force_before": span.keyed,
        "first": span.first,
        "last": span.last,
        "count": len(rows),
        "columns": [*Row._fields, "masked"],
    }


def _texts(period: Period) -> tuple[str, str]:
    return to_text(period.start), to_text(period.end)


def _seconds(start: str, end: str) -> float:
    return (datetime.fromisoformat(end) - datetime.fromisoformat(start)).total_seconds()


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
