"""`billing-bot run` and `billing-bot web`: the bot with real tokens."""

import asyncio
import logging
import signal
import sys
from dataclasses import dataclass, field
from importlib.metadata import version
from pathlib import Path

import click

from bot.cli.checks import at_slack, here
from bot.cli.checks.noticed import Grade, Noticed
from bot.cli.clock import SystemClock
from bot.cli.connecting import (
    EVERYWHERE,
    Connection,
    Doorway,
    connection_to_slack,
    health_port,
    listens,
)
from bot.cli.exits import LOST_THE_WORK, MEND_FIRST, WILL_PASS
from bot.cli.help import example
from bot.cli.logs import log_as_set, log_to_stderr
from bot.cli.pauses import give_back_only_long_texts, keep_pauses_short
from bot.health.figures import Exposition
from bot.health.routes import Front
from bot.health.starting import Starting
from bot.policy.file import PolicyError, read_policy
from bot.settings import Mode, Settings, SettingsError, read_settings
from bot.slack.admission import NotAdmittedError
from bot.slack.door import PortError
from bot.slack.web import ProxyError
from bot.store.engine import without_password
from bot.store.errors import CouldNotRecordError, StoreBusyError, StoreError
from bot.wiring.build import Tuning, build
from bot.wiring.running import Bot
from bot.wiring.starting import CannotStartError
from bot.zuora.client import ZuoraClient

logger = logging.getLogger(__name__)

WRONG = (
    SettingsError, PolicyError, StoreError, CannotStartError, NotAdmittedError, PortError, ProxyError,
)  # fmt: skip
"""Errors that keep the bot from starting; each names the setting."""

READ_AGAIN = frozenset({"slack_bot_token", "slack_app_token", "slack_signing_secret",
                        "zuora_client_id", "zuora_client_secret", "log_level", "log_format"})  # fmt: skip
"""Settings that a running bot reads again on SIGHUP; the others need a restart."""


@click.command(epilog=example("billing-bot run"))
def run() -> None:
    """Run the bot with Socket Mode: it connects to Slack, and needs no public address.

    It needs SLACK_APP_TOKEN. SIGTERM or Ctrl-C ends it in order; calls that are out get
    their answer. The exit status is 2 if a person has to change something first, which the last line names, 75 if the
    cause ends by itself, and 80 if another process may work by now.
    """
    serve("run")


@click.command(epilog=example("PORT=3000 billing-bot web"))
def web() -> None:
    """Run the bot with signed HTTP: Slack posts to /slack/events on PORT, through a proxy.

    It needs SLACK_SIGNING_SECRET. The same port serves /healthz. SIGTERM or Ctrl-C ends it in order; calls that are out get
    their answer. The exit status is 2 if a person has to change something first, which the last line names, 75 if the
    cause ends by itself, and 80 if another process may work by now.
    """
    serve("web")


def serve(mode: Mode, tuning: Tuning | None = None, host: str = EVERYWHERE) -> None:
    """Run until a signal comes, and exit with a status for the supervisor.

    0: it was stopped. 2: a person has to change something first. 75: the cause ends by
    itself. 80: it lost the work lock.
    """
    log_to_stderr()
    try:
        settings = read_settings(mode)
        log_as_set(settings)
        serving = Serving(settings, mode, tuning or Tuning(), host)
        asyncio.run(serving.until_stopped())
        if serving.has_to_begin_anew:
            sys.exit(LOST_THE_WORK)
    except StoreBusyError as error:
        click.echo(str(error), err=True)
        sys.exit(WILL_PASS)
    except WRONG as error:
        click.echo(str(error), err=True)
        sys.exit(MEND_FIRST)


