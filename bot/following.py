"""The request being worked on, so that every line of the log about it has its number."""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

REQUEST: ContextVar[str] = ContextVar("REQUEST", default="")
"""`R-17`, or empty; each task of the event loop has its own."""


@contextmanager
def following(number: int | None) -> Iterator[None]:
    """Log with this request's number until the block is left; None for no number."""
    before = REQUEST.set("" if number is None else f"R-{number}")
    try:
        yield
    finally:
        REQUEST.reset(before)
