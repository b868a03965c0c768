"""Checks a file's history for a command, and prints what is wrong with it."""

from pathlib import Path

import click

from bot.audit.verify import Verified, refuse_damage, verify_database
from bot.cli.progress import checking


def checked(file: Path, key: str) -> Verified:
    """Return what `billing-bot verify` finds in a file, and print it on standard error.

    Raises:
        StoreError: The file is damaged, or no database of the bot's.
    """
    click.echo(f"Checking {file}", err=True)
    with checking(file):
        refuse_damage(file)
        verified = verify_database(file, key=key)
    say_findings(verified)
    return verified


def say_findings(verified: Verified) -> None:
    """Print a line on standard error for each thing that is wrong."""
    for finding in verified.findings:
        click.echo(f"{finding.flaw}: {finding.words}", err=True)
