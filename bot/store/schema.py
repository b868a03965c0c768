"""Tables, indexes and triggers, as ordered migrations. A shipped migration is never edited.

All times are UTC text (`2026-11-21T10:14:00.000000+00:00`, so text order is time order), and all amounts are text. The
database itself refuses what must never happen, whatever the program does. Older migrations are in
`bot.store.migrations`.
"""

import sqlite3
from collections.abc import Callable, Collection
from contextlib import closing
from typing import Any

from sqlite_utils import Database

from bot.store.errors import StoreError
from bot.store.migrations.fourth import by_sql, migrations

__all__ = ["migrations"]


# Let the parts of a large request be written before the request itself, under its number.
# They count for nothing until the request exists, because every question about documents also asks for the request.
# Until then they can be deleted, so neither table has a foreign key to `requests`; rules take its place.
by_sql(
    "0046_preparing",
    """
CREATE TABLE preparing (number INTEGER PRIMARY KEY, at TEXT NOT NULL) STRICT;

DROP TRIGGER calls_that_mail_have_their_documents;
DROP TRIGGER mailings_learn_their_run;
CREATE TABLE mailings_of_all (
  request INTEGER NOT NULL,
  call TEXT NOT NULL,
  way TEXT NOT NULL CHECK (way IN ('run', 'document', 'posting', 'auto')),
  document_number TEXT NOT NULL,
  document_id TEXT NOT NULL,
  account TEXT NOT NULL,
  run TEXT NOT NULL,
  shown TEXT NOT NULL,
  UNIQUE (request, call, document_number)
) STRICT;
INSERT INTO mailings_of_all (request, call, way, document_number, document_id, account, run, shown)
SELECT request, call, way, document_number, document_id, account, run, shown FROM mailings ORDER BY rowid;
DROP TABLE mailings;
ALTER TABLE mailings_of_all RENAME TO mailings;
CREATE INDEX mailings_number ON mailings (document_number) WHERE document_number <> '';
CREATE INDEX mailings_id ON mailings (document_id) WHERE document_id <> '';
CREATE INDEX mailings_run ON mailings (run) WHERE document_number = '';

CREATE TABLE request_subjects_of_all (
  subject TEXT NOT NULL,
  request INTEGER NOT NULL,
  PRIMARY KEY (subject, request)
) STRICT, WITHOUT ROWID;
INSERT INTO request_subjects_of_all SELECT subject, request FROM request_subjects;
DROP TABLE request_subjects;
ALTER TABLE request_subjects_of_all RENAME TO request_subjects;

CREATE TRIGGER mailings_are_of_what_is_not_begun BEFORE INSERT ON mailings
WHEN (SELECT state FROM requests INDEXED BY requests_brief WHERE number = NEW.request)
  NOT IN ('waiting', 'approved')
BEGIN SELECT RAISE(ABORT, 'what a request can mail is written before it begins'); END;
CREATE TRIGGER mailings_are_of_a_request BEFORE INSERT ON mailings
WHEN NOT EXISTS (SELECT 1 FROM preparing WHERE number = NEW.request)
  AND NOT EXISTS (SELECT 1 FROM requests INDEXED BY requests_brief WHERE number = NEW.request)
BEGIN SELECT RAISE(ABORT, 'FOREIGN KEY: what can be mailed belongs to a request'); END;
CREATE TRIGGER mailings_are_never_deleted BEFORE DELETE ON mailings
WHEN NOT EXISTS (SELECT 1 FROM preparing WHERE number = OLD.request)
BEGIN SELECT RAISE(ABORT, 'what could have been mailed is never deleted'); END;
CREATE TRIGGER mailings_are_never_changed BEFORE UPDATE ON mailings
WHEN OLD.document_number <> '' OR OLD.run <> '' OR NEW.document_number <> ''
BEGIN SELECT RAISE(ABORT, 'what could have been mailed is never changed'); END;
CREATE TRIGGER mailings_learn_their_run AFTER UPDATE OF progress ON requests
WHEN json_valid(NEW.progress) AND COALESCE(json_extract(NEW.progress, '$.number'), '') <> ''
BEGIN UPDATE mailings SET run = json_extract(NEW.progress, '$.number')
WHERE request = NEW.number AND document_number = '' AND run = ''; END;
CREATE TRIGGER calls_that_mail_have_their_documents BEFORE UPDATE OF tries ON calls
WHEN NEW.tries > OLD.tries
  AND (SELECT deed FROM requests INDEXED BY requests_brief WHERE number = NEW.request) = 'mailed'
  AND NOT EXISTS (SELECT 1 FROM mailings WHERE request = NEW.request AND call = NEW.subject)
BEGIN SELECT RAISE(ABORT, 'what a call can mail is written before it goes out'); END;
CREATE TRIGGER subjects_are_of_a_request BEFORE INSERT ON request_subjects
WHEN NOT EXISTS (SELECT 1 FROM preparing WHERE number = NEW.request)
  AND NOT EXISTS (SELECT 1 FROM requests INDEXED BY requests_brief WHERE number = NEW.request)
BEGIN SELECT RAISE(ABORT, 'FOREIGN KEY: what is acted on belongs to a request'); END;

CREATE TRIGGER preparing_is_of_what_is_not_asked BEFORE INSERT ON preparing
WHEN EXISTS (SELECT 1 FROM requests INDEXED BY requests_brief WHERE number = NEW.number)
BEGIN SELECT RAISE(ABORT, 'a request that stands there is not prepared'); END;
CREATE TRIGGER preparing_ends_with_the_request AFTER INSERT ON requests
BEGIN DELETE FROM preparing WHERE number = NEW.number; END;
""",
)


