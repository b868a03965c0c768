"""The rule that applies to an order, and those that apply to a request: its own, and today's."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from bot.domain.place import Place
from bot.domain.policy import Asked, Policy, Rule
from bot.domain.request import Request, State, UnreadableError
from bot.domain.settling import others
from bot.domain.words import count
from bot.operations.catalog import opened
from bot.operations.operation import Order
from bot.store.store import Store
from bot.workflow.guard import Reach, mailed_before, reach_of
from bot.workflow.tenancy import Tenancy

DENIED = "Somebody in whose name it was approved says that it was not them."

JUST_APPROVED = timedelta(minutes=1)
"""How long the rights that were read at a person's click are trusted."""


@dataclass(slots=True)
class Rules:
    """Today's policy, applied to what is asked for in this tenant.

    Attributes:
        policy: As read from its file, at the start or at the latest SIGHUP.
        tenancy: Which Zuora, and the places in it.
        store: The database, with what was mailed before.
        members: Returns the people behind Slack user ids and group ids; None if Slack cannot be
            asked.
        ordinary: Returns which of some people have accounts that are neither deactivated nor a
            guest's; None if Slack cannot be asked.
        must_confirm: Whether requests under a changed policy wait until it is confirmed.
    """

    policy: Policy
    tenancy: Tenancy
    store: Store
    members: Callable[[tuple[str, ...]], Awaitable[frozenset[str] | None]]
    ordinary: Callable[[tuple[str, ...]], Awaitable[frozenset[str] | None]]
    must_confirm: bool = False

    def about(self, order: Order[Any, Any], place: Place, reach: Reach) -> tuple[Asked, ...]:
        """Return what the rules look at, for each part of an order.

        Each part has its own name and amounts; everything else is that of the whole.
        """
        mails_again = mailed_before(order, reach)
        return tuple(
            Asked(
                operation=part.operation,
                tenant=self.tenancy.kind,
                sends=order.sends(),
                mails_again=mails_again,
                amounts=part.amounts,
                documents=order.documents(),
                place=place,
                part_of="" if part.operation == order.name else order.name,
            )
            for part in order.judged_as()
        )

    def today(self, request: Request) -> Rule:
        """Return the rule of today's policy for a request; its own if the policy is the same.

        If the request cannot be read, nobody knows which one applies; then it takes somebody whom today's policy lets approve anything.
        """
        if request.policy_hash == self.policy.hash:
            return request.rule
        place = self.tenancy.places.at(request.place)
        reach = reach_of(self.store, request)
        try:
            order = opened(request)
        except UnreadableError:
            return request.rule.and_of(replace(request.rule, approvers=self.policy.deciders))
        return self.policy.strictest(self.about(order, place, reach))

    async def gone(self, request: Request) -> frozenset[str]:
        """Return those on whom settling a lost answer rests and whose accounts can do nothing any more.

        Nobody is gone of whom Slack cannot be asked.
        """
        named = others(request) if request.state is State.UNKNOWN else frozenset[str]()
        still = await self.ordinary(tuple(named)) if named else named
        return frozenset() if still is None else named - still

    async def not_approved_any_more(self, request: Request, now: datetime) -> str | None:
        """Return why the approvals of an approved request are no longer enough; empty: they are.

        An approval must count under the request's own rule and under today's. An approval does not
        count if the person was removed from a group or the policy, or no longer has an ordinary
        account. An approval that its person denies (`denials`) shows that clicks may be forged, so
        the others do not count either. None means that Slack cannot be read right now.
        """
        if self.store.history.approval_is_denied(request.number):
            return DENIED
        today = self.today(request)
        needed = max(request.rule.approvals, today.approvals)
        fresh = all(timedelta(0) <= now - each.at <= JUST_APPROVED for each in request.approvals)
        if fresh and today == request.rule and len(request.approvals) >= needed:
            return ""
        then, at_present = await self.members(request.rule.approvers), None
        if then is not None:
            at_present = await self.members(today.approvers) if today != request.rule else then
        if then is None or at_present is None:
            return None
        named = {each.person for each in request.approvals} & then & at_present
        counting = await self.ordinary(tuple(named))
        if counting is None:
            return None
        if len(counting) >= needed:
            return ""
        return (
            f"It needs {count(needed, 'approval')} from people who may approve it today, and "
            f"only {len(counting)} of those given {'is' if len(counting) == 1 else 'are'} from them."
        )
