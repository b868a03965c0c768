"""A start that cannot be is one sentence that names the setting, and SIGTERM ends it."""

import asyncio
import socket
from dataclasses import replace
from typing import Any

import pytest

from bot.cli.sandbox import POLICY
from bot.slack import socket_mode
from tests.cli.test_commands import MODULE, environment, free_port, servers, start, stop
from tests.patient import LONGEST
from tests.stage import ALICE, BOB, CHANNEL

__all__ = ["servers"]

MEND_FIRST = 2


async def begun(command, folder, settings):
    (folder / "policy.toml").write_text(POLICY)
    return await asyncio.create_subprocess_exec(
        *MODULE, command, cwd=folder, env=settings, stderr=asyncio.subprocess.PIPE
    )


async def sentence(command, folder, settings):
    """Start it; the last line that it leaves behind, which is the only one that is not a log's."""
    process = await begun(command, folder, settings)
    async with asyncio.timeout(LONGEST):
        _, said = await process.communicate()
    text = said.decode()
    assert process.returncode == MEND_FIRST, text
    assert "Traceback" not in text
    last = text.strip().splitlines()[-1]
    assert last.endswith("."), last
    return last


@pytest.mark.parametrize(
    ("command", "name", "value"),
    [
        ("run", "SLACK_APP_TOKEN", "xapp-not-this-one"),
        ("run", "SLACK_BOT_TOKEN", "xoxb-not-this-one"),
        ("web", "SLACK_BOT_TOKEN", "xoxb-nor-this-one"),
    ],
)
async def test_a_token_that_slack_refuses_is_named(tmp_path, servers, command, name, value):
    slack, zuora = servers

    said = await sentence(command, tmp_path, environment(slack, zuora, free_port()) | {name: value})

    assert said.startswith(f"{name}: Slack refuses it")


CHANNELS: dict[str, tuple[dict[str, Any], str]] = {
    "archived": ({"is_archived": True}, "is archived"),
    "read-only": ({"is_read_only": True}, "is read-only"),
    "without the bot": ({"members": [ALICE]}, "does not have the bot in it"),
    "private, without the bot": ({"members": [ALICE], "is_private": True}, "channel_not_found"),
    "shared": ({"is_ext_shared": True}, "ALLOW_SHARED_CHANNEL=yes"),
}


@pytest.mark.parametrize("case", CHANNELS)
async def test_a_channel_that_cannot_be_written_to_or_is_shared_is_named(tmp_path, servers, case):
    slack, zuora = servers
    how, words = CHANNELS[case]
    channel = slack.workspace.channels[CHANNEL]
    for name, value in how.items():
        setattr(channel, name, value)

    said = await sentence("run", tmp_path, environment(slack, zuora, 0))

    assert said.startswith("BILLING_CHANNEL: ")
    assert words in said
    assert CHANNEL in said


async def test_a_channel_that_is_not_there_is_named(tmp_path, servers):
    slack, zuora = servers
    settings = environment(slack, zuora, 0) | {"AUDIT_CHANNEL": "C0NOTTHERE"}

    said = await sentence("run", tmp_path, settings)

    assert said.startswith("AUDIT_CHANNEL: ")
    assert "channel_not_found" in said


async def test_an_app_without_the_scope_to_look_at_channels_reads_which_one(tmp_path, servers):
    slack, zuora = servers
    slack.faults.add("conversations.info", "error", error="missing_scope")

    said = await sentence("run", tmp_path, environment(slack, zuora, 0))

    assert said.startswith("BILLING_CHANNEL: ")
    assert "channels:read" in said


async def test_a_shared_channel_may_be_allowed(tmp_path, servers):
    slack, zuora = servers
    slack.workspace.channels[CHANNEL].is_ext_shared = True

    process = await start(
        "run", tmp_path, environment(slack, zuora, 0) | {"ALLOW_SHARED_CHANNEL": "yes"}
    )
    await stop(process)

    assert process.returncode == 0


async def test_a_port_that_is_taken_is_named(tmp_path, servers):
    slack, zuora = servers
    with socket.create_server(("0.0.0.0", 0)) as taken:  # noqa: S104 - as the bot does
        port = taken.getsockname()[1]

        said = await sentence("web", tmp_path, environment(slack, zuora, port))

    assert said.startswith(f"PORT: the port {port} cannot be used: ")


@pytest.mark.parametrize("blocked", ["folder", "file", "lock"])
async def test_a_file_that_cannot_be_written_is_named(tmp_path, servers, blocked):
    slack, zuora = servers
    path = tmp_path / "no" / "bot.db" if blocked == "folder" else tmp_path / "bot.db"
    if blocked == "file":
        path.mkdir()
    if blocked == "lock":
        (tmp_path / "bot.db.lock").mkdir()
    settings = environment(slack, zuora, 0) | {"DATABASE_URL": f"sqlite:///{path}"}

    said = await sentence("run", tmp_path, settings)

    assert said.startswith("DATABASE_URL: ")
    assert str(path) in said


