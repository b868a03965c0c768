"""The migrations after those: archives, reminders, what mails and what was sent. Shipped: they are never edited."""

from bot.store.migrations.third import by_sql, migrations

__all__ = ["by_sql", "migrations"]


# Refuse an order to mail for which it is not stored what it can mail.
by_sql(
    "0021_mailing_calls",
    """
CREATE TRIGGER calls_that_mail_have_their_documents BEFORE UPDATE OF tries ON calls
WHEN NEW.tries > OLD.tries AND (SELECT operation FROM requests WHERE number = NEW.request) IN
    ('email_bill_run', 'email_invoice', 'email_debit_memo', 'email_credit_memo')
  AND NOT EXISTS (SELECT 1 FROM mailings WHERE request = NEW.request AND call = NEW.subject)
BEGIN SELECT RAISE(ABORT, 'what a call can mail is written before it goes out'); END;
""",
)


# Record up to which message in Slack this database was found to be the newest.
# Its own messages prove nothing, because it may already have been an older copy when it posted them.
by_sql(
    "0022_comparisons",
    """
CREATE TABLE comparisons (
  position INTEGER PRIMARY KEY,
  at TEXT NOT NULL,
  seen_until TEXT NOT NULL
) STRICT;
INSERT INTO comparisons (at, seen_until)
  SELECT MAX(COALESCE(ended_at, created_at)), MAX(ts) FROM outbox HAVING MAX(ts) IS NOT NULL;
""",
)


# Keep the result of Zuora's estimate in a few words, for the card of a waiting request.
by_sql(
    "0028_estimated",
    """
CREATE TABLE estimated (request INTEGER PRIMARY KEY REFERENCES requests (number), words TEXT NOT NULL CHECK (words <> ''), at TEXT NOT NULL) STRICT
""",
)


# Keep the documents of a bill run as they were read for a request, for *Details*.
by_sql(
    "0028b_listed",
    """
CREATE TABLE listed (request INTEGER NOT NULL REFERENCES requests (number), position INTEGER NOT NULL, number TEXT NOT NULL, customer TEXT NOT NULL, amount TEXT NOT NULL, mail TEXT NOT NULL, mailed TEXT NOT NULL, PRIMARY KEY (request, position)) STRICT, WITHOUT ROWID
""",
)


# Record what is in an archive; only its rows of the history and its facts may be removed.
# An archive counts once its hash is in the history, so that nothing can be removed unrecorded.
by_sql(
    "0026_archives",
    """
CREATE TABLE archives (
  position INTEGER PRIMARY KEY,
  at TEXT NOT NULL,
  before TEXT NOT NULL,
  file TEXT NOT NULL,
  sha256 TEXT NOT NULL CHECK (length(sha256) = 64),
  last INTEGER NOT NULL,
  last_hash TEXT NOT NULL,
  entry INTEGER NOT NULL UNIQUE
) STRICT;
CREATE TABLE archived (
  request INTEGER PRIMARY KEY REFERENCES requests (number),
  archive INTEGER NOT NULL REFERENCES archives (position)
) STRICT;
CREATE INDEX archived_by ON archived (archive);

CREATE TRIGGER archives_are_in_the_history BEFORE INSERT ON archives
WHEN NOT EXISTS (SELECT 1 FROM history WHERE sequence = NEW.entry
    AND what = 'database.archived' AND json_extract(data, '$.sha256') = NEW.sha256
    AND json_extract(data, '$.last') = NEW.last AND json_extract(data, '$.hash') = NEW.last_hash)
  OR NOT EXISTS (SELECT 1 FROM history WHERE sequence = NEW.last AND hash = NEW.last_hash)
BEGIN SELECT RAISE(ABORT, 'an archive stands in the history'); END;
CREATE TRIGGER archives_are_never_changed BEFORE UPDATE ON archives
BEGIN SELECT RAISE(ABORT, 'an archive is never changed'); END;
CREATE TRIGGER archives_are_never_deleted BEFORE DELETE ON archives
BEGIN SELECT RAISE(ABORT, 'an archive is never forgotten'); END;

CREATE TRIGGER archived_requests_are_at_their_end BEFORE INSERT ON archived
WHEN (SELECT state FROM requests WHERE number = NEW.request) NOT IN
    ('rejected', 'withdrawn', 'expired', 'stopped', 'succeeded', 'failed')
  OR EXISTS (SELECT 1 FROM history WHERE request = NEW.request
    AND sequence > (SELECT last FROM archives WHERE position = NEW.archive))
BEGIN SELECT RAISE(ABORT, 'only what is at its end is archived'); END;
CREATE TRIGGER archived_requests_stay_archived BEFORE UPDATE ON archived
BEGIN SELECT RAISE(ABORT, 'what is archived stays archived'); END;
CREATE TRIGGER archived_requests_are_never_forgotten BEFORE DELETE ON archived
BEGIN SELECT RAISE(ABORT, 'what is archived stays archived'); END;

DROP TRIGGER history_is_never_deleted;
CREATE TRIGGER history_is_never_deleted BEFORE DELETE ON history
WHEN OLD.sequence > (SELECT COALESCE(MAX(last), 0) FROM archives)
  OR (OLD.request IS NULL AND OLD.what NOT IN
    ('refused', 'bot.started', 'audit.head', 'audit.anchored'))
  OR (OLD.request IS NOT NULL
    AND NOT EXISTS (SELECT 1 FROM archived WHERE archived.request = OLD.request))
BEGIN SELECT RAISE(ABORT, 'the history is append-only'); END;

DROP TRIGGER requests_keep_what_was_asked;
CREATE TRIGGER requests_keep_what_was_asked BEFORE UPDATE OF
  number, operation, subject, body, digest, tenant, requester, team, reason, rule,
  policy_hash, form, created_at, expires_at ON requests
BEGIN SELECT RAISE(ABORT, 'what was asked is never changed'); END;
CREATE TRIGGER requests_keep_their_facts BEFORE UPDATE OF facts ON requests
WHEN NEW.facts <> '' OR NOT EXISTS (SELECT 1 FROM archived WHERE request = OLD.number)
BEGIN SELECT RAISE(ABORT, 'what was asked is never changed'); END;
""",
)


