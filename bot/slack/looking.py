"""Checks who may look; everybody else is shown only who may."""

import logging
from typing import Any

from bot.cards.approvers import approvers_in_words
from bot.cards.refusals import barred
from bot.domain.authority import Person, Refusal, may_view
from bot.domain.policy import Policy
from bot.domain.words import Part
from bot.slack import payloads
from bot.slack.answering import Answering
from bot.slack.payloads import Actor
from bot.store.errors import CouldNotRecordError
from bot.workflow.refused import record_refusal

logger = logging.getLogger(__name__)


async def viewer(
    answering: Answering, actor: Actor, *, decides: bool = False
) -> tuple[Person, tuple[Part, ...]]:
    """Return the person, and why they may not look; empty if they may.

    Args:
        answering: What every listener shares.
        actor: Who it is.
        decides: Whether they look at what they may approve. Then their groups are also read for the rules that
            requests wait under, which can be from an older policy and still apply to their requests.
    """
    policy = answering.parts.rules.policy
    rules = answering.parts.store.status.rules_waiting().values() if decides else ()
    older = {name for rule in rules for name in rule.approvers} - set(policy.everybody)
    person = await answering.people.person(actor, (*policy.everybody, *sorted(older)))
    refusal = may_view(person, policy)
    return person, () if refusal is None else not_to_view(refusal, person, policy)


async def viewer_or_recorded(
    answering: Answering, actor: Actor, wanted: str, *, decides: bool = False
) -> tuple[Person, tuple[Part, ...]]:
    """Return what `viewer` does; a refusal is recorded in the history."""
    person, why = await viewer(answering, actor, decides=decides)
    refusal = may_view(person, answering.parts.rules.policy)
    if refusal is not None:
        try:
            parts = answering.parts
            record_refusal(parts.store, person, refusal, wanted, parts.clock.now())
        except CouldNotRecordError:
            logger.warning("refusal_was_not_recorded")
    return person, why


async def click_of_viewer(
    answering: Answering, body: dict[str, Any], wanted: str
) -> payloads.Click | None:
    """Return the click; None for a person who may not look, who is shown why."""
    click = payloads.click(body)
    _, why = await viewer_or_recorded(answering, click.actor, wanted)
    if why:
        await answering.say(click.channel, click.actor, *why)
    return None if why else click


def not_to_view(refusal: Refusal, person: Person, policy: Policy) -> tuple[Part, ...]:
    """Return why this person may not look, and who may."""
    match refusal:
        case Refusal.BARRED:
            return barred(person)
        case Refusal.GROUP_UNREADABLE:
            words = "Slack did not say who is in the user group, so nothing was done."
            return (f"{words} Try again in a minute.",)
        case _:
            return (
                "You may not see billing requests. These may: ",
                *approvers_in_words(policy.everybody),
                ".",
            )
