"""The calls of the client that only read."""

import asyncio
from collections.abc import Collection, Coroutine, Mapping, Sequence
from dataclasses import replace
from datetime import date, datetime, tzinfo
from typing import Any, TypeVar

from bot.domain.clock import Clock
from bot.domain.kind import DocumentKind
from bot.zuora import (
    agreement,
    bill_runs,
    by_number,
    document_reader,
    documents,
    lookups,
    mail_history,
    mailed,
    memos,
    named,
    notifications,
    pdfs,
    preview_runs,
    scope,
)
from bot.zuora.answers import Account, BillingDocument, BillRun, Subscription
from bot.zuora.aside import aside
from bot.zuora.caller import Caller
from bot.zuora.calls import PreviewWanted
from bot.zuora.document_reader import DocumentReader
from bot.zuora.effects import Effects
from bot.zuora.errors import ZuoraUnavailable
from bot.zuora.lookups import BillingRules, Preview
from bot.zuora.mail_history import EmailRecord
from bot.zuora.memos import Memo
from bot.zuora.notifications import MailNotification, MailProfile
from bot.zuora.pdfs import PdfStatus
from bot.zuora.preview_runs import PreviewRun, PreviewTotals
from bot.zuora.rows import Here, zone_of
from bot.zuora.scope import AccountsInScope

T = TypeVar("T")
SOON_SECONDS = 30.0
"""How long a form waits for a look that only adds to what is known otherwise."""


