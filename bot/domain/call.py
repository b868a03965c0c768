"""One call to Zuora that has an effect: planned, sent, answered; and a count of many calls by answer."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum, unique
from typing import Any, NamedTuple, Self

NOT_SENT = "it was not sent after all"
"""The words of a call that was recorded as sent but did not go out; it may still go out later."""

_ASKED_AGAIN = "; asked again: "


@unique
class Verdict(StrEnum):
    """What is known about a call."""

    ACCEPTED = "accepted"  # Zuora accepted it; more than that it never says
    REFUSED = "rejected"  # nothing was done; stored under an older word, which rows of the history are bound to
    BUSY = "busy"  # not done, and may be tried again
    LOST = "lost"  # it went out and its result is not known: repeated only under its own key


class Call(NamedTuple):
    """What must be known before a call goes out, and its result.

    A tuple in the order of the table's columns, because a request has hundreds and every step
    makes them anew.

    Attributes:
        request: Number of the request that it carries out.
        subject: The thing it acts on: a bill run's or a document's number.
        key: The `Idempotency-Key`, saved before the first try. Zuora keeps it for 24 hours.
        track_id: The `Zuora-Track-Id`; it carries the request's number.
        tries: How often it went out.
        first_sent_at: When this key first went out; Zuora's 24 hours are counted from here.
        sent_at: When it last went out. A call without an answer after that is the only kind of
            unknown.
        retry_at: When a `busy` call may be tried again, as Zuora asked.
        words: What Zuora said, for people, or what a person settled.
        began: JSON of what the call started, if that has to be followed.
        content: SHA-256 (hex) of method, address and body as they first went out; empty if Zuora
        takes no key, and for a call that an earlier version sent.
        repeats: How often it was sent again under its key after its answer was lost.
        no_more: Why it is no longer sent again under its key; empty while it may be.
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
    content: str = ""
    repeats: int = 0
    no_more: str = ""

    @property
    def is_under_way(self) -> bool:
        """Return whether it went out and has no answer yet."""
        return self.tries > 0 and self.verdict is None

    @property
    def is_open(self) -> bool:
        """Return whether it still has to go out (for the first time, or again after a `busy`)."""
        return self.verdict is Verdict.BUSY or (self.verdict is None and self.tries == 0)

    @property
    def is_lost(self) -> bool:
        """Return whether it went out and its outcome is not known: also after a crash in the middle."""
        return self.verdict is Verdict.LOST or self.is_under_way

    @property
    def is_held_back(self) -> bool:
        """Return whether the bot gave it up: it never went out, or Zuora was too busy to take it."""
        never_done = not self.tries or self.retry_at is not None
        return self.verdict is Verdict.REFUSED and never_done and not self.repeats

    def sending(self, now: datetime, content: str) -> "Call":
        """Return the call as it must be saved before it goes out.

        If its answer was lost, what is known of that stays until a better answer comes.
        """
        known: dict[str, Any] = {"http_status": None, "words": ""}
        if self.verdict is Verdict.LOST:
            known = {"repeats": self.repeats + 1}
        return self._replace(
            tries=self.tries + 1,
            first_sent_at=self.first_sent_at or now,
            sent_at=now,
            answered_at=None,
            verdict=None,
            retry_at=None,
            content=content,
            **known,
        )

    def taken_back(self) -> "Call":
        """Return the call as it is after it was recorded as sent but did not go out; it still may."""
        if self.repeats:
            back = self.lost_again(NOT_SENT)
            return back._replace(tries=self.tries - 1, repeats=self.repeats - 1)
        return self._replace(tries=self.tries - 1, verdict=Verdict.BUSY, words=NOT_SENT)

    def lost_again(self, words: str) -> "Call":
        """Return the call after a repetition that did not bring its result either."""
        first = self.words.partition(_ASKED_AGAIN)[0]
        return self._replace(verdict=Verdict.LOST, words=f"{first}{_ASKED_AGAIN}{words}")

    def with_new_key(self, key: str) -> "Call":
        """Return the call under another key, after a stored failure that Zuora would only repeat.

        Raises:
            ValueError: It may have been done under its old key; only a fault in the program gets
                here.
        """
        if self.repeats:
            msg = f"{self.key} may have been done"
            raise ValueError(msg)
        return self._replace(key=key, first_sent_at=None)


def track_id(request: int, subject: str) -> str:
    """Return the `Zuora-Track-Id` of a call: at most 64 US-ASCII characters, none of `: ; " '`.

    Source: the header parameters of each operation, for example of
    https://developer.zuora.com/v1-api-reference/api/operation/POST_EmailBillingDocumentsfromBillRun/
    """
    plain = "".join(c if c.isascii() and (c.isalnum() or c in "-_.") else "_" for c in subject)
    return f"billing-bot.R-{request}.{plain}"[:64]


@dataclass(frozen=True, slots=True, kw_only=True)
class Tally:
    """How many of a request's calls have which answer.

    Attributes:
        calls: How many there are.
        refused: How many Zuora refused, and how many it was recorded of that they did not go through.
        held_back: How many the bot gave up, so that they were not sent.
        lost: How many went out and came back without an answer, not counting those still out.
        began_at: When the first went out, as far as known.
    """

    calls: int
    accepted: int
    refused: int
    held_back: int
    lost: int
    began_at: datetime | None

    @property
    def answered(self) -> int:
        """Return how many will not go out again by themselves."""
        return self.accepted + self.refused + self.held_back + self.lost

    @property
    def went_out(self) -> int:
        """Return how many were done, or may have been."""
        return self.accepted + self.lost

    @classmethod
    def of(cls, calls: Iterable[Call]) -> Self:
        """Count the calls."""
        found = tuple(calls)
        verdicts = Counter(call.verdict for call in found)
        held_back = sum(call.is_held_back for call in found)
        return cls(
            calls=len(found),
            accepted=verdicts[Verdict.ACCEPTED],
            refused=verdicts[Verdict.REFUSED] - held_back,
            held_back=held_back,
            lost=verdicts[Verdict.LOST],
            began_at=min(
                (call.first_sent_at for call in found if call.first_sent_at), default=None
            ),
        )
