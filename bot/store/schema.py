"""Tables, indexes and triggers, as ordered migrations. A shipped migration is never edited.

All times are UTC text (`2026-11-21T10:14:00.000000+00:00`, so that text order is time order), all
amounts are text. What must never happen is forbidden here too, whatever the program above does.
The older ones stand in `bot.store.migrations`.
"""

from sqlite_utils import Database

from bot.store.migrations.third import migrations, run

__all__ = ["migrations"]

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


@migrations(name="0028b_listed")
def listed(db: Database) -> None:
    """The documents of a bill run as they were read for a request, for its details."""
    run(
        db,
        "CREATE TABLE listed (request INTEGER NOT NULL REFERENCES requests (number), "
        "position INTEGER NOT NULL, number TEXT NOT NULL, customer TEXT NOT NULL, "
        "amount TEXT NOT NULL, mail TEXT NOT NULL, mailed TEXT NOT NULL, "
        "PRIMARY KEY (request, position)) STRICT, WITHOUT ROWID",
    )
