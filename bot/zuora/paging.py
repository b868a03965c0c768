"""Reads of several calls: pages, or calls side by side."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Iterable
from typing import Any, Final, TypeVar

from bot.domain.known import NotKnown
from bot.zuora import calls, rows
from bot.zuora.answers import Answer
from bot.zuora.caller import Caller
from bot.zuora.errors import ZuoraContradicts, ZuoraRefused, ZuoraTooMany, ZuoraUnavailable
from bot.zuora.rows import ZuoraRow
from bot.zuora.wire import HttpCall

T = TypeVar("T")
_AT_ONCE: Final = 40  # as many as Zuora allows; the pace decides how many go out
MOST_ROWS: Final = 50_000
"""The most documents that a request may have."""

_MOST_BYTES: Final = 256 * 1024 * 1024


async def side_by_side(coroutines: Iterable[Awaitable[T]]) -> list[T]:
    """Await all, and raise the first error once all have ended, so that none is left running."""
    found = await asyncio.gather(*coroutines, return_exceptions=True)
    good: list[T] = []
    for one in found:
        if isinstance(one, BaseException):
            raise one
        good.append(one)
    return good


async def all_or_none(reads: Iterable[Callable[[], Coroutine[Any, Any, T]]]) -> list[T]:
    """Read all, the first alone and the others side by side; at the first error end the others.

    All are needed, so if Zuora does not answer, the first read shows it, and nobody waits for
    hundreds.
    """
    first, *others = reads
    found = {0: await first()}
    line = iter(enumerate(others, 1))

    async def lane() -> None:
        for place, read in line:
            found[place] = await read()

    # not a task for each read: 5,000 of them take 7 MB and a long turn of the event loop
    tasks = [asyncio.ensure_future(lane()) for _ in range(min(_AT_ONCE, len(others)))]
    if not tasks:
        return [found[0]]
    try:
        await asyncio.wait(tasks, return_when=asyncio.FIRST_EXCEPTION)
        for task in tasks:
            if task.done():
                task.result()  # raises what it failed with
        return [found[place] for place in range(len(found))]
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def objects(caller: Caller, query: HttpCall, *, most: int | None = None) -> list[ZuoraRow]:
    """Return all rows of an object query.

    Args:
        caller: Sends the calls.
        query: The call of `calls.object_page`.
        most: Stop after this many rows.

    Raises:
        ZuoraUnavailable: The pages do not end.
        ZuoraError: See `Caller.read`.
    """
    found: list[ZuoraRow] = []
    async for page in pages(caller, query):
        found += page
        if most is not None and len(found) >= most:
            break
    return found


async def pages(caller: Caller, query: HttpCall) -> AsyncIterator[list[ZuoraRow]]:
    """Yield the pages of an object query one after another, each as large as the tenant allows.

    Raises:
        ZuoraUnavailable: The pages do not end.
        ZuoraError: See `Caller.read`.
    """
    answer, first = await _first_page(caller, query)
    seen = set[str]()
    count = size = 0
    while True:
        page = whole(answer.data, "data")
        count, size = count + len(page), size + answer.size
        check(count, size)
        cursor = following(answer.data, "nextPage")
        del answer  # a page takes a megabyte, and forty lists may wait for their next one
        yield page
        del page
        if not cursor:
            return
        if cursor in seen:
            raise ZuoraUnavailable("Zuora's pages do not end.")
        seen.add(cursor)
        answer = await caller.read(calls.next_object_page(first, cursor))


async def _first_page(caller: Caller, query: HttpCall) -> tuple[Answer, HttpCall]:
    """Return the answer, and the call that it answers.

    The guide *Pagination* allows 99 rows a page and the SDK 50. So 99 are asked for until a tenant
    refuses that and takes 50, which is remembered while the bot runs.
    """
    size = caller.page_size
    was_known = size.is_known  # several lists may be asked for together, and one learns it first
    first = calls.of_size(query, size.rows)
    try:
        answer = await caller.read(first)
    except ZuoraRefused:
        if was_known:
            raise
        first = calls.of_size(query, calls.PAGE)
        answer = await caller.read(first)
        size.rows = calls.PAGE
    size.is_known = True
    return answer, first


def check(count: int, size: int = 0) -> None:
    """Refuse to keep rows without end.

    Args:
        count: Rows that were read so far (of all kinds), or that there will be.
        size: Bytes that they took.

    Raises:
        ZuoraTooMany: There are more rows than a request may hold.
    """
    if count > MOST_ROWS or size > _MOST_BYTES:
        raise ZuoraTooMany(
            f"Zuora lists more than {MOST_ROWS:,} of them, or so much about them that the bot does not "
            "read it all. That is more than one request may hold; ask for parts of it."
        )


async def zoql(caller: Caller, text: str, *, most: int | None = None) -> list[ZuoraRow]:
    """Return all rows of a ZOQL query.

    Args:
        caller: Sends the calls.
        text: The query.
        most: Stop after this many rows.

    Raises:
        ZuoraUnavailable: The rows do not end.
        ZuoraError: See `Caller.read`.
    """
    found: list[ZuoraRow] = []
    call, seen = calls.zoql(text), set[str]()
    size = 0
    while True:
        answer = await caller.read(call)
        data: Any = answer.data
        size += answer.size
        nothing = isinstance(data, dict) and data.get("size") == 0
        found += [] if nothing and "records" not in data else whole(data, "records")
        check(len(found), size)
        locator = following(data, "queryLocator")
        enough = most is not None and len(found) >= most
        if data.get("done") is True or enough:
            return found
        if not locator:
            raise ZuoraContradicts("Zuora's answer is not whole: it has no next part and no end.")
        if locator in seen:
            break
        seen.add(locator)
        call = calls.zoql_more(locator)
    raise ZuoraUnavailable("Zuora's rows do not end.")


def whole(data: Any, name: str) -> list[ZuoraRow]:
    """Return the rows of one page; an answer without a list is an error, not an empty list.

    Raises:
        ZuoraContradicts: It has no list that can be read.
    """
    found = rows.table(data, name)
    if isinstance(found, NotKnown):
        raise ZuoraContradicts("Zuora's answer is not a list that can be read.")
    return list(found)


def following(data: Any, name: str) -> str:
    """Return the name of the next page; empty if there is none.

    Raises:
        ZuoraContradicts: The name cannot be read.
    """
    cursor = data.get(name)
    if cursor in (None, ""):
        return ""
    if not isinstance(cursor, str):
        raise ZuoraContradicts("Zuora's answer does not say which page comes next.")
    return cursor
