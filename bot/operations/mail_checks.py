"""Asks Zuora about mails before anybody is asked to approve them.

It asks whether the notification that mails these documents is on in each account's communication profile, and, if that
attaches the PDF, whether the PDFs are made.
"""

import asyncio
from collections.abc import Awaitable, Sequence
from functools import partial
from typing import Any, TypeVar

from pydantic import BaseModel

from bot.domain.check import Check, check
from bot.domain.kind import DocumentKind
from bot.domain.words import Line, any_of
from bot.operations import mail_contents, notices, pdf_checks
from bot.operations.notices import Notice, Profiles
from bot.operations.on_run import OnRun, read_of
from bot.operations.pdf_checks import Pdfs
from bot.operations.posting_mails import Mails, posting_mails
from bot.operations.typed import Problems
from bot.zuora.answers import BillingDocument, BillRun
from bot.zuora.aside import aside
from bot.zuora.client import ZuoraClient
from bot.zuora.errors import ZuoraError, ZuoraRefused
from bot.zuora.paging import all_or_none, side_by_side

T = TypeVar("T")
UNSEEN = "Zuora's mail history lists a mail of {}, which could not be seen when this was asked for"
A_FEW = 5
"""How many documents of a bill run are looked for in Zuora's mail history, which takes a call for each."""


class ListedMail(BaseModel, frozen=True):
    """A mail that Zuora's mail history lists.

    Attributes:
        number: The document's number.
        mark: Identifies the mail, as `EmailRecord.mark`; empty in older requests.
    """

    number: str
    mark: str = ""


class MailChecks(BaseModel, frozen=True):
    """What may keep mails from going out, and whether posting alone mails them.

    Attributes:
        posting: Whether posting these documents through the API or by hand mails their customers.
    """

    notices: tuple[Notice, ...] = ()
    pdfs: Pdfs = Pdfs()
    posting: Mails = "no"

    def material(self) -> dict[str, Any]:
        """Return what an approval is bound to: which documents may stay unmailed; nothing if none may."""
        limits = notices.limits(self.notices)
        return {"notices": limits} if limits else {}

    def differs(self, now: "MailChecks") -> list[str]:
        """Return what changed about whether documents are mailed, in words."""
        return notices.differs(self.notices, now.notices)

    def lines(self) -> tuple[Line, ...]:
        """Return what an approver should know, for *Details*."""
        return (
            *notices.lines(self.notices),
            *mail_contents.lines(self.notices),
            *pdf_checks.lines(self.pdfs),
        )

    def cautions(self) -> tuple[str, ...]:
        """Return what an approver would not expect, for the card."""
        return (
            *notices.cautions(self.notices),
            *mail_contents.cautions(self.notices),
            *pdf_checks.cautions(self.pdfs),
        )

    def pdfs_checked(self) -> Check:
        """Check that the mails carry their PDF, and that Zuora could make every PDF."""
        silent = any(each.attaches_pdf is None for each in self.notices)
        unknown = ["Zuora does not say whether it is attached"] if silent else []
        unknown += pdf_checks.not_looked_at(self.pdfs)
        asked = self.pdfs.asked
        return check(
            "PDFs",
            f"each mail carries its PDF, and Zuora does not show {any_of(asked, 'PDF')} as failed",
            found="; ".join(
                (*mail_contents.cautions(self.notices), *pdf_checks.cautions(self.pdfs))
            ),
            not_known="; ".join(unknown or ([] if asked else ["Zuora showed none"])),
        )


async def read_run(
    step: type[OnRun[Any, Any]], key: str, zuora: ZuoraClient
) -> tuple[BillRun, Sequence[BillingDocument], Profiles] | Problems:
    """Return a bill run in a state that allows the order, its documents, and the communication profiles.

    Raises:
        ZuoraError: Zuora could not be read.
    """
    found = await read_of(key, with_profiles(zuora, zuora.run_with_documents(key)))
    if isinstance(found, Problems):
        return found
    (run, documents), profiles = found
    return step.refused(run) or (run, documents, profiles)


