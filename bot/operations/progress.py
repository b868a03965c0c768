"""The progress of what a call started, and what reading Zuora proves about a call whose answer was lost."""

from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from pydantic import BaseModel

from bot.domain.operation import OperationName
from bot.domain.request import Request


class Progress(BaseModel, frozen=True, defer_build=True):
    """Progress of what an accepted call started.

    Attributes:
        run_id: Zuora's id of the bill run that is followed.
        number: Its number.
        status: Zuora's word for its state when it was last read.
        seen: Every status it was seen in, in order, because `Completed` after `PostInProgress`
            means something else than before it.
        not_before: The earliest time at which another look is worthwhile; None: after the usual
            pause.
        words: What is new since the last look, for the thread; empty: nothing.
        unread: Why Zuora refused the last look; empty if it answered.
        ended: Empty while it must be looked at again.
        result: One sentence on how it ended.
        next_steps: Names of the operations that are legal now.
        next_run: Number of the next occurrence, if Zuora named one.
        calls: How many calls there were, if there were several and nothing is followed.
        look_first: Whether it was stopped because an older copy of the database was put back.
        failed, lost: How many calls failed, and how many have an unknown outcome.
        in_doubt_since: When the first call went out that is being sent again under its key; None:
            none is.
    """

    run_id: str = ""
    number: str = ""
    status: str = ""
    seen: tuple[str, ...] = ()
    not_before: datetime | None = None
    words: str = ""
    unread: str = ""
    ended: Literal["", "succeeded", "failed"] = ""
    result: str = ""
    next_steps: tuple[OperationName, ...] = ()
    next_run: str = ""
    calls: int = 0
    look_first: bool = False
    failed: int = 0
    lost: int = 0
    in_doubt_since: datetime | None = None

    def named_run(self) -> dict[str, list[str]]:
        """Return the bill run that a request made or follows, so that no other can be attributed to it later."""
        names = [self.run_id, self.number]
        return {"run": names} if any(names) else {}

    @classmethod
    def of(cls, request: Request) -> "Progress":
        """Return a stored request's progress."""
        return cls.model_validate_json(request.progress) if request.progress else cls()


class Settlement(BaseModel, frozen=True, defer_build=True):
    """What reading Zuora proved about a lost call; `words` say what was seen.

    `progress` is set if the call started something that must be followed.
    """

    accepted: bool
    words: str
    progress: Progress | None = None


@dataclass(frozen=True, slots=True)
class Reread:
    """What reading Zuora says about a lost call, before it is sent again.

    Attributes:
        done: Proof that it got through, so that it is not sent again.
        wrong: Why it must not be sent again, such as that the document has changed; empty: it may be.
    """

    done: Settlement | None = None
    wrong: str = ""
