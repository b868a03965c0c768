"""The command line as processes: help, the story played by itself, and an orderly end."""

import asyncio
import secrets
import signal
import socket
import subprocess
import sys
from contextlib import suppress
from pathlib import Path

import aiohttp
import pytest
import yaml

from bot.cli.clock import SystemClock
from bot.cli.sandbox import APP_TOKEN, BOT_TOKEN, MANIFEST, POLICY, SIGNING_SECRET
from bot.sandbox.slack.server import LocalSlack
from bot.sandbox.zuora.server import LocalZuora
from tests.launched import ANEW
from tests.patient import LONGEST, be_patient_with
from tests.processes import ENVIRONMENT

ROOT = Path(__file__).parent.parent.parent
MODULE = [sys.executable, "-m", "bot"]
SCRIPT = [
    sys.executable, "-c",
    "import sys; sys.argv[0] = 'billing-bot'; from bot.cli import main; main()",
]  # fmt: skip


def ended(*command, cwd):
    return subprocess.run(  # noqa: S603 - our own program
        command, cwd=cwd, env=ENVIRONMENT, capture_output=True, text=True, check=False,
        timeout=LONGEST,
    )  # fmt: skip


def test_the_module_and_the_script_are_the_same_program(tmp_path):
    module = ended(*ANEW, "bot", "--help", cwd=tmp_path)
    script = ended(*SCRIPT, "--help", cwd=tmp_path)

    assert module.returncode == script.returncode == 0
    assert module.stdout == script.stdout
    assert module.stdout.startswith("Usage: billing-bot ")
    for command in ("run", "web", "sandbox"):
        assert f"\n  {command} " in module.stdout


def test_an_unknown_command_is_exit_status_2(tmp_path):
    assert ended(*MODULE, "walk", cwd=tmp_path).returncode == 2


@pytest.mark.parametrize("mode", [[], ["--web"]], ids=["socket mode", "signed http"])
def test_the_sandbox_plays_the_story_by_itself(tmp_path, mode):
    played = ended(*MODULE, "sandbox", "--play", *mode, cwd=tmp_path)

    assert played.returncode == 0, played.stdout + played.stderr
    said = played.stdout
    order = [
        said.index(words)
        for words in (
            "@alice  /billemail BR-00000001",
            "documents of bill run BR-00000001",
            "only @alice sees  R-1 is your own request",
            "@bob  presses Approve",
            "approved R-1",
            "Nothing has changed in Zuora",
            "Zuora accepted",
            "The card now reads:",
            "Zuora received 1 order to send mails.",
            "The story ended as it should.",
        )
    ]
    assert order == sorted(order)
    assert "Traceback" not in played.stderr
    assert list(tmp_path.iterdir()) == []


@pytest.fixture
async def servers():
    """The two local servers, in real time."""
    clock = SystemClock()
    zuora = LocalZuora(clock)
    slack = LocalSlack(
        clock,
        manifest=yaml.safe_load(MANIFEST.read_text()),
        bot_token=BOT_TOKEN,
        app_token=APP_TOKEN,
        signing_secret=SIGNING_SECRET,
    )
    be_patient_with(slack)
    await zuora.start()
    await slack.start()
    yield slack, zuora
    await slack.stop()
    await zuora.stop()


def free_port():
    """One below those that connections get by themselves, so that none takes it before it is used."""
    while True:
        port = 10_000 + secrets.randbelow(22_000)
        with socket.socket() as found, suppress(OSError):
            found.bind(("127.0.0.1", port))
            return port


def environment(slack, zuora, port):
    return ENVIRONMENT | {
        "SLACK_BOT_TOKEN": BOT_TOKEN,
        "SLACK_APP_TOKEN": APP_TOKEN,
        "SLACK_SIGNING_SECRET": SIGNING_SECRET,
        "SLACK_API_URL": slack.api_url,
        "BILLING_CHANNEL": "C0BILLING",
        "ZUORA_BASE_URL": zuora.base_url,
        "ZUORA_CLIENT_ID": zuora.client_id,
        "ZUORA_CLIENT_SECRET": zuora.client_secret,
        "PORT": str(port),
    }


