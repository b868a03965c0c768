"""Ends commands that cannot go on, with a message and an exit status."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager

import click

from bot.cli.exits import MEND_FIRST, NOT_READABLE
from bot.settings import SettingsError
from bot.store.errors import StoreError


@contextmanager
def refused_in_words(*wrong: type[Exception]) -> Iterator[None]:
    """Say what is wrong on standard error, and end with the status for it.

    Args:
        wrong: Errors that count as wrong settings, besides `SettingsError`.
    """
    settings: tuple[type[Exception], ...] = (SettingsError, *wrong)
    try:
        yield
    except settings as error:
        click.echo(str(error), err=True)
        sys.exit(MEND_FIRST)
    except (StoreError, OSError) as error:
        click.echo(str(error), err=True)
        sys.exit(NOT_READABLE)
