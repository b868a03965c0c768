"""A sandbox that is kept in a file goes on where it ended."""

import pickle
import zipfile

import pytest

from bot.cli.sandbox import TakenError, opened
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

    with pytest.raises(KeptError, match=r"holiday\.jpg is not a sandbox that --keep saved"):
        async with opened("run", 0, keep=file):
            pass
    assert file.read_bytes() == b"not a zip"


@pytest.mark.parametrize("state", [None, b"", b"cnowhere\nNothing\n.", pickle.dumps("words")])
async def test_a_damaged_sandbox_is_refused_and_left_as_it_is(tmp_path, state):
    file = tmp_path / "mine.sandbox"
    with zipfile.ZipFile(file, "w") as made:
        if state is not None:
            made.writestr("state.pickle", state)
    before = file.read_bytes()

    with pytest.raises(KeptError, match="another version of the sandbox"):
        async with opened("run", 0, keep=file):
            pass
    assert file.read_bytes() == before


async def test_a_kept_sandbox_that_is_open_already_is_not_opened_twice(tmp_path):
    file = tmp_path / "mine.sandbox"
    async with opened("run", 0, seconds_a_message=0.0, keep=file):
        pass
    async with opened("run", 0, seconds_a_message=0.0, keep=file) as (slack, _):
        await slack.slash(ALICE, CHANNEL, "/billemail BR-00000001")
        assert (await slack.submit(ALICE, {"reason": "Month end"})).ok
        await slack.until(lambda: bool(slack.channel_messages(CHANNEL)))
        with pytest.raises(TakenError, match="is it open already"):
            async with opened("run", 0, keep=file):
                pass

    async with opened("run", 0, seconds_a_message=0.0, keep=file) as (slack, _):
        assert len(slack.channel_messages(CHANNEL)) == 1


async def test_a_sandbox_that_cannot_be_kept_at_its_end_says_so(tmp_path):
    folder = tmp_path / "there"
    folder.mkdir()
    with pytest.raises(KeptError, match="The sandbox was not kept"):
        async with opened("run", 0, seconds_a_message=0.0, keep=folder / "mine.sandbox"):
            folder.rmdir()
