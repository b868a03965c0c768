"""Whether Zuora mails what a bill run posts by itself, as facts and in words.

Source: page *Email delivery*. A run with auto-post and auto-email has its own notification; the one for mails by order
does not count for it.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Literal

from pydantic import BaseModel

from bot.domain.check import Check, check
from bot.domain.words import Line, line, some
from bot.operations.mail_contents import BOXES
from bot.operations.notices import AUTO_POSTED, SHOWN, WHERE, NoticeState, posts_itself, state_of
from bot.zuora.client import ZuoraClient
from bot.zuora.notifications import MailNotification, MailProfile

NAME = f"“{AUTO_POSTED[1]}”"


class AutoMails(BaseModel, frozen=True):
    """What is known about the notification in the communication profiles that the run can meet.

    Attributes:
        state: `off`: off in every profile; `partly`: off or muted in those that `profiles` names;
            `not known`: for some profiles Zuora does not say that it is on.
        profiles: Names of the profiles where it is not known to be on.
        templates: Names of the email templates that it uses there.
        attaches_pdf: Whether *Include Invoice PDF* is ticked; None if that is not known for every
            profile.
    """

    state: Literal[
        "not asked", "on", "off", "partly", "not known", "not listed", "not readable"
    ] = "not asked"
    profiles: tuple[str, ...] = ()
    templates: tuple[str, ...] = ()
    attaches_pdf: bool | None = None

    @property
    def material(self) -> dict[str, list[str]]:
        """Return what an approval is bound to; nothing if everybody is mailed."""
        if self.state in ("not asked", "on"):
            return {}
        return {"auto_mails": [self.state, *sorted(self.profiles)]}

    @property
    def problem(self) -> str:
        """Return why nobody would be mailed, and how to fix that; empty if somebody would be."""
        if self.state != "off":
            return ""
        return (
            f"Zuora would mail nobody: its notification {NAME} is off in {self._where}. Switch it "
            f"on {WHERE}, or have the run posted without mails."
        )

    @property
    def notes(self) -> tuple[str, ...]:
        """Return what an approver should know, as sentences."""
        said = {
            "partly": f"The notification {NAME} is off or muted in {self._where}: what is posted "
            "for the accounts there stays unmailed.",
            "not known": f"Zuora does not say plainly that the notification {NAME} is on in "
            f"{self._where}: what is posted for the accounts there may stay unmailed.",
            "not listed": f"Zuora lists no {NAME}: whether it mails could not be checked.",
            "not readable": f"Whether the notification {NAME} is on could not be checked: the "
            "bot's user in Zuora lacks the right to read it. Where it is off, nobody is mailed.",
        }
        without = f"Invoices go out without the PDF: “{BOXES['invoice']}” is off in {NAME}."
        return (
            *(words for state, words in said.items() if state == self.state),
            *([without] if self.attaches_pdf is False else []),
        )

    def checked(self) -> Check:
        """Check that the notification is on in every profile, and that the PDF is attached."""
        said = "; ".join(each.rstrip(".") for each in self.notes)
        known = self.state in ("on", "partly")
        box = f"“{BOXES['invoice']}”"
        no_pdf = f"Zuora does not say for every profile whether {box} is on"
        unclear = "" if known else said
        return check(
            "notification",
            f"{NAME} is on in every communication profile of these customers, with the PDF",
            found=said if known else "",
            not_known=unclear or (no_pdf if self.attaches_pdf is None else ""),
        )

    def lines(self) -> Iterator[Line]:
        """Yield recipients, template and PDF, for *Details*; nothing if the run mails nobody by itself."""
        if self.state == "not asked":
            return
        yield line("Recipients", "set in Zuora's email template; the bot cannot see them")
        names = [f"“{each}”" for each in self.templates]
        yield line(
            "Email template", f"{some(names, SHOWN) or 'Zuora does not say which'}, for invoices"
        )
        box = f"“{BOXES['invoice']}”"
        said = {
            True: f"yes: {box} is on",
            False: f"no: {box} is off",
            None: f"not known: Zuora does not say for every profile whether {box} is on",
        }
        yield line("PDF attached", said[self.attaches_pdf])

    def differs(self, now: "AutoMails") -> list[str]:
        """Return what changed about whether mails go out, in words."""
        if self.material == now.material:
            return []
        return [f"{NAME}: Zuora's notification was {self.words} and is {now.words} now"]

    @property
    def words(self) -> str:
        """Return `on`, or what it is instead."""
        if self.state in ("not asked", "on"):
            return "on"
        said = "not known" if self.state == "not known" else "off or muted"
        return f"{said} in {self._where}" if self.profiles else self.state

    @property
    def _where(self) -> str:
        several = "s" if len(self.profiles) > 1 else ""
        return f"the communication profile{several} {some(self.profiles, SHOWN)}"


async def read_auto_mails(zuora: ZuoraClient, profile_id: str) -> AutoMails:
    """Ask Zuora whether a run that posts and mails by itself would mail.

    Args:
        zuora: Zuora.
        profile_id: The communication profile of the one account that is billed; empty if the run
            bills many, which can have any profile.

    Raises:
        ZuoraError: Zuora could not be read.
    """
    profiles = await zuora.mail_profiles()
    if profiles is None:
        return AutoMails(state="not readable")
    wanted = tuple(each for each in profiles if each.id == profile_id) or profiles
    notifications = await zuora.mail_notifications(wanted)
    if notifications is None:
        return AutoMails(state="not readable")
    return auto_mails(wanted, notifications)


def auto_mails(
    profiles: Sequence[MailProfile], notifications: Sequence[MailNotification]
) -> AutoMails:
    """Return what these notifications mean for mails in these profiles. No I/O."""
    mailing = {
        profile: [
            one for one in notifications if one.profile_id == profile.id and posts_itself(one)
        ]
        for profile in profiles
    }
    states = {profile: state_of(found) for profile, found in mailing.items()}
    used = [one for found in mailing.values() for one in found if one.active is not False]
    attaches = {one.attaches_pdf for one in used}
    return _state(states).model_copy(
        update={
            "templates": tuple(sorted({one.template for one in used if one.template})),
            "attaches_pdf": attaches.pop() if len(attaches) == 1 else None,
        }
    )


def _state(states: Mapping[MailProfile, NoticeState]) -> AutoMails:
    """Return the state over all profiles, with the profiles that keep mails from going out."""
    found = set(states.values())
    if found <= {"not listed"}:
        return AutoMails(state="not listed")
    if found == {"on"}:
        return AutoMails(state="on")
    off = found <= {"off", "not listed"}
    stopped = tuple(
        sorted(p.name or p.id for p, s in states.items() if s != "on" and not (off and s != "off"))
    )
    if off:
        return AutoMails(state="off", profiles=stopped)
    unclear = found & {"not known", "not listed"}
    return AutoMails(state="not known" if unclear else "partly", profiles=stopped)
