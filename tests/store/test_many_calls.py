"""Many calls and many lines of history at once are what they are one by one."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import chain, pairwise

import pytest

from bot.domain.call import Call, Tally, Verdict
from bot.domain.history import Entry, What
from bot.domain.mailing import Mailing
from bot.domain.next_step import conclusion
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


def test_calls_in_brief_lead_to_the_same_end(store):
    """All that were simply accepted are one and the same, and everything that matters about the others is there."""
    at = {"tries": 1, "first_sent_at": NOW, "sent_at": NOW}
    plain = [call(number, Verdict.ACCEPTED, **at) for number in range(600)]
    others = [
        call(700, Verdict.REFUSED, words="no address", **at),
        call(701, Verdict.LOST, words="no answer", **at),
        call(702, Verdict.ACCEPTED, words="Zuora shows the mail", **at),
        call(703, Verdict.ACCEPTED, **{**at, "tries": 2}, repeats=1),
        call(704, Verdict.ACCEPTED, began="{}", **at),
        call(705, Verdict.BUSY, **at),
        call(706, **at),
    ]
    planned = [call(number) for number in range(1000, 1700)]
    with store.transaction():
        store.calls.save(*plain, *others)
    brief = list(chain.from_iterable(store.calls.in_brief(1)))

    assert brief[600:] == others
    assert len({id(one) for one in brief[:600]}) == 1
    assert Tally.of(brief) == Tally.of(store.calls.of(1)) == store.calls.tally(1)
    assert conclusion(brief[:-2]) is conclusion(store.calls.of(1)[:-2])
    assert [one.subject for one in store.calls.lost(1)] == ["INV00000701", "INV00000706"]
    assert store.calls.out(1) == others[-1:]

    with store.transaction():
        store.calls.save(*planned)
    assert list(chain.from_iterable(store.calls.in_brief(1)))[607:] == planned[:500]
    assert list(chain.from_iterable(store.calls.open_in_parts(1))) == [others[5], *planned]


def test_the_last_of_two_writes_of_one_call_stands(store):
    refused = call(1, Verdict.BUSY, tries=1, words="full", http_status=429, retry_at=NOW)

    with store.transaction():
        number = refused.subject
        store.mailings.add(1, [Mailing(number, "document", number, "", "A1", "", "")])
        store.calls.save(call(1), refused, refused.sending(NOW, ""))

    assert store.calls.of(1) == (refused.sending(NOW, ""),)
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
