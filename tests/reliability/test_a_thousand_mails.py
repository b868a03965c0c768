"""A thousand mails, or a hundred, of which every tenth answer is lost: whom that costs work, and who is mailed."""

from collections import Counter

import pytest

from tests.stories.test_again_under_its_key import mailed, marked_later
from tests.stories.test_email_many_documents import add_invoices, ask, ended, orders_of

__all__ = ["marked_later"]  # the fixture that all of these want

REAL_SECONDS = 240.0
"""What a busy machine may take for all of them; it is the clock of the test that is moved."""


@pytest.mark.parametrize(("kind", "half"), [("lose_answer", 500), ("drop", 50)])
async def test_of_a_thousand_mails_every_tenth_answer_is_lost_and_nobody_is_needed(
    stage, kind, half
):
    numbers = [number for _ in range(2) for number in add_invoices(stage, half)]
    for number in numbers[::10]:
        stage.zuora.faults.add(f"/v1/invoices/{number}/emails", kind=kind)
    cards = [await ask(stage, numbers[:half]), await ask(stage, numbers[half:])]

    await stage.as_time_passes(
        lambda: ended(stage) and ended(stage, 2), step=0.5, seconds=REAL_SECONDS
    )
    for ts in cards:
        await stage.until_card(ts, f"Accepted by Zuora: email {half} invoices")

    assert orders_of(stage).total() == len(numbers) + len(numbers) // 10
    assert mailed(stage) == Counter(numbers)
    for ts in cards:
        assert sum("Nobody has to do anything" in text for text in stage.thread(ts)) == 1


@pytest.mark.parametrize(("kind", "sent"), [("lose_answer", 100), ("drop", 90)])
async def test_where_it_is_switched_off_each_lost_answer_is_a_person_s(stage, kind, sent):
    stage.changes = {"repeat_lost": "no"}
    await stage.restart()
    numbers = [number for _ in range(2) for number in add_invoices(stage, 50)]
    for number in numbers[::10]:
        stage.zuora.faults.add(f"/v1/invoices/{number}/emails", kind=kind)
    await ask(stage, numbers[:50])
    await ask(stage, numbers[50:])

    await stage.as_time_passes(
        lambda: ended(stage) and ended(stage, 2), step=0.5, seconds=REAL_SECONDS
    )

    assert [stage.request(number).state for number in (1, 2)] == ["unknown", "unknown"]
    lost = [call for number in (1, 2) for call in stage.store.calls.of(number) if call.is_lost]
    assert len(lost) == 10
    assert orders_of(stage).total() == 100
    assert mailed(stage).total() == len(mailed(stage)) == sent
