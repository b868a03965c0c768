"""How many of a request's calls have which answer."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Self

from bot.domain.call import Call, Verdict


@dataclass(frozen=True, slots=True, kw_only=True)
class Tally:
    """The figures of a request's calls.

    Attributes:
        calls: How many there are.
        lost: How many went out and came back with no answer; not those that are still out.
        began_at: When the first went out, as far as known.
    """

    calls: int
    accepted: int
    refused: int
    lost: int
    began_at: datetime | None

    @property
    def answered(self) -> int:
        """How many will not go out again by themselves."""
        return self.accepted + self.refused + self.lost

    @property
    def went_out(self) -> int:
        """How many were done, or may have been."""
        return self.accepted + self.lost

    @classmethod
    def of(cls, calls: Iterable[Call]) -> Self:
        """Count."""
        found = tuple(calls)
        verdicts = Counter(call.verdict for call in found)
        return cls(
            calls=len(found),
            accepted=verdicts[Verdict.ACCEPTED],
            refused=verdicts[Verdict.REJECTED],
            lost=verdicts[Verdict.LOST],
            began_at=min(
                (call.first_sent_at for call in found if call.first_sent_at), default=None
            ),
        )
