"""What a form about one bill run says and has fields for; how it is drawn is Slack's business."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class DayField:
    """A field for a day, which may stay empty."""

    name: str
    label: str
    hint: str


@dataclass(frozen=True, slots=True)
class ChoiceField:
    """A choice of one: each option is its value, its label and what it means."""

    name: str
    label: str
    options: tuple[tuple[str, str, str], ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Asking:
    """The form of an operation on one bill run, beside the fields for the run and the reason.

    Attributes:
        title: Its title, at most 24 characters.
        intro: What the operation does, and that a second person approves it.
        state: In which state the run must be: `It must be Completed.`
    """

    title: str
    intro: str
    state: str
    fields: tuple[DayField | ChoiceField, ...] = ()
