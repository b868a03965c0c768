"""`billing-bot sandbox`: the bot with a local Slack and a local Zuora; no account, no token."""

import asyncio
import signal
import sys
import tempfile
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager
from datetime import timedelta
from pathlib import Path

import click
import yaml
from pydantic import SecretStr

from bot.cli.connecting import connected
from bot.cli.exits import MEND_FIRST
from bot.cli.help import example
from bot.cli.logs import log_to_stderr
from bot.cli.play import play_story
from bot.domain.clock import Clock
from bot.sandbox.panel.clock import MovableClock
from bot.sandbox.panel.keep import SOON, Kept, KeptError, load, save
from bot.sandbox.panel.panel import Panel, PolicyChoice
from bot.sandbox.slack.server import LocalSlack
from bot.sandbox.zuora.server import LocalZuora
from bot.settings import Mode, Settings
from bot.wiring.build import Tuning, build
from bot.wiring.running import Bot
from bot.zuora.environments import OWN_SANDBOX

LOOPBACK = "127.0.0.1"
PORT = 8321
PORT_TAKEN = (
    "Port {} is taken or not allowed. Choose another with --port; 0 takes any that is free."
)
ZUORA_PORT_TAKEN = (
    "The kept sandbox needs port {} for its Zuora, and that is taken: is it open already?"
)
BOT_TOKEN = "xoxb-sandbox"  # noqa: S105 - made up; it opens the local Slack alone
APP_TOKEN = "xapp-sandbox"  # noqa: S105 - as above
SIGNING_SECRET = "sandbox-signing-secret"  # noqa: S105 - as above
POLICY = """requesters = ["S0BILLING"]
approvers = ["S0CONTROLLERS"]
viewers = ["S0FINANCE"]
"""
TWO = f"""{POLICY}
[[rule]]
{{}}approvals = 2
approvers = ["S0CONTROLLERS", "U0MARA"]  # a third person can say what Zuora shows if an answer is lost
"""
POLICIES = {
    "one": ("One approval", POLICY),
    "tiers": (
        "Tiers: above USD or EUR 10,000 two approvals and typing the number",
        TWO.format('above = { USD = "10000.00", EUR = "10000.00" }\n'),
    ),
    "two": ("Two approvals for everything", TWO.format("")),
}
"""Policies to choose from on the page: a name, and the file's text."""
LABELS = {name: label for name, (label, _) in POLICIES.items()}
MANIFEST = Path(__file__).parent.parent / "slack" / "manifest.yml"


@click.command(
    epilog=example(
        "billing-bot sandbox",
        "billing-bot sandbox --play",
        "billing-bot sandbox --keep mine.sandbox",
    )
)
@click.option(
    "--port",
    type=click.IntRange(0, 65535),
    default=PORT,
    show_default=True,
    help="Port of the page; 0 for any.",
)
@click.option("--web", "over_http", is_flag=True, help="Signed HTTP instead of Socket Mode.")
@click.option("--play", is_flag=True, help="Play the story by itself and print the conversation.")
@click.option(
    "--keep",
    type=click.Path(dir_okay=False, path_type=Path),
    help="File to save everything in at the end, and to continue from the next time.",
)
@click.option("--log", is_flag=True, help="Print everything that the bot logs, not only warnings.")
def sandbox(port: int, *, over_http: bool, play: bool, keep: Path | None, log: bool) -> None:
    """Run the bot with a local Slack and a local Zuora, in the browser.

    It needs no account, token or setting. Ctrl-C ends it and discards everything, unless --keep
    names a file.
    """
    log_to_stderr("INFO" if log else "WARNING")
    mode: Mode = "web" if over_http else "run"
    try:
        ended_well = asyncio.run(_play(mode) if play else _stay(mode, port, keep))
    except (KeptError, TakenError) as error:
        click.echo(str(error), err=True)
        sys.exit(MEND_FIRST)
    sys.exit(0 if ended_well else 1)


async def _stay(mode: Mode, port: int, keep: Path | None) -> bool:
    stopped = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stopped.set)
    async with opened(mode, port, keep=keep) as (slack, _):
        click.echo(f"Open {slack.page_url} in a browser. Ctrl-C ends the sandbox.")
        await stopped.wait()
    if keep is not None:
        click.echo(f"Kept in {keep}.")
    return True


async def _play(mode: Mode) -> bool:
    async with opened(mode, 0, seconds_a_message=0.0) as (slack, zuora):
        return await play_story(slack, zuora, click.echo)


class TakenError(Exception):
    """A port is taken by another program; the text says which, and what to do."""


