"""Processes that share a core run for longer at a time."""

import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

import pytest

from tests.processes import ENVIRONMENT, ROOT
from tests.slices import run_for_longer, slice_of_this_thread

ASK = "from tests.slices import slice_of_this_thread as own; print(own())"

takes_wishes = pytest.mark.skipif(
    slice_of_this_thread() == 0, reason="Linux takes wishes for a slice since 6.12"
)


def in_a_thread_of_its_own(work):
    """The wish is a thread's, so that of the tests stays as it is."""
    with ThreadPoolExecutor(1) as threads:
        return threads.submit(work).result()


@takes_wishes
def test_what_a_process_starts_runs_for_as_long_at_a_time_as_itself():
    def both():
        run_for_longer(0.02)
        command = [sys.executable, "-P", "-c", ASK]
        asked = subprocess.run(  # noqa: S603 - this Python
            command, capture_output=True, check=True, env=ENVIRONMENT, cwd=ROOT
        )
        return slice_of_this_thread(), float(asked.stdout)

    assert in_a_thread_of_its_own(both) == (0.02, 0.02)


def test_a_kernel_that_takes_no_wishes_goes_on_as_before(monkeypatch):
    before = slice_of_this_thread()
    monkeypatch.setattr("tests.slices.SET", 0)

    def unchanged():
        run_for_longer(0.02)
        return slice_of_this_thread()

    assert in_a_thread_of_its_own(unchanged) == before
