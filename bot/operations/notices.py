"""Whether Zuora's notifications let the mails go out that are asked for, as facts and in words. No I/O.

Sources: the page of each call that mails names the notification that it needs; *Supported base object for custom
events* says that the account's communication profile counts. Zuora does not document what an order does while its
notification is off; nobody is mailed by it.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Literal

from pydantic import BaseModel

from bot.domain.check import Check, check
from bot.domain.kind import KIND_WORDS, DocumentKind
from bot.domain.words import Line, count, line, listed
from bot.zuora.answers import BillingDocument
from bot.zuora.notifications import MailNotification, MailProfile

NoticeState = Literal["on", "off", "muted", "not known", "not listed", "not readable"]
NAMES: Mapping[DocumentKind, tuple[str, str]] = {
    "invoice": ("Manual Email For Invoice", "Manual Email For Invoice"),
    "credit_memo": ("Email Credit Memo", "Manually email Credit Memo"),
    "debit_memo": ("Email Debit Memo", "Manually email Debit Memo"),
}
"""Event and name of the notification that an order to mail needs."""

SHOWN = 5
WHERE = "in Zuora under Billing Settings, Notifications"
AUTO_POSTED = ("Invoice Posted", "Invoice Posted within a Bill Run of Auto-Post")
Profiles = Sequence[MailProfile] | None
Notifications = Sequence[MailNotification] | None


class Notice(BaseModel, frozen=True):
    """The documents of one kind whose accounts have the same communication profile.

    Attributes:
        profile_id, profile: Empty if Zuora does not say which it is.
        documents: How many documents there are.
        some: Numbers of a few of them.
        state: State of the notification that mails them: `not listed` if Zuora shows none of that name, `not readable` if the bot may not read notifications, `not known` if Zuora does not say plainly whether it is on, mails, or is muted.
        attaches_pdf: Whether the PDF is attached; None if that is not given.
        templates: Names of the email templates that are set there.
    """

    kind: DocumentKind
    profile_id: str
    profile: str
    documents: int
    some: tuple[str, ...] = ()
    state: NoticeState
    attaches_pdf: bool | None = None
    templates: tuple[str, ...] = ()

    @property
    def of_kind(self) -> str:
        """Return `3 invoices`."""
        return count(self.documents, *KIND_WORDS[self.kind])

    @property
    def which(self) -> str:
        """Return `INV00000001 and INV00000002`, or `312 invoices` if there are many."""
        return listed(self.some) if self.documents <= SHOWN else self.of_kind

    @property
    def unmailed(self) -> str:
        """Return `its 3 invoices stay unmailed`."""
        return f"its {self.of_kind} {'stays' if self.documents == 1 else 'stay'} unmailed"

    @property
    def name(self) -> str:
        """Return `“Manual Email For Invoice”`."""
        return f"“{NAMES[self.kind][1]}”"

    @property
    def place(self) -> str:
        """Return `the communication profile Default Profile`."""
        return f"the communication profile {self.profile}" if self.profile else "its profile"


def profile_of(document: BillingDocument, profiles: Profiles) -> MailProfile | None:
    """Return the profile that counts for a document; if none is given, the only one there is, else None."""
    known = profiles or ()
    if not document.profile_id:
        return known[0] if len(known) == 1 else None
    return next((one for one in known if one.id == document.profile_id), None)


def profiles_of(
    documents: Sequence[BillingDocument], profiles: Profiles
) -> tuple[MailProfile | None, ...]:
    """Return the profiles of these documents, each once; None among them if one is not known."""
    return tuple(dict.fromkeys(profile_of(document, profiles) for document in documents))


def notices_of(
    documents: Sequence[BillingDocument], profiles: Profiles, notifications: Notifications
) -> tuple[Notice, ...]:
    """Return for each kind and profile whether its documents are mailed."""
    groups: dict[tuple[DocumentKind, MailProfile | None], list[str]] = {}
    for each in documents:
        groups.setdefault((each.kind, profile_of(each, profiles)), []).append(each.number)
    readable = profiles is not None and notifications is not None
    found = [
        _notice(kind, profile, numbers, notifications if readable else None)
        for (kind, profile), numbers in groups.items()
    ]
    return tuple(sorted(found, key=lambda notice: (list(NAMES).index(notice.kind), notice.profile)))


def _notice(
    kind: DocumentKind,
    profile: MailProfile | None,
    numbers: Sequence[str],
    notifications: Notifications,
) -> Notice:
    asked = [
        each
        for each in notifications or ()
        if profile is not None
        and each.profile_id == profile.id
        and mails_by_order(f"{each.event} {each.name}", kind)
    ]
    state: NoticeState = "not readable" if notifications is None else state_of(asked)
    attaches = {each.attaches_pdf for each in asked}
    return Notice(
        kind=kind,
        profile_id=profile.id if profile else "",
        profile=(profile.name or profile.id) if profile else "",
        documents=len(numbers),
        some=tuple(sorted(numbers)[:SHOWN]),
        state=state,
        attaches_pdf=attaches.pop() if len(attaches) == 1 else None,
        templates=tuple(sorted({each.template for each in asked if each.template})),
    )


def state_of(notifications: Sequence[MailNotification]) -> NoticeState:
    """Return the state of several notifications: the best of them counts, in the order on, not known, muted, off.

    A notification of a muted profile or without e-mail sends nothing.
    """
    found = {_state_of(each) for each in notifications}
    states: Sequence[NoticeState] = ("on", "not known", "muted", "off")
    return next((state for state in states if state in found), "not listed")


def _state_of(notification: MailNotification) -> NoticeState:
    if notification.active is False or notification.email is False:
        return "off"
    if notification.muted:
        return "muted"
    plain = (notification.active, notification.email, notification.muted) == (True, True, False)
    return "on" if plain else "not known"


def mails_by_order(notification: str, kind: DocumentKind) -> bool:
    """Return whether a notification is that for orders to mail; its name is known only from Zuora's pages."""
    words = notification.lower()
    return "manual" in words and "email" in words and KIND_WORDS[kind][0] in words


