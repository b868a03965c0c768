"""Errors that the local Slack answers with."""

from collections.abc import Sequence
from typing import Any


class SlackError(Exception):
    """A refusal with Slack's own error string.

    Attributes:
        code: for example ``channel_not_found``.
        extra: further keys of the answer, for example ``needed`` and ``provided``.
        retry_after: seconds; set for ``ratelimited`` only, answered with status 429.
    """

    def __init__(self, code: str, *, retry_after: int | None = None, **extra: Any) -> None:
        super().__init__(code)
        self.code = code
        self.extra = extra
        self.retry_after = retry_after

    def body(self) -> dict[str, Any]:
        """Return the JSON body of the answer."""
        return {"ok": False, "error": self.code, **self.extra}


def with_messages(code: str, messages: Sequence[str]) -> SlackError:
    """Return a refusal with its reasons in ``response_metadata.messages``."""
    return SlackError(code, response_metadata={"messages": list(messages)})


class NotOnScreenError(LookupError):
    """A person was made to use something that is not on their screen."""
