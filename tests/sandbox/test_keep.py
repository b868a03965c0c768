"""A sandbox that is kept in a file goes on where it ended."""

import pytest

from bot.cli.sandbox import opened
from bot.sandbox.panel.keep import KeptError
from tests.stage import ALICE, BOB, CHANNEL


async def test_a_request_of_before_is_approved_after_the_sandbox_was_kept(tmp_path):
    file = tmp_path / "mine.sandbox"
    async with opened("run", 0, seconds_a_message=0.0, keep=file) as (slack, _):
        await slack.slash(ALICE, CHANNEL, "/billemail BR-00000001")
        assert (await slack.submit(ALICE, {"reason": "Month end"})).ok
        await slack.until(lambda: bool(slack.channel_messages(CHANNEL)))

    async with opened("run", 0, seconds_a_message=0.0, keep=file) as (slack, zuora):
        (card,) = slack.channel_messages(CHANNEL)
        await slack.click(BOB, CHANNEL, card.ts, "approve")
        await slack.until(lambda: any(call.path.endswith("/emails") for call in zuora.calls))


async def test_a_file_that_is_no_sandbox_is_refused_with_its_name(tmp_path):
    file = tmp_path / "holiday.jpg"
    file.write_bytes(b"not a zip")

    with pytest.raises(KeptError, match=r"holiday\.jpg"):
        async with opened("run", 0, keep=file):
            pass
