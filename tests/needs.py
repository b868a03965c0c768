"""What some tests need of the machine. Where it is missing they are left out with one loud line.

`MUST_RUN` in the environment names needs, separated by commas, whose tests fail instead: `.ci/run`
installs what it can and sets it, so that nothing that should have run is left out without a word.
"""

import os

import pytest

_MISSING: dict[str, str] = {}
"""By need: how to put it right. Filled while the tests are collected."""


def needs(what: str, found: object, how: str) -> pytest.MarkDecorator:
    """Return the mark for tests that need something of the machine.

    Args:
        what: Its name, as in `MUST_RUN`: `browser`.
        found: Anything true where it is there.
        how: How to install it, as a sentence.
    """
    if found:
        return pytest.mark.skipif(condition=False, reason="")
    if what in os.environ.get("MUST_RUN", "").split(","):
        raise RuntimeError(f"these tests must run, and there is no {what}: {how}")
    _MISSING[what] = how
    return pytest.mark.skip(reason=f"no {what}")


def loud_lines() -> list[str]:
    """Return a line for each need that was missing."""
    return [f"NOT RUN: the tests that need a {what}. {how}" for what, how in _MISSING.items()]