@dataclass
class Serving:
    """One process: starts, serves, reads policy and secrets again, stops."""

    settings: Settings
    mode: Mode
    tuning: Tuning
    host: str
    stopped: asyncio.Event = field(default_factory=asyncio.Event)
    refused: str = ""
    _bot: Bot | None = None
    _connection: "Connection | None" = None
    _looking: asyncio.Task[None] | None = None

    @property
    def has_to_begin_anew(self) -> bool:
        """Return whether to start anew: the lock was lost, and nobody stopped the process."""
        return self._bot is not None and self._bot.has_lost_its_lock

    async def until_stopped(self) -> None:
        """Serve until a signal comes; a signal during the start ends the start.

        Raises:
            NotAdmittedError: Slack now refuses the app-level token.
        """
        loop = asyncio.get_running_loop()
        serving = asyncio.create_task(self._serve())

        def stop() -> None:
            self.stopped.set()
            if self._connection is None:
                serving.cancel()

        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, stop)
        loop.add_signal_handler(signal.SIGHUP, self.read_again)
        try:
            await serving
        except asyncio.CancelledError:
            logger.info("stopped before it was ready")
        if self.refused:
            raise NotAdmittedError(self.refused)

    async def _serve(self) -> None:
        clock = SystemClock()
        settings, starting = self.settings, Starting(clock)
        logger.info(
            "starting",
            extra={
                "version": version("billing-bot"),
                "mode": self.mode,
                "database": without_password(settings.database_path),
                "slack": settings.slack_api_url,
                "zuora": settings.zuora_base_url,
            },
        )
        front = Front(starting)
        async with listens(settings) as place, health_port(front, settings, place):
            bot = await build(settings, clock, self.tuning, starting=starting)
            front.exposition = Exposition(bot.readiness, settings.database_path)
            front.health, self._bot = bot.readiness, bot
            try:
                _refuse_a_wrong_login(bot.parts.tenancy.zuora)
                way = Doorway(self.mode, self.host)
                async with connection_to_slack(bot, settings, way, starting, place) as connection:
                    connection.on_refused.append(self._end)
                    bot.start()
                    keep_pauses_short()
                    give_back_only_long_texts()
                    self._connection = connection
                    logger.info("ready", extra={"tenant": bot.parts.tenancy.words})
                    self._look(bot)
                    await self.stopped.wait()
                    logger.info("stopping")
                    await bot.finish()
            finally:
                if self._looking is not None:
                    self._looking.cancel()
                await bot.stop()

    def _look(self, bot: Bot) -> None:
        """Check the surroundings while the bot works, and once more when settings are read again."""
        if self._looking is not None:
            self._looking.cancel()
        self._looking = asyncio.create_task(self._say_what_is_missing(bot))

    async def _say_what_is_missing(self, bot: Bot) -> None:
        """Log what `billing-bot check` finds on this machine and at Slack, while the bot works."""
        for each in (*here.settings(self.settings), *here.room(self.settings)):
            _log(each)
        for each in await asyncio.to_thread(lambda: [*here.rules(self.settings)]):
            _log(each)
        async for each in at_slack.look(
            self.settings, bot.parts.rules.policy, bot.slack, alone=False
        ):
            _log(each)

    def _end(self, why: str) -> None:
        """End, because a person has to change something."""
        logger.critical("app_token_refused: this process ends", extra={"why": why})
        self.refused = why
        self.stopped.set()

    def read_again(self) -> None:
        """Read policy and secrets again; ignore those that cannot be used."""
        if self._bot is None or self._connection is None:
            logger.warning("read_again_refused: the bot has not started yet")
            return
        try:
            settings = read_settings(self.mode)
            policy = read_policy(Path(settings.policy_file), settings.places)
            self._bot.follow(settings, policy)
        except (SettingsError, PolicyError, CouldNotRecordError) as error:
            logger.error("read_again_refused: nothing was changed: %s", error)  # noqa: TRY400 - it is named
            return
        self._connection.use(settings)
        log_as_set(settings)
        changed = {
            name
            for name in type(settings).model_fields
            if getattr(settings, name) != getattr(self.settings, name)
        }
        logger.info(
            "read_again",
            extra={
                "policy": policy.hash[:12],
                "changed": sorted(name.upper() for name in changed & READ_AGAIN),
            },
        )
        if needs := sorted(name.upper() for name in changed - READ_AGAIN):
            logger.warning(
                "restart_needed: these settings count from the next start",
                extra={"settings": needs},
            )
        self.settings = settings.model_copy(
            update={name: getattr(self.settings, name) for name in changed - READ_AGAIN}
        )
        self._look(self._bot)


def _log(finding: Noticed) -> None:
    if finding.grade is not Grade.GOOD:
        logger.warning(
            "check_found",
            extra={"about": finding.about, "found": finding.found, "mend": finding.mend},
        )


def _refuse_a_wrong_login(zuora: ZuoraClient) -> None:
    """Refuse to start with a login that Zuora refuses; a running bot waits for a better one instead.

    Raises:
        CannotStartError: Zuora refuses it.
    """
    if zuora.locks_out:
        named = "" if "ZUORA_" in zuora.trouble else "ZUORA_CLIENT_ID, ZUORA_CLIENT_SECRET: "
        raise CannotStartError(f"{named}{zuora.trouble}")
