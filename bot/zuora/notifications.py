"""Reads which mails the tenant is set up to send, by communication profile.

Source: the Settings API pages *Get all communication profiles* and *Get all Notifications under a
particular Communication Profile*. They need the rights of an administrator. The profile of a
document is that of its account (*Supported base object for custom events*).
"""

from collections.abc import Collection
from dataclasses import dataclass

from bot.zuora import calls, paging, rows
from bot.zuora.caller import Caller
from bot.zuora.errors import ZuoraRefused
from bot.zuora.rows import ZuoraRow


@dataclass(frozen=True, slots=True, kw_only=True)
class MailProfile:
    """A communication profile; a muted one sends nothing. Profiles without an id are skipped."""

    id: str
    name: str
    muted: bool | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class MailNotification:
    """One notification of one communication profile.

    Attributes:
        event: For example `Manual Email For Invoice`.
        name: For example `Manually email Debit Memo`.
        active: Whether it is on; an inactive one sends nothing.
        muted: Whether the whole profile is muted.
        template: Name of the mail template.
        email: Whether it sends a mail; a notification can be only a call to a server.
        attaches_pdf: Whether *Include … PDF* is ticked; None if not given.
    """

    profile_id: str
    event: str
    name: str
    active: bool | None = None
    muted: bool | None = None
    template: str = ""
    email: bool | None = None
    attaches_pdf: bool | None = None


async def profiles(caller: Caller) -> tuple[MailProfile, ...] | None:
    """Return all communication profiles; None if they may not be read."""
    try:
        data = (await caller.read(calls.get("settings", "communication-profiles"))).data
    except ZuoraRefused:
        return None
    found = rows.listed(data, "communicationProfiles", "profiles", "data")
    return tuple(
        MailProfile(
            id=rows.text(row, "id", "Id"),
            name=rows.name(row, "name", "profileName"),
            muted=rows.flag(row, "muted"),
        )
        for row in found
    )


async def of_profiles(
    caller: Caller, wanted: Collection[MailProfile]
) -> tuple[MailNotification, ...] | None:
    """Return the notifications of these profiles, read side by side; None if they may not be read."""
    try:
        found = await paging.side_by_side(_of_profile(caller, one) for one in wanted if one.id)
    except ZuoraRefused:
        return None
    return tuple(one for profile in found for one in profile)


async def _of_profile(caller: Caller, profile: MailProfile) -> list[MailNotification]:
    call = calls.get("settings", "communication-profiles", profile.id, "notifications")
    data = (await caller.read(call)).data
    return [
        MailNotification(
            profile_id=profile.id,
            event=rows.text(row, "eventName", "eventTypeName"),
            name=rows.name(row, "name"),
            active=rows.flag(row, "active"),
            muted=profile.muted,
            template=rows.text(row, "emailTemplateName"),
            email=rows.flag(row, "emailOption", "emailActive"),
            attaches_pdf=_attaches_pdf(row),
        )
        for row in rows.listed(data, "notifications", "data")
    ]


def _attaches_pdf(row: ZuoraRow) -> bool | None:
    """Return whether the PDF is attached: `param4` is `Include invoice PDF` or `Not include invoice PDF`."""
    said = rows.text(row, "param4").strip().lower()
    if not said.endswith("pdf"):
        return None
    return {"not": False, "include": True}.get(said.partition(" ")[0])
