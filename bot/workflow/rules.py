"""The rule that holds for an order, and for a request: its own, and that of today's policy."""

from datetime import datetime, timedelta
from typing import Any

from bot.domain.place import Place
from bot.domain.policy import Asked, Rule
from bot.domain.request import Request
from bot.domain.words import count
from bot.operations.catalog import opened
from bot.operations.operation import Order
from bot.workflow.guard import mailed_before
from bot.workflow.parts import Parts

JUST_APPROVED = timedelta(minutes=1)
"""So long a person's rights are trusted that were read for the click."""


def rule_for(parts: Parts, order: Order[Any, Any], place: Place, number: int = 0) -> Rule:
    """The rule of today's policy for what is asked; `number` is the request's, where there is one."""
    return parts.policy.rule(asked_about(parts, order, place, number))


def asked_about(parts: Parts, order: Order[Any, Any], place: Place, number: int = 0) -> Asked:
    """What the rules look at of what is asked."""
    return Asked(
        operation=order.name,
        tenant=parts.tenant_kind,
        sends=order.sends(),
        mails_again=mailed_before(parts.store, order, place.key, number),
        amounts=order.amounts(),
        documents=order.documents(),
        place=place,
    )


def rule_today(parts: Parts, request: Request) -> Rule:
    """The rule of today's policy for a request; its own as long as the policy is the same."""
    if request.policy_hash == parts.policy.hash:
        return request.rule
    return rule_for(parts, opened(request), parts.places.at(request.place), request.number)


async def not_approved_any_more(parts: Parts, request: Request, now: datetime) -> str | None:
    """Why the approvals of an approved request are not enough now; empty: they are.

    An approval counts by the rule of the request's own time and by today's: whoever was taken out
    of a group or of the policy has approved nothing. None: a group cannot be read just now.
    """
    today = rule_today(parts, request)
    needed = max(request.rule.approvals, today.approvals)
    fresh = all(timedelta(0) <= now - each.at <= JUST_APPROVED for each in request.approvals)
    if fresh and today == request.rule:
        return ""
    then, at_present = await parts.members(request.rule.approvers), None
    if then is not None:
        at_present = await parts.members(today.approvers) if today != request.rule else then
    if then is None or at_present is None:
        return None
    counting = {each.person for each in request.approvals} & then & at_present
    if len(counting) >= needed:
        return ""
    return (
        f"It needs {count(needed, 'approval')} of people who may approve it today, and "
        f"{len(counting)} of those that were given {'is' if len(counting) == 1 else 'are'} theirs."
    )
