"""Finds where the other tables disagree with the history, with SQL over a read-only file."""

import json
import sys
from collections.abc import Callable, Iterator
from itertools import groupby
from operator import itemgetter
from typing import NamedTuple

from bot.domain.digest import canonical, text_hash
from bot.store.file.facts import with_other_parts
from bot.store.file.readable import unreadable
from bot.store.file.reading import DatabaseFile
from bot.store.file.state_after import state_after
from bot.store.mailings_bound import BOUND, hash_of
from bot.store.outgoing import SENT
from bot.store.request_rows import KEPT, PLACES, asked_hash_of


class Mismatch(NamedTuple):
    """Something in another table that disagrees with the history.

    Attributes:
        at: When it happened according to the table, as text; empty if the table does not say.
    """

    words: str
    at: str


_READY = (
    "CREATE TEMP TABLE IF NOT EXISTS kinds (what, sequence, PRIMARY KEY (what, sequence)) WITHOUT ROWID",
    "DELETE FROM temp.kinds",
    """
    INSERT INTO temp.kinds SELECT what, sequence FROM main.history NOT INDEXED
    WHERE what IN ('call.sent', 'call.answered', 'call.lost', 'call.settled', 'slack.shown', 'request.asked', 'request.approved',
        'request.rejected', 'request.withdrawn', 'request.started', 'request.ended')
      OR (what = 'request.progressed' AND instr(data, '"run"')) ORDER BY what, sequence
    """,
    """
    CREATE TEMP VIEW IF NOT EXISTS entries AS
    SELECT k.what, h.sequence, h.at, h.request, h.who, h.team, h.data
    FROM temp.kinds AS k CROSS JOIN main.history AS h ON h.sequence = k.sequence
    """,
)
"""Lets a statement go through the entries of one kind instead of all rows: most rows are of kinds that most statements do not need."""

_NOT_ASKED = """
SELECT number, created_at FROM requests WHERE NOT EXISTS (
  SELECT 1 FROM history WHERE request = requests.number AND what = 'request.asked')
"""

_REQUEST_GONE = """
SELECT request, MIN(sequence) FROM history
WHERE request IS NOT NULL AND request NOT IN (SELECT number FROM requests) GROUP BY request
"""

_STATES = """
SELECT r.number, r.state, r.state_at, h.sequence, h.what, h.data, h.at
FROM (
  SELECT MAX(sequence) AS last FROM history NOT INDEXED WHERE request IS NOT NULL AND what IN (
    'request.asked', 'request.approved', 'request.rejected', 'request.withdrawn',
    'request.expired', 'request.started', 'request.stopped', 'request.ended', 'request.settled')
  GROUP BY request) AS words
JOIN history AS h ON h.sequence = words.last JOIN requests AS r ON r.number = h.request
"""

_REFUSED = """
SELECT 1 FROM (
  SELECT json_extract(data, '$.verdict') AS verdict, MAX(sequence) FROM history
  WHERE request = ? AND what IN ('call.sent', 'call.answered', 'call.lost', 'call.settled')
  GROUP BY json_extract(data, '$.subject'))
WHERE verdict = 'rejected'
"""
"""Whether Zuora refused a call of a request at last."""

_APPROVALS = """
SELECT request, person, at FROM (
  SELECT request, person, at, team, digest FROM approvals
  EXCEPT SELECT request, who, at, team, json_extract(data, '$.digest') FROM entries WHERE what = 'request.approved')
WHERE TRUE
"""

_DECISIONS = """
SELECT r.number, r.decided_by, COALESCE(r.decided_at, ''), h.who, h.sequence
FROM requests AS r LEFT JOIN (
  SELECT request, MAX(sequence) AS last FROM entries
  WHERE request IS NOT NULL AND (what IN ('request.rejected', 'request.withdrawn')
    OR (what = 'request.approved' AND NOT COALESCE(json_extract(data, '$.missing'), 0)))
  GROUP BY request) AS decided ON decided.request = r.number
LEFT JOIN history AS h ON h.sequence = decided.last
WHERE (r.decided_by IS NOT h.who OR r.decided_at IS NOT h.at
  OR r.decision_reason <> COALESCE(json_extract(h.data, '$.reason'), ''))
"""

