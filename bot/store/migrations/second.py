"""The migrations after those: status, subjects, drafts, clicks, places, keys used again. Shipped: they are never edited."""

from bot.store.migrations.first import by_sql, migrations

__all__ = ["by_sql", "migrations"]


# Add indexes for managers' questions, figures of each day, homes, and daily digests.
# Triggers write `figures_due` and the rows for `homes`, so no request can move without them.
by_sql(
    "0007_status",
    """
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
""",
)


# Store what each request acts on, one row for each subject, and index what waits by its rule.
# For older requests, subjects come from their calls, or from the facts of those that are open. Words for many documents
# (`3 invoices`) are not a subject. The indexes include the state, because SQLite would otherwise read each row, whose
# facts can be long.
by_sql(
    "0008_subjects",
    """
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
""",
)


# Add kept values of fields that a form does not show now, and estimates that are still to be shown.
by_sql(
    "0009_drafts_and_estimates",
    """
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
""",
)


# Give the database an id, and each request's name a random part.
# Older requests get one too; their buttons, which have none, count only on their own cards.
by_sql(
    "0011_clicks",
    """
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
""",
)


# Store the entity and organizations that a request acts in, if there are several to choose from.
by_sql(
    "0014_places",
    """
ALTER TABLE requests ADD COLUMN place TEXT NOT NULL DEFAULT '';
ALTER TABLE requests ADD COLUMN place_words TEXT NOT NULL DEFAULT '';
CREATE TRIGGER requests_keep_their_place BEFORE UPDATE OF place, place_words ON requests
BEGIN SELECT RAISE(ABORT, 'what was asked is never changed'); END;
CREATE INDEX requests_place ON requests (number, place);
DROP INDEX requests_open;
CREATE INDEX requests_open ON requests (number, operation, state, place) WHERE state IN
  ('waiting', 'approved', 'running', 'unknown');
CREATE INDEX requests_of_a_place ON requests (created_at, place_words) WHERE place <> '';
""",
)


# Keep Slack's last refusal of a message that waits until the bot may post.
by_sql(
    "0013_refused_messages",
    """
ALTER TABLE outbox ADD COLUMN refusal TEXT NOT NULL DEFAULT '';
ALTER TABLE outbox ADD COLUMN refused_with INTEGER NOT NULL DEFAULT 0;
CREATE INDEX outbox_refused ON outbox (channel, refusal)
  WHERE ended_at IS NULL AND refusal <> '';
CREATE INDEX outbox_direct ON outbox (request, user, created_at) WHERE kind = 'direct';
""",
)


# Let a call whose answer was lost be sent again under its key, exactly as it first went out.
# A call that an older version sent has no content, so it is not sent again.
by_sql(
    "0012_again",
    """
ALTER TABLE calls ADD COLUMN content TEXT NOT NULL DEFAULT '';
ALTER TABLE calls ADD COLUMN repeats INTEGER NOT NULL DEFAULT 0;
ALTER TABLE calls ADD COLUMN no_more TEXT NOT NULL DEFAULT '';

CREATE TRIGGER calls_keep_their_key BEFORE UPDATE OF key, content ON calls
WHEN (NEW.key <> OLD.key OR NEW.content <> OLD.content) AND OLD.tries > 0
  AND (OLD.verdict IS 'lost' OR OLD.repeats > 0
    OR NEW.verdict IS NOT 'busy' AND OLD.verdict IS NOT 'busy')
BEGIN SELECT RAISE(ABORT, 'what may have been done keeps its key and content'); END;
""",
)
