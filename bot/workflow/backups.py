"""Copies the database on a timer, in the process that works."""

import asyncio
import logging
from datetime import UTC, datetime, timedelta
from pathlib import Path
from threading import Event

from bot.domain.clock import Clock
from bot.store.errors import StoreError
from bot.store.snapshot import saved

logger = logging.getLogger(__name__)

LOOK_AGAIN = timedelta(minutes=5)
"""The pause after a fault; also the longest pause between looks at the clock, which can be set or jump."""
NAMED = "billing-bot-%Y%m%dT%H%M%SZ.db"
"""A copy's name, by the time (UTC) when it was made."""


class Backups:
    """Makes copies and removes old ones; nothing but the folder records them.

    Args:
        database: The file, or the address of a server's database.
        folder: Where the copies are kept; None for no copies.
        every: The time between two of them.
        keep: How many stay.
    """

    def __init__(
        self, clock: Clock, database: str, *, folder: Path | None, every: timedelta, keep: int
    ) -> None:
        self._clock = clock
        self._database = database
        self._folder = folder
        self._every = every
        self._keep = keep

    @property
    def last(self) -> datetime | None:
        """Return when the newest whole copy was made; None if there is none."""
        return max(self._found(), default=(None, None))[0]

    async def run(self) -> None:
        """Make a copy whenever one is due, until cancelled."""
        while self._folder is not None:
            is_made = self._due_in() > timedelta() or await self._make(self._folder)
            pause = min(self._due_in(), LOOK_AGAIN) if is_made else LOOK_AGAIN
            await self._clock.sleep(pause.total_seconds())

    def _due_in(self) -> timedelta:
        last, now = self.last, self._clock.now()
        if last is None or last > now:  # a clock that was set back must not delay it
            return timedelta()
        return last + self._every - now

    async def _make(self, folder: Path) -> bool:
        """Make a copy in a thread; return whether that worked."""
        broken_off = Event()
        target = folder / self._clock.now().astimezone(UTC).strftime(NAMED)
        try:
            size = await asyncio.to_thread(
                saved, self._database, target, lambda _: broken_off.is_set()
            )
            for _, old in sorted(self._found(), reverse=True)[self._keep :]:
                old.unlink()
        except (StoreError, OSError) as error:
            logger.error("backup_failed: %s", error)  # noqa: TRY400 - the sentence is all there is
            return False
        finally:
            broken_off.set()
        logger.info("backup_made", extra={"file": target.name, "bytes": size})
        return True

    def _found(self) -> list[tuple[datetime, Path]]:
        if self._folder is None:
            return []
        found = []
        for path in self._folder.glob("billing-bot-*.db"):
            try:
                made = datetime.strptime(path.name, NAMED).replace(tzinfo=UTC)
            except ValueError:
                continue  # somebody else's
            found.append((made, path))
        return found
