"""Tables, indexes and triggers, as ordered migrations. A shipped migration is never edited.

All times are UTC text (`2026-11-21T10:14:00.000000+00:00`, so that text order is time order), all
amounts are text. What must never happen is forbidden here too, whatever the program above does.
"""

import sqlite3

from sqlite_utils import Database, Migrations

migrations = Migrations("billing-bot")


def run(db: Database, script: str) -> None:
    """Execute the statements of a script inside the migration's transaction.

    Each ends at the end of a line. sqlite-utils' own `executescript` looks for the end of a
    statement after every character, which took most of the time of making a database.
    """
    statement = ""
    for line in f"{script.strip().removesuffix(';')};".splitlines(keepends=True):
        statement += line
        if sqlite3.complete_statement(statement):
            db.execute(statement)
            statement = ""


_TABLES = """
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
"""

_TRIGGERS = """
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
"""


@migrations(name="0001_the_first_tables")
def the_first_tables(db: Database) -> None:
    """Requests, approvals, calls, outbox, history."""
    run(db, _TABLES)
    run(db, _TRIGGERS)


_FOLLOWING = """
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
"""


@migrations(name="0002_following")
def following(db: Database) -> None:
    """What an accepted call began is followed; progress and files stand in the thread.

    A call whose answer was lost and that reading Zuora proved is followed on: unknown to running.
    """
    run(db, _FOLLOWING)


_QUORUM = """
ALTER TABLE requests ADD COLUMN reminded INTEGER NOT NULL DEFAULT 0;

DROP TRIGGER requests_need_an_approval;
CREATE TRIGGER requests_need_their_approvals BEFORE UPDATE OF state ON requests
WHEN NEW.state = 'approved' AND (
  SELECT COUNT(DISTINCT person) FROM approvals
  WHERE approvals.request = NEW.number AND approvals.digest = NEW.digest
    AND approvals.person <> NEW.requester) < json_extract(NEW.rule, '$.approvals')
BEGIN SELECT RAISE(ABORT, 'approved without the approvals of other people that its rule needs'); END;
"""


@migrations(name="0003_quorum")
def quorum(db: Database) -> None:
    """Several approvals and reminders, as the request's rule says."""
    run(db, _QUORUM)


_AUDIT = """
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
"""


@migrations(name="0004_audit")
def audit(db: Database) -> None:
    """Which key the chain is made with, and where it ends, so that a cut-off end shows."""
    run(db, _AUDIT)


_INSERTED = """
CREATE TRIGGER requests_begin_waiting BEFORE INSERT ON requests
WHEN NEW.state <> 'waiting' OR NEW.decided_by IS NOT NULL
BEGIN SELECT RAISE(ABORT, 'a request begins by waiting'); END;

CREATE TRIGGER requests_are_never_replaced BEFORE INSERT ON requests
WHEN EXISTS (SELECT 1 FROM requests WHERE number = NEW.number)
BEGIN SELECT RAISE(ABORT, 'a request is never replaced'); END;

CREATE TRIGGER approvals_are_never_replaced BEFORE INSERT ON approvals
WHEN EXISTS (SELECT 1 FROM approvals WHERE request = NEW.request AND person = NEW.person)
BEGIN SELECT RAISE(ABORT, 'UNIQUE: nobody approves twice'); END;
"""


@migrations(name="0005_what_is_inserted")
def what_is_inserted(db: Database) -> None:
    """`INSERT OR REPLACE` goes by the rules too."""
    run(db, _INSERTED)


@migrations(name="0006_what_was_typed")
def what_was_typed(db: Database) -> None:
    """The form as it was typed, so that a request can be changed and asked again."""
    run(db, "ALTER TABLE requests ADD COLUMN typed TEXT NOT NULL DEFAULT ''")