class Reads(Effects):
    """Everything that the bot reads in Zuora.

    All raise `ZuoraRefused`, `ZuoraNotFound`, `ZuoraBusy` or `ZuoraUnavailable`.
    """

    _at_a_form = False
    must_know = False
    """Whether what a second witness says is waited for, because it was known when this was approved."""

    def __init__(
        self, caller: Caller, paths: Mapping[DocumentKind, str], clock: Clock, zone: tzinfo | None
    ) -> None:
        super().__init__(caller, paths)
        self._clock = clock
        self._zone = zone

    @property
    def zone(self) -> tzinfo | None:
        """Return the tenant's time zone; None if it was not set, and only Zuora knows it."""
        return self._zone

    @property
    def here(self) -> Here:
        """Return the time and zone for reading an answer."""
        return Here(self._clock.now(), self._zone)

    def now(self) -> datetime:
        """Return the current time, aware UTC, by the clock that was passed in."""
        return self._clock.now()

    async def soon(self, reading: Coroutine[Any, Any, T]) -> T:
        """Return what a second witness says; for a form, only if it says it soon.

        Nobody waits at a form through four tries of two minutes.

        Raises:
            ZuoraUnavailable: It did not.
        """
        if not self._at_a_form:
            return await reading
        read, late = asyncio.ensure_future(reading), asyncio.ensure_future(self._soon())
        try:
            await asyncio.wait({read, late}, return_when=asyncio.FIRST_COMPLETED)
            if read.done():
                return read.result()
            raise ZuoraUnavailable(f"Zuora did not answer within {SOON_SECONDS:.0f} s.")
        finally:
            for task in (read, late):
                task.cancel()
            await asyncio.gather(read, late, return_exceptions=True)

    async def _soon(self) -> None:
        await self._clock.sleep(SOON_SECONDS)

    async def bill_run(self, key: str) -> BillRun:
        """Return one bill run by id or number."""
        return await bill_runs.read(self._caller, key, self.here)

    async def bill_run_state(self, bill_run_id: str) -> BillRun:
        """Return one bill run by id in one call: name, dates and status, without counts."""
        return await bill_runs.read_state(self._caller, bill_run_id, self.here)

    async def bill_runs(
        self, *, name: str = "", created_since: datetime | None = None
    ) -> tuple[BillRun, ...]:
        """Return bill runs, newest first, without the name and dates that `bill_run` reads."""
        return await bill_runs.listing(
            self._caller, self.here, name=name, created_since=created_since
        )

    async def mailed_invoices(self, since: datetime) -> list[mailed.MailedInvoice]:
        """Return the invoices whose last mail is from then or later."""
        return await mailed.invoices_since(self._caller, since, self.here)

    async def run_with_documents(self, key: str) -> tuple[BillRun, tuple[BillingDocument, ...]]:
        """Return a bill run with its invoices and credit memos, which must agree.

        Raises:
            ZuoraContradicts: The run's counts differ from its list, or its two readings differ.
        """
        run = await self.bill_run(key)
        found = await documents.of_run(
            self._caller,
            run.number,
            self.in_zone_of(run),
            invoices=run.invoice_count,
            credit_memos=run.credit_memo_count,
        )
        await aside(agreement.run_and_documents, found, run)
        return run, found

    def in_zone_of(self, run: BillRun) -> Here:
        """Return time and zone for reading an answer about a run: a run shows its tenant's zone."""
        return replace(self.here, zone=zone_of(run.time_zone, self._zone))

    async def documents_of_run(self, number: str) -> tuple[BillingDocument, ...]:
        """Return the invoices and credit memos of a bill run, by its number."""
        return await documents.of_run(self._caller, number, self.here)

    async def document(self, kind: DocumentKind, key: str) -> BillingDocument:
        """Return one document by id or number, with its account."""
        return await by_number.one(
            DocumentReader(self._caller, kind, self.here), self._paths[kind], key
        )

    async def documents_for_mail(
        self, kind: DocumentKind, keys: Collection[str]
    ) -> tuple[BillingDocument | None, ...]:
        """Return documents by id or number, read side by side; None in place of one that does not exist."""
        return await by_number.for_mail(
            DocumentReader(self._caller, kind, self.here), self._paths[kind], keys
        )

    async def what_are(self, keys: Collection[str]) -> named.Found:
        """Return what numbers or ids name: bill runs, invoices, credit memos, debit memos."""
        return await named.what_are(self._caller, self._paths, keys)

    async def account(self, key: str) -> Account:
        """Return one account by id or number."""
        return await document_reader.account(self._caller, key)

    async def subscription(self, key: str) -> Subscription:
        """Return a subscription's latest version by its number, or one version by its id."""
        return await lookups.subscription(self._caller, key)

    async def has_organizations(self) -> bool | None:
        """Return whether the tenant has Multi-Org: its calls name organizations, or its accounts are in some.

        None if neither is known.
        """
        return self._caller.names_organizations or await lookups.has_organizations(self._caller)

    async def accounts_in_batches(
        self, batches: Collection[str], bill_cycle_day: str
    ) -> AccountsInScope | None:
        """Return how many active accounts a run by batch covers; None if the bot may not query them."""
        return await scope.accounts_in_batches(self._caller, batches, bill_cycle_day)

    async def billing_rules(self) -> BillingRules | None:
        """Return the tenant's rules for bill runs; None if the bot may not read settings."""
        return await lookups.billing_rules(self._caller)

    async def mail_profiles(self) -> tuple[MailProfile, ...] | None:
        """Return the communication profiles; None if the bot may not read settings."""
        return await notifications.profiles(self._caller)

    async def mail_notifications(
        self, profiles: Collection[MailProfile] | None = None
    ) -> tuple[MailNotification, ...] | None:
        """Return what these profiles, or all, are set up to mail; None if the bot may not read that."""
        wanted = await self.mail_profiles() if profiles is None else profiles
        if wanted is None:
            return None
        return await notifications.of_profiles(self._caller, wanted)

    async def pdf_statuses(
        self, kind: DocumentKind, keys: Sequence[str]
    ) -> tuple[PdfStatus, ...] | None:
        """Return the status of documents' PDFs; None if the bot may not read it."""
        return await pdfs.statuses(self._caller, kind, keys)

    async def pdf_files(self, kind: DocumentKind, key: str) -> frozenset[str] | None:
        """Return the ids of a memo's PDF files; None if the bot may not read them."""
        return await pdfs.files_of_memo(self._caller, kind, key)

    async def email_history(self, object_id: str, since: datetime) -> tuple[EmailRecord, ...]:
        """Return what Zuora's mail server recorded about one document's mails since then."""
        return await mail_history.of_object(self._caller, object_id, since, self.here)

    async def mails_of_memos(
        self, since: datetime, until: datetime, here: Here
    ) -> tuple[EmailRecord, ...]:
        """Return the mails of memos that went out in a span of time; a row names its account, and no memo."""
        return await mail_history.of_memos(self._caller, since, until, here)

    async def mails_at(self, object_id: str, at: datetime, here: Here) -> set[str]:
        """Return the marks of mails about one document around a moment."""
        return await mail_history.of_moment(self._caller, object_id, at, here)

    async def memos(self, field: str, values: Collection[str]) -> list[Memo]:
        """Return the credit and debit memos with one of these values in a field of `bot.zuora.memos`."""
        return await memos.memos(self._caller, field, values)

    async def billing_preview(
        self,
        account_id: str,
        target_date: date,
        *,
        exclude: Collection[str] = (),
        renew: bool = False,
    ) -> Preview:
        """Return a preview of billing one account up to a date, without some types of charges."""
        return await lookups.billing_preview(
            self._caller, account_id, target_date, exclude=exclude, renew=renew
        )

    async def begin_preview_run(self, wanted: PreviewWanted, *, key: str) -> str:
        """Have Zuora begin a preview of some batches in the background; return its id."""
        return await preview_runs.begin(self._caller, wanted, key=key)

    async def preview_run(self, run_id: str) -> PreviewRun:
        """Return a preview run's status."""
        return await preview_runs.read(self._caller, run_id)

    async def preview_totals(self, run: PreviewRun, wanted: PreviewWanted) -> PreviewTotals:
        """Return the totals of a completed preview run, in each currency."""
        return await preview_runs.totals(self._caller, run, wanted)