@asynccontextmanager
async def opened(
    mode: Mode, port: int, *, seconds_a_message: float = 1.0, keep: Path | None = None
) -> AsyncIterator[tuple[LocalSlack, LocalZuora]]:
    """Open the whole sandbox: two servers, the bot between them, and the page with its panel.

    Raises:
        KeptError: `keep` names a file that cannot be continued, or that cannot be written.
        TakenError: The page's port is taken, or the one that the kept Zuora had.
    """
    is_open = False
    async with AsyncExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="billing-bot-")))
        kept = load(keep, folder) if keep is not None else None
        clock = MovableClock(kept.ahead if kept else timedelta())
        zuora = LocalZuora(clock, world=kept.world if kept else None)
        slack = LocalSlack(
            clock,
            manifest=yaml.safe_load(MANIFEST.read_text()),
            workspace=kept.workspace if kept else None,
            bot_token=BOT_TOKEN,
            app_token=APP_TOKEN,
            signing_secret=SIGNING_SECRET,
        )
        local_bot = _SandboxBot(slack, zuora, clock, folder, mode)
        local_bot.tuning.seconds_a_message = seconds_a_message
        local_bot.policy = kept.policy if kept else "one"
        choice = PolicyChoice(LABELS, lambda: local_bot.policy, local_bot.follow)
        panel = Panel(slack, zuora, clock, choice)

        def keep_it() -> None:
            if keep is not None and is_open:
                zuora.world.agenda.advance(clock.now() + SOON)
                state = Kept(
                    slack.workspace, zuora.world, local_bot.policy, clock.ahead, zuora.port
                )
                save(keep, folder, state)

        stack.callback(keep_it)
        with _or_taken(ZUORA_PORT_TAKEN, at := kept.zuora_port if kept else 0):
            await zuora.start(port=at)
        stack.push_async_callback(zuora.stop)
        with _or_taken(PORT_TAKEN, port):
            await slack.start(port=port, beside=panel.routes())
        stack.push_async_callback(slack.stop)
        await local_bot.start()
        stack.push_async_callback(local_bot.stop)
        stack.push_async_callback(panel.stop)
        is_open = True
        yield slack, zuora


@contextmanager
def _or_taken(words: str, port: int) -> Iterator[None]:
    """Say it in words if a server cannot listen on its port."""
    try:
        yield
    except OSError as error:
        raise TakenError(words.format(port)) from error


class _SandboxBot:
    """The sandbox's bot, which can be restarted with another policy."""

    def __init__(
        self,
        slack: LocalSlack,
        zuora: LocalZuora,
        clock: MovableClock,
        folder: Path,
        mode: Mode,
    ) -> None:
        self._slack = slack
        self._zuora = zuora
        self._clock = clock
        self._folder = folder
        self._mode: Mode = mode
        self.tuning = Tuning(where=OWN_SANDBOX)
        self._stack = AsyncExitStack()
        self._one_by_one = asyncio.Lock()
        self.policy = "one"

    async def start(self) -> None:
        """Start the bot with the chosen policy."""
        policy = POLICIES[self.policy][1]
        settings = sandbox_settings(self._slack, self._zuora, self._folder, self._mode, policy)
        bot = await self._stack.enter_async_context(
            running(settings, self._clock, self.tuning, self._slack, self._mode)
        )

        self._clock.on_move = bot.parts.bells.ring

    async def stop(self) -> None:
        """Stop the bot."""
        self._clock.on_move = lambda: None
        await self._stack.aclose()

    async def follow(self, policy: str) -> None:
        """Restart the bot with another policy; waiting requests keep the rule they had."""
        await self.stop()
        self.policy = policy
        await self.start()


def sandbox_settings(
    slack: LocalSlack, zuora: LocalZuora, folder: Path, mode: Mode, policy: str = POLICY
) -> Settings:
    """Return settings for the two local servers, with a policy for the people of the sandbox."""
    policy_file = folder / "policy.toml"
    policy_file.write_text(policy)
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
        zuora_link=f"{slack.page_url}#zuora={{number}}",
        zuora_entity_ids="",
        zuora_org_ids="",
        database_url=f"sqlite:///{folder / 'billing-bot.db'}",
        audit_key=SecretStr(""),
        policy_file=str(policy_file),
        poll_seconds=2.0,
        digest_time="",
        port=0,
    )


@asynccontextmanager
async def running(
    settings: Settings,
    clock: Clock,
    tuning: Tuning,
    slack: LocalSlack,
    mode: Mode,
) -> AsyncIterator[Bot]:
    """Run the bot, connected to the local Slack and working, until the block is left."""
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
