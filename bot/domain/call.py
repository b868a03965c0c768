"""One call to Zuora that has an effect: planned, sent, answered."""

from datetime import datetime
from enum import StrEnum, unique
from typing import NamedTuple


@unique
class Verdict(StrEnum):
    """What is known of a call."""

    ACCEPTED = "accepted"  # Zuora said yes; more than "accepted" it never says
    REJECTED = "rejected"  # Zuora said no; nothing was done
    BUSY = "busy"  # not done, and may be tried again
    LOST = "lost"  # it went out and nobody knows: never sent again blindly


class Call(NamedTuple):
    """What must be known before a call goes out, and what came of it.

    A tuple in the order of the table's columns: a request has hundreds, and they are made anew with each step.

    Attributes:
        request: Number of the request that it carries out.
        subject: The thing it acts on: a bill run's or a document's number.
        key: The `Idempotency-Key`, saved before the first try. Zuora keeps it for 24 hours.
        track_id: The `Zuora-Track-Id`; it carries the request's number.
        tries: How often it went out.
        first_sent_at: When this key went out first: what Zuora's 24 hours are counted from.
        sent_at: When it last went out. Sent and not answered is the only unknown there is.
        retry_at: When a `busy` call may be tried again, as Zuora asked.
        words: What Zuora said, for people, or what a person settled.
        began: JSON of what the call began, where that has to be followed.
    """

    request: int
    subject: str
    key: str
    track_id: str
    tries: int = 0
    first_sent_at: datetime | None = None
    sent_at: datetime | None = None
    answered_at: datetime | None = None
    verdict: Verdict | None = None
    http_status: int | None = None
    zuora_request_id: str = ""
    words: str = ""
    retry_at: datetime | None = None
    began: str = ""

    @property
    def is_under_way(self) -> bool:
        """Whether it went out and has no answer yet."""
        return self.tries > 0 and self.verdict is None

    @property
    def is_open(self) -> bool:
        """Whether it still has to go out (for the first time, or again after a `busy`)."""
        return self.verdict is Verdict.BUSY or self.tries == 0

    @property
    def is_lost(self) -> bool:
        """Whether it went out and nothing is known of it: also after a crash in the middle."""
        return self.verdict is Verdict.LOST or self.is_under_way

    def sending(self, now: datetime) -> "Call":
        """The call as it must be saved before it goes out."""
        return self._replace(
            tries=self.tries + 1,
            first_sent_at=self.first_sent_at or now,
            sent_at=now,
            answered_at=None,
            verdict=None,
            http_status=None,
            words="",
            retry_at=None,
        )

    def with_new_key(self, key: str) -> "Call":
        """The call under another key, after a stored failure that Zuora would only repeat."""
        return self._replace(key=key, first_sent_at=None)


def track_id(request: int, subject: str) -> str:
    """`Zuora-Track-Id` for a call: at most 64 US-ASCII characters, none of `: ; " '`.

    Source: the header parameters of each operation, for example of
    https://developer.zuora.com/v1-api-reference/api/operation/POST_EmailBillingDocumentsfromBillRun/
    """
    plain = "".join(c if c.isascii() and (c.isalnum() or c in "-_.") else "_" for c in subject)
    return f"billing-bot.R-{request}.{plain}"[:64]
