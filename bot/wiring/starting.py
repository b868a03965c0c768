"""Why a bot cannot start, and the lock that it takes."""

import os

from bot.fence import Fence
from bot.settings import AuditSettings, Settings
from bot.store.engine import is_postgres
from bot.store.lock import Lock, WorkLock
from bot.store.private import beside, opened_alone


class CannotStartError(Exception):
    """The settings say something that is not true; the message says what, in one sentence."""


def fence_of(settings: Settings) -> Fence | None:
    """Return what effects must pass; None on SQLite, where a frozen process keeps its lock."""
    return Fence() if is_postgres(settings.database_path) else None


def take_alone(lock: Lock, otherwise: str) -> None:
    """Take the work lock for a command that may run only while no process of the bot works.

    Args:
        lock: The database's work lock.
        otherwise: The message, a sentence, if a process has it.

    Raises:
        CannotStartError: A process has it, or its server cannot be asked.
    """
    if lock.take():
        return
    if why := lock.why_unasked:
        raise CannotStartError(f"DATABASE_URL: the database cannot be opened: {why}.")
    raise CannotStartError(otherwise)


def work_lock(settings: AuditSettings, fence: Fence | None = None) -> Lock:
    """Return the lock that lets one process work: a file's beside the database, or a session's on its server.

    Args:
        settings: As read.
        fence: Opened while this process holds a session's lock.

    Raises:
        CannotStartError: Its file cannot be written.
    """
    if is_postgres(settings.database_path):
        from bot.store.postgres.work_lock import PostgresLock  # noqa: PLC0415 - psycopg is an extra

        return PostgresLock(settings.database_path, fence or Fence())
    path = beside(settings.database_path, ".lock")
    try:
        os.close(opened_alone(path))
        return WorkLock(path)
    except OSError as error:
        msg = f"DATABASE_URL: {path}, which is beside the database, cannot be written: {error.strerror}."
        raise CannotStartError(msg) from error
