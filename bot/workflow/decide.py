"""Deciding: one transaction reads the request, decides by the rules, and writes the result.

It takes the write lock first, so of two clicks at once the second reads what the first wrote.
"""

import logging
from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime
from typing import Any

from bot.cards import lines, refusals
from bot.cards.below import change_and_ask_again
from bot.cards.card import card_edit
from bot.domain.authority import RECORDS, Refusal, Verb, may_decide
from bot.domain.history import Entry, What
from bot.domain.message import Message
from bot.domain.named import Named
from bot.domain.policy import Rule
from bot.domain.request import Approval, Request, State
from bot.domain.settling import is_by_approvers
from bot.domain.words import Mention, count, named
from bot.store.store import Store
from bot.workflow import by_hand
from bot.workflow.decision import MOST_TYPED, CheckAgain, Decidable, Decided, Decision, Declined
from bot.workflow.groups import MembersOfGroups
from bot.workflow.groups import note as note_groups
from bot.workflow.parts import Working
from bot.workflow.receipts import give

logger = logging.getLogger(__name__)


def decide(parts: Working, decision: Decision) -> Decided | Declined | CheckAgain:
    """Approve, reject or withdraw a request, or record its outcome.

    Raises:
        CouldNotRecordError: Nothing was changed.
    """
    now = parts.clock.now()
    result: Decided | Declined | CheckAgain
    with parts.store.transaction():
        request, declined = _asked_of(parts, decision, now)
        if request is None or declined is not None:
            result = declined or _no_such()
            _record(parts.store, decision, request, result, now)
        elif decision.verb is Verb.WITHDRAW:
            result = _end(parts.store, request, decision, now)
        else:
            note_groups(parts.store, _seen(decision), now, listed=True)
            result = _by_right(parts, request, decision, now)
    parts.bells.sender.set()
    parts.bells.runner.set()
    return result


def _by_right(
    parts: Working, request: Request, decision: Decision, now: datetime
) -> Decided | CheckAgain:
    """Record a decision that only somebody may take whom the rule names."""
    if decision.verb is Verb.REJECT:
        return _end(parts.store, request, decision, now)
    today = parts.rules.today(request)
    take = _record_by_hand if decision.verb in RECORDS else _approve
    return take(parts.store, today, request, decision, now)


def _approve(
    store: Store, today: Rule, request: Request, decision: Decision, now: datetime
) -> Decided | CheckAgain:
    """Record one approval; the last one needed approves the request."""
    person = decision.person
    if any(approval.person not in decision.standing for approval in request.approvals):
        return CheckAgain()
    store.requests.approve(request, person.user_id, person.team_id, now)
    mine = Approval(person=person.user_id, team=person.team_id, at=now, note=decision.reason)
    approvals = (*request.approvals, mine)
    counting = [a for a in request.approvals if decision.standing[a.person] is None]
    needed = max(request.rule.approvals, today.approvals)
    missing = needed - len(counting) - 1
    note = f" Note: {_stopped(decision.reason)}" if decision.reason else ""
    if missing > 0:
        after = replace(request, approvals=approvals)
        reply = lines.reply(
            after, Mention(person.user_id),
            f" approved {request.name}; {count(missing, 'more approval')} needed.{note}",
        )  # fmt: skip
    else:
        after = request.decided(
            State.APPROVED, person.user_id, now, wake_at=now, approvals=approvals
        )
        reply = lines.reply(
            after, Mention(person.user_id),
            f" approved {request.name}.{note} Zuora is read again before anything is sent.",
        )  # fmt: skip
    noted = {"note": decision.reason} if decision.reason else {}
    entry = _entry(What.APPROVED, request, decision, {"missing": max(0, missing), **noted})
    row = store.move(request, after, entry, now, card_edit(after), reply)
    give(store, person.user_id, row, now)
    return Decided(after)


def _record_by_hand(
    store: Store, today: Rule, request: Request, decision: Decision, now: datetime
) -> Decided | CheckAgain:
    """Record what a person saw; the last record needed settles the request."""
    before = by_hand.records(store, request)
    if any(person not in decision.standing for person in before):
        return CheckAgain()
    agreeing = _agreeing(before, decision)
    needed = max(request.rule.approvals, today.approvals)
    missing, people = needed - len(agreeing) - 1, [*agreeing, decision.person.user_id]
    rests_on_gone = missing <= 0 and is_by_approvers(request, needed, people)
    gone = {"gone": sorted(decision.gone)} if rests_on_gone else {}
    record = by_hand.Record(
        person=decision.person.user_id,
        team=decision.person.team_id,
        accepted=decision.verb is Verb.RECORD_SENT,
        note=decision.reason,
        beside={**_held(request, decision), **gone},
    )
    if missing > 0:
        more = is_by_approvers(request, needed, people, decision.gone)
        return Decided(
            by_hand.note(store, request, replace(record, only_approvers=more), missing, now)
        )
    return Decided(by_hand.settle(store, request, record, agreeing, now))