_STATUS = """
CREATE INDEX requests_ended ON requests (state_at, state) WHERE state IN
  ('rejected', 'withdrawn', 'expired', 'stopped', 'succeeded', 'failed');
CREATE INDEX requests_open_of ON requests (requester, number) WHERE state IN
  ('waiting', 'approved', 'running', 'unknown');
CREATE INDEX requests_requester ON requests (requester, number);
CREATE INDEX requests_about ON requests (subject, number);
CREATE INDEX requests_run ON requests (json_extract(progress, '$.number'), number)
  WHERE progress <> '';
CREATE INDEX requests_expiring ON requests (expires_at) WHERE state = 'waiting';
CREATE INDEX requests_created ON requests (created_at, number);
CREATE INDEX requests_card ON requests (card_ts) WHERE card_ts IS NOT NULL;

CREATE TABLE figures (
  request INTEGER PRIMARY KEY REFERENCES requests (number),
  day TEXT NOT NULL,
  month TEXT NOT NULL,
  to_decision INTEGER,
  to_done INTEGER,
  counted TEXT NOT NULL
) STRICT;
CREATE INDEX figures_to_decision ON figures (month, to_decision) WHERE to_decision IS NOT NULL;
CREATE INDEX figures_to_done ON figures (month, to_done) WHERE to_done IS NOT NULL;

CREATE TABLE tallies (
  day TEXT NOT NULL,
  name TEXT NOT NULL,
  key TEXT NOT NULL,
  value TEXT NOT NULL,
  PRIMARY KEY (day, name, key)
) STRICT, WITHOUT ROWID;

CREATE TABLE figures_due (request INTEGER PRIMARY KEY REFERENCES requests (number)) STRICT;
INSERT INTO figures_due SELECT number FROM requests;
CREATE TRIGGER figures_of_a_new_request AFTER INSERT ON requests
BEGIN INSERT INTO figures_due VALUES (NEW.number) ON CONFLICT DO NOTHING; END;
CREATE TRIGGER figures_of_a_moved_request AFTER UPDATE OF state, progress ON requests
WHEN NEW.state <> OLD.state OR NEW.progress <> OLD.progress
BEGIN INSERT INTO figures_due VALUES (NEW.number) ON CONFLICT DO NOTHING; END;

CREATE TABLE refusals (day TEXT PRIMARY KEY, number INTEGER NOT NULL) STRICT;
INSERT INTO refusals
SELECT substr(at, 1, 10), COUNT(*) FROM history WHERE what = 'refused' GROUP BY substr(at, 1, 10);
CREATE TRIGGER refusals_are_counted AFTER INSERT ON history WHEN NEW.what = 'refused'
BEGIN
  INSERT INTO refusals VALUES (substr(NEW.at, 1, 10), 1)
  ON CONFLICT (day) DO UPDATE SET number = number + 1;
END;

CREATE TABLE homes (
  person TEXT PRIMARY KEY,
  team TEXT NOT NULL,
  page INTEGER NOT NULL
) STRICT;
CREATE INDEX outbox_homes ON outbox (user) WHERE kind = 'home' AND ended_at IS NULL;
CREATE TRIGGER homes_show_a_new_request AFTER INSERT ON requests
BEGIN
  INSERT INTO outbox (kind, channel, user, text, blocks, created_at, tries)
  SELECT 'home', '', person, '', '[]', NEW.state_at, 0 FROM homes WHERE NOT EXISTS (
    SELECT 1 FROM outbox
    WHERE kind = 'home' AND ended_at IS NULL AND user = homes.person AND tries = 0);
END;
CREATE TRIGGER homes_show_a_moved_request AFTER UPDATE OF state, progress ON requests
WHEN NEW.state <> OLD.state OR NEW.progress <> OLD.progress
BEGIN
  INSERT INTO outbox (kind, channel, user, text, blocks, created_at, tries)
  SELECT 'home', '', person, '', '[]', NEW.state_at, 0 FROM homes WHERE NOT EXISTS (
    SELECT 1 FROM outbox
    WHERE kind = 'home' AND ended_at IS NULL AND user = homes.person AND tries = 0);
END;
CREATE TRIGGER homes_show_an_approval AFTER INSERT ON approvals
BEGIN
  INSERT INTO outbox (kind, channel, user, text, blocks, created_at, tries)
  SELECT 'home', '', person, '', '[]', NEW.at, 0 FROM homes WHERE NOT EXISTS (
    SELECT 1 FROM outbox
    WHERE kind = 'home' AND ended_at IS NULL AND user = homes.person AND tries = 0);
END;

CREATE TABLE digests (day TEXT PRIMARY KEY, at TEXT NOT NULL) STRICT;
"""


@migrations(name="0007_status")
def status(db: Database) -> None:
    """What managers look at, found by index; figures of each day; homes; daily digests.

    `figures_due` and the rows for `homes` are written by triggers, so that no move of a request can
    be made without them.
    """
    run(db, _STATUS)