# Write five rules so that PostgreSQL understands them too, and record which process works there.
# On a file the lock decides who works; on a server each process that begins to work begins another turn.
by_sql(
    "0047_both_engines",
    """
CREATE TABLE turns_of_work (one INTEGER PRIMARY KEY CHECK (one = 1), turn INTEGER NOT NULL) STRICT;
INSERT INTO turns_of_work VALUES (1, 0);

DROP TRIGGER requests_need_their_approvals;
CREATE TRIGGER requests_need_their_approvals BEFORE UPDATE OF state ON requests
WHEN NEW.state = 'approved' AND (
  SELECT COUNT(DISTINCT person) FROM approvals
  WHERE approvals.request = NEW.number AND approvals.digest = NEW.digest
    AND approvals.person <> NEW.requester) < CAST(json_extract(NEW.rule, '$.approvals') AS INTEGER)
BEGIN SELECT RAISE(ABORT, 'approved without the approvals of other people that its rule needs'); END;

DROP TRIGGER settlements_by_hand_have_their_people;
CREATE TRIGGER settlements_by_hand_have_their_people BEFORE INSERT ON history
WHEN NEW.what = 'request.settled' AND json_extract(NEW.data, '$.by') = 'person'
  AND 1 + (
    SELECT COUNT(*) FROM history AS said
    WHERE said.request = NEW.request AND said.what = 'request.recorded'
      AND said.sequence > (SELECT COALESCE(MAX(sequence), 0) FROM history
        WHERE request = NEW.request AND what = 'call.lost')
      AND said.who NOT IN ('', NEW.who, (SELECT requester FROM requests WHERE number = NEW.request))
      AND json_extract(said.data, '$.accepted') = json_extract(NEW.data, '$.accepted')
      AND NOT EXISTS (SELECT 1 FROM history AS later
        WHERE later.request = NEW.request AND later.what = 'request.recorded'
          AND later.who = said.who AND later.sequence > said.sequence)
  ) < (SELECT CAST(json_extract(rule, '$.approvals') AS INTEGER) FROM requests WHERE number = NEW.request)
BEGIN SELECT RAISE(ABORT, 'a record by hand takes as many people as an approval'); END;

DROP TRIGGER stopped_requests_have_sent_nothing;
CREATE TRIGGER stopped_requests_have_sent_nothing BEFORE UPDATE OF state ON requests
WHEN NEW.state = 'stopped' AND COALESCE(CASE WHEN json_valid(NEW.progress)
    THEN CAST(json_extract(NEW.progress, '$.look_first') AS INTEGER) END, 0) = 0
  AND EXISTS (SELECT 1 FROM calls WHERE request = NEW.number
    AND (verdict IN ('accepted', 'lost') OR (verdict IS NULL AND tries > 0)))
BEGIN SELECT RAISE(ABORT, 'of a request that stopped nothing was sent'); END;

DROP TRIGGER archives_are_in_the_history;
CREATE TRIGGER archives_are_in_the_history BEFORE INSERT ON archives
WHEN NOT EXISTS (SELECT 1 FROM history WHERE sequence = NEW.entry
    AND what = 'database.archived' AND json_extract(data, '$.sha256') = NEW.sha256
    AND CAST(json_extract(data, '$.last') AS INTEGER) = NEW.last
    AND json_extract(data, '$.hash') = NEW.last_hash)
  OR NOT EXISTS (SELECT 1 FROM history WHERE sequence = NEW.last AND hash = NEW.last_hash)
BEGIN SELECT RAISE(ABORT, 'an archive stands in the history'); END;

DROP TRIGGER refusals_are_counted;
CREATE TRIGGER refusals_are_counted AFTER INSERT ON history WHEN NEW.what = 'refused'
BEGIN
  INSERT INTO refusals
  VALUES (substr(NEW.at, 1, 10), COALESCE(CAST(json_extract(NEW.data, '$.count') AS INTEGER), 1))
  ON CONFLICT (day) DO UPDATE SET number = refusals.number + excluded.number;
END;
""",
)


