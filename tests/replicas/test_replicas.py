"""Several real processes on one server: one works, all take clicks; whatever becomes of the one, nothing is doubled."""

import signal

from bot.cli.exits import LOST_THE_WORK
from tests.postgres_tcp import is_still
from tests.stage import BOB, CARLA, CHANNEL

COULD_NOT = "I could not record this"


async def test_a_click_on_a_process_that_stands_by_is_decided_there_and_carried_out_by_the_one_that_works(
    replicas,
):
    worker, standby = await replicas.worker_and("standby")
    ts = await replicas.ask("BR-00000001")

    replicas.next_goes_to(1)
    await replicas.slack.click(BOB, CHANNEL, ts, "approve")
    await replicas.until_accepted(ts)

    assert "request.approved" in standby.log
    assert "/emails" not in standby.log
    assert "route='/v1/bill-runs/*/emails'" in worker.log
    assert len(replicas.orders()) == 1
    replicas.check()

    policy = replicas.folder / "policy.toml"
    policy.write_text(policy.read_text() + "# of another machine\n")
    await standby.send(signal.SIGHUP)
    await replicas.until(lambda: "policy_differs" in worker.log)
    await worker.send(signal.SIGHUP)
    await replicas.until(lambda: "read_again" in worker.log)
    assert "policy_differs" not in standby.log


async def test_when_the_one_that_works_is_killed_the_next_one_works(replicas):
    worker, standby = await replicas.worker_and("standby")
    ts = await replicas.ask("BR-00000001")

    await worker.send(signal.SIGKILL)
    await replicas.until(lambda: standby.works)
    await replicas.slack.click(CARLA, CHANNEL, ts, "approve")
    await replicas.until_accepted(ts)

    assert len(replicas.orders()) == 1
    replicas.check()


async def test_one_that_was_frozen_between_commit_and_send_sends_nothing_when_it_wakes(replicas):
    """The order is written down as sent, and the connection to Zuora is not made yet."""
    worker, standby = await replicas.worker_and("standby", freezes_before="/emails")
    ts = await replicas.ask("BR-00000001")
    replicas.next_goes_to(1)
    await replicas.slack.click(BOB, CHANNEL, ts, "approve")
    await replicas.until(lambda: is_still(worker.process.pid))

    await replicas.until(lambda: standby.works)
    assert replicas.orders() == []
    worker.process.send_signal(signal.SIGCONT)
    await replicas.until(lambda: worker.ended)
    await replicas.until_accepted(ts)

    assert worker.process.returncode == LOST_THE_WORK
    assert "work_lock_lost" in worker.log
    assert "route='/v1/bill-runs/*/emails'" in standby.log
    assert len(replicas.orders()) == 1
    replicas.check()


async def test_a_message_of_one_that_was_frozen_before_it_went_out_is_sent_once_by_the_next(
    replicas,
):
    worker, standby = await replicas.worker_and("standby", freezes_before="/chat.postMessage")
    replicas.next_goes_to(1)
    await replicas.ask_without_waiting("BR-00000001")
    await replicas.until(lambda: is_still(worker.process.pid))

    await replicas.until(lambda: standby.works)
    worker.process.send_signal(signal.SIGCONT)
    await replicas.until(lambda: worker.ended)
    await replicas.until(lambda: len(replicas.cards()) == 1)

    assert worker.process.returncode == LOST_THE_WORK
    replicas.check()


async def test_when_the_turn_goes_back_under_the_one_that_works_it_ends_and_the_next_one_works(
    replicas,
):
    """As where an older dump is restored into the database while its sessions live on."""
    worker, _ = await replicas.worker_and("standby")
    ts = await replicas.ask("BR-00000001")

    replicas.server.said("UPDATE turns_of_work SET turn = 0", replicas.database)
    replicas.next_goes_to(1)
    await replicas.slack.click(BOB, CHANNEL, ts, "approve")
    await replicas.until_accepted(ts)

    assert worker.process.returncode == LOST_THE_WORK
    assert "another turn of work" in worker.log
    assert len(replicas.orders()) == 1
    replicas.check()