_SUBJECTS = """
CREATE TABLE request_subjects (
  subject TEXT NOT NULL,
  request INTEGER NOT NULL REFERENCES requests (number),
  PRIMARY KEY (subject, request)
) STRICT, WITHOUT ROWID;

INSERT INTO request_subjects SELECT subject, request FROM calls;
INSERT INTO request_subjects SELECT subject, number FROM requests
WHERE instr(subject, ' ') = 0 OR operation NOT IN (
  'email_invoice', 'email_debit_memo', 'email_credit_memo') ON CONFLICT DO NOTHING;
INSERT INTO request_subjects SELECT json_extract(document.value, '$.number'), requests.number
FROM requests, json_each(iif(json_valid(facts), facts, '{}'), '$.documents') AS document
WHERE operation IN ('email_invoice', 'email_debit_memo', 'email_credit_memo')
  AND state IN ('waiting', 'approved', 'running', 'unknown')
  AND json_extract(document.value, '$.number') IS NOT NULL ON CONFLICT DO NOTHING;

CREATE INDEX requests_open ON requests (number, operation, state) WHERE state IN
  ('waiting', 'approved', 'running', 'unknown');
DROP INDEX requests_open_of;
CREATE INDEX requests_open_of ON requests (requester, number, state) WHERE state IN
  ('waiting', 'approved', 'running', 'unknown');
CREATE INDEX requests_to_decide ON requests (rule, state_at, requester, expires_at, state)
  WHERE state = 'waiting';
"""


@migrations(name="0008_subjects")
def subjects(db: Database) -> None:
    """What each request acts on, one row for each thing; what waits, by the rule that it waits under.

    Requests that a version before this has written: those with calls by these, those that are open
    by their facts. The words for many documents (`3 invoices`) are not a thing. The indexes hold the
    state too: without it SQLite reads each row, whose facts can be long, for what they imply.
    """
    run(db, _SUBJECTS)


_DRAFTS = """
CREATE TABLE drafts (
  id TEXT PRIMARY KEY,
  person TEXT NOT NULL CHECK (person <> ''),
  kept TEXT NOT NULL,
  at TEXT NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX drafts_at ON drafts (at);

CREATE TABLE estimates (
  request INTEGER PRIMARY KEY REFERENCES requests (number),
  key TEXT NOT NULL,
  begun TEXT NOT NULL,
  looks INTEGER NOT NULL,
  wake_at TEXT NOT NULL
) STRICT;
CREATE INDEX estimates_due ON estimates (wake_at);
"""


@migrations(name="0009_drafts_and_estimates")
def drafts_and_estimates(db: Database) -> None:
    """What was typed into fields that a form does not show now; estimates that are still to be shown."""
    run(db, _DRAFTS)


_CLICKS = """
CREATE TABLE copies (
  position INTEGER PRIMARY KEY,
  id TEXT NOT NULL UNIQUE CHECK (length(id) >= 16),
  last_number INTEGER NOT NULL,
  seen_until TEXT NOT NULL
) STRICT;
INSERT INTO copies VALUES (1, lower(hex(randomblob(8))), 0, '');

CREATE TRIGGER copies_are_never_changed BEFORE UPDATE ON copies
BEGIN SELECT RAISE(ABORT, 'which database this was is never changed'); END;

CREATE TRIGGER copies_are_never_deleted BEFORE DELETE ON copies
BEGIN SELECT RAISE(ABORT, 'which database this was is never deleted'); END;

ALTER TABLE requests ADD COLUMN token TEXT NOT NULL DEFAULT '';
UPDATE requests SET token = lower(hex(randomblob(8))) || '-' || (SELECT id FROM copies);

CREATE TRIGGER requests_have_a_token BEFORE INSERT ON requests
WHEN NEW.token = ''
BEGIN SELECT RAISE(ABORT, 'a request has a random part in its name'); END;

CREATE TRIGGER requests_keep_their_token BEFORE UPDATE OF token ON requests
BEGIN SELECT RAISE(ABORT, 'the name of a request is never changed'); END;
"""


@migrations(name="0011_clicks")
def clicks(db: Database) -> None:
    """Which database this is, and a random part in the name of each request.

    Requests of before get one too: their buttons, which have none, count on their own cards alone.
    """
    run(db, _CLICKS)


_PLACES = """
ALTER TABLE requests ADD COLUMN place TEXT NOT NULL DEFAULT '';
ALTER TABLE requests ADD COLUMN place_words TEXT NOT NULL DEFAULT '';
CREATE TRIGGER requests_keep_their_place BEFORE UPDATE OF place, place_words ON requests
BEGIN SELECT RAISE(ABORT, 'what was asked is never changed'); END;
CREATE INDEX requests_place ON requests (number, place);
DROP INDEX requests_open;
CREATE INDEX requests_open ON requests (number, operation, state, place) WHERE state IN
  ('waiting', 'approved', 'running', 'unknown');
CREATE INDEX requests_of_a_place ON requests (created_at, place_words) WHERE place <> '';
"""


