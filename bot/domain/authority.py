"""Who may do what, and why not: for every command, form and button."""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, tzinfo
from enum import StrEnum, unique

from bot.domain.policy import Policy, Rule, is_group
from bot.domain.request import Request, State


@unique
class Verb(StrEnum):
    """What somebody wants to do."""

    APPROVE = "approve"
    REJECT = "reject"
    WITHDRAW = "withdraw"
    RECORD_SENT = "record_sent"
    RECORD_NOT_SENT = "record_not_sent"


RECORDS = (Verb.RECORD_SENT, Verb.RECORD_NOT_SENT)
"""What a person saw in Zuora about a call whose answer was lost."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Person:
    """A Slack user, as read for one question.

    Attributes:
        user_id: Slack user id; names and addresses are never compared.
        team_id: The workspace the click came from.
        memberships: For each user group that matters: True, False, or None if Slack could not be
        asked. None never counts as a yes.
        zone: The time zone of the person's account; UTC where Slack names none.
        called: `person_name` and `person_email` as Slack says them; for the record, never compared.
        members: Everybody in each of these groups, as Slack listed them for this question.
        barred: Why this account may do nothing at all (deactivated, guest, bot, external); empty
            for an ordinary member.
    """

    user_id: str
    team_id: str
    memberships: Mapping[str, bool | None] = field(default_factory=dict)
    members: Mapping[str, Collection[str]] = field(default_factory=dict)
    barred: str = ""
    called: Mapping[str, str] = field(default_factory=dict)
    zone: tzinfo = UTC


@unique
class Refusal(StrEnum):
    """Why not. The history records the value."""

    BARRED = "barred_account"
    NOT_A_REQUESTER = "not_a_requester"
    NOT_AN_APPROVER = "not_an_approver"
    NOT_A_VIEWER = "not_a_viewer"
    SELF_APPROVAL = "self_approval"
    NOT_THE_REQUESTER = "not_the_requester"
    GROUP_UNREADABLE = "group_unreadable"
    ALREADY_DECIDED = "already_decided"
    ALREADY_APPROVED = "already_approved"
    NUMBER_NOT_TYPED = "number_not_typed"
    EXPIRED = "expired"
    NOT_UNKNOWN = "not_unknown"
    TOO_EARLY = "too_early"
    ONLY_APPROVERS = "only_approvers"
    NO_SUCH_REQUEST = "no_such_request"
    ANOTHER_REQUEST = "another_request"
    ANOTHER_DATABASE = "another_database"
    CLOCKS_DIFFER = "clocks_differ"
    UNREADABLE = "unreadable"


def may_ask(person: Person, policy: Policy) -> Refusal | None:
    """Return why somebody may not ask for an operation; None: they may."""
    return _counts(person, policy.requesters, Refusal.NOT_A_REQUESTER)


def may_view(person: Person, policy: Policy) -> Refusal | None:
    """Return why somebody may not see requests; None: they may. Everybody whom the policy names may."""
    return _counts(person, policy.everybody, Refusal.NOT_A_VIEWER)


def may_approve_under(person: Person, rule: Rule) -> Refusal | None:
    """Return why somebody may not approve requests under a rule, apart from their own; None: they may."""
    return _counts(person, rule.approvers, Refusal.NOT_AN_APPROVER)


def may_decide(
    verb: Verb,
    person: Person,
    request: Request,
    now: datetime | None,
    today: Rule | None = None,
) -> Refusal | None:
    """Return why somebody may not approve, reject, withdraw or settle this request; None: they may.

    Authority is checked before the state, so a stranger learns nothing from the answer. The
    four-eyes rule has no exception: the requester is refused before any list is read.

    Args:
        verb: What the person wants to do.
        person: As read from Slack for this question.
        request: As stored; its rule is the one from the moment it was asked for.
        now: The moment, aware UTC; None: whether they may at all, whatever the request's state.
        today: The rule of today's policy for it. The person must be an approver under this one
        too, so nobody who was removed from the policy decides anything.
    """
    refusal = _barred(person) or _authority(verb, person, request, today)
    if refusal is not None or now is None:
        return refusal
    return _state(verb, request, now) or _again(verb, person, request)


def still_counts(person: Person, request: Request, today: Rule | None) -> Refusal | None:
    """Return why an approval no longer counts (its person is no longer an approver); None: it counts."""
    return may_decide(Verb.APPROVE, person, request, None, today)


def _barred(person: Person) -> Refusal | None:
    return Refusal.BARRED if person.barred or not person.user_id else None


def _counts(person: Person, names: Iterable[str], otherwise: Refusal) -> Refusal | None:
    """Return why the person may do nothing here or is not one of these; None: is one, and may."""
    return _barred(person) or _listed(person, names, otherwise)


def _again(verb: Verb, person: Person, request: Request) -> Refusal | None:
    """Refuse a second decision by the same person, however many lists they are in."""
    mine = any(approval.person == person.user_id for approval in request.approvals)
    return Refusal.ALREADY_APPROVED if verb is Verb.APPROVE and mine else None


def _authority(verb: Verb, person: Person, request: Request, today: Rule | None) -> Refusal | None:
    own = person.user_id == request.requester
    if verb is Verb.WITHDRAW:
        return None if own else Refusal.NOT_THE_REQUESTER
    if own:
        return Refusal.SELF_APPROVAL
    rules = [request.rule] if today is None else [request.rule, today]
    refusals = (_listed(person, rule.approvers, Refusal.NOT_AN_APPROVER) for rule in rules)
    return next(filter(None, refusals), None)


def _state(verb: Verb, request: Request, now: datetime) -> Refusal | None:
    if verb in RECORDS:
        return None if request.state is State.UNKNOWN else Refusal.NOT_UNKNOWN
    if request.state is State.EXPIRED:
        return Refusal.EXPIRED
    if request.state is not State.WAITING:
        return Refusal.ALREADY_DECIDED
    return Refusal.EXPIRED if now >= request.expires_at else None


def listed(person: Person, names: Iterable[str]) -> bool:
    """Return whether somebody is known to be one of these people or in one of these groups."""
    return _listed(person, names, Refusal.NOT_AN_APPROVER) is None


def _listed(person: Person, names: Iterable[str], otherwise: Refusal) -> Refusal | None:
    """Return None if one of the names is the person, or a group that is known to hold the person."""
    names = tuple(names)
    if person.user_id in names:
        return None
    found = [person.memberships.get(name) for name in names if is_group(name)]
    if any(found):
        return None
    return Refusal.GROUP_UNREADABLE if None in found else otherwise