async def start(command, folder, environment, module=MODULE):
    """Start a bot and return it once it says that it is ready."""
    (folder / "policy.toml").write_text(POLICY)
    process = await asyncio.create_subprocess_exec(
        *module, command, cwd=folder, env=environment, stderr=asyncio.subprocess.PIPE
    )
    log = ""
    async with asyncio.timeout(LONGEST):
        assert process.stderr
        while "bot.cli.serve ready" not in log:
            line = await process.stderr.readline()
            assert line, log
            log += line.decode()
    warned = [line for line in log.splitlines() if " WARNING " in line]
    assert all(" no_anchor: " in line for line in warned), log  # none is set here
    return process


async def stop(process, number=signal.SIGTERM):
    process.send_signal(number)
    async with asyncio.timeout(LONGEST):
        _, log = await process.communicate()
    return log.decode()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
async def test_run_ends_in_order_when_it_is_asked_to(tmp_path, servers, number):
    slack, zuora = servers
    process = await start("run", tmp_path, environment(slack, zuora, 0), [*ANEW, "bot"])
    ack = await slack.slash("U0ALICE", "C0BILLING", "/billemail help")
    assert "/billemail BR-00000001" in ack.text

    log = await stop(process, number)

    assert process.returncode == 0, log
    assert "Traceback" not in log
    assert slack.sockets.connections == 0
    for secret in (BOT_TOKEN, APP_TOKEN, SIGNING_SECRET, zuora.client_secret):
        assert secret not in log


async def test_web_ends_in_order_with_work_under_way(tmp_path, servers):
    slack, zuora = servers
    port = free_port()
    process = await start("web", tmp_path, environment(slack, zuora, port))
    slack.request_url = f"http://127.0.0.1:{port}/slack/events"
    async with (
        aiohttp.ClientSession() as http,
        http.get(f"http://127.0.0.1:{port}/healthz") as answer,
    ):
        assert await answer.json() == {"status": "ready"}
    slack.faults.add("chat.postMessage", "ratelimited", retry_after=600)  # the card has to wait
    await slack.slash("U0ALICE", "C0BILLING", "/billemail BR-00000001")
    submitted = await slack.submit("U0ALICE", {"reason": "Month end"})
    assert submitted.ok, submitted
    await slack.until(lambda: any(call.method == "chat.postMessage" for call in slack.calls))

    log = await stop(process)

    assert process.returncode == 0, log
    assert "Traceback" not in log
    assert (tmp_path / "billing-bot.db").exists()


async def test_a_slack_that_cannot_be_reached_is_waited_for_and_the_log_says_so(tmp_path):
    (tmp_path / "policy.toml").write_text(POLICY)
    values = {
        "SLACK_BOT_TOKEN": "xoxb-not-this-one",
        "SLACK_APP_TOKEN": "xapp-1",
        "SLACK_API_URL": f"http://127.0.0.1:{free_port()}/api/",
        "BILLING_CHANNEL": "C0BILLING",
        "ZUORA_BASE_URL": "http://127.0.0.1:9",
        "ZUORA_CLIENT_ID": "id",
        "ZUORA_CLIENT_SECRET": "secret",
    }

    process = await asyncio.create_subprocess_exec(
        *MODULE, "run", cwd=tmp_path, env=ENVIRONMENT | values, stderr=asyncio.subprocess.PIPE
    )
    said = ""
    assert process.stderr
    async with asyncio.timeout(LONGEST):
        while "start_waits" not in said:
            assert process.returncode is None, said
            said += (await process.stderr.readline()).decode()
    said += await stop(process)

    assert process.returncode == 0
    assert "for='Slack'" in said
    assert "Traceback" not in said
    assert "xoxb-not-this-one" not in said
