"""The progress of long commands: a bar on standard error, only at a terminal."""

import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import click

from bot.store.file.backup import Look
from bot.store.file.reading import looking


@contextmanager
def checking(path: Path) -> Iterator[None]:
    """Show how many seconds a check of a file has taken, at a terminal; Ctrl-C breaks it off."""
    begun, shown = time.monotonic(), 0

    def look() -> bool:
        nonlocal shown
        seconds = int(time.monotonic() - begun)
        if seconds > shown and sys.stderr.isatty():
            shown = seconds
            click.echo(f"\rChecking {path}: {seconds} s", nl=False, err=True)
        return False

    try:
        with looking(look):
            yield
    finally:
        if shown:
            click.echo(err=True)


@contextmanager
def copying(source: Path, label: str) -> Iterator[Look]:
    """Show a bar of the bytes written, with `source`'s size as the estimated total; Ctrl-C breaks it off."""
    length = source.stat().st_size if source.is_file() else 0
    with click.progressbar(length=length, label=label, file=sys.stderr) as bar:

        def look(written: int) -> bool:
            bar.update(max(0, min(written, length) - bar.pos))
            return False

        yield look
