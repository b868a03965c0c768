"""Somebody's decision, and its possible results."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from bot.domain.authority import Person, Refusal, Verb
from bot.domain.named import Named
from bot.domain.request import Request
from bot.domain.words import Part

MOST_TYPED = 1000
"""Characters that a form takes as a note or a reason for a decision."""

NOBODY: Mapping[str, Refusal | None] = {}


@dataclass(frozen=True, slots=True)
class Decidable:
    """The person may decide the request now; nothing was changed."""

    whole_request: Request


@dataclass(frozen=True, slots=True)
class Decided:
    """The decision counted; `whole_request` is as it stands after it."""

    whole_request: Request


@dataclass(frozen=True, slots=True)
class Declined:
    """The click changed nothing; `why` is shown to the person who clicked."""

    refusal: Refusal | None
    why: tuple[Part, ...]


@dataclass(frozen=True, slots=True)
class CheckAgain:
    """Somebody else approved meanwhile, so it must be read whether that approval still counts."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Decision:
    """What somebody decided, from what can be believed of a click.

    Attributes:
        verb: Approve, reject or withdraw; or record what was seen in Zuora.
        name: The request's name, which is all that is believed of a click; None: it named none.
        person: Who pressed, as just read from Slack.
        reason: Why, if that was asked for.
        typed: The number that was typed to confirm, if the rule requires it.
        readable: Whether the order could be opened before, as nobody may approve what cannot be shown. What was asked
            never changes, so the transaction, which holds up everybody else, need not open it again.
        standing: For everybody who approved before, why that no longer counts; None: it counts.
        gone: Those beside whom only people who approved are left to settle a lost answer, as their accounts
            can do nothing any more.
        answer_in: Slack channel id for the private answer to a click that changes nothing; empty if
            the caller answers by itself.
        clocks_ahead: By how many seconds Slack's and Zuora's clocks are ahead of this machine's.
        clocks_wrong: The same in words if that is too far to decide anything; else empty.
    """

    verb: Verb
    name: Named | None
    person: Person
    reason: str = ""
    typed: str = ""
    readable: bool = False
    standing: Mapping[str, Refusal | None] = field(default_factory=lambda: NOBODY)
    gone: frozenset[str] = frozenset()
    answer_in: str = ""
    clocks_ahead: Mapping[str, int] = field(default_factory=dict)
    clocks_wrong: str = ""