_CALLS_GONE = """
SELECT request, json_extract(data, '$.subject') AS subject, MIN(sequence) FROM entries
WHERE what = 'call.sent' AND NOT EXISTS (SELECT 1 FROM calls
  WHERE calls.request = entries.request AND calls.subject = json_extract(entries.data, '$.subject'))
GROUP BY request, subject
"""

_APPROVALS_GONE = """
SELECT request, who, sequence FROM entries WHERE what = 'request.approved' AND NOT EXISTS (
  SELECT 1 FROM approvals WHERE approvals.request = entries.request AND person = entries.who)
"""

_CALLS = """
WITH sent AS (
  SELECT request, json_extract(data, '$.subject') AS subject, COUNT(*) AS times, MAX(at) AS last
  FROM entries WHERE what = 'call.sent' GROUP BY 1, 2)
SELECT calls.request, calls.subject, calls.tries, COALESCE(times, 0), calls.sent_at, last
FROM calls LEFT JOIN sent ON sent.request = calls.request AND sent.subject = calls.subject
WHERE (calls.tries > COALESCE(times, 0) OR ABS(julianday(calls.sent_at) - julianday(last)) > 1.0)
"""
"""Calls sent more often than the history says, or a day apart from their entry.

A call goes out moments after its entry is written, so a day is beyond doubt even if a clock was set.
"""

_OF_ITS_CALL = """
WITH last AS (
  SELECT MAX(sequence) AS sequence FROM entries
  WHERE what IN ({kinds}) GROUP BY request, json_extract(data, '$.subject')),
said AS (SELECT h.request, h.sequence, h.data FROM last JOIN main.history AS h ON h.sequence = last.sequence)
SELECT calls.request, calls.subject, said.sequence FROM said JOIN calls
  ON calls.request = said.request AND calls.subject = json_extract(said.data, '$.subject')
WHERE calls.verdict IN ('accepted', 'rejected') AND calls.verdict = COALESCE(json_extract(said.data, '$.verdict'), calls.verdict)
  AND ({different})
"""
_TIMES = """
SELECT calls.request, calls.subject FROM calls JOIN (
  SELECT request, json_extract(data, '$.subject') AS subject, MIN(CASE what WHEN 'call.sent' THEN at END) AS first,
    MAX(CASE WHEN what <> 'call.sent' THEN at END) AS last
  FROM entries WHERE what IN ('call.sent', 'call.answered', 'call.lost', 'call.settled') GROUP BY 1, 2) AS said
  ON said.request = calls.request AND said.subject = calls.subject
WHERE (ABS(julianday(calls.first_sent_at) - julianday(first)) > 1.0 OR julianday(calls.answered_at) - julianday(last) > 1.0)
"""
"""Calls whose times are more than a day from those of their entries, as for `_CALLS`."""

_RECORDED = """
SELECT request, recorded_by FROM calls WHERE recorded_by <> '' AND NOT EXISTS (
  SELECT 1 FROM history WHERE history.request = calls.request AND who = recorded_by
    AND what IN ('request.recorded', 'request.settled'))
"""

_KEY = _OF_ITS_CALL.format(
    kinds="'call.sent', 'call.answered', 'call.settled'",
    different="calls.key <> json_extract(said.data, '$.key')",
)
"""Calls with another key than the last entry that names one: a busy call gets a new key before it goes out again, if it does."""

_TRACK_ID = _OF_ITS_CALL.format(
    kinds="'call.sent'", different="calls.track_id <> json_extract(said.data, '$.track_id')"
)
"""Calls with another track id than that under which they went out."""

