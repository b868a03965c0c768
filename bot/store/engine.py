"""What the store needs from a database, on either engine: SQLite's file or PostgreSQL's server.

Statements are written once, in SQL that both understand; the few rules of `bot.store.postgres.dialect` translate what
only SQLite understands.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Any, Generic, Protocol, TypeVar
from urllib.parse import urlsplit

from bot.domain.history import Head
from bot.store.waits import Waits

SCHEMES = ("postgresql://", "postgres://")

S = TypeVar("S")
T = TypeVar("T")


def is_postgres(url: object) -> bool:
    """Return whether a database is on a PostgreSQL server; otherwise it is a file."""
    return str(url).startswith(SCHEMES)


def without_password(url: str) -> str:
    """Return an address or a path without its password, so that a log may show it."""
    parts = urlsplit(url)
    if not is_postgres(url) or parts.password is None:
        return url
    return url.replace(f":{parts.password}@", ":…@", 1)


Query = tuple[str, Sequence[Any] | dict[str, Any]]
"""A statement that reads, and a value for each `?` or each `:name` of it."""


@dataclass(frozen=True, slots=True)
class Question(Generic[T]):
    """A read that can share a round trip to a server with others, as `Store.at_once` has it.

    Attributes:
        query: Its statement; None if nothing has to be read.
        meaning: Returns what the rows mean; it reads more where that is rarely needed.
    """

    query: Query | None
    meaning: Callable[[list[Any]], T]

    def then(self, further: Callable[[T], S]) -> "Question[S]":
        """Return a question whose answer is what follows from this one's."""
        return Question(self.query, lambda rows: further(self.meaning(rows)))


def answered(value: T) -> Question[T]:
    """Return a question whose answer is known."""
    return Question(None, lambda _: value)


class Committed:
    """Work that waits for the commit of a database, in order."""

    def __init__(self) -> None:
        self._waiting: list[Callable[[], None]] = []

    def __len__(self) -> int:
        """Return how many pieces of work wait."""
        return len(self._waiting)

    def add(self, work: Callable[[], None]) -> None:
        """Add a piece of work."""
        self._waiting.append(work)

    def undone(self, until: int) -> None:
        """Forget all but the first `until` pieces of work."""
        del self._waiting[until:]

    def done(self) -> None:
        """Do everything that waits."""
        waiting, self._waiting = self._waiting, []
        for work in waiting:
            work()


class Rows(Protocol):
    """The result of a statement, as tuples."""

    @property
    def rowcount(self) -> int:
        """Return how many rows it changed."""

    def fetchone(self) -> Any:
        """Return the next row; None if there is none."""

    def fetchall(self) -> list[Any]:
        """Return the rows that are left."""

    def __iter__(self) -> Iterator[Any]: ...


class Database(Protocol):
    """An open database. Its failures are the errors of `bot.store.errors`."""

    @property
    def committed(self) -> Committed:
        """Return what waits for the commit."""

    @property
    def in_transaction(self) -> bool:
        """Return whether one is open."""

    @property
    def waits(self) -> Waits | None:
        """Return how long a server's answers take; None for a file, which never makes the event loop wait for long."""

    @property
    def trouble(self) -> str:
        """Return why nothing can be written that lasts; empty if nothing is known to be wrong."""

    @property
    def takes_nothing(self) -> str:
        """Return why the last write did not last; empty if it did."""

    def execute(self, sql: str, parameters: Any = None) -> Rows:
        """Run one statement.

        Raises:
            CouldNotRecordError: The database cannot be read or written.
        """

    def at_once(self, *asked: Query) -> list[list[Any]]:
        """Run several reads, of which a server is asked in one round trip; return the rows of each."""

    def executemany(self, sql: str, rows: Iterable[Sequence[Any]]) -> int:
        """Run one statement for each of these values; return how many rows it changed."""

    def table_names(self) -> list[str]:
        """Return the tables."""

    def transaction(self) -> AbstractContextManager[None]:
        """Return one durable transaction during which nobody else can write; inside another one, a part of that.

        Raises:
            CouldNotRecordError: Nothing was written. It is a `ForbiddenByDatabaseError` if the database's own rules
                refused it.
        """

    def several(self) -> AbstractContextManager[None]:
        """Return one durable transaction for several writes that each open their own in it.

        Raises:
            CouldNotRecordError: Nothing was written, as for `transaction`.
            OneFailedError: One of them failed, and none of them can be undone alone; nothing was written.
        """

    def expect(self, known: Callable[[], Head]) -> None:
        """Remember `known`, which returns a row of the history that the database must have."""

    def distrust(self, why: str) -> None:
        """Let nothing begin until the next start has checked the database."""

    def others_have_written(self) -> bool:
        """Return whether another connection has written since the last call. Very cheap."""

    @property
    def has_lost_its_turn(self) -> bool:
        """Return whether the database showed another turn of work than this process's."""

    def begin_turn(self, holder: int) -> None:
        """Write from now on as the process that works; the one that worked before can write nothing more.

        Raises:
            CouldNotRecordError: The session `holder` does not hold the work lock.
        """

    def close(self) -> None:
        """Close it."""


def ask(database: Database, question: Question[T]) -> T:
    """Return the answer to one question."""
    answer: T
    (answer,) = ask_at_once(database, question)
    return answer


def ask_at_once(database: Database, *questions: Question[Any]) -> list[Any]:
    """Return the answers to several questions, of which a server is asked in one round trip."""
    rows = iter(database.at_once(*(each.query for each in questions if each.query is not None)))
    found = [[] if each.query is None else next(rows) for each in questions]
    return [each.meaning(its) for each, its in zip(questions, found, strict=True)]


def once_committed(database: Database, work: Callable[[], None]) -> None:
    """Do something after the commit of the open transaction; outside a transaction at once."""
    if database.in_transaction:
        database.committed.add(work)
    else:
        work()