async def test_a_token_of_a_whole_organization_needs_the_workspace(tmp_path, servers):
    slack, zuora = servers
    slack.workspace.enterprise_id = "E0GRID"
    settings = environment(slack, zuora, 0)

    assert (await sentence("run", tmp_path, settings)).startswith("SLACK_TEAM_ID is missing: ")
    settings["SLACK_TEAM_ID"] = "T0OTHER"
    assert (await sentence("run", tmp_path, settings)).endswith(
        f"it is for {slack.workspace.team_id}."
    )


async def test_a_workspace_that_the_token_is_not_for_is_named(tmp_path, servers):
    slack, zuora = servers

    said = await sentence(
        "run", tmp_path, environment(slack, zuora, 0) | {"SLACK_TEAM_ID": "T0OTHER"}
    )

    assert said.startswith("SLACK_TEAM_ID: ")


async def test_with_a_token_of_a_whole_organization_groups_are_read_in_the_workspace(stage):
    await stage.stop()
    stage.slack.workspace.enterprise_id = "E0GRID"
    stage.changes = {"slack_team_id": stage.slack.workspace.team_id}
    await stage.start()

    ts = await stage.ask()
    await stage.press(BOB, ts)

    await stage.until_card(ts, "Accepted by Zuora")
    asked = [call.args for call in stage.slack.calls if call.method == "usergroups.users.list"]
    assert asked[-1]["team_id"] == stage.slack.workspace.team_id


@pytest.mark.parametrize("server", ["auth.test", "conversations.info", "websocket", "zuora"])
async def test_sigterm_ends_a_start_that_waits_for_an_answer(tmp_path, servers, server):
    slack, zuora = servers
    if server == "zuora":
        zuora.faults.add("/oauth/token", kind="hang", times=None)
    else:
        fault = slack.faults.add(server, "hang", times=100)
    process = await begun("run", tmp_path, environment(slack, zuora, 0))

    def waits():
        if server == "zuora":
            return any(call.path == "/oauth/token" for call in zuora.calls)
        return fault.times < 100

    if server == "zuora":
        await zuora.until(waits)
    else:
        await slack.until(waits)
    goes_on = process.returncode is None
    assert goes_on

    said = await stop(process)

    assert process.returncode == 0
    assert "stopped before it was ready" in said
    assert "Traceback" not in said


async def test_a_reconnect_whose_handshake_is_swallowed_is_begun_anew(stage, monkeypatch):
    monkeypatch.setattr(socket_mode, "HANDSHAKE_SECONDS", 0.2)
    stage.slack.faults.add("websocket", "hang")
    asked = [call.method for call in stage.slack.calls].count("apps.connections.open")

    await stage.slack.sockets.disconnect()
    await stage.slack.until(
        lambda: (
            [call.method for call in stage.slack.calls].count("apps.connections.open") >= asked + 2
        )
    )
    await stage.slack.until(lambda: stage.slack.sockets.connections == 1)

    ts = await stage.ask()
    assert "BR-00000001" in stage.card(ts)


DEAD = "http://127.0.0.1:1"


async def test_what_no_proxy_excepts_goes_past_the_proxy_to_slack_and_zuora(tmp_path, servers):
    slack, zuora = servers
    proxied = {"HTTP_PROXY": DEAD, "HTTPS_PROXY": DEAD, "NO_PROXY": "127.0.0.1"}

    process = await start("run", tmp_path, environment(slack, zuora, 0) | proxied)
    ack = await slack.slash(ALICE, CHANNEL, "/billemail BR-00000001")
    await slack.until(lambda: slack.view(ALICE) is not None)
    await stop(process)

    assert ack.ok
    assert process.returncode == 0


async def test_a_proxy_that_is_named_is_gone_through_to_slack(tmp_path, servers):
    """It may be there later, so the start waits."""
    slack, zuora = servers

    process = await begun("run", tmp_path, environment(slack, zuora, 0) | {"HTTP_PROXY": DEAD})
    async with asyncio.timeout(LONGEST):
        while b"start_waits" not in (line := await process.stderr.readline()):
            assert line
    await stop(process)

    assert b"127.0.0.1:1" in line
    assert process.returncode == 0
    assert slack.calls == []


async def test_an_entity_that_the_token_does_not_speak_for_is_named(tmp_path, servers):
    slack, zuora = servers
    wrong = {"ZUORA_ENTITY_IDS": "33a8"}

    said = await sentence("run", tmp_path, environment(slack, zuora, 0) | wrong)

    assert "ZUORA_ENTITY_IDS names 33a8" in said


async def test_an_organization_that_zuora_refuses_is_named(tmp_path, servers):
    slack, zuora = servers
    zuora.knobs = replace(zuora.knobs, orgs=frozenset({"o-1"}))
    wrong = {"ZUORA_ORG_IDS": "o-9"}

    said = await sentence("run", tmp_path, environment(slack, zuora, 0) | wrong)

    assert "ZUORA_ORG_IDS names o-9, which Zuora refuses" in said