# Mark the sent messages of requests that no row of the history binds yet.
# What was sent before this version stays unbound, because it would add a million rows at once.
by_sql(
    "0041_shown",
    """
ALTER TABLE outbox ADD COLUMN unbound INTEGER NOT NULL DEFAULT 0;
CREATE INDEX outbox_unbound ON outbox (sequence) WHERE unbound = 1;
CREATE TRIGGER messages_that_were_sent_are_never_changed
BEFORE UPDATE OF request, kind, channel, user, text, blocks, file, created_at, ended_at, outcome, ts
ON outbox WHEN OLD.outcome = 'sent' AND OLD.request IS NOT NULL
BEGIN SELECT RAISE(ABORT, 'what was sent is never changed'); END;
""",
)


# Store the documents of a long list beside their request, whose row is rewritten with each move.
# The row keeps what is shown of all of them and the hash of each part, so what binds the row binds the parts. Older
# requests keep their facts where they are.
by_sql(
    "0048_facts_in_parts",
    """
CREATE TABLE facts_in_parts (
  request INTEGER NOT NULL,
  part INTEGER NOT NULL,
  packed BLOB NOT NULL,
  PRIMARY KEY (request, part)
) STRICT;
CREATE TRIGGER facts_are_of_what_is_being_asked BEFORE INSERT ON facts_in_parts
WHEN NOT EXISTS (SELECT 1 FROM preparing WHERE number = NEW.request)
  AND COALESCE((SELECT state FROM requests INDEXED BY requests_brief WHERE number = NEW.request), '') <> 'waiting'
BEGIN SELECT RAISE(ABORT, 'FOREIGN KEY: facts belong to a request'); END;
CREATE TRIGGER facts_are_never_changed BEFORE UPDATE ON facts_in_parts
BEGIN SELECT RAISE(ABORT, 'what was asked is never changed'); END;
CREATE TRIGGER facts_are_never_deleted BEFORE DELETE ON facts_in_parts
WHEN NOT EXISTS (SELECT 1 FROM preparing WHERE number = OLD.request)
  AND NOT EXISTS (SELECT 1 FROM archived WHERE request = OLD.request)
BEGIN SELECT RAISE(ABORT, 'what was asked is never changed'); END;
""",
)


# Record the format of the tables in the row that every transaction locks, so that older versions notice.
by_sql("0053_format", "ALTER TABLE turns_of_work ADD COLUMN format INTEGER NOT NULL DEFAULT 0")


# Index requests by their parent, so that the card of one that ended names those that continue it.
by_sql("0057_parents", "CREATE INDEX requests_parent ON requests (parent) WHERE parent IS NOT NULL")


@migrations(name="0054_sealed")
def sealed(_db: Database) -> None:
    """Keep salts in the data of the history's rows, from which their hashes are made.

    No table changes, but an older version would take such a row for an edited one.
    """


# Refuse only a request without a deed: the type `Deed` alone lists the deeds, and no table does.
by_sql(
    "0059_any_deed",
    """
DROP TRIGGER requests_have_a_deed;
CREATE TRIGGER requests_have_a_deed BEFORE INSERT ON requests WHEN NEW.deed = ''
BEGIN SELECT RAISE(ABORT, 'what a request does in Zuora stands in it'); END;
""",
)


# Index the rules that requests wait under, of which a server has only the hashes.
by_sql(
    "0060_rules", "CREATE INDEX requests_rules ON requests (rule, state) WHERE state = 'waiting'"
)


@migrations(name="0061_receipts_are_drawn")
def receipts_are_drawn(_db: Database) -> None:
    """Keep of a receipt that is still to be sent only the name of its row.

    No table changes, but an older version would send that name instead of the words.
    """


# Requests are found by what they act on in `request_subjects`, and no statement asks for a place, so these were only written.
# Not in BESIDE_OLDER: rows say since then how a lost answer is settled and what a confirmation rests on, and older processes would not.
by_sql(
    "0062_unused_indexes",
    """
DROP INDEX requests_about;
DROP INDEX requests_subject;
DROP INDEX requests_of_a_place;
""",
)


