"""An operation request and its life.

```
              ┌─► rejected
              ├─► withdrawn
 waiting ─────┼─► expired
              └─► approved ──► running ──┬─► succeeded
                      │            │     ├─► failed
                      ▼            ▼     └─► unknown ──► succeeded | failed | running
                   stopped ◄───────┘
```

`stopped` means: approved, but nothing was sent, because the facts had changed or could not be read, or because
somebody in whose name it was approved says that it was not them; then also one that is `waiting` for more approvals.
`unknown` means: a call went out and its answer was lost; settled by reading Zuora, or by a person.
After an older copy of the database was put back, whatever is open is `stopped`, also what is
`waiting` or `unknown`. It goes back to `running` when reading proved that what has to be followed was begun.
The drawing in README.md is this table; a test compares them.
"""

import re
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from enum import StrEnum, unique
from itertools import count, takewhile
from typing import Any

from bot.domain.policy import Rule

_NUMBER = re.compile(r"[A-Z]{2,5}-?\d+", re.ASCII)

APART = '{"apart":'
"""The beginning of facts whose documents are stored in parts, because there are too many."""

UNKNOWN_REMINDED_AFTER = (timedelta(hours=1), timedelta(hours=5))
"""When people are reminded of an unknown outcome that nobody has settled, counted from when it became one."""

UNKNOWN_REMINDED_EVERY = timedelta(days=1)
"""How often after that, without an end."""


class UnreadableError(Exception):
    """A stored request cannot be read: another version of the bot wrote it, it is damaged, or an archive has its facts."""


@unique
class State(StrEnum):
    """The state of a request. The words are the same in the database, in Slack and in the README."""

    WAITING = "waiting"
    REJECTED = "rejected"
    WITHDRAWN = "withdrawn"
    EXPIRED = "expired"
    APPROVED = "approved"
    STOPPED = "stopped"
    RUNNING = "running"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    UNKNOWN = "unknown"


TRANSITIONS: dict[State, frozenset[State]] = {
    State.WAITING: frozenset(
        {State.REJECTED, State.WITHDRAWN, State.EXPIRED, State.APPROVED, State.STOPPED}
    ),
    State.APPROVED: frozenset({State.RUNNING, State.STOPPED}),
    State.RUNNING: frozenset({State.SUCCEEDED, State.FAILED, State.UNKNOWN, State.STOPPED}),
    State.UNKNOWN: frozenset({State.RUNNING, State.SUCCEEDED, State.FAILED, State.STOPPED}),
    State.REJECTED: frozenset(),
    State.WITHDRAWN: frozenset(),
    State.EXPIRED: frozenset(),
    State.STOPPED: frozenset(),
    State.SUCCEEDED: frozenset(),
    State.FAILED: frozenset(),
}
FINAL = frozenset(state for state, following in TRANSITIONS.items() if not following)


