"""What long commands show of their progress: a bar on standard error, only at a terminal."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import click

from bot.store.file.backup import Look


@contextmanager
def copying(source: Path, label: str) -> Iterator[Look]:
    """A bar of the bytes written, of about as many as `source` has; Ctrl-C breaks the copying off."""
    length = source.stat().st_size if source.is_file() else 0
    with click.progressbar(length=length, label=label, file=sys.stderr) as bar:

        def look(written: int) -> bool:
            bar.update(max(0, min(written, length) - bar.pos))
            return False

        yield look
