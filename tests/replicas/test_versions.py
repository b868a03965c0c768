"""Two versions on one server: side by side where they can be, and else the older one writes nothing more."""

import signal

from bot.cli.exits import LOST_THE_WORK, MEND_FIRST
from tests.stage import BOB, CHANNEL

CARRIED_OUT = "route='/v1/bill-runs/*/emails'"


async def test_versions_work_side_by_side_where_the_newer_one_only_adds_an_index(replicas):
    (older,) = await replicas.worker_and()
    first, second = [await replicas.ask(f"BR-0000000{number}") for number in (1, 2)]
    newer = await replicas.start("newer", newer="adds-an-index")

    for position, ts in enumerate((first, second)):
        replicas.next_goes_to(position)
        await replicas.slack.click(BOB, CHANNEL, ts, "approve")
        await replicas.until_accepted(ts)
    assert "request.approved" in older.log
    assert "request.approved" in newer.log
    assert CARRIED_OUT in older.log
    assert CARRIED_OUT not in newer.log

    await older.send(signal.SIGTERM)
    await replicas.until(lambda: newer.works)
    third = await replicas.ask("BR-00000003")
    await replicas.slack.click(BOB, CHANNEL, third, "approve")
    await replicas.until_accepted(third)
    assert len(replicas.orders()) == 3


async def test_once_a_newer_version_has_changed_the_tables_it_works_and_the_older_ones_end(
    replicas,
):
    older = await replicas.worker_and("standby")
    ts = await replicas.ask("BR-00000001")
    newer = await replicas.start("newer", newer="changes-tables")

    await replicas.until(lambda: newer.works and all(each.ended for each in older))
    await replicas.slack.click(BOB, CHANNEL, ts, "approve")
    await replicas.until_accepted(ts)
    assert CARRIED_OUT in newer.log
    assert len(replicas.orders()) == 1
    for each in older:
        assert each.process.returncode == LOST_THE_WORK
        assert "a newer version of Billing Bot has changed" in each.log

    await older[0].spawn()
    await replicas.until(lambda: older[0].ended)
    assert older[0].process.returncode == MEND_FIRST
    assert "newer version of Billing Bot (9999_changes-tables)" in older[0].log
