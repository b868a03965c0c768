"""The words and fields of an operation's form; `bot.slack` draws it."""

from dataclasses import dataclass
from typing import Final

from bot.domain.kind import Kind

LONGEST_TITLE: Final = 24
"""Characters of a modal's title that Slack takes."""


@dataclass(frozen=True, slots=True)
class DayField:
    """A field for a day, which may stay empty."""

    name: str
    label: str
    hint: str


@dataclass(frozen=True, slots=True)
class ChoiceField:
    """A choice of one option; each has a value, a label and a description."""

    name: str
    label: str
    options: tuple[tuple[str, str, str], ...]


@dataclass(frozen=True, slots=True)
class NumberField:
    """The field for what the operation acts on: what it is a number of, an example of one, and a hint.

    Zuora is asked what somebody typed there, as its shape proves nothing.
    """

    kind: Kind
    label: str
    example: str
    hint: str


@dataclass(frozen=True, slots=True)
class SlashCommand:
    """A slash command that opens the form, and its help, with lines that say what to type; `manifest.yml` names it too."""

    name: str
    help: str

    def __post_init__(self) -> None:
        if self.name not in self.help or not self.help.endswith("\n"):
            msg = f"the help of {self.name} shows what to type, one way a line: {self.help!r}"
            raise ValueError(msg)


@dataclass(frozen=True, slots=True, kw_only=True)
class Asking:
    """The form of an operation, besides the field for the reason.

    Attributes:
        title: Its title, at most `LONGEST_TITLE` characters.
        intro: What the operation does, and that a second person approves it.
        number: The field for what the operation acts on.
        command: The slash command that opens it; None if a button does.
    """

    title: str
    intro: str
    number: NumberField
    fields: tuple[DayField | ChoiceField, ...] = ()
    command: SlashCommand | None = None

    def __post_init__(self) -> None:
        if len(self.title) > LONGEST_TITLE:
            msg = (
                f"Slack shows {LONGEST_TITLE} characters of a form's title: {self.title!r} has more"
            )
            raise ValueError(msg)


def run_field(state: str) -> NumberField:
    """Return the field for a bill run; `state` is a sentence about the state it must be in."""
    return NumberField(
        "bill_run", "Bill run", "BR-00000001", f"Its number, like BR-00000001, or its id. {state}"
    )
