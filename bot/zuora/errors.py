"""The errors that the client raises: four families, by what may have been done.

The one question about an error is: was it done? `ZuoraRefused` and `ZuoraBusy` say no,
`OutcomeUnknown` says perhaps, `ZuoraUnavailable` belongs to reads, which do nothing.
"""

import re
from typing import Final, TypedDict, Unpack

from bot.domain.secrets_in import without_secrets


class ErrorAnswer(TypedDict, total=False):
    """What Zuora's answer says of an error.

    Attributes:
        status: HTTP status; None if no answer came.
        category: The last two digits of Zuora's error code (page *Error codes*); None if it has
        none.
        zuora_request_id: For Zuora's support; empty if no answer came.
        words: Zuora's own messages for people; may be empty.
    """

    status: int | None
    category: int | None
    zuora_request_id: str
    words: tuple[str, ...]


class ZuoraError(Exception):
    """The base of all. The text is for people and carries no secret, mail address or customer name.

    Attributes:
        message: One sentence.
        status, category, zuora_request_id, words: See `ErrorAnswer`.
    """

    def __init__(self, message: str, **answer: Unpack[ErrorAnswer]) -> None:
        super().__init__(message)
        self.message = message
        self.status = answer.get("status")
        self.category = answer.get("category")
        self.zuora_request_id = answer.get("zuora_request_id", "")
        self.words = answer.get("words", ())


class ZuoraRefused(ZuoraError):  # noqa: N818 - reads as a fact; the base has the suffix
    """A definite refusal. Nothing was done, and the same call would be refused again."""


class ZuoraNotFound(ZuoraRefused):
    """A definite refusal because the thing does not exist (category 40, HTTP 404)."""


class ZuoraTooMany(ZuoraRefused):
    """Zuora lists more than a request may hold."""


class ZuoraContradicts(ZuoraRefused):
    """Two statements of Zuora differ, so neither is used. Nothing was done."""


class ZuoraBusy(ZuoraError):  # noqa: N818 - as above
    """Definitely not done; may be tried again later.

    Attributes:
        retry_after: Seconds to wait, as Zuora asked; None if it did not say.
        new_key_needed: True if Zuora has stored this failure and would repeat it under the
            same idempotency key for 24 hours (page *Idempotent requests*); False after 429 and if
            nothing was sent.
    """

    def __init__(
        self,
        message: str,
        *,
        retry_after: float | None = None,
        new_key_needed: bool = False,
        **answer: Unpack[ErrorAnswer],
    ) -> None:
        super().__init__(message, **answer)
        self.retry_after = retry_after
        self.new_key_needed = new_key_needed


class ZuoraLockedOut(ZuoraBusy):
    """Zuora refuses the bot's login: nothing was done, and nothing can be until somebody fixes it.

    It says nothing about the call, which can be sent once the login works.
    """


class ZuoraElsewhere(ZuoraLockedOut):
    """The token is not valid for an entity in the settings, so it is not used."""


class ZuoraUnavailable(ZuoraError):  # noqa: N818 - as above
    """A read failed, and repeating did not help. Nothing changed in Zuora."""


class OutcomeUnknown(ZuoraError):  # noqa: N818 - as above
    """An effect may have been done: its answer was lost or unreadable, or Zuora broke down."""


def unanswered(error: ZuoraError, then: str = "") -> str:
    """Return a sentence: the read failed, because Zuora refused, was busy or did not answer, and what follows."""
    what = "Zuora refused this" if isinstance(error, ZuoraRefused) else "Zuora did not answer"
    if isinstance(error, ZuoraLockedOut):
        what = "The bot cannot use Zuora"
    why = _NO_ANSWER.sub(r"\1", str(error).rstrip("."))
    if isinstance(error, ZuoraBusy) and not isinstance(error, ZuoraLockedOut):
        return f"{why}.{' ' if then else ''}{then}"  # a sentence by itself: Zuora answered, and not now
    return f"{what} ({why}).{' ' if then else ''}{then}"


def what_next(error: ZuoraError) -> str:
    """Return what the person who asked can do about a failed read."""
    if isinstance(error, ZuoraLockedOut):
        return "Tell whoever runs Billing Bot: it works again once that is fixed."
    if isinstance(error, ZuoraRefused):
        return "Zuora would refuse it again until somebody fixes that in Zuora."
    return "Please try again."


_NO_ANSWER = re.compile(r"Zuora (?:could|did) not answer \(?([^()]*)\)?")
"""A cause that says the same, and what it adds."""


LONGEST: Final = 500


def for_people(text: str) -> str:
    """Return Zuora's own words on one line, without mail addresses and tokens."""
    return " ".join(without_secrets(text).split())[:LONGEST]
