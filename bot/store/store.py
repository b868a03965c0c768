"""The store: all tables behind one connection, written to in one kind of transaction."""

import asyncio
import logging
from collections.abc import Callable
from contextlib import AbstractContextManager, suppress
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from threading import Event
from typing import Any

from bot.domain.authority import Refusal
from bot.domain.history import Entry, Head
from bot.domain.message import Message, MessageKind
from bot.domain.named import Named, misnamed
from bot.domain.request import Request
from bot.store.archives import Archives
from bot.store.calls import Calls
from bot.store.checkpoints import Checkpoints
from bot.store.copies import Copies
from bot.store.copying import HALF_COPIED, MARKER
from bot.store.drafts import KeptValues
from bot.store.engine import Database, Question, ask_at_once, is_postgres
from bot.store.errors import StoreBusyError, StoreError
from bot.store.estimates import Estimates
from bot.store.figures import Figures
from bot.store.file.reading import DatabaseFile
from bot.store.history import History
from bot.store.homes import Homes
from bot.store.listed import ListedDocuments
from bot.store.mailings import Mailings
from bot.store.mornings import Mornings
from bot.store.opening import open_database, takes_long_to_check
from bot.store.outbox import Outbox
from bot.store.preparing import Preparing
from bot.store.refusals import Refusals
from bot.store.request_rows import Damaged
from bot.store.requests import Requests
from bot.store.set_clock import SetClock
from bot.store.sqlite import SqliteDatabase
from bot.store.status import Status
from bot.store.together import AT_ONCE, Together
from bot.store.turns import Turns
from bot.store.waits import Waits

logger = logging.getLogger(__name__)


