"""Many calls and many lines of history at once are what they are one by one."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import pairwise

import pytest

from bot.domain.call import Call, Tally, Verdict
from bot.domain.history import Entry, What
from bot.domain.mailing import Mailing
from bot.domain.operation import Deed
from bot.store.store import Store
from bot.store.times import to_text
from tests.chained import entry_hash
from tests.fresh import fresh
from tests.store.test_schema import REQUEST

NOW = datetime(2026, 11, 21, 10, 0, tzinfo=UTC)


@pytest.fixture(params=["", "a key of thirty-two characters.."])
def store(request, tmp_path):
    store = Store.open(fresh(tmp_path / "bot.db"), audit_key=request.param)
    with store.transaction():
        store.history.begin_key(NOW)
        store.requests.add(REQUEST, Deed.MAILED)
    yield store
    store.close()


def call(number, verdict=None, **more):
    return Call(
        request=1, subject=f"INV{number:08}", key=f"k{number}", track_id="t", verdict=verdict, **more
    )  # fmt: skip


def test_counting_in_the_database_is_counting_them_all(store):
    calls = [call(0), call(1, tries=1, first_sent_at=NOW + timedelta(seconds=2))]
    for number, verdict in enumerate([*Verdict, *Verdict, Verdict.ACCEPTED], start=2):
        at = NOW + timedelta(seconds=number)
        calls.append(call(number, verdict, tries=1, first_sent_at=at))
    assert store.calls.tally(1) == Tally.of([])

    with store.transaction():
        store.calls.save(*calls)

    assert store.calls.of(1) == tuple(calls)
    assert store.calls.tally(1) == Tally.of(calls)
    assert (Tally.of(calls).accepted, Tally.of(calls).answered) == (3, 7)
    assert Tally.of(calls).began_at == NOW + timedelta(seconds=2)


def test_the_last_of_two_writes_of_one_call_stands(store):
    refused = call(1, Verdict.BUSY, tries=1, words="full", http_status=429, retry_at=NOW)

    with store.transaction():
        number = refused.subject
        store.mailings.add(1, [Mailing(number, "document", number, "", "A1", "", "")])
        store.calls.save(call(1), refused, refused.sending(NOW))

    assert store.calls.of(1) == (refused.sending(NOW),)
    assert store.calls.of(1)[0].tries == 2


def test_entries_written_together_are_one_chain_with_those_before_and_after(store):
    entries = [
        Entry(what=What.CALL_SENT, request=1, who="U0ANN", data={"try": number, "subject": "ü", "parent": None})
        for number in range(5)
    ]  # fmt: skip
    with store.transaction():
        store.history.append(entries[0], NOW)
        store.history.append_all(entries, NOW)
        store.history.append_all([], NOW)
        store.history.append(replace(entries[1], request=None), NOW)

    written = store.history.all()
    assert [each.sequence for each in written] == list(range(1, len(written) + 1))
    key = store.history._key
    for before, each in pairwise(written):
        assert each.hash == entry_hash(before.hash, each.sequence, to_text(NOW), each.entry, key)
