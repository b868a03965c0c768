"""What one mail runs through: `python -m bench.path [--list]`.

Runs the first story of `tests/stories/test_email_bill_run.py`, from command to thread, and counts the bot's own
functions that are entered meanwhile, each once, without lambdas and comprehensions.
"""

import sys
import threading
from collections.abc import Iterator
from types import FrameType
from typing import Any

import pytest

STORY = (
    "tests/stories/test_email_bill_run.py"
    "::test_a_mail_is_asked_for_approved_by_another_person_and_accepted"
)


class Path:
    """A plugin of pytest that notes the functions entered while a test runs."""

    def __init__(self) -> None:
        self.entered: set[tuple[str, str]] = set()

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_call(self) -> Iterator[None]:
        """Note them during the test alone, without what is set up and taken down."""
        sys.setprofile(self._enter)
        threading.setprofile(self._enter)
        try:
            return (yield)
        finally:
            sys.setprofile(None)
            threading.setprofile(None)

    def _enter(self, frame: FrameType, event: str, _: Any) -> None:
        code = frame.f_code
        file, name = code.co_filename, code.co_qualname
        start = file.find("/bot/")
        own = start >= 0 and "/sandbox/" not in file and "site-packages" not in file
        if event == "call" and own and not name.endswith(">"):
            self.entered.add((file[start + 1 :], name))


def main() -> int:
    """Print how many functions and files; with `--list`, which."""
    path = Path()
    ended = pytest.main(["-q", "-p", "no:cacheprovider", STORY], plugins=[path])
    if "--list" in sys.argv:
        sys.stdout.writelines(f"{file} {name}\n" for file, name in sorted(path.entered))
    files = {file for file, _ in path.entered}
    sys.stdout.write(f"{len(path.entered)} functions in {len(files)} files\n")
    return int(ended)


if __name__ == "__main__":
    sys.exit(main())
