"""Where a process may die: every write to the database and every word to or from the network.

The libraries are wrapped, not the bot: whatever the bot begins to write, send or answer is counted,
wherever in the bot that is. A point has a name made of what happens and of the function of the bot
in which it happens, so a new call site is a new point.
"""

import asyncio
import os
import random
import signal
import sqlite3
import sys
from collections.abc import Callable
from pathlib import Path
from types import FrameType
from typing import Any, ClassVar

import aiohttp
import psycopg
from yarl import URL

KILLED = 137
EDGES = ("bot.store.", "bot.zuora.", "bot.wiring")
"""Every write and every call passes through these; they do not distinguish them."""

EFFECTS = ("HTTP POST", "HTTP PUT", "HTTP DELETE", "COMMIT", "Slack chat.")
ZUORA = ("/v1/", "/oauth/", "/object-query/", "/settings/")
HEAVIER = 6
"""How much likelier a process that looks for a new point dies at one of these."""

WRITES = ("BEGIN", "COMMIT", "ROLLBACK", "SAVEPOINT", "RELEASE")
READS = ("SELECT", "PRAGMA", "WITH", "EXPLAIN")


Reached = Callable[[str], None]


class Points:
    """Counts the points that are reached, and ends the process at the chosen one.

    Args:
        folder: Where `seen` (all points ever reached) and `hit` (those died at) are kept, a name a
            line, so that they outlive the process.
        at: Die at the point of this number, counted from 1; 0 for none.
        at_a_new_one: Die at a point at which no process has died yet, with this chance each time
            one is reached: with 1 it would always be an early one.
        seed: Decides the chance.
        freezes: Do not die, but stand still until somebody lets the process go on, before or after
            something goes out or is committed, whether or not that is new.
    """

    def __init__(
        self,
        folder: Path,
        *,
        at: int = 0,
        at_a_new_one: float = 0.0,
        seed: int = 0,
        freezes: bool = False,
    ) -> None:
        self._freezes = freezes
        self._seen_file, self._hit_file = folder / "seen", folder / "hit"
        self._seen = set(_lines(self._seen_file))
        self._hit = set(_lines(self._hit_file))
        self._at = at
        self._at_a_new_one = at_a_new_one
        self._chance = random.Random(seed)  # noqa: S311 - no secret
        self.count = 0

    def reached(self, what: str) -> None:
        """One point; it may be the last thing that this process does."""
        self.count += 1
        name = f"{what} @ {_site(sys._getframe(1))}"
        if name not in self._seen:
            self._seen.add(name)
            _append(self._seen_file, name)
        weight = HEAVIER if name.startswith(EFFECTS) else 1
        may = name.startswith(EFFECTS) if self._freezes else name not in self._hit
        new = may and self._chance.random() < self._at_a_new_one * weight
        if self.count == self._at or new:
            _append(self._hit_file, name)
            if not self._freezes:
                os._exit(KILLED)
            self._at, self._at_a_new_one = 0, 0.0
            os.kill(os.getpid(), signal.SIGSTOP)


def _lines(file: Path) -> list[str]:
    return file.read_text().splitlines() if file.exists() else []


def _append(file: Path, name: str) -> None:
    with file.open("a") as out:
        out.write(f"{name}\n")


def _site(frame: FrameType | None) -> str:
    """The innermost function of the bot that is not one of those that everything passes through."""
    innermost = ""
    while frame is not None:
        module = str(frame.f_globals.get("__name__", ""))
        if module.startswith("bot."):
            site = f"{module}:{frame.f_code.co_qualname}"
            innermost = innermost or site
            if not module.startswith(EDGES):
                return site
        frame = frame.f_back
    return innermost or "a library"


def watch(points: Points) -> None:
    """Wrap the libraries through which the bot writes and speaks."""
    _watch_sqlite(points.reached)
    _watch_psycopg(points.reached)
    _watch_aiohttp(points.reached)
    _watch_sockets(points.reached)


