"""The first six migrations. Shipped: they are never edited."""

import sqlite3

from sqlite_utils import Database, Migrations

migrations = Migrations("billing-bot")


def run(db: Database, script: str) -> None:
    """Execute the statements of a script inside the migration's transaction.

    Each statement ends at the end of a line. sqlite-utils' own `executescript` looks for the end
    of a statement after every character, which took most of the time of creating a database.
    """
    statement = ""
    for line in f"{script.strip().removesuffix(';')};".splitlines(keepends=True):
        statement += line
        if sqlite3.complete_statement(statement):
            db.execute(statement)
            statement = ""


def by_sql(name: str, script: str) -> None:
    """Make a script the next migration.

    Args:
        name: Its number and what it is about; it stands in each database to which it was applied.
        script: Its statements. They run in one transaction.
    """
    migrations(name=name)(lambda db: run(db, script))


# Create requests, approvals, calls, outbox and history.
by_sql(
    "0001_the_first_tables",
    """
CREATE TABLE requests (
  number INTEGER PRIMARY KEY,
  operation TEXT NOT NULL,
  subject TEXT NOT NULL,
  body TEXT NOT NULL,
  facts TEXT NOT NULL,
  digest TEXT NOT NULL,
  tenant TEXT NOT NULL,
  requester TEXT NOT NULL CHECK (requester <> ''),
  team TEXT NOT NULL,
  reason TEXT NOT NULL,
  rule TEXT NOT NULL,
  policy_hash TEXT NOT NULL,
  form TEXT NOT NULL UNIQUE,
  state TEXT NOT NULL,
  created_at TEXT NOT NULL,
  expires_at TEXT NOT NULL,
  state_at TEXT NOT NULL,
  wake_at TEXT,
  channel TEXT NOT NULL,
  card_ts TEXT,
  decided_by TEXT,
  decided_at TEXT,
  decision_reason TEXT NOT NULL,
  looks INTEGER NOT NULL,
  result TEXT NOT NULL,
  parent INTEGER REFERENCES requests (number)
) STRICT;
CREATE INDEX requests_due ON requests (wake_at) WHERE wake_at IS NOT NULL;
CREATE INDEX requests_state ON requests (state, state_at);
CREATE INDEX requests_subject ON requests (subject, operation);

CREATE TABLE approvals (
  request INTEGER NOT NULL REFERENCES requests (number),
  person TEXT NOT NULL CHECK (person <> ''),
  team TEXT NOT NULL,
  at TEXT NOT NULL,
  digest TEXT NOT NULL,
  PRIMARY KEY (request, person)
) STRICT;

CREATE TABLE calls (
  request INTEGER NOT NULL REFERENCES requests (number),
  subject TEXT NOT NULL,
  key TEXT NOT NULL UNIQUE,
  track_id TEXT NOT NULL,
  tries INTEGER NOT NULL,
  first_sent_at TEXT,
  sent_at TEXT,
  answered_at TEXT,
  verdict TEXT,
  http_status INTEGER,
  zuora_request_id TEXT NOT NULL,
  words TEXT NOT NULL,
  PRIMARY KEY (request, subject)
) STRICT;

CREATE TABLE outbox (
  sequence INTEGER PRIMARY KEY,
  request INTEGER REFERENCES requests (number),
  kind TEXT NOT NULL,
  channel TEXT NOT NULL,
  user TEXT NOT NULL,
  text TEXT NOT NULL,
  blocks TEXT NOT NULL,
  created_at TEXT NOT NULL,
  wake_at TEXT,
  tries INTEGER NOT NULL,
  tried_at TEXT,
  ended_at TEXT,
  outcome TEXT,
  ts TEXT
) STRICT;
CREATE INDEX outbox_open ON outbox (sequence) WHERE ended_at IS NULL;

CREATE TABLE history (
  sequence INTEGER PRIMARY KEY,
  at TEXT NOT NULL,
  request INTEGER REFERENCES requests (number),
  what TEXT NOT NULL,
  who TEXT NOT NULL,
  team TEXT NOT NULL,
  data TEXT NOT NULL,
  before TEXT NOT NULL,
  hash TEXT NOT NULL UNIQUE
) STRICT;
CREATE INDEX history_request ON history (request, sequence);

CREATE TRIGGER history_is_never_changed BEFORE UPDATE ON history
BEGIN SELECT RAISE(ABORT, 'the history is append-only'); END;

CREATE TRIGGER history_is_never_deleted BEFORE DELETE ON history
BEGIN SELECT RAISE(ABORT, 'the history is append-only'); END;

CREATE TRIGGER history_has_no_gap BEFORE INSERT ON history
WHEN NEW.sequence <> (SELECT COALESCE(MAX(sequence), 0) + 1 FROM history)
BEGIN SELECT RAISE(ABORT, 'the history has no gap'); END;

CREATE TRIGGER requests_are_never_deleted BEFORE DELETE ON requests
BEGIN SELECT RAISE(ABORT, 'a request is never deleted'); END;

CREATE TRIGGER requests_keep_what_was_asked BEFORE UPDATE OF
  number, operation, subject, body, facts, digest, tenant, requester, team, reason, rule,
  policy_hash, form, created_at, expires_at ON requests
BEGIN SELECT RAISE(ABORT, 'what was asked is never changed'); END;

CREATE TRIGGER requests_move_along_the_arrows BEFORE UPDATE OF state ON requests
WHEN NEW.state <> OLD.state AND NOT (
  (OLD.state = 'waiting' AND NEW.state IN ('rejected', 'withdrawn', 'expired', 'approved')) OR
  (OLD.state = 'approved' AND NEW.state IN ('running', 'stopped')) OR
  (OLD.state = 'running' AND NEW.state IN ('succeeded', 'failed', 'unknown', 'stopped')) OR
  (OLD.state = 'unknown' AND NEW.state IN ('succeeded', 'failed')))
BEGIN SELECT RAISE(ABORT, 'no such move of a request'); END;

CREATE TRIGGER requests_need_an_approval BEFORE UPDATE OF state ON requests
WHEN NEW.state = 'approved' AND NOT EXISTS (
  SELECT 1 FROM approvals
  WHERE approvals.request = NEW.number AND approvals.digest = NEW.digest
    AND approvals.person <> NEW.requester)
BEGIN SELECT RAISE(ABORT, 'approved without an approval of another person'); END;

CREATE TRIGGER approvals_are_of_another_person BEFORE INSERT ON approvals
WHEN NEW.person = (SELECT requester FROM requests WHERE number = NEW.request)
BEGIN SELECT RAISE(ABORT, 'a requester may not approve'); END;

CREATE TRIGGER approvals_are_of_waiting_requests BEFORE INSERT ON approvals
WHEN (SELECT state FROM requests WHERE number = NEW.request) IS NOT 'waiting'
BEGIN SELECT RAISE(ABORT, 'the request is decided'); END;

CREATE TRIGGER approvals_are_never_changed BEFORE UPDATE ON approvals
BEGIN SELECT RAISE(ABORT, 'an approval is never changed'); END;

CREATE TRIGGER approvals_are_never_deleted BEFORE DELETE ON approvals
BEGIN SELECT RAISE(ABORT, 'an approval is never deleted'); END;
""",
)


