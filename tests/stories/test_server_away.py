"""The bot on a PostgreSQL server that stops answering: every click is answered, and nothing is done twice."""

import os
import signal

import pytest

from tests.postgres import fresh_database, needs_postgres, quick
from tests.stage import BOB, CHANNEL, Stage

pytestmark = needs_postgres
SORRY = "I could not record this, so nothing was done."


@pytest.fixture
async def served(tmp_path):
    """The bot on a server's database, with one posted bill run."""
    stage = Stage(tmp_path, "run")
    stage.address = fresh_database()
    await stage.open()
    stage.zuora.world.add_bill_run(
        "BR-00000001", name="November 2026", invoices=[("A00000001", "USD", "100.00")]
    )
    try:
        await stage.start()
        yield stage
    finally:
        await stage.close()


async def test_a_click_while_it_does_not_answer_is_answered_and_works_afterwards(served):
    ts = await served.ask()
    await served.quiet()
    pid = served.store._database._connection.info.backend_pid
    os.kill(pid, signal.SIGSTOP)
    try:
        with quick():
            ack = await served.slack.click(BOB, CHANNEL, ts, "approve", value="1", force=True)
            assert ack.ok
            await served.until_private(BOB, SORRY)
        await served.slack.until(lambda: not served.store.trouble)
    finally:
        os.kill(pid, signal.SIGCONT)
    assert served.request().state == "waiting"

    await served.press(BOB, ts)

    await served.until_card(ts, "Accepted by Zuora")
    assert len(served.orders()) == 1
