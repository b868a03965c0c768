"""One finding of a check: what was found, and how to fix it."""

from collections.abc import Iterable
from dataclasses import asdict, dataclass
from enum import StrEnum

from bot.cli.exits import MEND_FIRST, WILL_PASS


class Grade(StrEnum):
    """How bad a finding is, from the best to the worst."""

    GOOD = "good"
    WARNING = "warning"
    PASSES = "passes"
    WRONG = "wrong"


STATUS = {Grade.GOOD: 0, Grade.WARNING: 1, Grade.PASSES: WILL_PASS, Grade.WRONG: MEND_FIRST}
"""The exit status of the worst finding: 1 can wait, 75 ends by itself, 2 needs a change."""

_MARKS = {Grade.GOOD: "ok", Grade.WARNING: "warning", Grade.PASSES: "later", Grade.WRONG: "WRONG"}


@dataclass(frozen=True, slots=True)
class Noticed:
    """A finding about one thing.

    Attributes:
        about: A setting's name, or a few words.
        found: What was found.
        mend: What to do; empty if nothing has to be done.
    """

    grade: Grade
    about: str
    found: str
    mend: str = ""

    def line(self) -> str:
        """Return one line for people; what to do has a line of its own where the finding has several."""
        before = "\n  " if "\n" in self.found else " "
        mend = f"{before}-> {self.mend}" if self.mend else ""
        return f"{_MARKS[self.grade]:<8} {self.about}: {self.found}{mend}"

    def shown(self) -> dict[str, str]:
        """Return the finding for programs."""
        return {name: str(value) for name, value in asdict(self).items()}


def good(about: str, found: str) -> Noticed:
    """Return a finding that needs no action."""
    return Noticed(Grade.GOOD, about, found)


def warning(about: str, found: str, mend: str) -> Noticed:
    """Return a finding about something that works, but could be better."""
    return Noticed(Grade.WARNING, about, found, mend)


def passes(about: str, found: str, mend: str) -> Noticed:
    """Return a finding about something that is wrong now, and may end by itself."""
    return Noticed(Grade.PASSES, about, found, mend)


def wrong(about: str, found: str, mend: str) -> Noticed:
    """Return a finding about something that a person has to change."""
    return Noticed(Grade.WRONG, about, found, mend)


def worst(findings: Iterable[Noticed]) -> int:
    """Return the exit status for the worst of the findings."""
    grades = list(Grade)
    return STATUS[max((each.grade for each in findings), key=grades.index, default=Grade.GOOD)]
