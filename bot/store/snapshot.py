"""Gives commands that check, export and back up a database as a file, on either engine."""

import sqlite3
import tempfile
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from bot.store import serving
from bot.store.engine import is_postgres, without_password
from bot.store.errors import StoreError
from bot.store.file import cards
from bot.store.file.backup import Look, back_up
from bot.store.file.reading import open_read_only
from bot.store.moving import copy


@contextmanager
def as_file(database: str) -> Iterator[Path]:
    """Yield the file itself; for a server's database, a copy as of now, which is deleted after the block.

    Raises:
        StoreError: There is no such file, or the server's database cannot be read.
    """
    if not is_postgres(database):
        refuse_missing(database)
        yield Path(database)
        return
    with tempfile.TemporaryDirectory(prefix="billing-bot-") as folder:
        path = Path(folder) / "billing-bot.db"
        copy(database, str(path))
        _without_rules(path, database)
        yield path


def refuse_missing(database: str) -> None:
    """Refuse a file that is not there, before anything is made beside it.

    Raises:
        StoreError: There is no such file.
    """
    if not is_postgres(database) and not Path(database).is_file():
        raise StoreError(
            f"There is no database {database}. Run this in the bot's folder, or set DATABASE_URL."
        )


def _without_rules(path: Path, url: str) -> None:
    """Drop from a copy the triggers that the server lacks, so that checking the copy reports it."""
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        for name in serving.missing(url):
            connection.execute(f"DROP TRIGGER IF EXISTS {name}")


def newest_message(database: str) -> int:
    """Return the newest message of the outbox as of now, which may be later than a view that is open.

    Raises:
        StoreError: The database cannot be read.
    """
    if is_postgres(database):
        return serving.newest_message(database)
    with open_read_only(database) as file:
        return cards.newest_message(file)


def saved(database: str, target: Path, look: Look) -> int:
    """Write a whole copy beside `target`, then put it in its place; return its bytes.

    Raises:
        StoreError: It cannot be read or written, or `look` broke it off.
    """
    if not is_postgres(database):
        return back_up(Path(database), target, look)

    def watched(_table: str, _rows: int) -> None:
        if look(0):
            raise StoreError(f"The backup {target} was not made: it was broken off.")

    try:
        with tempfile.TemporaryDirectory(prefix=".billing-bot-", dir=target.parent) as folder:
            path = Path(folder) / "billing-bot.db"
            copy(database, str(path), watched)
            return back_up(path, target, look)
    except OSError as error:
        raise StoreError(f"The backup {target} was not made: {error}.") from error


def only_of_a_file(database: str, instead: str) -> Path:
    """Return the file of a database, for commands that work only on a file.

    Args:
        database: A path, or the address of a server.
        instead: What to do if it is on a server, as a sentence.

    Raises:
        StoreError: It is on a server.
    """
    if is_postgres(database):
        raise StoreError(f"{without_password(database)} is a server's database. {instead}")
    return Path(database)