_ANSWER = _OF_ITS_CALL.format(
    kinds="'call.answered'",
    different="calls.http_status IS NOT json_extract(said.data, '$.http_status') "
    "OR calls.zuora_request_id <> COALESCE(json_extract(said.data, '$.zuora_request_id'), '')",
)
"""Calls with another answer than the last one that was recorded."""

_ANSWERS = """
WITH answered AS (
  SELECT request, json_extract(data, '$.subject') AS subject,
    json_extract(data, '$.verdict') AS verdict, MAX(sequence) AS sequence FROM entries
  WHERE what IN ('call.answered', 'call.lost', 'call.settled') GROUP BY 1, 2)
SELECT calls.request, calls.subject, calls.verdict, COALESCE(calls.answered_at, '')
FROM calls LEFT JOIN answered
  ON answered.request = calls.request AND answered.subject = calls.subject
WHERE calls.verdict IS NOT NULL AND answered.verdict IS NOT calls.verdict AND NOT (
  answered.verdict IN ('busy', 'lost') AND EXISTS (
    SELECT 1 FROM history WHERE history.request = calls.request
      AND history.sequence > answered.sequence
      AND what IN ('request.settled', 'request.ended', 'request.stopped')))
"""

_SHOWN = f"""
SELECT h.request, h.sequence, json_extract(m.value, '$[1]'), o.request, {", ".join("o." + name for name in SENT)}
FROM entries AS h, json_each(h.data, '$.messages') AS m
LEFT JOIN outbox AS o ON o.sequence = json_extract(m.value, '$[0]')
WHERE h.what = 'slack.shown'
"""  # noqa: S608 - own names

_NOT_BOUND = """
SELECT DISTINCT o.request FROM outbox AS o
WHERE o.outcome = 'sent' AND o.request IS NOT NULL AND o.unbound = 0
  AND o.ended_at >= (SELECT MIN(at) FROM entries WHERE what = 'slack.shown')
  AND o.sequence NOT IN (
    SELECT json_extract(m.value, '$[0]') FROM entries AS h, json_each(h.data, '$.messages') AS m
    WHERE h.what = 'slack.shown')
"""
"""Messages marked as bound, sent after the first entry that binds any, that no entry names."""

_STARTED = """
SELECT request, sequence, json_extract(data, '$.mailings') AS bound FROM entries
WHERE what = 'request.started' AND bound IS NOT NULL
"""

_MAILINGS = (
    f"SELECT request, {BOUND} FROM mailings NOT INDEXED ORDER BY request, call, document_number"  # noqa: S608 - own names
)

_OTHER_RUNS = """
WITH said AS (
  SELECT number AS request, progress AS text FROM requests NOT INDEXED WHERE progress <> '' AND json_valid(progress)
  UNION ALL SELECT request, began FROM calls NOT INDEXED WHERE began <> '' AND json_valid(began))
SELECT request, json_extract(text, '$.run_id') AS name FROM said WHERE name <> ''
UNION SELECT request, json_extract(text, '$.number') AS name FROM said WHERE name <> ''
EXCEPT SELECT h.request, names.value FROM entries AS h, json_each(h.data, '$.run') AS names
  WHERE h.what IN ('call.answered', 'call.settled', 'request.progressed', 'request.ended')
"""

_CARDS = """
LEFT JOIN (SELECT request, MIN(sequence) AS first FROM outbox WHERE kind = 'card' GROUP BY request)
  AS cards ON cards.request = r.number
LEFT JOIN outbox AS o ON o.sequence = cards.first
"""


def _here(file: DatabaseFile) -> Callable[[str], str]:
    """Return a function that makes the SQL for leaving out archived requests, whose rows are in their archive."""
    if "archived" not in file.tables:
        return lambda _: ""
    return lambda column: f" AND {column} NOT IN (SELECT request FROM archived)"  # noqa: S608 - own names


