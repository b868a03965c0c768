"""Who settles a lost answer by hand: as many people as approve, and not only people who approved."""

from collections.abc import Collection, Sequence

from bot.domain.policy import AND, is_group
from bot.domain.request import Request


def needs_another(request: Request, needed: int, gone: Collection[str] = ()) -> bool:
    """Return whether somebody who did not approve a request must be among those who record its outcome.

    Somebody must where two or more record it. If the rule names people by id and nobody but these, there is no such
    person: the request keeps its rule, so nobody could ever settle it.

    Args:
        request: Its answer was lost.
        needed: How many people have to record the same.
        gone: Those of `others` whose accounts can do nothing any more.
    """
    return needed > 1 and bool(left(request, gone))


def is_by_approvers(
    request: Request, needed: int, people: Collection[str], gone: Collection[str] = ()
) -> bool:
    """Return whether somebody who did not approve must still record the same as these people."""
    return needs_another(request, needed, gone) and _approved(request).issuperset(people)


def left(request: Request, gone: Collection[str] = ()) -> Sequence[str]:
    """Return the names of the rule that can mean somebody who did not ask, did not approve and is not gone."""
    taken = {request.requester, *_approved(request), *gone}
    return [name for name in request.rule.approvers if _names_another(name, taken)]


def others(request: Request) -> frozenset[str]:
    """Return whom the rule names by id beside those who asked or approved; nobody if one may be in a group of it."""
    names = [[part for part in name.split(AND) if not is_group(part)] for name in left(request)]
    people = {each for name in names for each in name} if all(names) else set[str]()
    return frozenset(people - {request.requester, *_approved(request)})


def _approved(request: Request) -> set[str]:
    return {approval.person for approval in request.approvals}


def _names_another(name: str, taken: Collection[str]) -> bool:
    """Return whether a name of a rule can mean somebody else; anybody may be in a group, now or later."""
    people = [part for part in name.split(AND) if not is_group(part)]
    return not people or any(each not in taken for each in people)
