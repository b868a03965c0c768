"""A whole copy of a database in one step, while the bot works on it."""

import sqlite3
from pathlib import Path
from urllib.parse import quote

from bot.store.errors import StoreError
from bot.store.private import made


def back_up(source: Path, target: Path) -> int:
    """Write a consistent copy beside `target` and then put it in its place; return its bytes.

    `VACUUM INTO` reads one unchanging view, so writers do not make it begin again, as they do with
    the shell's `.backup`.

    Raises:
        StoreError: There is no such database, or the copy cannot be written.
    """
    if not source.is_file():
        raise StoreError(f"there is no database {source}")
    partial = target.with_name(f"{target.name}.part")
    try:
        made(partial, empty=True)
        database = sqlite3.connect(f"file:{quote(str(source))}?mode=ro", uri=True)
        try:
            database.execute("VACUUM INTO ?", [str(partial)])
        finally:
            database.close()
        partial.replace(target)
    except (OSError, sqlite3.Error) as error:
        partial.unlink(missing_ok=True)
        raise StoreError(f"the backup {target} was not made: {error}") from error
    return target.stat().st_size
