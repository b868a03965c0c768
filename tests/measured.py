"""Which tests coverage measures, where they are run under it: those of measured.txt."""

from collections.abc import Iterator
from contextlib import contextmanager
from importlib import import_module
from pathlib import Path
from pkgutil import walk_packages
from warnings import catch_warnings, simplefilter

from coverage import Coverage
from coverage.exceptions import CoverageWarning

import bot
from tests.processes import ENVIRONMENT, MEASURED

LINES = (Path(__file__).parent / "measured.txt").read_text().splitlines()
NAMED = frozenset(line for line in LINES if line.startswith("tests/"))
LEFT_OUT = frozenset(line.removeprefix("but not ") for line in LINES if line.startswith("but not "))
"""Tests of a named folder or file that run through nothing that no other measured test runs through."""

WHOLE = tuple(each for each in NAMED if each.endswith(("/", ".py")))


def pays(nodeid: str) -> bool:
    """Whether a test is measured, of which this is the name, with its parameters."""
    test = nodeid.partition("[")[0]
    return test not in LEFT_OUT and (test in NAMED or test.startswith(WHOLE))


def import_all() -> None:
    """Import every module of the bot, so that what it runs when it is imported is measured."""
    for module in walk_packages(bot.__path__, "bot."):
        if not module.name.endswith(".__main__"):
            import_module(module.name)


def end_measuring() -> None:
    """End the measuring of this process; those that it starts are measured."""
    if (coverage := Coverage.current()) is not None:
        coverage.stop()


@contextmanager
def paused() -> Iterator[None]:
    """Pause the measuring of this process; those that it starts are measured."""
    coverage = Coverage.current()
    if coverage is None:
        yield
        return
    coverage.stop()
    try:
        yield
    finally:
        with catch_warnings():
            simplefilter("ignore", CoverageWarning)  # that the bot is imported, which is measured
            coverage.start()


@contextmanager
def unmeasured() -> Iterator[None]:
    """Pause the measuring of this process, and start others unmeasured."""
    taken = dict(MEASURED)
    for name in taken:
        del ENVIRONMENT[name], MEASURED[name]
    try:
        with paused():
            yield
    finally:
        ENVIRONMENT.update(taken)
        MEASURED.update(taken)