# Remind people of older unknown outcomes too, by making those that were left to people due again.
# 13 looks are one more than the reading tries, so that the thread does not repeat that reading proved nothing.
by_sql(
    "0034_reminders",
    """
UPDATE requests SET reminded = 0 WHERE state = 'unknown';
UPDATE requests SET wake_at = state_at, looks = 13 WHERE state = 'unknown' AND wake_at IS NULL;
""",
)


# Index decisions by time, so that a person's monthly statement does not read the whole history.
by_sql(
    "0032_decisions",
    """
CREATE INDEX history_decisions ON history (at) WHERE what IN ('request.approved', 'request.rejected', 'request.recorded', 'request.settled')
""",
)


# Find the last request of a kind among all places, because older versions wrote places differently.
by_sql(
    "0033_last_of_any_place",
    """
DROP INDEX requests_last;
CREATE INDEX requests_succeeded ON requests (operation, number, subject, place, place_words, tenant) WHERE state = 'succeeded';
""",
)


# Guard every operation that mails, by the common beginning of their names.
by_sql(
    "0036_every_mail",
    """
DROP TRIGGER calls_that_mail_have_their_documents;
CREATE TRIGGER calls_that_mail_have_their_documents BEFORE UPDATE OF tries ON calls
WHEN NEW.tries > OLD.tries
  AND (SELECT operation FROM requests WHERE number = NEW.request) GLOB 'email_*'
  AND NOT EXISTS (SELECT 1 FROM mailings WHERE request = NEW.request AND call = NEW.subject)
BEGIN SELECT RAISE(ABORT, 'what a call can mail is written before it goes out'); END;
""",
)


# Record after which message a lost one can be, and let people settle unknown outcomes.
# `after_ts` is Slack's own `ts` of the newest message before the first try, so no clock of ours is involved.
by_sql(
    "0031_promise",
    """
ALTER TABLE outbox ADD COLUMN after_ts TEXT;
CREATE INDEX outbox_posted ON outbox (channel, sequence)
WHERE ts IS NOT NULL AND kind IN ('card', 'notice', 'direct');

CREATE TRIGGER settlements_by_hand_have_their_people BEFORE INSERT ON history
WHEN NEW.what = 'request.settled' AND json_extract(NEW.data, '$.by') = 'person'
  AND 1 + (
    SELECT COUNT(*) FROM (
      SELECT who, json_extract(data, '$.accepted') AS accepted, MAX(sequence) FROM history
      WHERE request = NEW.request AND what = 'request.recorded'
        AND sequence > (SELECT COALESCE(MAX(sequence), 0) FROM history
          WHERE request = NEW.request AND what = 'call.lost')
        AND who NOT IN ('', NEW.who, (SELECT requester FROM requests WHERE number = NEW.request))
      GROUP BY who
    ) WHERE accepted = json_extract(NEW.data, '$.accepted')
  ) < (SELECT json_extract(rule, '$.approvals') FROM requests WHERE number = NEW.request)
BEGIN SELECT RAISE(ABORT, 'a record by hand takes as many people as an approval'); END;
CREATE TRIGGER settlements_by_hand_are_not_the_requester_s BEFORE INSERT ON history
WHEN NEW.what IN ('request.recorded', 'request.settled') AND NEW.who <> ''
  AND NEW.who = (SELECT requester FROM requests WHERE number = NEW.request)
BEGIN SELECT RAISE(ABORT, 'nobody records the outcome of an own request'); END;
""",
)