# Find calls by what they act on alone: with the time of sending, saving a call as sent and saving its answer each wrote its entry anew.
by_sql(
    "0063_calls_by_subject",
    """
DROP INDEX calls_subject;
CREATE INDEX calls_subject ON calls (subject);
""",
)


@migrations(name="0064_no_index_of_hashes")
def no_index_of_hashes(db: Any) -> None:
    """Keep no index of the history's hashes: no statement looks for one, and each binds its number and the hash before it.

    Hashes are in no order, so with many rows each new one changed a page of its own. A file loses such an index only with its
    table, or once SQLite's own list names it as an index that was made apart from it, which is the same on the disk.
    """
    if not isinstance(db, Database):  # a server
        db.execute("ALTER TABLE history DROP CONSTRAINT history_hash_key")
        return
    if not _listed_apart(db):
        _copy_history(db)
        return
    db.execute("DROP INDEX history_hash")


_LIST_APART = """
UPDATE sqlite_master SET
  name = CASE type WHEN 'index' THEN 'history_hash' ELSE name END,
  sql = CASE type WHEN 'index' THEN 'CREATE UNIQUE INDEX history_hash ON history (hash)'
    ELSE replace(replace(sql, 'TABLE history (', 'TABLE "history" ('), 'hash TEXT NOT NULL UNIQUE', 'hash TEXT NOT NULL') END
WHERE name = 'sqlite_autoindex_history_1' OR type = 'table' AND name = 'history'
"""


def _listed_apart(db: Database) -> bool:
    """List the index of the history's hashes apart from its table; return False where SQLite guards its list.

    SQLite documents this way for changes that leave what is on the disk as it is (page *ALTER TABLE*).
    """
    (version,) = db.execute("PRAGMA schema_version").fetchone()
    try:
        db.execute("PRAGMA writable_schema = ON")
        db.execute(_LIST_APART)
        db.execute(f"PRAGMA schema_version = {version + 1}")
    except sqlite3.DatabaseError:
        return False
    finally:
        db.execute("PRAGMA writable_schema = RESET")
    return True


def _copy_history(db: Database) -> None:
    """Copy the history into a table without the index: 11 seconds for 400,000 rows, as much room again, and the same result."""
    made_again = db.execute(
        "SELECT type, name, sql FROM sqlite_master WHERE type = 'trigger' AND sql LIKE '%history%' "
        "OR type = 'index' AND tbl_name = 'history' AND sql IS NOT NULL"
    ).fetchall()
    for kind, name, _ in made_again:
        db.execute(f"DROP {kind} {name}")
    (table,) = db.execute("SELECT sql FROM sqlite_master WHERE name = 'history'").fetchone()
    db.execute(
        table.replace("TABLE history", "TABLE copied").replace(
            "hash TEXT NOT NULL UNIQUE", "hash TEXT NOT NULL"
        )
    )
    db.execute("INSERT INTO copied SELECT * FROM history")
    db.execute("DROP TABLE history")
    db.execute("ALTER TABLE copied RENAME TO history")
    for *_, sql in made_again:
        db.execute(sql)


# Find requests whose state is damaged, which no list of a state has. The index is empty while there are none.
by_sql(
    "0065_no_state",
    """
CREATE INDEX requests_of_no_state ON requests (number) WHERE state NOT IN
  ('waiting', 'approved', 'running', 'unknown', 'rejected', 'withdrawn', 'expired', 'stopped', 'succeeded', 'failed');
""",
)


BESIDE_OLDER: frozenset[str] = frozenset(
    {
        "0057_parents", "0059_any_deed", "0060_rules", "0063_calls_by_subject",
        "0064_no_index_of_hashes", "0065_no_state",
    }
)  # fmt: skip
"""Migrations that older processes need not know, such as one that adds an index; they go on writing.

Every other migration changes the format, and older processes then write nothing more.
"""


def known() -> dict[str, Callable[[Database], None]]:
    """Return all migrations of this version by their names, in their order."""
    with closing(Database(memory=True)) as nothing:  # to which none was applied
        return {each.name: each.fn for each in migrations.pending(nothing)}


def refuse_newer(applied: Collection[str]) -> None:
    """Refuse a database to which a newer version of the bot has applied its migrations.

    Raises:
        StoreError: It has; the message says so in one sentence.
    """
    if newer := sorted({*applied} - {*known()}):
        msg = (
            f"This database was written by a newer version of Billing Bot "
            f"({', '.join(newer)}); start that version: nothing was changed."
        )
        raise StoreError(msg)


def format_of_tables() -> int:
    """Return the format of this version's tables; a larger one belongs to a newer version."""
    return len({*known()} - BESIDE_OLDER)