@dataclass(frozen=True, slots=True, kw_only=True)
class Approval:
    """One person's yes to exactly what the request says, with the note that they left, if any."""

    person: str
    team: str
    at: datetime
    note: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """One person's request for one operation. It holds everything that takes effect; Slack holds none of it.

    Attributes:
        number: The request's number; people see it as `R-17`.
        operation: Name of the operation, such as `email_bill_run`.
        subject: What it acts on, as people call it: `BR-00000417`.
        body: Canonical JSON of what was asked for.
        facts: JSON of what Zuora said when it was asked; for very many documents, what is shown of
            them and the hash of each of their parts.
        packed: Those parts.
        digest: SHA-256 (hex) over operation, body, tenant and the facts that matter.
        tenant: Which Zuora: host, tenant and entities.
        requester: Slack user id. `team` is the id of that person's workspace.
        form: Id by which a form that is submitted twice makes one request.
        token: Random part of the name by which buttons and forms mean this request and no other.
        wake_at: When the runner has to look at it next; None: only a person can move it.
        looks: How many times in a row Zuora was read without result; the pauses grow with it.
        result: One sentence in the past tense on how it ended.
        progress: JSON of the progress of what an accepted call started; empty if nothing is
            followed.
        progress_ts: Slack's `ts` of the message that shows the progress.
        parent: Number of the request that this one continues.
        approvals: Who has approved so far, in order.
        reminded: How many reminders were sent or skipped since it came to its state.
        typed: JSON of the form as it was typed, so that it can be changed and asked again.
        place: Where in the tenant it acts, as `Place.key`; empty if there was nothing to choose.
        place_words: The same for people.
    """

    number: int
    operation: str
    subject: str
    body: str
    facts: str
    digest: str
    tenant: str
    requester: str
    team: str
    reason: str
    rule: Rule
    policy_hash: str
    form: str
    token: str
    state: State
    created_at: datetime
    expires_at: datetime
    state_at: datetime
    wake_at: datetime | None
    channel: str
    card_ts: str | None = None
    decided_by: str | None = None
    decided_at: datetime | None = None
    decision_reason: str = ""
    looks: int = 0
    result: str = ""
    parent: int | None = None
    progress: str = ""
    progress_ts: str | None = None
    approvals: tuple[Approval, ...] = ()
    reminded: int = 0
    typed: str = ""
    place: str = ""
    place_words: str = ""
    packed: tuple[bytes, ...] = field(default=(), repr=False)

    @property
    def name(self) -> str:
        """Return the request's number as people say it: `R-17`."""
        return f"R-{self.number}"

    @property
    def is_archived(self) -> bool:
        """Return whether its facts are in an archive, so that its order can no longer be opened here."""
        return not self.facts

    @property
    def reference(self) -> str:
        """Return the name on buttons and in forms, `R-17.k3f9…`; `bot.domain.named` reads it."""
        return f"{self.name}.{self.token}"

    @property
    def confirmation(self) -> str:
        """Return what the approver of the highest tier types: the subject's number, or the request's."""
        return self.subject if _NUMBER.fullmatch(self.subject) else self.name

    def reminder_at(self, position: int) -> datetime | None:
        """Return when the reminder of that position (from 0) is due; None: there is none."""
        if self.state is State.WAITING:
            spans = self.rule.remind_after
            return self.created_at + spans[position] if position < len(spans) else None
        if self.state is not State.UNKNOWN:
            return None
        first = UNKNOWN_REMINDED_AFTER
        daily = max(0, position - len(first) + 1)
        return self.state_at + first[min(position, len(first) - 1)] + daily * UNKNOWN_REMINDED_EVERY

    @property
    def next_reminder_at(self) -> datetime | None:
        """Return when those who can still move it are reminded next; None: never again."""
        return self.reminder_at(self.reminded)

    def reminders_due(self, now: datetime) -> int:
        """Return how many of its reminders are due by now; after a long pause they become one message."""
        all_ = map(self.reminder_at, count())
        return sum(1 for _ in takewhile(lambda at: at is not None and at <= now, all_))

    @property
    def waits_until(self) -> datetime:
        """Return when it must be reminded of or expire if nobody clicks before."""
        return min(self.next_reminder_at or self.expires_at, self.expires_at)

    def moved(
        self,
        to: State,
        now: datetime,
        *,
        wake_at: datetime | None = None,
        result: str = "",
        **also: Any,
    ) -> "Request":
        """Return the same request one state further, and what else changes with that.

        Raises:
            ValueError: The state machine has no such transition; only a fault in the program gets
                here.
        """
        if to not in TRANSITIONS[self.state]:
            msg = f"no way from {self.state} to {to}"
            raise ValueError(msg)
        return replace(
            self,
            state=to,
            state_at=now,
            wake_at=wake_at,
            looks=0,
            reminded=0,
            result=result,
            **also,
        )

    def decided(
        self,
        to: State,
        by: str,
        now: datetime,
        *,
        wake_at: datetime | None,
        reason: str = "",
        **also: Any,
    ) -> "Request":
        """Return the same request after somebody's decision (approve, reject, withdraw)."""
        return self.moved(
            to, now, wake_at=wake_at, decided_by=by, decided_at=now, decision_reason=reason, **also
        )

    def waiting_again(self, wake_at: datetime) -> "Request":
        """Return the same request after one more look without result, to be looked at again at `wake_at`."""
        return replace(self, wake_at=wake_at, looks=self.looks + 1)
