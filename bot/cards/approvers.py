"""Who must still approve, in words."""

from collections.abc import Sequence

from bot.domain.policy import AND
from bot.domain.request import Request, State
from bot.domain.words import Mention, Part


def needs(request: Request) -> tuple[Part, ...]:
    """Return ` · waiting for one approval from @controllers (not @alice)`; nothing once it is decided."""
    if request.state is not State.WAITING:
        return ()
    missing = request.rule.approvals - len(request.approvals)
    number = {1: "one", 2: "two", 3: "three"}.get(missing, f"{missing}")
    more = " more" if request.approvals else ""
    noun = "approval" if missing == 1 else "approvals"
    approvers = approvers_in_words(request.rule.approvers)
    not_who = (" (not ", Mention(request.requester), ")")
    return (f" · waiting for {number}{more} {noun} from ", *approvers, *not_who)


def approvers_in_words(names: Sequence[str]) -> tuple[Part, ...]:
    """Return `@a, @b` as parts; `@c (in @d)` for a name joined with `&`; only a rule that cannot be read names nobody."""
    if not names:
        return ("nobody, because its rule cannot be read",)
    parts: list[Part] = []
    for position, name in enumerate(names):
        *groups, last = name.split(AND)
        parts += [", " if position else "", Mention(last)]
        for place, group in enumerate(groups):
            parts += [" and " if place else " (in ", Mention(group)]
        parts += [")" if groups else ""]
    return tuple(parts)
