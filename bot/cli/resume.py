"""`billing-bot resume-after-restore`: lets the bot work again after an older copy was put back."""

import asyncio
import sys

import click

from bot.cli.clock import SystemClock
from bot.cli.exits import MEND_FIRST
from bot.cli.help import example
from bot.settings import SettingsError, read_settings
from bot.slack.errors import NO_ANSWER
from bot.store.errors import CouldNotRecordError, StoreError
from bot.wiring.restoring import resume_after_restore
from bot.wiring.starting import CannotStartError


@click.command("resume-after-restore", epilog=example("billing-bot resume-after-restore"))
def resume() -> None:
    """End every open request of a database that was put back, and go on with the next number.

    Stop the bot first, and make sure that no other database works in the same channel. Each open
    request is stopped with the words "look in Zuora first"; the history records all of it.
    """
    try:
        ended, number = asyncio.run(resume_after_restore(read_settings(None), SystemClock()))
    except (SettingsError, StoreError, CouldNotRecordError, CannotStartError) as error:
        click.echo(str(error), err=True)
        sys.exit(MEND_FIRST)
    except NO_ANSWER as error:
        click.echo(f"Slack cannot be read, so nothing was changed: {error}", err=True)
        sys.exit(MEND_FIRST)
    for name in ended:
        click.echo(f"{name} is stopped: look in Zuora first.")
    click.echo(f"Start the bot again; the next request is R-{number}.")
