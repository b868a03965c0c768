"""`billing-bot check`: checks everything that a start needs, and says how to fix what is wrong."""

import asyncio
import json
import sys
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from datetime import timedelta

import aiohttp
import click

from bot.cli.checks import at_mail, at_slack, at_zuora, here
from bot.cli.checks.noticed import Noticed, worst, wrong
from bot.cli.clock import SystemClock
from bot.cli.exits import MEND_FIRST
from bot.cli.help import example
from bot.cli.logs import log_to_stderr
from bot.domain.clock import Clocks
from bot.health.processes import others_on
from bot.settings import Settings, SettingsError, read_settings
from bot.slack.web import ProxyError
from bot.wiring.clients import SLACK_SECONDS, slack_client, timed, zuora_client
from bot.zuora.client import http_client

ZUORA_SECONDS = 20.0


@click.command(epilog=example("billing-bot check"))
@click.option("--json", "as_json", is_flag=True, help="One JSON object a line, for programs.")
def check(*, as_json: bool) -> None:
    """Check settings, policy, Slack, Zuora, clock and database: a line for each, with what to fix.

    Nothing is changed, neither here nor in Slack or Zuora. A bot may be running.

    Exit status of the worst line: 0 all is well, 1 a warning, 75 something that ends by itself,
    2 something that a person has to change.
    """
    log_to_stderr("ERROR")
    findings: list[Noticed] = []

    async def look() -> None:
        async for each in _all():
            findings.append(each)
            click.echo(json.dumps(each.shown()) if as_json else each.line())

    try:
        asyncio.run(look())
    except (SettingsError, ProxyError) as error:
        findings.append(wrong("settings", str(error), "set them in the environment or in .env"))
        click.echo(json.dumps(findings[-1].shown()) if as_json else findings[-1].line())
        sys.exit(MEND_FIRST)
    sys.exit(worst(findings))


async def _all() -> AsyncIterator[Noticed]:
    """Yield every finding as it is made.

    Raises:
        SettingsError: Settings are missing or wrong; without them nothing can be checked.
    """
    settings = read_settings(None)
    for each in here.settings(settings):
        yield each
    found, policy = here.policy(settings)
    for each in found:
        yield each
    for each in here.database(settings):
        yield each
    for each in here.same_policy(settings, policy) if policy else ():
        yield each
    async for each in at_mail.look(settings):
        yield each
    clock = SystemClock()
    clocks = Clocks(clock, timedelta(seconds=settings.clock_limit_seconds))
    async with AsyncExitStack() as stack:
        timeout = aiohttp.ClientTimeout(total=SLACK_SECONDS)
        session = await stack.enter_async_context(aiohttp.ClientSession(timeout=timeout))
        slack = slack_client(settings, session, clock, clocks)
        async for each in at_slack.look(settings, policy, slack, alone=_is_alone(settings)):
            yield each
        http = timed(http_client(), settings.zuora_base_url, clocks)
        stack.push_async_callback(http.aclose)
        zuora = zuora_client(settings, clock, http, read_seconds=ZUORA_SECONDS)
        async for each in at_zuora.look(settings, zuora):
            yield each
    yield at_zuora.clocks(clocks)


def _is_alone(settings: Settings) -> bool:
    try:
        return not others_on(settings.database_path, SystemClock())
    except OSError:
        return False