# Let requests follow what an accepted call started, with progress and files in the thread.
# A lost call that reading Zuora proved is followed too, so unknown can become running.
by_sql(
    "0002_following",
    """
ALTER TABLE requests ADD COLUMN progress TEXT NOT NULL DEFAULT '';
ALTER TABLE requests ADD COLUMN progress_ts TEXT;
ALTER TABLE calls ADD COLUMN retry_at TEXT;
ALTER TABLE calls ADD COLUMN began TEXT NOT NULL DEFAULT '';
ALTER TABLE outbox ADD COLUMN file TEXT NOT NULL DEFAULT '';
CREATE INDEX calls_subject ON calls (subject, sent_at);
CREATE INDEX outbox_progress ON outbox (request, sequence) WHERE kind = 'progress';

DROP TRIGGER requests_move_along_the_arrows;
CREATE TRIGGER requests_move_along_the_arrows BEFORE UPDATE OF state ON requests
WHEN NEW.state <> OLD.state AND NOT (
  (OLD.state = 'waiting' AND NEW.state IN ('rejected', 'withdrawn', 'expired', 'approved')) OR
  (OLD.state = 'approved' AND NEW.state IN ('running', 'stopped')) OR
  (OLD.state = 'running' AND NEW.state IN ('succeeded', 'failed', 'unknown', 'stopped')) OR
  (OLD.state = 'unknown' AND NEW.state IN ('running', 'succeeded', 'failed')))
BEGIN SELECT RAISE(ABORT, 'no such move of a request'); END;
""",
)


