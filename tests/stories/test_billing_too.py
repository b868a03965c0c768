"""Two requests that bill the same accounts name each other before either is approved."""

from dataclasses import replace

import pytest

from bot.domain.billed import Billed
from tests.stage import BOB
from tests.stories.test_create_bill_run import ask, world
from tests.stories.test_updates import damaged

__all__ = ["world"]
TWO_DAYS = "batch=Batch2 target=2026-11-30 bcd={}"


@pytest.mark.parametrize(
    ("one", "its_words", "other", "others_words"),
    [
        ("batch=Batch2", "Batch2", "account=A2", "A2"),
        ("batch=all", "all batches", "account=A2", "A2"),
        ("batch=Batch1,Batch2", "Batch1 and Batch2", "batch=Batch2", "Batch2"),
        ("account=A2", "A2", "subscriptions=S-A2", "S-A2 of A2"),
        ("batch=all", "all batches", "subscriptions=S-A2", "S-A2 of A2"),
    ],
)
async def test_each_names_the_other(stage, world, one, its_words, other, others_words):
    first = await ask(stage, f"{one} target=2026-11-30")
    second = await ask(stage, f"{other} target=2026-11-30")
    await stage.quiet()

    assert f"R-1 asks to bill {its_words} too" in stage.card(second)
    assert f"R-2 asks to bill {others_words} too" in stage.card(first)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("batch=Batch1", "account=A2"),
        ("account=A1", "account=A2"),
        ("batch=Batch1", "batch=Batch2"),
    ],
)
async def test_what_bills_others_is_not_named(stage, world, one, other):
    first = await ask(stage, f"{one} target=2026-11-30")
    second = await ask(stage, f"{other} target=2026-11-30")
    await stage.quiet()

    assert "too" not in stage.card(first)
    assert "asks to bill" not in stage.card(second)


@pytest.mark.parametrize("columns", [{"facts": "{}"}, {"state_at": "yesterday"}], ids=str)
async def test_what_cannot_be_read_is_named_because_it_may_bill_the_same(stage, world, columns):
    await ask(stage, "batch=Batch2 target=2026-11-30")
    await stage.quiet()
    damaged(stage, **columns)

    second = await ask(stage, "account=A2 target=2026-11-30")
    await stage.quiet()

    may = "R-1 cannot be read, so it may bill some of the same accounts"
    assert may in stage.card(second)


async def test_what_ended_is_not_named_any_more(stage, world):
    first = await ask(stage, "batch=Batch2 target=2026-11-30")
    await stage.reject(BOB, first, "Not now")
    second = await ask(stage, "account=A2 target=2026-11-30")
    await stage.quiet()

    assert "R-1" not in stage.card(second)


async def test_a_card_that_waits_says_no_longer_what_another_asked_that_has_ended(stage, world):
    first = await ask(stage, "batch=Batch2 target=2026-11-30")
    second = await ask(stage, "account=A2 target=2026-11-30")
    await stage.quiet()
    assert "R-2 asks to bill A2 too" in stage.card(first)

    await stage.reject(BOB, second, "Not now")
    await stage.quiet()

    assert "R-2" not in stage.card(first)


def test_two_numbered_days_of_one_batch_are_different_accounts_and_an_unknown_batch_may_be_any():
    of_day = {
        day: Billed(batches=frozenset({"Batch1"}), bill_cycle_day=day)
        for day in ("1", "15", "AllBillCycleDays")
    }

    assert not of_day["1"].overlaps(of_day["15"])
    assert of_day["1"].overlaps(of_day["AllBillCycleDays"])
    unknown = Billed(account="a1", account_number="A1")
    assert unknown.overlaps(of_day["1"])
    assert of_day["15"].overlaps(unknown)
    of_batch = replace(unknown, in_batch="Batch1")
    for other in ("7", "1" * 5000):  # Python reads no number of more than 4,300 digits
        assert not replace(of_batch, own_day=other).overlaps(of_day["1"])
    assert all(replace(of_batch, own_day=same).overlaps(of_day["1"]) for same in ("01", "\u0661"))


@pytest.mark.parametrize(
    ("mine", "theirs", "same"), [("S-1", "S-2", False), ("S-1", "S-1", True), ("S-1", "", True)]
)
def test_subscriptions_of_one_account_overlap_where_they_are_the_same(mine, theirs, same):
    one, other = (
        Billed(account="a1", account_number="A1", subscriptions=frozenset({each} - {""}))
        for each in (mine, theirs)
    )

    assert one.overlaps(other) is same
    assert other.overlaps(one) is same