@migrations(name="0014_places")
def places(db: Database) -> None:
    """Which entity and organizations a request acts in, where there are several to choose from."""
    run(db, _PLACES)


_REFUSED = """
ALTER TABLE outbox ADD COLUMN refusal TEXT NOT NULL DEFAULT '';
ALTER TABLE outbox ADD COLUMN refused_with INTEGER NOT NULL DEFAULT 0;
CREATE INDEX outbox_refused ON outbox (channel, refusal)
  WHERE ended_at IS NULL AND refusal <> '';
CREATE INDEX outbox_direct ON outbox (request, user, created_at) WHERE kind = 'direct';
"""


@migrations(name="0013_refused_messages")
def refused_messages(db: Database) -> None:
    """What Slack said last to a message that waits until the bot may speak."""
    run(db, _REFUSED)


_AGAIN = """
ALTER TABLE calls ADD COLUMN content TEXT NOT NULL DEFAULT '';
ALTER TABLE calls ADD COLUMN repeats INTEGER NOT NULL DEFAULT 0;
ALTER TABLE calls ADD COLUMN no_more TEXT NOT NULL DEFAULT '';

CREATE TRIGGER calls_keep_their_key BEFORE UPDATE OF key, content ON calls
WHEN (NEW.key <> OLD.key OR NEW.content <> OLD.content) AND OLD.tries > 0
  AND (OLD.verdict IS 'lost' OR OLD.repeats > 0
    OR NEW.verdict IS NOT 'busy' AND OLD.verdict IS NOT 'busy')
BEGIN SELECT RAISE(ABORT, 'what may have been done keeps its key and content'); END;
"""


@migrations(name="0012_again")
def again(db: Database) -> None:
    """A call whose answer was lost is sent again under its key, and as it first went out.

    A call that a version before this has sent has no content, so it is not sent again.
    """
    run(db, _AGAIN)


_MAILINGS = """
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
"""


@migrations(name="0010_mailings")
def mailings(db: Database) -> None:
    """Which documents each request can mail, by which call; what came of it stands in the calls.

    A row without a document is a run whose documents are not known. A call's place in the history
    shows what came before what: clocks are put right.
    """
    run(db, _MAILINGS)


_HOLDS = """
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
"""


@migrations(name="0017_holds")
def holds(db: Database) -> None:
    """What holds a database that is an older copy; after it, whatever is open is stopped."""
    run(db, _HOLDS)


_COUNTED = """
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
"""


@migrations(name="0018_counted_refusals")
def counted_refusals(db: Database) -> None:
    """How often each person was refused in this minute: beyond some, the history counts them."""
    run(db, _COUNTED)


@migrations(name="0019_hand_records")
def hand_records(db: Database) -> None:
    """What a person saw who recorded by hand what became of a call."""
    run(db, "ALTER TABLE calls ADD COLUMN recorded_note TEXT NOT NULL DEFAULT ''")


@migrations(name="0020_last_of_a_kind")
def last_of_a_kind(db: Database) -> None:
    """The last request of a kind that went well is found at once, for the card of the next one."""
    run(
        db,
        "CREATE INDEX requests_last ON requests (operation, place, tenant, number) "
        "WHERE state = 'succeeded'",
    )


_MAILING_CALLS = """
CREATE TRIGGER calls_that_mail_have_their_documents BEFORE UPDATE OF tries ON calls
WHEN NEW.tries > OLD.tries AND (SELECT operation FROM requests WHERE number = NEW.request) IN
    ('email_bill_run', 'email_invoice', 'email_debit_memo', 'email_credit_memo')
  AND NOT EXISTS (SELECT 1 FROM mailings WHERE request = NEW.request AND call = NEW.subject)
BEGIN SELECT RAISE(ABORT, 'what a call can mail is written before it goes out'); END;
"""


@migrations(name="0021_mailing_calls")
def mailing_calls(db: Database) -> None:
    """No order to mail goes out of which it does not stand what it can mail."""
    run(db, _MAILING_CALLS)


@migrations(name="0028_estimated")
def estimated(db: Database) -> None:
    """What Zuora's estimate came to, in a few words, for the card while its request waits."""
    run(
        db,
        "CREATE TABLE estimated (request INTEGER PRIMARY KEY REFERENCES requests (number), "
        "words TEXT NOT NULL CHECK (words <> ''), at TEXT NOT NULL) STRICT",
    )