class _Watched(sqlite3.Connection):
    """A connection that reports everything that makes something lasting."""

    reached: ClassVar[Reached]

    def execute(self, sql: str, *parameters: Any) -> sqlite3.Cursor:
        what = self._what(sql)
        self._note(what, "before")
        cursor = super().execute(sql, *parameters)
        self._note(what, "after")
        return cursor

    def executescript(self, sql: str) -> sqlite3.Cursor:
        self._note("script", "before")
        cursor = super().executescript(sql)
        self._note("script", "after")
        return cursor

    def commit(self) -> None:
        what = "COMMIT" if self.in_transaction else ""
        self._note(what, "before")
        super().commit()
        self._note(what, "after")

    def __exit__(self, *failure: object) -> Any:
        self._note("end of a block", "before")
        swallowed = super().__exit__(*failure)  # type: ignore[arg-type]
        self._note("end of a block", "after")
        return swallowed

    def _what(self, sql: str) -> str:
        """What this statement makes lasting; inside a transaction nothing but its end does."""
        word = sql.split(maxsplit=1)[0].upper().rstrip(";")
        if word in WRITES:
            return word
        return "" if self.in_transaction or word in READS else "write"

    def _note(self, what: str, moment: str) -> None:
        if what:
            type(self).reached(f"{what} {moment}")


def _watch_sqlite(reached: Reached) -> None:
    _Watched.reached = staticmethod(reached)
    connect = sqlite3.connect

    def watched_connect(*args: Any, **kwargs: Any) -> sqlite3.Connection:
        return connect(*args, **{"factory": _Watched, **kwargs})

    sqlite3.connect = watched_connect  # type: ignore[assignment]


def _watch_psycopg(reached: Reached) -> None:
    execute = psycopg.Connection.execute

    def watched(self: Any, query: Any, *values: Any, **how: Any) -> Any:
        what = next((each for each in WRITES if each in str(query)), "")
        if what:
            reached(f"{what} before")
        cursor = execute(self, query, *values, **how)
        if what:
            reached(f"{what} after")
        return cursor

    psycopg.Connection.execute = watched  # type: ignore[method-assign]


def _watch_aiohttp(reached: Reached) -> None:
    request, start = aiohttp.ClientSession._request, aiohttp.ClientResponse.start

    def named(method: str, url: Any) -> str:
        path = URL(url).raw_path
        if path.startswith(ZUORA):
            return f"HTTP {method}"
        return f"Slack {path.split('/api/')[1]}" if "/api/" in path else "Slack's other addresses"

    async def watched_request(self: Any, method: str, url: Any, **kwargs: Any) -> Any:
        reached(f"{named(method, url)} before")
        response = await request(self, method, url, **kwargs)
        reached(f"{named(method, url)} after")
        return response

    async def watched_start(self: Any, connection: Any) -> Any:
        while self._writer is not None:  # noqa: ASYNC110 - the body goes out in a task of its own
            await asyncio.sleep(0)
        reached(f"{named(self.method, self.url)} sent")
        response = await start(self, connection)
        reached(f"{named(self.method, self.url)} answered")
        return response

    aiohttp.ClientSession._request = watched_request  # type: ignore[method-assign, assignment]
    aiohttp.ClientResponse.start = watched_start  # type: ignore[method-assign]


def _watch_sockets(reached: Reached) -> None:
    send, receive = (
        aiohttp.ClientWebSocketResponse.send_str,
        aiohttp.ClientWebSocketResponse.receive,
    )

    async def watched_send(self: Any, *args: Any, **kwargs: Any) -> None:
        reached("acknowledgement before")
        await send(self, *args, **kwargs)
        reached("acknowledgement after")

    async def watched_receive(self: Any, *args: Any, **kwargs: Any) -> Any:
        message = await receive(self, *args, **kwargs)
        if message.type is aiohttp.WSMsgType.TEXT:
            reached("envelope received")
        return message

    aiohttp.ClientWebSocketResponse.send_str = watched_send  # type: ignore[method-assign]
    aiohttp.ClientWebSocketResponse.receive = watched_receive  # type: ignore[method-assign]
