"""Numbers that Zuora sends in its headers have a bound, and calls have a name."""

from collections import Counter

import pytest

from tests.conftest import INVOICES
from tests.patient import opens_at_once
from tests.stage import BOB
from tests.stories.test_email_many_documents import MAILS, add_invoices, ask, ended, orders_of

RUN = "/v1/bill-runs/*/emails"
ODD = (
    "1796000000000", "1795880000", "-5", "NaN", "Infinity", "1e400", "9" * 5000, "soon", "",
    "Wed, 21 Oct 2026 07:28:00 GMT", "120, 60;w=60", "٣",
)  # fmt: skip


@pytest.mark.parametrize("name", ["Retry-After", "RateLimit-Reset"])
async def test_a_no_with_an_odd_rest_is_not_done_and_is_tried_again_soon(stage, name):
    stage.zuora.knobs = stage.zuora.knobs.__class__(rate_headers=False)
    for number, odd in enumerate(ODD, 1):
        run = stage.zuora.world.add_bill_run(f"BR-000001{number:02}", invoices=INVOICES)
        headers = {"RateLimit-Remaining": "0", name: odd.encode().decode("latin-1")}
        stage.zuora.faults.add(RUN, kind="status", status=429, body={}, headers=headers)
        ts = await stage.ask(text=run.number)

        await stage.press(BOB, ts)
        await stage.until_thread(ts, "The bot keeps trying until")

        assert stage.request(number).state == "running", odd[:20]
        assert not any("stopped before" in text or "23 hours" in text for text in stage.thread(ts))
        await stage.pass_time(minutes=2)
        await stage.until_card(ts, "Accepted by Zuora")
        assert [order.status for order in stage.orders()] == [429, 200] * number


@pytest.mark.parametrize("odd", ["1795880000", "86400", "1796000000000"])
async def test_reads_go_on_after_an_odd_reset(stage, odd, monkeypatch):
    opens_at_once(monkeypatch)
    stage.zuora.knobs = stage.zuora.knobs.__class__(rate_headers=False)
    headers = {"RateLimit-Remaining": "0", "RateLimit-Reset": odd}
    stage.zuora.faults.add("/object-query/*", kind="status", status=429, headers=headers, times=1)
    await stage.fill_as_time_passes()

    await stage.pass_time(hours=1)

    assert (await stage.fill()).ok


async def test_among_many_an_odd_number_makes_none_unknown(stage):
    numbers = add_invoices(stage, 30)
    headers = {"Retry-After": "1796000000000", "Concurrency-Limit-Limit": "9" * 5000}
    stage.zuora.faults.add(
        MAILS, kind="status", status=429, body={}, headers=headers, times=2, after=10
    )
    ts = await ask(stage, numbers)

    await stage.as_time_passes(lambda: ended(stage), step=0.5)
    await stage.until_card(ts, "Accepted by Zuora: email 30 invoices")

    accepted = Counter(o.path.split("/")[3] for o in stage.orders() if o.status == 200)
    assert accepted == Counter(numbers)
    assert orders_of(stage).total() == 32


async def test_every_request_names_the_bot_and_has_a_track_id(stage):
    ts = await stage.ask()
    await stage.press(BOB, ts)
    await stage.until_card(ts, "Accepted by Zuora")

    assert {call.headers["user-agent"].partition("/")[0] for call in stage.zuora.calls} == {
        "billing-bot"
    }
    calls = [call for call in stage.zuora.calls if call.path != "/oauth/token"]
    ids = [call.headers["zuora-track-id"] for call in calls]
    assert len(set(ids)) == len(ids)
    assert {one.split(".")[1] for one in ids} == {"read", "R-1"}