class Store:
    """Everything the bot knows. The database is the only truth; memory and message texts are not."""

    def __init__(self, database: Database, audit_key: str = "") -> None:
        self._database = database
        damaged = Damaged()
        self.requests = Requests(database, damaged)
        self.calls = Calls(database)
        self.mailings = Mailings(database)
        self.listed = ListedDocuments(database)
        self.history = History(database, audit_key.encode())
        self.preparing = Preparing(database, self.history)
        self.refusals = Refusals(database, self.history)
        self.outbox = Outbox(database)
        self.set_clock = SetClock(database)
        self.status = Status(database, damaged)
        self.figures = Figures(database)
        self.homes = Homes(database)
        self.mornings = Mornings(database)
        self.drafts = KeptValues(database)
        self.estimates = Estimates(database)
        self.copies = Copies(database)
        self.archives = Archives(database)
        self.checkpoints = Checkpoints(database) if isinstance(database, SqliteDatabase) else None
        self.turns = Turns(AT_ONCE)
        self.together = Together(self.transaction, database.several, self.turns)
        self.is_checked = True
        """Whether every page was read; a large file is opened before that, and until then nothing is sent to Zuora."""
        self.cannot_be_checked = False
        """Whether that was tried, and the file could not be read."""

    @classmethod
    def open(
        cls,
        path: Path | str,
        audit_key: str = "",
        given_up: Callable[[], bool] = lambda: False,
        *,
        unchecked: bool = False,
    ) -> "Store":
        """Open the database and migrate it; `given_up` and `unchecked` as for `open_database`.

        `path` is a file, or the address of a PostgreSQL server.

        Raises:
            StoreError: It cannot be used; the message says what to do.
        """
        database = _opened(path, given_up, unchecked=unchecked)
        if MARKER in database.table_names():
            database.close()
            raise StoreError(HALF_COPIED)
        store = cls(database, audit_key)
        store.is_checked = not unchecked
        try:
            store.history.know_last()
        except BaseException:
            database.close()
            raise
        store._database.expect(lambda: store.history.known)
        return store

    @classmethod
    async def opened(cls, path: Path | str, audit_key: str = "") -> "Store":
        """Open it in a thread, because migrating takes seconds; a large file is not checked yet. Cancelling breaks it off.

        Raises:
            StoreError: It cannot be used; the message says what to do.
        """
        if not is_postgres(path) and takes_long_to_check(path):
            try:
                return await cls._in_a_thread(path, audit_key, unchecked=True)
            except StoreBusyError:
                raise
            except StoreError:
                logger.warning("checks_the_file: it cannot be opened as it is; the check says why")
        return await cls._in_a_thread(path, audit_key, unchecked=False)

    @classmethod
    async def _in_a_thread(cls, path: Path | str, audit_key: str, *, unchecked: bool) -> "Store":
        given_up = Event()
        opening = asyncio.create_task(
            asyncio.to_thread(cls.open, path, audit_key, given_up.is_set, unchecked=unchecked)
        )
        try:
            return await asyncio.shield(opening)
        except asyncio.CancelledError:
            given_up.set()
            with suppress(StoreError):
                (await opening).close()
            raise

    @classmethod
    def reading(cls, file: DatabaseFile) -> "Store":
        """Return a store on a file that is only read and not migrated."""
        return cls(file.database)

    def transaction(self) -> AbstractContextManager[None]:
        """Return one durable transaction, in which nobody else can write. Never await inside it.

        Raises:
            CouldNotRecordError: Nothing was written.
        """
        return self._database.transaction()

    def at_once(self, *questions: Question[Any]) -> list[Any]:
        """Return the answers to several questions, of which a server is asked in one round trip."""
        return ask_at_once(self._database, *questions)

    def meant(self, name: Named | None) -> tuple[Request | None, Refusal | None]:
        """Return the stored request with the number that a button or a form names, and why it is not meant; None: it is.

        This is the only way from a name to a request that something is done with.
        """
        if name is None:
            return None, Refusal.NO_SUCH_REQUEST
        request = self.requests.get(name.number)
        refusal = misnamed(name, request, self.copies.ids)
        is_ours = refusal is not Refusal.ANOTHER_DATABASE
        if request is None and is_ours and self.requests.is_there(name.number):
            return None, Refusal.UNREADABLE
        return request, refusal

    def record(self, entry: Entry, now: datetime, *messages: Message) -> Head:
        """Write a history entry and the messages that it causes, inside a transaction; return the history's new row."""
        row = self.history.append(entry, now)
        for message in messages:
            self.outbox.add(message, now)
        return row

    def refuse(self, entry: Entry, now: datetime, *messages: Message) -> None:
        """Record a refusal, or count it if there are many, and add its messages; inside a transaction.

        A refusal about an archived request belongs to no request, because that request's entries are complete; its card
        is no longer drawn either.
        """
        if entry.request is not None and self.archives.of(entry.request):
            entry = replace(entry, request=None, data={**entry.data, "about": f"R-{entry.request}"})
            messages = tuple(each for each in messages if each.kind is not MessageKind.UPDATE)
        self.refusals.add(entry, now)
        for message in messages:
            self.outbox.add(message, now)

    def move(
        self, before: Request, after: Request, entry: Entry, now: datetime, *messages: Message
    ) -> Head:
        """Move a request, with its history entry and its messages, inside a transaction; return the history's new row.

        Cards of requests that wait about the same documents, or wait to bill too, are drawn again, because they show
        what this request does.

        Raises:
            RequestMovedError: Somebody else was first.
        """
        self.requests.move(before, after)
        row = self.record(entry, now, *messages)
        if after.state is before.state:
            return row
        mailing = self.mailings.waiting_beside(after.number)
        for number, channel in [*mailing, *self.requests.waiting_to_bill_beside(after)]:
            edit = Message(
                kind=MessageKind.UPDATE, channel=channel, text="", blocks=[], request=number
            )
            self.outbox.add(edit, now)
        return row

    def others_have_written(self) -> bool:
        """Return whether another connection has changed the database since the last call. Very cheap."""
        return self._database.others_have_written()

    @property
    def has_lost_its_turn(self) -> bool:
        """Return whether this process worked and the database now says that another one does."""
        return self._database.has_lost_its_turn

    def begin_turn(self, holder: int) -> None:
        """Write from now on as the process that works (`bot.store.lock.Lock.holder`).

        Raises:
            CouldNotRecordError: It does not hold the lock any more.
        """
        self._database.begin_turn(holder)

    @property
    def waits(self) -> Waits | None:
        """Return how long a server's answers take; None for a file."""
        return self._database.waits

    @property
    def trouble(self) -> str:
        """Return why nothing can be written that lasts; empty if nothing is known to be wrong."""
        return self._database.trouble or self._database.takes_nothing

    def distrust(self, why: str) -> None:
        """Let nothing begin until the next start has checked the file; `why` is `DAMAGED` or `REPLACED`."""
        self._database.distrust(why)

    def try_to_write(self) -> None:
        """Try a write that is taken back, if the last write failed.

        Raises:
            CouldNotRecordError: This one failed too.
        """
        if self._database.takes_nothing:
            with self.transaction():
                self.refusals.touch()

    def close(self) -> None:
        """Close the file."""
        self._database.close()


def _opened(path: Path | str, given_up: Callable[[], bool], *, unchecked: bool) -> Database:
    if is_postgres(path):
        return _postgres(str(path))
    return open_database(path, given_up, unchecked=unchecked)


def _postgres(url: str) -> Database:
    """Return a server's database.

    Raises:
        StoreError: psycopg is not installed, or the server's database cannot be used.
    """
    try:
        from bot.store.postgres.opening import open_postgres  # noqa: PLC0415 - an extra
    except ImportError as error:
        msg = "DATABASE_URL: PostgreSQL needs psycopg; install requirements/postgres.txt."
        raise StoreError(msg) from error
    return open_postgres(url)
