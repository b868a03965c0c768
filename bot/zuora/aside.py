"""Does slow work on many documents in a thread, so that the event loop answers clicks meanwhile."""

import asyncio
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Concatenate, Final, ParamSpec, TypeVar

P = ParamSpec("P")
S = TypeVar("S")
T = TypeVar("T")
MANY: Final = 45
"""About a small page, which is read in some 5 ms; forty may come at once. Counting 50,000 documents
takes more than a second."""

A_PAGE: Final = 2_000
"""The number of rows on the longest page."""

_PAGES: Final = ThreadPoolExecutor(1, "pages")
"""One thread for pages: Python runs one thread at a time, and a thread that calls the operating system goes to
the end of the line. With forty pages in six threads the event loop waited for six turns at each of its own calls,
a quarter of a second in all."""


async def aside(
    work: Callable[Concatenate[Sequence[S], P], T],
    documents: Sequence[S],
    *more: P.args,
    **named: P.kwargs,
) -> T:
    """Return what `work` makes of the documents; it must touch nothing but its arguments."""
    if len(documents) < MANY:
        return work(documents, *more, **named)
    if len(documents) <= A_PAGE:
        return await of_a_page(work, documents, *more, **named)
    return await asyncio.to_thread(work, documents, *more, **named)


async def of_a_page(work: Callable[P, T], *arguments: P.args, **named: P.kwargs) -> T:
    """Return what `work` makes of one page, behind those that came before it."""
    loop = asyncio.get_running_loop()
    return await loop.run_in_executor(_PAGES, partial(work, *arguments, **named))
