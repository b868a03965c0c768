"""Who settles a lost answer by hand: as many people as approve, and not only people who approved."""

from collections.abc import Collection

from bot.domain.policy import AND, is_group
from bot.domain.request import Request


def needs_another(request: Request, needed: int) -> bool:
    """Return whether somebody who did not approve a request must be among those who record its outcome.

    Somebody must where two or more record it. If the rule names people by id and nobody but these, there is no such
    person: the request keeps its rule, so nobody could ever settle it.

    Args:
        request: Its answer was lost.
        needed: How many people have to record the same.
    """
    taken = {request.requester, *_approved(request)}
    return needed > 1 and any(_names_another(name, taken) for name in request.rule.approvers)


def is_by_approvers(request: Request, needed: int, people: Collection[str]) -> bool:
    """Return whether somebody who did not approve must still record the same as these people."""
    return needs_another(request, needed) and _approved(request).issuperset(people)


def _approved(request: Request) -> set[str]:
    return {approval.person for approval in request.approvals}


def _names_another(name: str, taken: Collection[str]) -> bool:
    """Return whether a name of a rule can mean somebody else; anybody may be in a group, now or later."""
    people = [part for part in name.split(AND) if not is_group(part)]
    return not people or any(each not in taken for each in people)