def posts_itself(notification: MailNotification) -> bool:
    """Return whether it is the notification that fires when a bill run posts itself."""
    words = f"{notification.event} {notification.name}".lower()
    return "invoice" in words and "posted" in words and "auto-post" in words


def with_state(
    state: NoticeState,
    documents: Sequence[BillingDocument],
    profiles: Profiles,
    notices: Sequence[Notice],
) -> frozenset[str]:
    """Return the numbers of the documents whose notification has that state."""
    off = {(each.kind, each.profile_id) for each in notices if each.state == state}
    return frozenset(
        each.number
        for each in documents
        if (each.kind, one.id if (one := profile_of(each, profiles)) else "") in off
    )


def cautions(notices: Sequence[Notice]) -> tuple[str, ...]:
    """Return in a few words for the card what keeps, or may keep, some of the mails from going out."""
    said = {
        "off": "not mailed: their notification is off",
        "muted": "not mailed while their communication profile is muted",
        "not known": "perhaps not mailed: Zuora does not say plainly that their notification is on",
    }
    return tuple(
        f"{notice.of_kind} {said[notice.state]}" for notice in notices if notice.state in said
    )


def limits(notices: Sequence[Notice]) -> list[tuple[str, str, int]]:
    """Return kind, state and number of the documents that may stay unmailed, in one form for the digest."""
    found: Counter[tuple[str, str]] = Counter()
    for notice in notices:
        if notice.state != "on":
            found[notice.kind, notice.state] += notice.documents
    return sorted((kind, state, number) for (kind, state), number in found.items())


def differs(approved: Sequence[Notice], now: Sequence[Notice]) -> list[str]:
    """Return what changed about whether documents are mailed, in words."""
    return [
        f"{NAMES[kind][1]}: Zuora's notification was {before} and is {after} now"
        for kind in NAMES
        if (before := _states(approved, kind)) != (after := _states(now, kind))
    ]


def _states(notices: Sequence[Notice], kind: DocumentKind) -> str:
    found = [f"{state} for {number:,}" for of, state, number in limits(notices) if of == kind]
    return listed(found) or "on"


def switched_off(notices: Sequence[Notice], *, whole_kind: bool) -> list[Notice]:
    """Return the notices that make an order pointless.

    Args:
        notices: All notices of the order.
        whole_kind: Whether to return only kinds that would not be mailed at all; for a run, whose documents cannot be left out one by one.
    """
    off = [notice for notice in notices if notice.state == "off"]
    if not whole_kind:
        return off
    on = {notice.kind for notice in notices if notice.state != "off"}
    return [notice for notice in off if notice.kind not in on]


def off_in_words(notices: Sequence[Notice], otherwise: str = "") -> str:
    """Return why nobody would be mailed, and how to fix that.

    Args:
        notices: The notices that are off.
        otherwise: What else can be done, for the end of the sentence.
    """
    said = " ".join(
        f"Zuora would not mail {each.which}: its notification {each.name} is off in {each.place}."
        for each in notices
    )
    names = listed([" | ".join(NAMES[kind]) for kind in dict.fromkeys(n.kind for n in notices)])
    return f"{said} Switch on {names} {WHERE}{otherwise}."


def lines(notices: Sequence[Notice]) -> tuple[Line, ...]:
    """Return what may keep mails from going out, for the card."""
    said = [_words(notice) for notice in notices if notice.state not in ("on", "not readable")]
    return tuple(line("Notifications", each) for each in (*said, *_not_readable(notices)))


def _not_readable(notices: Sequence[Notice]) -> tuple[str, ...]:
    """Return that the bot may not read some notifications; nothing if it may read all."""
    names = list(dict.fromkeys(each.name for each in notices if each.state == "not readable"))
    said = (
        "could not be checked: the bot's user in Zuora lacks the right to read them. "
        f"Where {listed(names, 'or')} is off, nobody is mailed"
    )
    return (said,) if names else ()


def checked(notices: Sequence[Notice]) -> Check:
    """Check that the notification that mails each of these documents is on."""
    stopped = [_words(each) for each in notices if each.state in ("off", "muted")]
    unclear = [_words(each) for each in notices if each.state in ("not known", "not listed")]
    names = list(dict.fromkeys(each.name for each in notices))
    return check(
        "notifications",
        f"{listed(names)} {'is' if len(names) == 1 else 'are'} on",
        found="; ".join(stopped),
        not_known="; ".join([*unclear, *_not_readable(notices)] if notices else ["not asked"]),
    )


def _words(notice: Notice) -> str:
    match notice.state:
        case "off":
            return f"{notice.name} is off in {notice.place}: {notice.unmailed}"
        case "muted":
            return f"{notice.place} is muted: {notice.unmailed} while it is"
        case "not known":
            return (
                f"Zuora does not say plainly whether {notice.name} is on in {notice.place}: where it "
                f"is not, {notice.unmailed}"
            )
        case _:
            where = f" in {notice.place}" if notice.profile else ""
            return (
                f"Zuora lists no {notice.name}{where}: whether {notice.of_kind} would be mailed "
                "could not be checked"
            )
