"""The answer that somebody waits for: once it has said that nothing was recorded, nothing of it is.

What listens may give up on a thread of its own while the event loop that works waits for a database. So both
look at one object, which stands in the context of everything that comes of one click.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from threading import Lock


class Awaited:
    """One answer, made on one thread and given on another."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._is_given_up = False
        self._may_stand = False

    @property
    def is_given_up(self) -> bool:
        """Return whether it was answered without what is still made of it."""
        return self._is_given_up

    def may_commit(self) -> bool:
        """Return whether a commit may go out now; from then on it is not known whether something was recorded."""
        with self._lock:
            self._may_stand = self._may_stand or not self._is_given_up
            return not self._is_given_up

    def give_up(self) -> bool:
        """Let nothing of it be recorded from now on; return whether something may have been."""
        with self._lock:
            self._is_given_up = True
            return self._may_stand


_AWAITED: ContextVar[Awaited | None] = ContextVar("_AWAITED", default=None)


def awaited() -> Awaited | None:
    """Return what the work that goes on here is an answer to; None: to nobody."""
    return _AWAITED.get()


def was_answered() -> bool:
    """Return whether whoever waited was answered without this: that nothing was recorded, or that it is not known."""
    answer = _AWAITED.get()
    return answer is not None and answer.is_given_up


@contextmanager
def making(answer: Awaited) -> Iterator[None]:
    """Let everything inside, and the tasks that are begun there, be for this answer."""
    before = _AWAITED.set(answer)
    try:
        yield
    finally:
        _AWAITED.reset(before)
