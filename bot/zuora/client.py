"""The client: how the bot logs in to Zuora, and how the connection is; `Reads` and `Effects` have the calls."""

import asyncio
import math
from contextlib import suppress
from copy import copy
from dataclasses import dataclass, replace
from datetime import tzinfo
from typing import Final

import httpx2

from bot.domain.clock import Clock
from bot.domain.kind import DocumentKind
from bot.zuora import calls
from bot.zuora.caller import Caller, CallerSettings
from bot.zuora.calls import DebitMemoPath
from bot.zuora.connections import http_client
from bot.zuora.environments import Environment, environment
from bot.zuora.errors import ZuoraBusy, ZuoraError, ZuoraLockedOut, ZuoraUnavailable
from bot.zuora.pace import DEFAULT_LIMIT, Pace, Width
from bot.zuora.reachability import Reachability
from bot.zuora.reads import Reads
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


class ZuoraClient(Reads):
    """The parts of Zuora that the bot needs: `Effects`, `Reads`, and how the connection is.

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
        super().__init__(caller, paths, clock, tenant.zone)
        self.highest_batch = tenant.highest_batch
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

    def within(self, entity_ids: str, org_ids: str) -> "ZuoraClient":
        """Return this client for calls to one entity and these organizations; everything else is shared."""
        client = copy(self)
        client.send_within(entity_ids, org_ids)
        return client

    def for_a_form(self) -> "ZuoraClient":
        """Return this client for somebody who waits at a form, see `soon`; everything else is shared."""
        client = copy(self)
        client._at_a_form = True  # noqa: SLF001 - its own class
        return client

    def for_sending(self, *, must_know: bool) -> "ZuoraClient":
        """Return this client for a last look before something is sent, see `must_know`; everything else is shared."""
        client = copy(self)
        client.must_know = must_know
        return client

    async def check(self) -> Tenant:
        """Get a token and return its tenant.

        Raises:
            ZuoraElsewhere: The token is not valid for an entity in the settings.
            ZuoraLockedOut: Zuora does not know the client.
            ZuoraRefused: It is another tenant's.
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
