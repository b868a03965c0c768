"""The migrations after those: mailings, holds, refusals that are counted. Shipped: they are never edited."""

from bot.store.migrations.second import by_sql, migrations

__all__ = ["by_sql", "migrations"]


# Store which documents each request can mail, by which call; the calls hold the results.
# A row without a document is a run whose documents are not known. What came first is decided by a call's place in the
# history, because clocks can be set.
by_sql(
    "0010_mailings",
    """
CREATE TABLE mailings (
  request INTEGER NOT NULL REFERENCES requests (number),
  call TEXT NOT NULL,
  way TEXT NOT NULL CHECK (way IN ('run', 'document', 'posting', 'auto')),
  document_number TEXT NOT NULL,
  document_id TEXT NOT NULL,
  account TEXT NOT NULL,
  run TEXT NOT NULL,
  shown TEXT NOT NULL,
  UNIQUE (request, call, document_number)
) STRICT;
CREATE INDEX mailings_number ON mailings (document_number) WHERE document_number <> '';
CREATE INDEX mailings_id ON mailings (document_id) WHERE document_id <> '';
CREATE INDEX mailings_run ON mailings (run) WHERE document_number = '';

ALTER TABLE calls ADD COLUMN changed INTEGER NOT NULL DEFAULT 0;
ALTER TABLE calls ADD COLUMN recorded_by TEXT NOT NULL DEFAULT '';
UPDATE calls SET changed = (SELECT COALESCE(MAX(sequence), 0) FROM history WHERE history.request = calls.request);

CREATE TRIGGER calls_know_their_order AFTER INSERT ON calls
BEGIN UPDATE calls SET changed = (SELECT sequence FROM history_head)
WHERE request = NEW.request AND subject = NEW.subject; END;
CREATE TRIGGER calls_keep_their_order AFTER UPDATE OF verdict, tries ON calls
WHEN NEW.verdict IS NOT OLD.verdict OR NEW.tries <> OLD.tries
BEGIN UPDATE calls SET changed = (SELECT sequence FROM history_head)
WHERE request = NEW.request AND subject = NEW.subject; END;

INSERT INTO mailings
SELECT calls.request, calls.subject, CASE requests.operation
  WHEN 'email_bill_run' THEN 'run' ELSE 'document' END,
  CASE requests.operation WHEN 'email_bill_run' THEN '' ELSE calls.subject END, '', '',
  CASE requests.operation WHEN 'email_bill_run' THEN calls.subject ELSE '' END, ''
FROM calls JOIN requests ON requests.number = calls.request WHERE requests.operation IN
  ('email_bill_run', 'email_invoice', 'email_debit_memo', 'email_credit_memo');

CREATE TRIGGER mailings_are_of_what_is_not_begun BEFORE INSERT ON mailings
WHEN (SELECT state FROM requests WHERE number = NEW.request) NOT IN ('waiting', 'approved')
BEGIN SELECT RAISE(ABORT, 'what a request can mail is written before it begins'); END;
CREATE TRIGGER mailings_are_never_deleted BEFORE DELETE ON mailings
BEGIN SELECT RAISE(ABORT, 'what could have been mailed is never deleted'); END;
CREATE TRIGGER mailings_are_never_changed BEFORE UPDATE ON mailings
WHEN OLD.document_number <> '' OR OLD.run <> '' OR NEW.document_number <> ''
BEGIN SELECT RAISE(ABORT, 'what could have been mailed is never changed'); END;
CREATE TRIGGER mailings_learn_their_run AFTER UPDATE OF progress ON requests
WHEN json_valid(NEW.progress) AND COALESCE(json_extract(NEW.progress, '$.number'), '') <> ''
BEGIN UPDATE mailings SET run = json_extract(NEW.progress, '$.number')
WHERE request = NEW.number AND document_number = '' AND run = ''; END;
""",
)


# Record why a database is held as an older copy; afterwards its open requests are stopped.
by_sql(
    "0017_holds",
    """
CREATE TABLE holds (
  position INTEGER PRIMARY KEY,
  at TEXT NOT NULL,
  why TEXT NOT NULL CHECK (why <> ''),
  ended_at TEXT
) STRICT;

DROP TRIGGER requests_move_along_the_arrows;
CREATE TRIGGER requests_move_along_the_arrows BEFORE UPDATE OF state ON requests
WHEN NEW.state <> OLD.state AND NOT (
  (OLD.state = 'waiting' AND NEW.state IN
    ('rejected', 'withdrawn', 'expired', 'approved', 'stopped')) OR
  (OLD.state = 'approved' AND NEW.state IN ('running', 'stopped')) OR
  (OLD.state = 'running' AND NEW.state IN ('succeeded', 'failed', 'unknown', 'stopped')) OR
  (OLD.state = 'unknown' AND NEW.state IN ('running', 'succeeded', 'failed', 'stopped')))
BEGIN SELECT RAISE(ABORT, 'no such move of a request'); END;
""",
)


# Count each person's refusals in a minute; beyond a limit the history only counts them.
by_sql(
    "0018_counted_refusals",
    """
CREATE TABLE refused_lately (
  who TEXT NOT NULL,
  team TEXT NOT NULL,
  minute TEXT NOT NULL,
  number INTEGER NOT NULL,
  first_at TEXT NOT NULL,
  last_at TEXT NOT NULL,
  PRIMARY KEY (who, team)
) STRICT;
DROP TRIGGER refusals_are_counted;
CREATE TRIGGER refusals_are_counted AFTER INSERT ON history WHEN NEW.what = 'refused'
BEGIN
  INSERT INTO refusals VALUES (substr(NEW.at, 1, 10), COALESCE(json_extract(NEW.data, '$.count'), 1))
  ON CONFLICT (day) DO UPDATE SET number = number + COALESCE(json_extract(NEW.data, '$.count'), 1);
END;
CREATE INDEX outbox_private ON outbox (user, created_at) WHERE kind = 'private';
""",
)


# Keep the note of a person who recorded the outcome of a call by hand.
by_sql("0019_hand_records", "ALTER TABLE calls ADD COLUMN recorded_note TEXT NOT NULL DEFAULT ''")


# Index the last successful request of a kind, for the card of the next one.
by_sql(
    "0020_last_of_a_kind",
    """
CREATE INDEX requests_last ON requests (operation, place, tenant, number) WHERE state = 'succeeded'
""",
)