# Allow several approvals and reminders, as the request's rule says.
by_sql(
    "0003_quorum",
    """
ALTER TABLE requests ADD COLUMN reminded INTEGER NOT NULL DEFAULT 0;

DROP TRIGGER requests_need_an_approval;
CREATE TRIGGER requests_need_their_approvals BEFORE UPDATE OF state ON requests
WHEN NEW.state = 'approved' AND (
  SELECT COUNT(DISTINCT person) FROM approvals
  WHERE approvals.request = NEW.number AND approvals.digest = NEW.digest
    AND approvals.person <> NEW.requester) < json_extract(NEW.rule, '$.approvals')
BEGIN SELECT RAISE(ABORT, 'approved without the approvals of other people that its rule needs'); END;
""",
)


# Record the chain's key and where it ends, so that a cut-off end is noticed.
by_sql(
    "0004_audit",
    """
CREATE TABLE meta (name TEXT PRIMARY KEY, value TEXT NOT NULL) STRICT;

CREATE TRIGGER meta_is_never_changed BEFORE UPDATE ON meta
BEGIN SELECT RAISE(ABORT, 'what meta says is never changed'); END;

CREATE TRIGGER meta_is_never_deleted BEFORE DELETE ON meta
BEGIN SELECT RAISE(ABORT, 'what meta says is never deleted'); END;

CREATE TABLE history_head (
  one INTEGER PRIMARY KEY CHECK (one = 1),
  sequence INTEGER NOT NULL,
  hash TEXT NOT NULL
) STRICT;
INSERT INTO history_head
SELECT 1, COALESCE(MAX(sequence), 0),
  COALESCE((SELECT hash FROM history ORDER BY sequence DESC LIMIT 1), printf('%064d', 0))
FROM history;

CREATE TRIGGER history_head_follows AFTER INSERT ON history
BEGIN UPDATE history_head SET sequence = NEW.sequence, hash = NEW.hash WHERE one = 1; END;

CREATE TRIGGER history_head_only_grows BEFORE UPDATE ON history_head
WHEN NEW.sequence <> OLD.sequence + 1
  OR NOT EXISTS (SELECT 1 FROM history WHERE sequence = NEW.sequence AND hash = NEW.hash)
BEGIN SELECT RAISE(ABORT, 'the head follows the history'); END;

CREATE TRIGGER history_head_is_never_deleted BEFORE DELETE ON history_head
BEGIN SELECT RAISE(ABORT, 'the head is never deleted'); END;

CREATE INDEX history_without_request ON history (what, sequence) WHERE request IS NULL;
""",
)


# Make the rules hold for `INSERT OR REPLACE` too.
by_sql(
    "0005_what_is_inserted",
    """
CREATE TRIGGER requests_begin_waiting BEFORE INSERT ON requests
WHEN NEW.state <> 'waiting' OR NEW.decided_by IS NOT NULL
BEGIN SELECT RAISE(ABORT, 'a request begins by waiting'); END;

CREATE TRIGGER requests_are_never_replaced BEFORE INSERT ON requests
WHEN EXISTS (SELECT 1 FROM requests WHERE number = NEW.number)
BEGIN SELECT RAISE(ABORT, 'a request is never replaced'); END;

CREATE TRIGGER approvals_are_never_replaced BEFORE INSERT ON approvals
WHEN EXISTS (SELECT 1 FROM approvals WHERE request = NEW.request AND person = NEW.person)
BEGIN SELECT RAISE(ABORT, 'UNIQUE: nobody approves twice'); END;
""",
)


# Keep the form as it was typed, so that a request can be changed and asked again.
by_sql("0006_what_was_typed", "ALTER TABLE requests ADD COLUMN typed TEXT NOT NULL DEFAULT ''")
