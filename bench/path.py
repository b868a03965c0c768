"""What one mail runs through: `python -m bench.path [--list]`.

Runs the first story of `tests/stories/test_email_bill_run.py`, from command to thread, and counts the bot's own
functions that are entered meanwhile, each once, without lambdas and comprehensions. What only the loops run
that stand beside a mail (backups, the digest, receipts, …) is counted too, and said apart.
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


OF_A_MAIL = ("Runner.run", "Sender.run")
"""Loops that a mail waits for; every other loop of `Supervised` stands beside it."""


class Path:
    """A plugin of pytest that notes the functions entered while a test runs."""

    def __init__(self) -> None:
        self.entered: set[tuple[str, str]] = set()
        self.of_the_mail: set[tuple[str, str]] = set()
        self._is_noting = False
        threading.setprofile(self._enter)  # a thread that began before is never looked at

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_call(self) -> Iterator[None]:
        """Note them during the test alone, without what is set up and taken down."""
        sys.setprofile(self._enter)
        self._is_noting = True
        try:
            return (yield)
        finally:
            self._is_noting = False
            sys.setprofile(None)

    def _enter(self, frame: FrameType, event: str, _: Any) -> None:
        name = frame.f_code.co_qualname
        if self._is_noting and event == "call" and _is_own(frame) and not name.endswith(">"):
            file = frame.f_code.co_filename
            step = (file[file.find("/bot/") + 1 :], name)
            self.entered.add(step)
            if not _is_beside(frame):
                self.of_the_mail.add(step)


def _is_own(frame: FrameType) -> bool:
    file = frame.f_code.co_filename
    return "/bot/" in file and "/sandbox/" not in file and "site-packages" not in file


def _is_beside(frame: FrameType) -> bool:
    """Whether it is run by a loop that no mail waits for."""
    loop, step = "", frame.f_code.co_qualname
    caller = frame.f_back
    while caller is not None:
        if _is_own(caller):
            loop, step = step, caller.f_code.co_qualname
        caller = caller.f_back
    return step == "Supervised.run" and loop not in OF_A_MAIL


def main() -> int:
    """Print how many functions and files; with `--list`, which."""
    path = Path()
    ended = pytest.main(["-q", "-p", "no:cacheprovider", STORY], plugins=[path])
    if "--list" in sys.argv:
        sys.stdout.writelines(f"{file} {name}\n" for file, name in sorted(path.entered))
    for what, entered in ("", path.entered), ("; of the mail itself ", path.of_the_mail):
        files = {file for file, _ in entered}
        sys.stdout.write(f"{what}{len(entered)} functions in {len(files)} files")
    sys.stdout.write("\n")
    return int(ended)


if __name__ == "__main__":
    sys.exit(main())