def _agreeing(before: Mapping[str, by_hand.Record], decision: Decision) -> list[str]:
    """Return who else recorded what this person records, and may still decide."""
    accepted = decision.verb is Verb.RECORD_SENT
    return [
        person
        for person, seen in before.items()
        if seen.accepted is accepted
        and decision.standing.get(person) is None
        and person != decision.person.user_id
    ]


def _stopped(typed: str) -> str:
    """Return what somebody typed as a sentence that the next one can follow, and that turns nothing around it."""
    text = named(typed, MOST_TYPED)
    return text if text[-1] in ".!?" else f"{text}."


def _end(store: Store, request: Request, decision: Decision, now: datetime) -> Decided:
    """Reject or withdraw, for which one person is enough."""
    rejected = decision.verb is Verb.REJECT
    state = State.REJECTED if rejected else State.WITHDRAWN
    person, reason = decision.person, decision.reason
    after = request.decided(state, person.user_id, now, reason=reason, wake_at=None)
    done = "rejected" if rejected else "withdrew"
    why = f": {_stopped(reason)}" if reason else "."
    whom = (", ", Mention(request.requester)) if rejected else ()  # who withdraws knows
    reply = lines.reply(
        after, Mention(person.user_id), f" {done} {request.name}{why} Nothing was sent", *whom, "."
    )
    what = What.REJECTED if rejected else What.WITHDRAWN
    entry = _entry(what, request, decision, {"reason": reason})
    below = change_and_ask_again(reply, after)
    row = store.move(request, after, entry, now, card_edit(after), below)
    if rejected:  # whoever withdraws decides about their own request
        give(store, person.user_id, row, now)
    return Decided(after)


def _seen(decision: Decision) -> MembersOfGroups:
    """Return who was in the groups at the click; of groups that the history lists, auditors can compare it."""
    return {name: sorted(members) for name, members in decision.person.members.items()}


def _entry(what: What, request: Request, decision: Decision, data: Mapping[str, Any]) -> Entry:
    person = decision.person
    return Entry(
        what=what,
        who=person.user_id,
        team=person.team_id,
        request=request.number,
        data={**_held(request, decision), **data},
    )


def _held(request: Request, decision: Decision) -> dict[str, Any]:
    """Return what a decision was made under: the digest, the rule, who was in its groups, how the clocks differed."""
    person = decision.person
    return {
        "digest": request.digest,
        "policy": request.policy_hash,
        "rule": request.rule.name,
        "groups": sorted(name for name, member in person.memberships.items() if member),
        "members": {
            name: sorted(person.members[name])
            for name in request.rule.approvers
            if name in person.members
        },
        "clocks_ahead": dict(decision.clocks_ahead),
        **person.called,
    }


def may_decide_now(parts: Working, decision: Decision) -> Decidable | Declined:
    """Return whether this person could decide now, before a form asks for a reason or the number.

    Raises:
        CouldNotRecordError: A refusal could not be recorded.
    """
    sure = replace(decision, typed=ANY_NUMBER)
    now = parts.clock.now()
    request, declined = _asked_of(parts, sure, now)
    if declined is None and request is not None:
        return Decidable(request)
    declined = declined or _no_such()
    with parts.store.transaction():
        _record(parts.store, decision, request, declined, now)
    parts.bells.sender.set()
    return declined


def _asked_of(
    parts: Working, decision: Decision, now: datetime
) -> tuple[Request | None, Declined | None]:
    """Return the request that is named, and why the decision is declined (None: it is not)."""
    request, refusal = parts.store.meant(decision.name)
    if refusal is None:
        return request, None if request is None else _declined(parts, decision, request, now)
    if request is not None:  # a stranger learns nothing about what the button means
        today = parts.rules.today(request)
        unfit = may_decide(decision.verb, decision.person, request, None, today)
        if unfit in NO_RIGHT:
            return request, Declined(unfit, refusals.to_decide(unfit, decision.person, request))
    return request, _no_such(refusal, decision.name)


