"""Does slow work on many documents in a thread, so that the event loop answers clicks meanwhile."""

import asyncio
from collections.abc import Callable, Sequence
from typing import Concatenate, Final, ParamSpec, TypeVar

P = ParamSpec("P")
S = TypeVar("S")
T = TypeVar("T")
MANY: Final = 45
"""About a small page. One is read in some 5 ms, and forty may come at the same moment; 50,000 documents are
counted in more than a second."""


async def aside(
    work: Callable[Concatenate[Sequence[S], P], T],
    documents: Sequence[S],
    *more: P.args,
    **named: P.kwargs,
) -> T:
    """Return what `work` makes of the documents; it must touch nothing but its arguments."""
    if len(documents) < MANY:
        return work(documents, *more, **named)
    return await asyncio.to_thread(work, documents, *more, **named)
