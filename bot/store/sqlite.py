"""SQLite as the database that `bot.store.engine` requires, also for a file that is only read."""

from collections.abc import Callable, Iterable, Sequence
from contextlib import AbstractContextManager
from typing import Any

from sqlite_utils import Database

from bot.domain.history import Head
from bot.store.engine import Committed, Query
from bot.store.waits import Waits


class SqliteDatabase(Database):
    """A file that is only read, or that somebody else writes."""

    def __init__(self, *args: Any, **named: Any) -> None:
        super().__init__(*args, **named)
        self.committed = Committed()
        self.waits: Waits | None = None

    @property
    def trouble(self) -> str:
        """Return an empty text, because a file that is only read has no such trouble."""
        return ""

    @property
    def takes_nothing(self) -> str:
        """Return an empty text, because a file that is only read has no such trouble."""
        return ""

    @property
    def in_transaction(self) -> bool:
        """Return whether one is open."""
        return self.conn.in_transaction

    def at_once(self, *asked: Query) -> list[list[Any]]:
        """Run several reads; return the rows of each."""
        return [self.execute(sql, values).fetchall() for sql, values in asked]

    def executemany(self, sql: str, rows: Iterable[Sequence[Any]]) -> int:
        """Run one statement for each of these values; return how many rows it changed."""
        return self.conn.executemany(sql, rows).rowcount

    def transaction(self) -> AbstractContextManager[None]:
        """Refuse, because nothing is written here.

        Raises:
            TypeError: Always.
        """
        msg = "this file is only read"
        raise TypeError(msg)

    def several(self) -> AbstractContextManager[None]:
        """Refuse, because nothing is written here.

        Raises:
            TypeError: Always.
        """
        return self.transaction()

    def expect(self, known: Callable[[], Head]) -> None:
        """Do nothing, because readers check the file in other ways."""

    def distrust(self, why: str) -> None:
        """Do nothing, because readers begin nothing."""

    @property
    def has_lost_its_turn(self) -> bool:
        """Return False; a file's lock dies with its process, so no other turn begins."""
        return False

    def begin_turn(self, holder: int) -> None:
        """Do nothing, because a process that worked before has ended or still has the lock."""

    def others_have_written(self) -> bool:
        """Return False, because readers need not know."""
        return False