def _no_such(refusal: Refusal = Refusal.NO_SUCH_REQUEST, name: Named | None = None) -> Declined:
    return Declined(refusal, refusals.misnamed(refusal, name.number if name else None))


def _declined(
    parts: Working, decision: Decision, request: Request, now: datetime
) -> Declined | None:
    today = parts.rules.today(request)
    refusal = may_decide(decision.verb, decision.person, request, now, today)
    if refusal is None and decision.verb in (Verb.APPROVE, *RECORDS):
        refusal = _not_sure(decision, request, today)
    if refusal is None and decision.clocks_wrong:
        words = refusals.clocks_differ(decision.clocks_wrong)
        return Declined(Refusal.CLOCKS_DIFFER, words)
    if refusal is None and decision.verb is Verb.APPROVE and not decision.readable:
        return Declined(Refusal.UNREADABLE, refusals.unreadable(request))
    if refusal is None:
        return _no_record_yet(parts, decision, request, now) if decision.verb in RECORDS else None
    return Declined(refusal, refusals.to_decide(refusal, decision.person, request))


def _no_record_yet(
    parts: Working, decision: Decision, request: Request, now: datetime
) -> Declined | None:
    """Return why this record cannot count: Zuora may still show a mail, or only people who approved have looked."""
    too_early = decision.verb is Verb.RECORD_NOT_SENT and by_hand.too_early(
        parts.store, request, parts.guard.span, now
    )
    if too_early:
        return Declined(Refusal.TOO_EARLY, too_early)
    people = [*_agreeing(by_hand.records(parts.store, request), decision), decision.person.user_id]
    needed = max(request.rule.approvals, parts.rules.today(request).approvals)
    if len(people) >= needed and is_by_approvers(request, needed, people, decision.gone):
        return Declined(Refusal.ONLY_APPROVERS, refusals.only_approvers(request, decision.gone))
    return None


def _not_sure(decision: Decision, request: Request, today: Rule) -> Refusal | None:
    """Return why an approval or a record does not count yet although the person may decide; None: it counts."""
    if Refusal.GROUP_UNREADABLE in decision.standing.values():
        return Refusal.GROUP_UNREADABLE
    typed = decision.typed.strip().upper()
    typing = request.rule.type_the_number or today.type_the_number
    if typing and typed not in (request.confirmation, ANY_NUMBER):
        return Refusal.NUMBER_NOT_TYPED
    return None


NO_RIGHT = frozenset({Refusal.BARRED, Refusal.NOT_AN_APPROVER, Refusal.GROUP_UNREADABLE})
"""Reasons that are about the person, whichever request was named."""

STALE = frozenset(
    {Refusal.ALREADY_DECIDED, Refusal.ANOTHER_REQUEST, Refusal.ANOTHER_DATABASE}
)  # fmt: skip
"""Refusals which show that somebody saw an outdated card, so the card is drawn again."""

ANY_NUMBER = "\0"
"""Stands for a number that will be typed later; nobody can type this character."""


def _record(
    store: Store,
    decision: Decision,
    request: Request | None,
    declined: Declined,
    now: datetime,
) -> None:
    """Record the refusal, answer the person who clicked, and draw an outdated card again."""
    person = decision.person
    number = request.number if request else None
    entry = Entry(
        what=What.REFUSED,
        who=person.user_id,
        team=person.team_id,
        request=number,
        data={
            "wanted": decision.verb.value,
            "refusal": str(declined.refusal),
            **({"clocks_ahead": dict(decision.clocks_ahead)} if decision.clocks_wrong else {}),
        },
    )
    messages: list[Message] = []
    if decision.answer_in and person.user_id:
        messages.append(
            lines.private(decision.answer_in, person.user_id, *declined.why, request=number)
        )
    if request is not None and declined.refusal in STALE:
        messages.append(card_edit(request))
    if request is not None and declined.refusal is Refusal.UNREADABLE:
        logger.error("request_unreadable", extra={"request": request.number})
        if not store.history.was_refused(request.number, Refusal.UNREADABLE):
            messages.append(_not_to_be_read(request))
    store.refuse(entry, now, *messages)


def _not_to_be_read(request: Request) -> Message:
    """Return the line of the thread for whoever asked and for all others; the card itself may be a good one of before."""
    return lines.reply(
        request,
        f"{request.name} cannot be approved, because the bot cannot read what it is about: another version of Billing Bot wrote "
        f"it, or its record is damaged. Whoever runs Billing Bot sees why in its log. ",
        Mention(request.requester),
        " can withdraw it and ask again.",
    )
