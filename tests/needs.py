"""What some tests need of the machine. Where it is missing they are left out with one loud line.

`MUST_RUN` in the environment names needs, separated by commas, whose tests fail instead: `.ci/run`
installs what it can and sets it, so that nothing that should have run is left out without a word.
"""

import os
from collections.abc import Iterable
from typing import NoReturn

import pytest

NOT_RUN = "NOT RUN: the tests that need a "


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
    return pytest.mark.skip(reason=f"{NOT_RUN}{what}. {how}")


def leave_out(what: str, how: str) -> NoReturn:
    """Leave a test out, or fail it, as `needs` does: for what is known to be missing only when it is tried."""
    if what in os.environ.get("MUST_RUN", "").split(","):
        raise RuntimeError(f"these tests must run, and there is no {what}: {how}")
    pytest.skip(f"{NOT_RUN}{what}. {how}")


def loud_lines(skipped: Iterable[pytest.TestReport]) -> list[str]:
    """Return a line for each need that was missing, whichever process left its tests out."""
    reasons = (each.longrepr[2] for each in skipped if isinstance(each.longrepr, tuple | list))
    found = (NOT_RUN + reason.partition(NOT_RUN)[2] for reason in reasons if NOT_RUN in reason)
    return list(dict.fromkeys(found))
