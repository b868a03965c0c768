"""The progress of a call, and what reading Zuora proves about one whose answer was lost."""

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
        seen: Every status it was seen in, in order; `Completed` after `PostInProgress` means
            something else than before it.
        not_before: When it is worth looking again at the earliest; None: after the usual pause.
        words: What is new since the last look, for the thread; empty: nothing.
        unread: Why Zuora refused the last look; empty where it answered.
        ended: Empty while it has to be looked at again.
        result: One sentence on how it ended.
        next_steps: Names of the operations that are legal now.
        next_run: Number of the run that takes this one's place, where Zuora named one.
        calls: How many calls it took, where nothing is followed and they were many.
        look_first: Whether it was stopped because an older copy of the database was put back.
        failed, lost: How many of them failed, and of how many the outcome is unknown.
        in_doubt_since: When the first of those went out that are sent again under their keys; None:
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
        """Return the bill run that a request made or follows, so that no other can be ascribed to it later."""
        names = [self.run_id, self.number]
        return {"run": names} if any(names) else {}

    @classmethod
    def of(cls, request: Request) -> "Progress":
        """Return how far a stored request got."""
        return cls.model_validate_json(request.progress) if request.progress else cls()


class Settlement(BaseModel, frozen=True, defer_build=True):
    """What reading Zuora proved about a lost call: `words` give what was seen.

    `progress` is there where the call began something that has to be followed.
    """

    accepted: bool
    words: str
    progress: Progress | None = None


@dataclass(frozen=True, slots=True)
class Reread:
    """What reading Zuora says about a lost call, before it is sent again.

    Attributes:
        done: Proof that it got through: then it is not sent again.
        wrong: Why it must not be sent again: the document is not what was approved any more; empty
            where nothing says so.
    """

    done: Settlement | None = None
    wrong: str = ""
