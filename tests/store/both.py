"""SQLite and PostgreSQL as one database: each statement runs on both, and both must give the same."""

import json
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import AbstractContextManager, ExitStack, contextmanager
from pathlib import Path
from typing import Any

from bot.domain.history import Head
from bot.store.database import Guarded
from bot.store.engine import Committed, Query
from bot.store.opening import open_database
from bot.store.postgres.database import PostgresDatabase
from bot.store.postgres.opening import open_postgres
from bot.store.schema import format_of_tables
from tests.fresh import fresh
from tests.postgres import fresh_database, with_id


class Given:
    """What a statement gave on both."""

    def __init__(self, rows: list[Any], rowcount: int) -> None:
        self._rows = iter(rows)
        self.rowcount = rowcount

    def fetchone(self) -> Any:
        return next(self._rows, None)

    def fetchall(self) -> list[Any]:
        return [*self._rows]

    def __iter__(self) -> Iterator[Any]:
        return self._rows


def _plain(row: tuple[Any, ...]) -> tuple[Any, ...]:
    """A row in which lists of JSON are written in one way: spaces in them, and the order of approvals, mean nothing."""
    return tuple(
        json.dumps(sorted(json.loads(value)))
        if isinstance(value, str) and value[:2] == "[["
        else value
        for value in row
    )


class Both:
    """A `bot.store.engine.Database` that compares its two engines."""

    trouble = takes_nothing = ""
    waits = None
    has_lost_its_turn = False

    def __init__(self, file: Guarded, server: PostgresDatabase) -> None:
        self.file, self.server = file, server
        self.committed = Committed()
        self.statements: set[str] = set()

    @classmethod
    def of(cls, path: Path) -> "Both":
        """Two new databases with one id."""
        file, address = open_database(fresh(path)), fresh_database()
        (name,) = file.execute("SELECT id FROM copies").fetchone()
        with_id(address, name)
        with file.transaction():  # a server says it in this row, a file by its migrations alone
            file.execute("UPDATE turns_of_work SET format = ?", [format_of_tables()])
        return cls(file, open_postgres(address))

    @property
    def in_transaction(self) -> bool:
        assert self.file.in_transaction == self.server.in_transaction
        return self.file.in_transaction

    def execute(self, sql: str, parameters: Any = None) -> Given:
        self.statements.add(sql)
        here, there = self.file.execute(sql, parameters), self.server.execute(sql, parameters)
        rows = [_plain(row) for row in here.fetchall()]
        answered = [_plain(row) for row in there.fetchall()] if there.description else []
        assert sorted(rows, key=repr) == sorted(answered, key=repr), (sql, parameters)
        if here.description is None:
            assert here.rowcount == there.rowcount, (sql, parameters)
        return Given(rows, there.rowcount)

    def at_once(self, *asked: Query) -> list[list[Any]]:
        one_by_one = [self.execute(sql, values).fetchall() for sql, values in asked]
        for found in (self.file.at_once(*asked), self.server.at_once(*asked)):
            plain = [sorted(map(_plain, rows), key=repr) for rows in found]
            assert plain == [sorted(rows, key=repr) for rows in one_by_one], asked
        return one_by_one

    def executemany(self, sql: str, rows: Iterable[Sequence[Any]]) -> int:
        self.statements.add(sql)
        every = [*rows]
        changed = self.file.executemany(sql, every)
        assert changed == self.server.executemany(sql, every), sql
        return changed

    def table_names(self) -> list[str]:
        return self.server.table_names()

    @contextmanager
    def transaction(self) -> Iterator[None]:
        before = len(self.committed)
        try:
            with ExitStack() as stack:
                stack.enter_context(self.file.transaction())
                stack.enter_context(self.server.transaction())
                yield
        except BaseException:
            self.committed.undone(before)
            raise
        if not self.in_transaction:
            self.committed.done()

    def several(self) -> AbstractContextManager[None]:
        return self.transaction()

    def expect(self, known: Callable[[], Head]) -> None: ...

    def distrust(self, why: str) -> None:
        self.file.distrust(why)

    def begin_turn(self, holder: int) -> None:
        self.file.begin_turn(holder)
        self.server.begin_turn(holder)

    def others_have_written(self) -> bool:
        return False

    def dump(self) -> dict[str, list[Any]]:
        """Every row of every table, the same on both."""
        names = [name for name in self.file.table_names() if not name.startswith("_sqlite")]
        return {name: self.execute(f"SELECT * FROM {name}").fetchall() for name in names}  # noqa: S608 - own names

    def close(self) -> None:
        self.file.close()
        self.server.close()
