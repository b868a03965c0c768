"""Refusals, which are private: why not, and what would help."""

from collections.abc import Collection

from bot.cards.approvers import approvers_in_words
from bot.cards.headline import headline
from bot.domain.authority import Person, Refusal
from bot.domain.policy import Policy, is_group
from bot.domain.request import Request
from bot.domain.settling import left
from bot.domain.words import Mention, Moment, Part

_TOO_LATE = (
    Refusal.ALREADY_DECIDED,
    Refusal.ALREADY_APPROVED,
    Refusal.EXPIRED,
    Refusal.NOT_UNKNOWN,
)


def to_ask(refusal: Refusal, person: Person, policy: Policy) -> tuple[Part, ...]:
    """Say why this person may not ask, and who may."""
    match refusal:
        case Refusal.BARRED:
            return barred(person)
        case Refusal.GROUP_UNREADABLE:
            return _unreadable()
        case _:
            return (
                "You may not ask for billing operations. These may: ",
                *approvers_in_words(policy.requesters),
                ".",
            )


def to_decide(refusal: Refusal, person: Person, request: Request) -> tuple[Part, ...]:
    """Return why a click on a request did nothing, and who may decide it."""
    if refusal in (Refusal.BARRED, Refusal.GROUP_UNREADABLE):
        return barred(person) if refusal is Refusal.BARRED else _unreadable()
    if refusal in _TOO_LATE:
        return _too_late(refusal, person, request)
    return _not_yours(refusal, request)


def clocks_differ(words: str) -> tuple[Part, ...]:
    """Return why nothing is decided while this machine's clock is wrong."""
    what = f"Nothing was decided: this machine's clock is wrong ({words}), so the record would show a wrong time."
    return (f"{what} Whoever runs Billing Bot has to set it; then press again.",)


def unreadable(request: Request) -> tuple[Part, ...]:
    """Return why nobody can approve a request that cannot be read, and what helps."""
    why = "another version of Billing Bot wrote it, or its record is damaged"
    helps = "Tell whoever runs Billing Bot, or reject it so that it is asked for again."
    return (f"Nothing was approved: {request.name} cannot be read, because {why}. {helps}",)


def misnamed(refusal: Refusal, number: int | None) -> tuple[Part, ...]:
    """Return why a button or a form means no request of this database, and what to do instead."""
    match refusal:
        case Refusal.ANOTHER_DATABASE:
            words = (
                f"Nothing was changed: this R-{number} belongs to another database. Another bot posts "
                "here, or a new database was started. Use the buttons of a newer card, and ask "
                "whoever runs Billing Bot to let only one bot post here."
            )
        case Refusal.ANOTHER_REQUEST:
            words = (
                f"Nothing was changed: this was shown for another request that had the number R-{number}, "
                f"or by an older version. Use the buttons on the current card of R-{number}."
            )
        case Refusal.UNREADABLE:
            words = (
                f"Nothing was changed: the record of R-{number} is damaged and cannot be read. Tell whoever runs Billing Bot, and "
                "ask again for what is still needed."
            )
        case _:
            words = "Nothing was changed: the bot does not know this request."
    return (words,)


def only_approvers(request: Request, gone: Collection[str] = ()) -> tuple[Part, ...]:
    """Return why a record would not count beside those before it: all of them are by people who approved."""
    may = left(request, gone)
    approved = [Mention(approval.person) for approval in request.approvals]
    nots = [part for each in approved for part in (", ", each)]
    who = f"Nothing was recorded: everybody who saw this for {request.name}, you included, approved it. Somebody who did not must look too: "
    if not any(map(is_group, may)):
        more = ". If they have left: once their accounts are deactivated in Slack, press again."
        return (who, *approvers_in_words(may), more)
    return (
        who,
        *approvers_in_words(may),
        " (not ", Mention(request.requester), *nots, ")",
        ". If nobody else is in the group, whoever keeps it in Slack has to add somebody.",
    )  # fmt: skip


def _not_yours(refusal: Refusal, request: Request) -> tuple[Part, ...]:
    name = request.name
    approvers = approvers_in_words(request.rule.approvers)
    match refusal:
        case Refusal.SELF_APPROVAL:
            rule = f"{name} is your own request, so somebody else must decide it: "
            return (rule, *approvers, ". You can withdraw it.")
        case Refusal.NUMBER_NOT_TYPED:
            return (f"{name} needs {request.confirmation} typed to be approved.",)
        case Refusal.NOT_THE_REQUESTER:
            return ("Only ", Mention(request.requester), f" can withdraw {name}.")
        case _:
            return (f"You may not decide {name}. These may: ", *approvers, ".")


def _too_late(refusal: Refusal, person: Person, request: Request) -> tuple[Part, ...]:
    name = request.name
    match refusal:
        case Refusal.EXPIRED:
            words = "; nothing was sent. Ask again if it is still needed."
            return (f"{name} expired ", Moment(request.expires_at), words)
        case Refusal.ALREADY_APPROVED:
            missing = request.rule.approvals - len(request.approvals)
            more = "One more person" if missing == 1 else f"{missing} more people"
            return (f"You already approved {name}. {more} must approve.",)
        case Refusal.NOT_UNKNOWN:
            return (f"{name} already has a result: {headline(request)}.",)
        case _:
            return _decided(person, request)


def _decided(person: Person, request: Request) -> tuple[Part, ...]:
    if request.decided_by is None or request.decided_at is None:
        return (f"{request.name} can no longer be decided. It is now: {headline(request)}.",)
    by: Part = "you" if request.decided_by == person.user_id else Mention(request.decided_by)
    done = {"rejected": "rejected", "withdrawn": "withdrawn"}.get(request.state, "approved")
    return (
        f"{request.name} was {done} by ", by, " ", Moment(request.decided_at),
        f". It is now: {headline(request)}.",
    )  # fmt: skip


def barred(person: Person) -> tuple[Part, ...]:
    """Say why an account may do nothing here."""
    return (person.barred or "This account cannot be used here: it has no identity.",)


def _unreadable() -> tuple[Part, ...]:
    return (
        (
            "Slack did not say who is in the user group, so nothing was done. "
            "Press again in a minute."
        ),
    )
