"""Who may ask, approve and look, and under which rule."""

from dataclasses import dataclass
from datetime import timedelta


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """What an approval takes. The rule of the moment of asking holds for the request.

    Attributes:
        approvals: How many distinct people must approve, at least 1.
        approvers: Slack user ids (`U…`, `W…`) and user-group ids (`S…`).
        expires_after: How long the request waits for them.
    """

    approvers: tuple[str, ...]
    approvals: int = 1
    expires_after: timedelta = timedelta(hours=24)


@dataclass(frozen=True, slots=True, kw_only=True)
class Policy:
    """The policy file as read. `hash` is the SHA-256 (hex) of its bytes."""

    requesters: tuple[str, ...]
    approvers: tuple[str, ...]
    viewers: tuple[str, ...]
    hash: str

    def rule(self) -> Rule:
        """The rule that holds for a new request."""
        return Rule(approvers=self.approvers)

    @property
    def named_groups(self) -> tuple[str, ...]:
        """Every user group that the policy names, once."""
        named = (*self.requesters, *self.approvers, *self.viewers)
        return tuple(dict.fromkeys(name for name in named if is_group(name)))


def is_group(name: str) -> bool:
    """Whether a name in the policy is a user group's id rather than a person's."""
    return name.startswith("S")