def mismatches(file: DatabaseFile) -> Iterator[Mismatch]:
    """Yield everything in the other tables that the history does not record or records differently."""
    here = _here(file)
    for statement in _READY:
        file.database.execute(statement)
    for number, at in file.database.execute(_NOT_ASKED + here("number")):
        yield Mismatch(
            f"R-{number} is in the requests, and no entry says that it was asked for", at
        )
    for number, sequence in file.database.execute(_REQUEST_GONE):
        yield Mismatch(f"row {sequence} names R-{number}, which is not in the requests", "")
    yield from _states(file)
    yield from _decisions(file, here)
    yield from _requests(file)
    for number in with_other_parts(file):
        yield Mismatch(f"the documents of R-{number} are not those that it was asked for with", "")
    for number, person, at in file.database.execute(_APPROVALS + here("request")):
        yield Mismatch(f"R-{number} has an approval of {person} that no entry records", at)
    for number, person, sequence in file.database.execute(_APPROVALS_GONE):
        yield Mismatch(
            f"row {sequence} shows an approval of R-{number} by {person}, which is gone", ""
        )
    yield from _calls(file, here)
    yield from _messages(file, here)
    yield from _to_its_account(file, here)
    yield from (Mismatch(each.words, "") for each in unreadable(file))


def _to_its_account(file: DatabaseFile, here: Callable[[str], str]) -> Iterator[Mismatch]:
    """Yield documents and bill runs that are attributed to a request which had nothing to do with them."""
    began = set()
    can_mail = groupby(
        file.database.execute(_MAILINGS) if "mailings" in file.tables else (), key=itemgetter(0)
    )
    number, rows = 0, []
    for request, sequence, bound in file.database.execute(
        f"{_STARTED}{here('request')} ORDER BY request"
    ):
        began.add(request)
        while number < request:
            number, group = next(can_mail, (sys.maxsize, ()))
            rows = [row[1:] for row in group]
        if hash_of(rows if number == request else []) != bound:
            words = f"R-{request} can mail other documents than when it began (row {sequence})"
            yield Mismatch(words, "")
    if began:
        for number, name in file.database.execute(_OTHER_RUNS):
            if number in began:
                words = f"R-{number} follows the bill run {name}, and no entry says so"
                yield Mismatch(words, "")


def _messages(file: DatabaseFile, here: Callable[[str], str]) -> Iterator[Mismatch]:
    """Yield messages that are gone, or differ from what the history says was sent."""
    if "outbox" not in file.tables:
        return
    for number, sequence, hashed, its, *sent in file.database.execute(_SHOWN + here("h.request")):
        if text_hash(canonical(sent)) != hashed or its != number:
            gone = "is gone" if sent[0] is None else "is not as it was sent"
            yield Mismatch(f"a message of R-{number} {gone} (row {sequence})", "")
    if "unbound" in _columns(file, "outbox"):
        for (number,) in file.database.execute(_NOT_BOUND + here("o.request")):
            yield Mismatch(f"a message of R-{number} was sent, and no entry binds it", "")


def _calls(file: DatabaseFile, here: Callable[[str], str]) -> Iterator[Mismatch]:
    for number, subject, sequence in file.database.execute(_CALLS_GONE):
        words = f"row {sequence} shows a call of R-{number} about {subject}, which is gone"
        yield Mismatch(words, "")
    found = file.database.execute(_CALLS + here("calls.request"))
    for number, subject, tries, recorded, at, last in found:
        words = f"R-{number} called Zuora about {subject}"
        if tries > recorded:
            words = f"{words} {tries} times, and the history records {recorded}"
            yield Mismatch(words, at or "")
        else:
            yield Mismatch(f"{words} at {at}, and the history records {last}", "")
    yield from _call_rows(file, here)
    for number, subject, verdict, at in file.database.execute(_ANSWERS + here("calls.request")):
        yield Mismatch(
            f"R-{number} has the answer {verdict!r} about {subject} that no entry records", at
        )


