"""Exit statuses that several commands share, and ending with one; `billing-bot verify` has more of its own."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager

import click

from bot.settings import SettingsError
from bot.store.errors import StoreError

MEND_FIRST = 2
"""A person must first change what the message names: a setting, an option, a file, what Slack allows."""

WILL_PASS = 75
"""The cause ends by itself, so a supervisor starts the process again. 75 is `EX_TEMPFAIL` of sysexits.h."""

LOST_THE_WORK = 80
"""Another process may work by now; a supervisor starts this one again, and it stands by."""

NOT_READABLE = 3
"""An input cannot be read, or an output cannot be written."""

NOT_DONE = 26
"""Zuora was not compared, or Slack could not be read; the evidence is written all the same and says so."""


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