async def test_one_that_is_cut_off_from_the_server_ends_and_the_next_one_works(replicas):
    worker, standby = await replicas.worker_and("standby")
    worker.way.cut()

    await replicas.until(lambda: standby.works)
    worker.way.mend()
    await replicas.until(lambda: worker.ended)
    ts = await replicas.ask("BR-00000001")
    await replicas.slack.click(BOB, CHANNEL, ts, "approve")
    await replicas.until_accepted(ts)

    assert worker.process.returncode == LOST_THE_WORK
    assert len(replicas.orders()) == 1
    replicas.check()


async def test_while_the_server_is_away_clicks_are_answered_and_afterwards_one_works_again(
    own_replicas,
):
    replicas = own_replicas
    worker, standby = await replicas.worker_and("standby")
    ts = await replicas.ask("BR-00000001")

    replicas.server.stop()
    await replicas.until(lambda: worker.ended)
    replicas.slack.ack_seconds = 10.0
    await replicas.slack.click(BOB, CHANNEL, ts, "approve")
    await replicas.until(
        lambda: any(COULD_NOT in each.text for each in replicas.slack.private(BOB, CHANNEL))
    )
    replicas.server.start()
    await replicas.until(lambda: standby.works)
    await replicas.slack.click(BOB, CHANNEL, ts, "approve")
    await replicas.until_accepted(ts)

    assert worker.process.returncode == LOST_THE_WORK
    assert len(replicas.orders()) == 1
    replicas.check()


async def test_a_click_while_the_server_stands_still_is_answered_and_counts_when_it_is_pressed_again(
    own_replicas,
):
    replicas = own_replicas
    # as briefly as in production: a statement that waits as long as the work lock lets the process end first
    replicas.environment["LONGEST_SECONDS"] = "3"
    (worker,) = await replicas.worker_and()
    ts = await replicas.ask("BR-00000001")

    replicas.server.freeze(on=True)
    replicas.slack.ack_seconds = 30.0
    ack = await replicas.slack.click(BOB, CHANNEL, ts, "approve")
    await replicas.until(
        lambda: any(COULD_NOT in each.text for each in replicas.slack.private(BOB, CHANNEL))
    )
    replicas.server.freeze(on=False)
    assert ack.ok
    assert "answered_as_not_recorded" in worker.log
    assert "approved" not in worker.log
    await replicas.until(lambda: "database_answers_again" in worker.log)
    await replicas.slack.click(BOB, CHANNEL, ts, "approve")
    await replicas.until_accepted(ts)

    assert len(replicas.orders()) == 1
    replicas.check()


async def test_after_a_fail_over_to_an_older_server_nothing_is_carried_out(own_replicas):
    """A server that lacks rows is an older copy: what they say was done would be done again."""
    replicas = own_replicas
    await replicas.worker_and()
    first = await replicas.ask("BR-00000001")
    await replicas.processes[0].send(signal.SIGTERM)
    replicas.server.keep_a_copy()
    worker, standby = await replicas.worker_and("standby")
    replicas.next_goes_to(0)
    await replicas.slack.click(BOB, CHANNEL, first, "approve")
    await replicas.until_accepted(first)

    replicas.server.put_the_copy_back()
    await replicas.until(lambda: worker.ended)
    await replicas.until(lambda: "database_is_held" in standby.log or "replaced" in standby.log)
    replicas.server.said("ALTER TABLE digests DISABLE TRIGGER USER", replicas.database)
    begun = await replicas.start("begun anew")
    await replicas.until(lambda: "database_is_held" in begun.log)
    await replicas.until(lambda: "rules of the database are gone" in begun.log)
    await replicas.slack.click(CARLA, CHANNEL, first, "approve", force=True)

    assert len(replicas.orders()) == 1
    assert not replicas.server.said("SELECT 1 FROM approvals", replicas.database)
