"""One thing that is wrong with a history."""

from dataclasses import dataclass
from enum import StrEnum, unique


@unique
class Flaw(StrEnum):
    """The kind of change to a history."""

    EDITED = "edited"
    DAMAGED = "damaged"
    DELETED = "deleted"
    INSERTED = "inserted"
    REORDERED = "reordered"
    TAIL_CUT = "tail cut"
    GONE = "whole log gone"
    TRIGGER = "trigger missing"
    KEY = "wrong key"
    REBUILT = "rebuilt"
    UNSUPPORTED = "not supported by the history"
    MANIFEST = "file of the evidence changed"
    CONTROL = "control not held"
    NUMBERS = "number missing"
    CLOCK = "clock went back"
    NOT_COMPARED = "head not compared"
    SIGNATURE = "signature wrong"


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that is wrong.

    Attributes:
        sequence: The row of the history that it is about; None if it is about no row.
    """

    flaw: Flaw
    sequence: int | None
    words: str
