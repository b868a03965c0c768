"""`billing-bot sandbox`: the bot with a local Slack and a local Zuora; no account, no token."""

import asyncio
import logging
import signal
import sys
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import click
import yaml
from pydantic import SecretStr

from bot.cli.clock import SystemClock
from bot.cli.logs import log_to_stderr
from bot.cli.play import play_story
from bot.cli.serve import connected
from bot.sandbox.slack.server import LocalSlack
from bot.sandbox.zuora.server import LocalZuora
from bot.settings import Mode, Settings
from bot.wiring import Bot, Tuning, build
from bot.workflow.parts import Clock

LOOPBACK = "127.0.0.1"
PORT = 8321
BOT_TOKEN = "xoxb-sandbox"  # noqa: S105 - made up; it opens the local Slack alone
APP_TOKEN = "xapp-sandbox"  # noqa: S105 - as above
SIGNING_SECRET = "sandbox-signing-secret"  # noqa: S105 - as above
POLICY = """requesters = ["S0BILLING"]
approvers = ["S0CONTROLLERS"]
viewers = ["S0FINANCE"]
"""
MANIFEST = Path(__file__).parent.parent / "slack" / "manifest.yml"


@click.command()
@click.option("--port", default=PORT, show_default=True, help="Port of the page; 0 for any.")
@click.option("--web", "over_http", is_flag=True, help="Signed HTTP instead of Socket Mode.")
@click.option("--play", is_flag=True, help="Play the story by itself and print the conversation.")
def sandbox(port: int, *, over_http: bool, play: bool) -> None:
    """Run the bot with a local Slack and a local Zuora, in the browser."""
    log_to_stderr(logging.WARNING if play else logging.INFO)
    mode: Mode = "web" if over_http else "run"
    told = asyncio.run(_play(mode) if play else _stay(mode, port))
    sys.exit(0 if told else 1)


async def _stay(mode: Mode, port: int) -> bool:
    stopped = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stopped.set)
    async with _sandbox(mode, port) as (slack, _):
        click.echo(f"Billing Bot's sandbox is at {slack.page_url}  (Ctrl-C ends it)")
        await stopped.wait()
    return True


async def _play(mode: Mode) -> bool:
    async with _sandbox(mode, 0, seconds_a_message=0.0) as (slack, zuora):
        return await play_story(slack, zuora, click.echo)


@asynccontextmanager
async def _sandbox(
    mode: Mode, port: int, *, seconds_a_message: float = 1.0
) -> AsyncIterator[tuple[LocalSlack, LocalZuora]]:
    clock = SystemClock()
    zuora = LocalZuora(clock)
    slack = LocalSlack(
        clock,
        manifest=yaml.safe_load(MANIFEST.read_text()),
        bot_token=BOT_TOKEN,
        app_token=APP_TOKEN,
        signing_secret=SIGNING_SECRET,
    )
    await zuora.start()
    try:
        await slack.start(port=port)
        try:
            with tempfile.TemporaryDirectory(prefix="billing-bot-") as folder:
                settings = sandbox_settings(slack, zuora, Path(folder), mode)
                tuning = Tuning(seconds_a_message=seconds_a_message)
                async with running(settings, clock, tuning, slack, mode):
                    yield slack, zuora
        finally:
            await slack.stop()
    finally:
        await zuora.stop()


def sandbox_settings(slack: LocalSlack, zuora: LocalZuora, folder: Path, mode: Mode) -> Settings:
    """Settings that point at the two local servers, with a policy for the people of the sandbox."""
    policy = folder / "policy.toml"
    policy.write_text(POLICY)
    return Settings(
        slack_bot_token=SecretStr(BOT_TOKEN),
        slack_app_token=SecretStr(APP_TOKEN),
        slack_signing_secret=SecretStr(SIGNING_SECRET if mode == "web" else ""),
        slack_api_url=slack.api_url,
        billing_channel="C0BILLING",
        audit_channel="",
        zuora_base_url=zuora.base_url,
        zuora_client_id=zuora.client_id,
        zuora_client_secret=SecretStr(zuora.client_secret),
        zuora_tenant_id="",
        zuora_entity_ids="",
        zuora_org_ids="",
        database_url=f"sqlite:///{folder / 'billing-bot.db'}",
        audit_key=SecretStr(""),
        policy_file=str(policy),
        poll_seconds=2.0,
        port=0,
    )


@asynccontextmanager
async def running(
    settings: Settings, clock: Clock, tuning: Tuning, slack: LocalSlack, mode: Mode
) -> AsyncIterator[Bot]:
    """The bot, connected to the local Slack and working, until the block is left."""
    bot = await build(settings, clock, tuning)
    try:
        async with connected(bot, settings, mode, host=LOOPBACK) as port:
            if mode == "web":
                slack.request_url = f"http://{LOOPBACK}:{port}/slack/events"
            bot.start()
            yield bot
            await bot.finish()
    finally:
        await bot.stop()
