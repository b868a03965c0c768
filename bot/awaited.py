"""The answer to a click: once it said that nothing was recorded, nothing may be recorded.

The thread that hears Slack may give up while the event loop that works waits for a database. So
both look at one object, which is in the context of all work for one click.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from threading import Lock


class Awaited:
    """One answer, made in one thread and sent from another."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._is_given_up = False
        self._may_stand = False

    @property
    def is_given_up(self) -> bool:
        """Return whether the person was answered before the work was done."""
        return self._is_given_up

    def may_commit(self) -> bool:
        """Return whether a commit may be sent; from then on it is not known whether something was recorded."""
        with self._lock:
            self._may_stand = self._may_stand or not self._is_given_up
            return not self._is_given_up

    def give_up(self) -> bool:
        """Let nothing more be recorded; return whether something may have been already."""
        with self._lock:
            self._is_given_up = True
            return self._may_stand


_AWAITED: ContextVar[Awaited | None] = ContextVar("_AWAITED", default=None)


def awaited() -> Awaited | None:
    """Return the answer that the current work is for; None if nobody waits."""
    return _AWAITED.get()


def was_answered() -> bool:
    """Return whether the person was already answered: "nothing was recorded", or "it is not known"."""
    answer = _AWAITED.get()
    return answer is not None and answer.is_given_up


@contextmanager
def making(answer: Awaited) -> Iterator[None]:
    """Make everything inside, and the tasks begun there, work for this answer."""
    before = _AWAITED.set(answer)
    try:
        yield
    finally:
        _AWAITED.reset(before)
