"""However many messages were sent, a server looks at few of them for the next one."""

from datetime import UTC, datetime

import pytest

from bot.domain.message import Message, MessageKind
from bot.store.store import Store
from tests.postgres import fresh_database, name_of, needs_postgres, said

pytestmark = needs_postgres
NOW = datetime(2026, 11, 21, 10, 0, tzinfo=UTC)
SENT = 20_000
FEW = 200
_MANY = f"""
ALTER TABLE outbox DISABLE TRIGGER USER;
INSERT INTO outbox (sequence, kind, channel, "user", text, blocks, created_at, tries, ended_at, outcome, ts)
SELECT n, 'card', 'C0BILLING', '', '', '[]', '2026-11-20', 1, '2026-11-20', 'sent', n || '.000001'
FROM generate_series(1, {SENT}) AS n;
ALTER TABLE outbox ENABLE TRIGGER USER;
ANALYZE outbox
"""  # noqa: S608 - own words


@pytest.fixture
def store():
    address = fresh_database()
    said(_MANY, name_of(address))
    opened = Store.open(address)
    yield opened
    opened.close()


def looked_at(store):
    """How many rows of the outbox the open transaction has looked at so far."""
    (number,) = store._database.execute(
        "SELECT CAST(COALESCE(idx_tup_fetch, 0) + seq_tup_read AS BIGINT) "
        "FROM pg_stat_xact_user_tables WHERE relname = 'outbox'"
    ).fetchone()
    return number


@pytest.mark.parametrize("channel", ["C0BILLING", "D0NEW", "A0NEW"])
def test_a_message_to_any_channel_is_taken_and_sent(store, channel):
    """A person who gets a first direct message has none before it that could be found."""
    message = Message(kind=MessageKind.NOTICE, channel=channel, text="Receipt", blocks=[])
    with store.transaction():
        store.outbox.add(message, NOW)
        sequence = SENT + 1
        assert [each.sequence for each in store.outbox.open()] == [sequence]
        before = looked_at(store)
        store.outbox.trying(sequence, NOW)
        store.outbox.heads()
        store.outbox.refusals()
        store.outbox.waits_since(NOW)
        store.outbox.end(sequence, NOW, outcome="sent", ts="9.000001")

        assert looked_at(store) - before < FEW
        ((after,),) = store._database.execute(
            "SELECT after_ts FROM outbox WHERE sequence = ?", [sequence]
        )
    assert after == (f"{SENT}.000001" if channel == "C0BILLING" else None)