# Store each request's deed, so that the rule for mails needs no operation's name.
by_sql(
    "0045_deeds",
    """
ALTER TABLE requests ADD COLUMN deed TEXT NOT NULL DEFAULT '';
UPDATE requests SET deed = CASE
  WHEN operation = 'post_bill_run' THEN 'posted'
  WHEN operation = 'cancel_bill_run' THEN 'canceled'
  WHEN operation IN ('email_bill_run', 'email_invoice', 'email_debit_memo', 'email_credit_memo',
    'email_mixed_list') THEN 'mailed'
  ELSE 'created' END;
CREATE TRIGGER requests_have_a_deed BEFORE INSERT ON requests
WHEN NEW.deed NOT IN ('created', 'posted', 'canceled', 'mailed')
BEGIN SELECT RAISE(ABORT, 'what a request does in Zuora stands in it'); END;
CREATE TRIGGER requests_keep_their_deed BEFORE UPDATE OF deed ON requests
BEGIN SELECT RAISE(ABORT, 'what was asked is never changed'); END;

DROP TRIGGER calls_that_mail_have_their_documents;
CREATE TRIGGER calls_that_mail_have_their_documents BEFORE UPDATE OF tries ON calls
WHEN NEW.tries > OLD.tries AND (SELECT deed FROM requests WHERE number = NEW.request) = 'mailed'
  AND NOT EXISTS (SELECT 1 FROM mailings WHERE request = NEW.request AND call = NEW.subject)
BEGIN SELECT RAISE(ABORT, 'what a call can mail is written before it goes out'); END;
""",
)


# Let the rules for each document and each call read an index instead of a request's row.
# The row of a list of 20,000 documents has 8 MB, and it was read for each document and again for each call.
by_sql(
    "0040_brief",
    """
CREATE INDEX requests_brief ON requests (number, state, deed);

DROP TRIGGER mailings_are_of_what_is_not_begun;
CREATE TRIGGER mailings_are_of_what_is_not_begun BEFORE INSERT ON mailings
WHEN (SELECT state FROM requests INDEXED BY requests_brief WHERE number = NEW.request)
  NOT IN ('waiting', 'approved')
BEGIN SELECT RAISE(ABORT, 'what a request can mail is written before it begins'); END;

DROP TRIGGER calls_that_mail_have_their_documents;
CREATE TRIGGER calls_that_mail_have_their_documents BEFORE UPDATE OF tries ON calls
WHEN NEW.tries > OLD.tries
  AND (SELECT deed FROM requests INDEXED BY requests_brief WHERE number = NEW.request) = 'mailed'
  AND NOT EXISTS (SELECT 1 FROM mailings WHERE request = NEW.request AND call = NEW.subject)
BEGIN SELECT RAISE(ABORT, 'what a call can mail is written before it goes out'); END;
""",
)


# Refuse to end a request as *nothing was sent* if something went out or may have.
# Requests that are stopped after an older copy was put back are excepted; their cards say to look in Zuora first.
by_sql(
    "0044_nothing_was_sent",
    """
CREATE TRIGGER stopped_requests_have_sent_nothing BEFORE UPDATE OF state ON requests
WHEN NEW.state = 'stopped'
  AND NOT COALESCE(CASE WHEN json_valid(NEW.progress) THEN json_extract(NEW.progress, '$.look_first') END, 0)
  AND EXISTS (SELECT 1 FROM calls WHERE request = NEW.number
    AND (verdict IN ('accepted', 'lost') OR (verdict IS NULL AND tries > 0)))
BEGIN SELECT RAISE(ABORT, 'of a request that stopped nothing was sent'); END;
""",
)
