"""A command that opens a form is acknowledged at once, and says so where the form does not open."""

import pytest

from tests.stage import ALICE, CHANNEL

COMMANDS = ("/billemail BR-00000001", "/billrun")


@pytest.mark.parametrize("command", COMMANDS)
async def test_the_form_opens_where_the_command_was_typed(stage, command):
    ack = await stage.slack.slash(ALICE, CHANNEL, command)

    assert ack.ok
    assert not ack.text
    assert stage.slack.view(ALICE) is not None


@pytest.mark.parametrize("command", COMMANDS)
@pytest.mark.parametrize("error", ["expired_trigger_id", "internal_error"])
async def test_a_form_that_does_not_open_is_said_to_who_typed_the_command(stage, command, error):
    stage.slack.faults.add("views.open", "error", error=error)

    ack = await stage.slack.slash(ALICE, CHANNEL, command)

    assert ack.ok
    assert stage.slack.view(ALICE) is None
    (said,) = stage.private(ALICE)
    assert "did not open the form" in said
    assert "try again" in said
