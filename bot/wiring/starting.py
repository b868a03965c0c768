"""Why a bot cannot start, and the lock that it takes."""

import os
import tempfile
from pathlib import Path

from bot.settings import Settings
from bot.store.engine import is_postgres
from bot.store.lock import WorkLock
from bot.store.private import beside, opened_alone


class CannotStartError(Exception):
    """The settings name something that is not so; the message says what, in one sentence."""


def work_lock(settings: Settings) -> WorkLock:
    """The lock that lets one process work, beside the database.

    Raises:
        CannotStartError: Its file cannot be written.
    """
    path = beside(settings.database_path, ".lock")
    if is_postgres(settings.database_path):  # TODO pg2
        path = Path(tempfile.mkdtemp()) / "lock"
    try:
        os.close(opened_alone(path))
        return WorkLock(path)
    except OSError as error:
        msg = f"DATABASE_URL: {path}, which stands beside the database, cannot be written: {error.strerror}."
        raise CannotStartError(msg) from error