def _call_rows(file: DatabaseFile, here: Callable[[str], str]) -> Iterator[Mismatch]:
    """Yield calls whose row has other times, another key, another answer or another record than their entries."""
    there = _columns(file, "calls")
    for number, subject in file.database.execute(_TIMES + here("calls.request")):
        words = f"R-{number} has other times of its call about {subject} than the history records"
        yield Mismatch(words, "")
    recorded = f"{_RECORDED}{here('calls.request')}" if "recorded_by" in there else ""
    for number, who in file.database.execute(recorded) if recorded else ():
        yield Mismatch(f"R-{number} has an outcome recorded by {who}, and no entry says so", "")
    for statement, what in ((_KEY, "key"), (_TRACK_ID, "track id"), (_ANSWER, "answer")):
        for number, subject, sequence in file.database.execute(statement + here("calls.request")):
            words = f"R-{number} has another {what} of its call about {subject} than row {sequence} records"
            yield Mismatch(words, "")


def _decisions(file: DatabaseFile, here: Callable[[str], str]) -> Iterator[Mismatch]:
    for number, by, at, who, sequence in file.database.execute(_DECISIONS + here("r.number")):
        recorded = f"row {sequence} records {who}, at another time or for another reason"
        recorded = recorded if by == who else f"row {sequence} records {who}"
        words = f"R-{number} was decided by {by or 'nobody'} {at}".strip()
        yield Mismatch(f"{words}, and {recorded if who else 'no entry says so'}", at)


def _states(file: DatabaseFile) -> Iterator[Mismatch]:
    for number, state, at, sequence, what, data, written_at in file.database.execute(_STATES):
        said = json.loads(data)
        is_older = what == "request.settled" and "state" not in said
        refused = is_older and bool(file.database.execute(_REFUSED, [number]).fetchone())
        recorded = state_after(what, said, refused=refused)
        if recorded and recorded != state:
            yield Mismatch(
                f"R-{number} is {state}, and the history's last word (row {sequence}) is {recorded}",
                at,
            )
        elif recorded and recorded != "waiting" and at != written_at:
            words = f"R-{number} is {state} since {at}, and the history's last word (row {sequence}) is of {written_at}"
            yield Mismatch(words, "")


def _requests(file: DatabaseFile) -> Iterator[Mismatch]:
    """Yield requests whose text or card is no longer what the history bound."""
    there = _columns(file, "requests")
    names = (*KEPT, *(name for name in PLACES if name in there))
    columns = ", ".join(f"r.{name}" for name in names)
    has_outbox = "outbox" in file.tables
    shown, cards = (
        ("o.text, o.blocks, o.channel", _CARDS) if has_outbox else ("NULL, NULL, NULL", "")
    )
    found = file.database.execute(
        f"SELECT {columns}, r.parent, r.channel, h.sequence, h.data, {shown} "  # noqa: S608 - own names
        "FROM entries AS h CROSS JOIN requests AS r ON r.number = h.request "
        f"{cards} WHERE h.what = 'request.asked'"
    )
    for *kept, parent, channel, sequence, data, text, blocks, its in found:
        bound = json.loads(data)
        row = dict(zip(names, kept, strict=True))
        if bound.get("parent", parent) != parent or (its or channel) != channel:
            words = f"R-{row['number']} continues another request, or is of another channel, than when it was asked for (row {sequence})"
            yield Mismatch(words, "")
        if "record" in bound and asked_hash_of(row) != bound["record"]:
            words = f"R-{row['number']} is not as it was asked for (row {sequence})"
            yield Mismatch(words, "")
        if has_outbox and "card" in bound and not _card_fits(text, blocks, bound["card"]):
            words = f"the card of R-{row['number']} is not as it was written (row {sequence})"
            yield Mismatch(words, "")


def _columns(file: DatabaseFile, table: str) -> set[str]:
    return {*file.columns(table)}


def _card_fits(text: str | None, blocks: str | None, bound: dict[str, str]) -> bool:
    """Return whether the card is as it was written; without its blocks if Slack refused them."""
    if text is None or blocks is None:
        return False
    return text_hash(text) == bound["text"] and (
        blocks == "[]" or text_hash(blocks) == bound["blocks"]
    )
