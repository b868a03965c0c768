"""Fails a test that hangs, says what each task waits for, and lets its fixtures be taken down and the other tests go on."""

import asyncio
import io
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

import pytest

LONGEST = 600.0
"""Real seconds that the setup, the call or the teardown of a test may take. The longest takes one minute, five on a busy machine."""
AGAIN = 10.0
"""Real seconds until it is failed once more, where something has swallowed the first time."""


@contextmanager
def ended_after(seconds: float = LONGEST) -> Iterator[None]:
    """Raise a failure in the main thread wherever it stands after so many seconds, and again until it ends."""

    def fail(_number: int, _frame: FrameType | None) -> None:
        pytest.fail(f"it had not ended after {seconds:g} s{_where_tasks_stand()}")

    before = signal.signal(signal.SIGALRM, fail)
    signal.setitimer(signal.ITIMER_REAL, seconds, AGAIN)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


def _where_tasks_stand() -> str:
    try:
        tasks = asyncio.all_tasks()
    except RuntimeError:  # no loop runs: the traceback says it
        return ""
    said = io.StringIO()
    for task in tasks:
        task.print_stack(file=said)
    return f"; its tasks:\n{said.getvalue()}"
