"""The client: every call the bot makes to Zuora, each as one method."""

import asyncio
import math
from collections.abc import Collection, Sequence
from contextlib import suppress
from copy import copy
from dataclasses import dataclass, replace
from datetime import date, datetime, tzinfo
from typing import Final

import httpx2

from bot.domain.clock import Clock
from bot.domain.kind import DocumentKind
from bot.zuora import (
    accounts,
    agreement,
    bill_runs,
    by_number,
    calls,
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
from bot.zuora.caller import Caller, CallerSettings
from bot.zuora.calls import DebitMemoPath, PreviewWanted
from bot.zuora.connections import http_client
from bot.zuora.document_reader import DocumentReader
from bot.zuora.effects import Effects, checked
from bot.zuora.environments import Environment, environment
from bot.zuora.errors import ZuoraBusy, ZuoraError, ZuoraLockedOut, ZuoraUnavailable
from bot.zuora.lookups import BillingRules, Preview
from bot.zuora.mail_history import EmailRecord
from bot.zuora.memos import Memo
from bot.zuora.notifications import MailNotification, MailProfile
from bot.zuora.pace import DEFAULT_LIMIT, Pace, Width
from bot.zuora.pdfs import PdfStatus
from bot.zuora.preview_runs import PreviewRun, PreviewTotals
from bot.zuora.reachability import Reachability
from bot.zuora.rows import Here, zone_of
from bot.zuora.scope import AccountsInScope
from bot.zuora.tenant import Tenant
from bot.zuora.tokens import Login, TokenKeeper

__all__ = ["CallerSettings", "Login", "TenantSettings", "ZuoraClient", "http_client"]

SECONDS_FOR_A_LOOK: Final = 20.0

NO_SUCH_NAME = "billing-bot asks whether it may look here"
"""A name that no bill run has, so that the answer is short."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TenantSettings:
    """How the tenant differs from others.

    Attributes:
        debit_memo_path: Zuora's pages spell it `debitmemos`, its newer SDK `debit-memos`.
        highest_batch: The last of the tenant's batches of accounts: 50, or more with Zuora's
            Performance Booster.
        zone: The tenant's time zone, for times that Zuora writes without an offset; None if not
            known.
        widest: Most calls at once, whatever Zuora allows.
    """

    debit_memo_path: DebitMemoPath = "debitmemos"
    highest_batch: int = 50
    zone: tzinfo | None = None
    widest: int = DEFAULT_LIMIT


class ZuoraClient(Effects):
    """The parts of Zuora that the bot needs.

    It returns answers or raises the errors of `errors` (or passes on the caller's cancellation).
    Reads are repeated a few times with growing pauses; effects are sent once, and once more after
    a 401 with a new token.

    Args:
        http: The client of `http_client`; its owner closes it.
        clock: Time.
        settings: What is the same for every call.
        login: What the token is asked with.
        tenant: How this tenant differs from others.
    """

    def __init__(
        self,
        http: httpx2.AsyncClient,
        clock: Clock,
        settings: CallerSettings,
        login: Login,
        tenant: TenantSettings | None = None,
    ) -> None:
        tenant = tenant or TenantSettings()
        settings = replace(settings, base_url=settings.base_url.rstrip("/"))
        self._reach = Reachability(clock)
        self._tokens = TokenKeeper(
            http, clock, base_url=settings.base_url, login=login, timeout=settings.timeout()
        )
        self._pace = Pace(clock, Width(tenant.widest))
        paths: dict[DocumentKind, str] = {
            "invoice": "invoices",
            "credit_memo": "credit-memos",
            "debit_memo": tenant.debit_memo_path,
        }
        caller = Caller(http, clock, settings, self._tokens, self._pace, reach=self._reach)
        super().__init__(caller, paths)
        self.highest_batch = tenant.highest_batch
        self._clock = clock
        self._zone = tenant.zone
        self._base_url = settings.base_url

    async def says_the_time(self) -> None:
        """Read something small to learn Zuora's time from the answer; ignore a failure."""
        with suppress(ZuoraError):
            await self.bill_runs(name=NO_SUCH_NAME)

    def __repr__(self) -> str:
        """Return it without secrets."""
        return f"ZuoraClient({self._base_url})"

    def use(self, client_id: str, client_secret: str) -> None:
        """Log in as this OAuth client from now on."""
        self._tokens.use(client_id, client_secret)

    @property
    def environment(self) -> Environment:
        """Return the environment behind the base URL."""
        return environment(self._base_url)

    @property
    def width(self) -> int:
        """Return how many calls may be under way at the same time right now."""
        return self._pace.width

    @property
    def under_way(self) -> int:
        """Return how many calls are under way or wait for their turn."""
        return self._pace.at_the_gate

    @property
    def trouble(self) -> str:
        """Return why Zuora refuses the bot's login, for people; empty while it does not."""
        return self._tokens.trouble

    @property
    def unreachable(self) -> str:
        """Return why Zuora cannot be used right now, even with a good login; empty if it can."""
        return self._reach.trouble

    @property
    def unheard_seconds(self) -> float:
        """Return how long there was no good answer from Zuora; infinite if no token is good."""
        return self._reach.unheard_seconds if self._tokens.is_good else math.inf

    @property
    def locks_out(self) -> bool:
        """Return whether Zuora cannot be asked anything until somebody fixes the login."""
        return self._tokens.locks_out

    @property
    def zone(self) -> tzinfo | None:
        """Return the tenant's time zone; None if it was not set, and only Zuora knows it."""
        return self._zone

    @property
    def here(self) -> Here:
        """Return the time and zone for reading an answer."""
        return Here(self._clock.now(), self._zone)

    def within(self, entity_ids: str, org_ids: str) -> "ZuoraClient":
        """Return this client for calls to one entity and these organizations; everything else is shared."""
        client = copy(self)
        client.send_within(entity_ids, org_ids)
        return client

    def now(self) -> datetime:
        """Return the current time, aware UTC, by the clock that was passed in."""
        return self._clock.now()

    async def check(self) -> Tenant:
        """Get a token and return its tenant.

        Raises:
            ZuoraElsewhere: The token is not valid for an entity in the settings.
            ZuoraLockedOut: Zuora does not know the client.
            ZuoraRejected: It is another tenant's.
            ZuoraUnavailable: There is no token right now.
        """
        try:
            await self._tokens.token()
        except ZuoraLockedOut:
            raise
        except ZuoraBusy as error:
            raise ZuoraUnavailable(error.message, status=error.status) from None
        return self.tenant

    async def answers(self) -> None:
        """Ask for something small, to know whether Zuora answers; see `unreachable`.

        Raises:
            ZuoraError: It does not answer, or refuses (which is an answer too).
        """
        try:
            async with asyncio.timeout(SECONDS_FOR_A_LOOK):
                await self.check()
                await self._caller.read(calls.of_size(calls.object_page("billing-runs"), 1))
        except TimeoutError:
            self._reach.shown(None)

    @property
    def tenant(self) -> Tenant:
        """Return the tenant of the latest token; without a number before the first."""
        return self._tokens.tenant or Tenant("")

    # Reads. All raise ZuoraRejected, ZuoraNotFound, ZuoraBusy or ZuoraUnavailable.

    async def bill_run(self, key: str) -> BillRun:
        """Return one bill run by id or number."""
        with checked():
            return await bill_runs.read(self._caller, key, self.here)

    async def bill_run_state(self, bill_run_id: str) -> BillRun:
        """Return one bill run by id in one call: name, dates and status, without counts."""
        with checked():
            return await bill_runs.read_state(self._caller, bill_run_id, self.here)

    async def bill_runs(
        self,
        *,
        name: str = "",
        statuses: Collection[str] = (),
        created_since: datetime | None = None,
    ) -> tuple[BillRun, ...]:
        """Return bill runs, newest first, without the name and dates that `bill_run` reads."""
        return await bill_runs.listing(
            self._caller, self.here, name=name, statuses=statuses, created_since=created_since
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
        with checked():
            return await by_number.one(
                DocumentReader(self._caller, kind, self.here), self._paths[kind], key
            )

    async def documents_for_mail(
        self, kind: DocumentKind, keys: Collection[str]
    ) -> tuple[BillingDocument | None, ...]:
        """Return documents by id or number, read side by side; None in place of one that does not exist."""
        with checked():
            return await by_number.for_mail(
                DocumentReader(self._caller, kind, self.here), self._paths[kind], keys
            )

    async def what_are(self, keys: Collection[str]) -> named.Found:
        """Return what numbers or ids name: bill runs, invoices, credit memos, debit memos."""
        with checked():
            return await named.what_are(self._caller, self._paths, keys)

    async def account(self, key: str) -> Account:
        """Return one account by id or number."""
        with checked():
            return await accounts.account(self._caller, key)

    async def subscription(self, key: str) -> Subscription:
        """Return a subscription's latest version by its number, or one version by its id."""
        with checked():
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
        with checked():
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
        with checked():
            return await preview_runs.begin(self._caller, wanted, key=key)

    async def preview_run(self, run_id: str) -> PreviewRun:
        """Return a preview run's status."""
        with checked():
            return await preview_runs.read(self._caller, run_id)

    async def preview_totals(self, run: PreviewRun, wanted: PreviewWanted) -> PreviewTotals:
        """Return the totals of a completed preview run, in each currency."""
        with checked():
            return await preview_runs.totals(self._caller, run, wanted)
