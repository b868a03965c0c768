"""Deciding: one transaction reads the request, decides by the rules, and writes what follows.

The write lock is taken first, so of two clicks at once the second one reads what the first wrote.
"""

from dataclasses import dataclass, replace
from datetime import datetime

from bot.cards import lines, refusals
from bot.cards.card import card
from bot.domain.authority import Person, Refusal, Verb, may_decide
from bot.domain.call import Verdict
from bot.domain.history import Entry, What
from bot.domain.message import Message
from bot.domain.request import Request, State
from bot.domain.words import Mention, Part
from bot.workflow.parts import Parts

DECISIONS = {
    Verb.APPROVE: (State.APPROVED, What.APPROVED),
    Verb.REJECT: (State.REJECTED, What.REJECTED),
    Verb.WITHDRAW: (State.WITHDRAWN, What.WITHDRAWN),
}


@dataclass(frozen=True, slots=True)
class Declined:
    """The click changed nothing, and `why` says so to the one who clicked."""

    refusal: Refusal | None
    why: tuple[Part, ...]


NO_SUCH = Declined(None, ("This request is not known here. Nothing was changed.",))


def decide(
    parts: Parts,
    verb: Verb,
    number: int | None,
    person: Person,
    *,
    reason: str = "",
    answer_in: str = "",
) -> Request | Declined:
    """Approve, reject or withdraw a request.

    Args:
        parts: The outside.
        verb: What the person pressed.
        number: The request's number: all that is believed of a click; None: it named none.
        person: Who pressed, as read from Slack just now.
        reason: Why, where it was asked for.
        answer_in: Slack channel id for the private answer to a click that changes nothing; empty
            where the caller answers by itself.

    Raises:
        CouldNotRecordError: Nothing was changed.
    """
    now = parts.clock.now()
    with parts.store.transaction():
        request = _known(parts, number)
        declined = _declined(verb, request, person, now)
        if request is None or declined is not None:
            declined = declined or NO_SUCH
            _record(parts, verb, request, person, declined, answer_in)
            result: Request | Declined = declined
        else:
            result = _write(parts, verb, request, person, reason, now)
    parts.wake_sender()
    parts.wake_runner()
    return result


def _write(
    parts: Parts, verb: Verb, request: Request, person: Person, reason: str, now: datetime
) -> Request:
    state, what = DECISIONS[verb]
    if verb is Verb.APPROVE:
        parts.store.requests.approve(request, person.user_id, person.team_id, now)
    wake_at = now if state is State.APPROVED else None
    after = request.decided(state, person.user_id, now, reason=reason, wake_at=wake_at)
    entry = Entry(
        what=what,
        who=person.user_id,
        team=person.team_id,
        request=request.number,
        data={
            "digest": request.digest,
            "policy": request.policy_hash,
            "reason": reason,
            "groups": sorted(name for name, member in person.memberships.items() if member),
        },
    )
    parts.store.move(request, after, entry, now, card(after), _line(verb, after, reason))
    return after


def _line(verb: Verb, request: Request, reason: str) -> Message:
    who = Mention(request.decided_by or "")
    asked = Mention(request.requester)
    match verb:
        case Verb.APPROVE:
            return lines.reply(
                request, who, f" approved {request.name}. Reading {request.subject} again before "
                "anything is sent."
            )  # fmt: skip
        case Verb.REJECT:
            return lines.reply(
                request, who, f" rejected {request.name}: {reason} Nothing is sent, ", asked, "."
            )
        case _:
            return lines.reply(request, who, f" withdrew {request.name}. Nothing is sent.")


def may_decide_now(
    parts: Parts, verb: Verb, number: int | None, person: Person, *, answer_in: str
) -> Request | Declined:
    """Whether a decision could be made now, before a form asks for its reason.

    Raises:
        CouldNotRecordError: A refusal could not be written.
    """
    now = parts.clock.now()
    request = _known(parts, number)
    declined = _declined(verb, request, person, now)
    if declined is None and request is not None:
        return request
    declined = declined or NO_SUCH
    with parts.store.transaction():
        _record(parts, verb, request, person, declined, answer_in)
    parts.wake_sender()
    return declined


def settle_by_hand(
    parts: Parts, number: int | None, person: Person, *, accepted: bool, answer_in: str = ""
) -> Request | Declined:
    """Record what a person saw in Zuora of a request whose outcome is unknown. Sends nothing.

    Raises:
        CouldNotRecordError: Nothing was changed.
    """
    now = parts.clock.now()
    with parts.store.transaction():
        request = _known(parts, number)
        declined = _declined(Verb.SETTLE, request, person, now)
        if request is None or declined is not None:
            declined = declined or NO_SUCH
            _record(parts, Verb.SETTLE, request, person, declined, answer_in)
            result: Request | Declined = declined
        else:
            result = _write_settlement(parts, request, person, now, accepted=accepted)
    parts.wake_sender()
    return result


def _write_settlement(
    parts: Parts, request: Request, person: Person, now: datetime, *, accepted: bool
) -> Request:
    seen = "it was sent" if accepted else "it was not sent"
    after = request.moved(
        State.SUCCEEDED if accepted else State.FAILED,
        now,
        result=f"The answer was lost; a person looked in Zuora and recorded that {seen}.",
    )
    entry = Entry(
        what=What.SETTLED,
        who=person.user_id,
        team=person.team_id,
        request=request.number,
        data={"accepted": accepted, "by": "person"},
    )
    told = lines.reply(
        after,
        Mention(person.user_id),
        f" looked in Zuora and recorded of {request.name}: {seen}. ",
        Mention(request.requester),
    )
    verdict = Verdict.ACCEPTED if accepted else Verdict.REJECTED
    for call in parts.store.calls.of(request.number):
        if call.is_lost:
            words = f"a person recorded that {seen}"
            parts.store.calls.save(replace(call, verdict=verdict, words=words))
    parts.store.move(request, after, entry, now, card(after), told)
    return after


def _known(parts: Parts, number: int | None) -> Request | None:
    return None if number is None else parts.store.requests.get(number)


def _declined(
    verb: Verb, request: Request | None, person: Person, now: datetime
) -> Declined | None:
    if request is None:
        return NO_SUCH
    refusal = may_decide(verb, person, request, now)
    if refusal is None:
        return None
    return Declined(refusal, refusals.to_decide(refusal, person, request))


def _record(
    parts: Parts,
    verb: Verb,
    request: Request | None,
    person: Person,
    declined: Declined,
    answer_in: str,
) -> None:
    """Write the refusal, answer the one who clicked, and draw a stale card anew."""
    entry = Entry(
        what=What.REFUSED,
        who=person.user_id,
        team=person.team_id,
        request=request.number if request else None,
        data={"wanted": verb.value, "refusal": str(declined.refusal or "no_such_request")},
    )
    messages: list[Message] = []
    if answer_in and person.user_id:
        number = request.number if request else None
        messages.append(lines.private(answer_in, person.user_id, *declined.why, request=number))
    if request is not None and declined.refusal is Refusal.ALREADY_DECIDED:
        messages.append(card(request))
    parts.store.record(entry, parts.clock.now(), *messages)