async def with_profiles(zuora: ZuoraClient, reading: Awaitable[T]) -> tuple[T, Profiles]:
    """Read something, and the communication profiles at the same time.

    Raises:
        ZuoraError: Zuora could not be read.
    """
    profiles = asyncio.ensure_future(zuora.mail_profiles())
    try:
        return await reading, await profiles
    finally:
        profiles.cancel()
        await asyncio.gather(profiles, return_exceptions=True)


async def read_checks(
    zuora: ZuoraClient,
    documents: Sequence[BillingDocument],
    profiles: Profiles,
    *,
    pdfs: bool = True,
) -> MailChecks:
    """Ask Zuora about the mails of these documents.

    Args:
        zuora: Zuora.
        documents: The documents to be mailed.
        profiles: The result of `with_profiles`.
        pdfs: False if a PDF file was named, so that no other PDF matters.

    Raises:
        ZuoraError: Zuora could not be read.
    """
    of_these = await aside(notices.profiles_of, documents, profiles)
    used = tuple(each for each in of_these if each is not None)
    notifications = None if profiles is None else await zuora.mail_notifications(used)
    found = await aside(notices.notices_of, documents, profiles, notifications)
    posting = posting_mails(notifications, of_these, by_hand=True)
    read = await _pdfs(zuora, documents, profiles, found) if pdfs else Pdfs()
    return MailChecks(notices=found, pdfs=read, posting=posting)


async def listed_lately(
    documents: Sequence[BillingDocument], zuora: ZuoraClient
) -> tuple[ListedMail, ...] | None:
    """Return each mail of a few of these documents in the last day; None if it cannot be read.

    Somebody who mails a bill run in Zuora reaches all of them, and Zuora shows their mail dates only later.

    Raises:
        ZuoraError: It does not answer, and `must_know`.
    """
    in_order = sorted(documents, key=lambda document: document.number)
    few = in_order[:: max(1, len(documents) // A_FEW)][:A_FEW]
    reads = [partial(zuora.email_history, each.id, zuora.now()) for each in few]
    try:
        found = await zuora.soon(all_or_none(reads)) if reads else []
    except ZuoraRefused:
        return None
    except ZuoraError:  # a second witness is no obstacle, but for one that was heard before
        if zuora.must_know:
            raise
        return None
    listed = zip(few, found, strict=True)
    return tuple(
        ListedMail(number=each.number, mark=mail.mark)
        for each, mails in listed
        for mail in mails
        if mail.brings_document
    )


async def _pdfs(
    zuora: ZuoraClient,
    documents: Sequence[BillingDocument],
    profiles: Profiles,
    found: Sequence[Notice],
) -> Pdfs:
    """Return the state of the PDFs of documents whose mail carries one, or may."""
    carrying, certain = await aside(_carrying, documents, profiles, found)
    asked = carrying[: pdf_checks.MOST_ASKED]
    numbers: dict[DocumentKind, list[str]] = {}
    for document in asked:
        numbers.setdefault(document.kind, []).append(document.number)
    reads = (zuora.pdf_statuses(kind, of_kind) for kind, of_kind in numbers.items())
    read = list(zip(await side_by_side(reads), map(len, numbers.values()), strict=True))
    latest = [status for statuses, _ in read for status in statuses or ()]
    return pdf_checks.pdfs_of(
        latest,
        unread=sum(max(0, number - len(statuses or ())) for statuses, number in read),
        unasked=len(carrying) - len(asked),
        certain=certain,
    )


def _carrying(
    documents: Sequence[BillingDocument], profiles: Profiles, found: Sequence[Notice]
) -> tuple[list[BillingDocument], bool]:
    """Return the documents whose mail carries a PDF, or may; and whether that is certain for each."""
    attaches = {(each.kind, each.profile_id): each.attaches_pdf for each in found}

    def is_attached(document: BillingDocument) -> bool | None:
        profile = notices.profile_of(document, profiles)
        return attaches.get((document.kind, profile.id if profile else ""))

    carrying = [each for each in documents if is_attached(each) is not False]
    return carrying, all(is_attached(each) for each in carrying)
