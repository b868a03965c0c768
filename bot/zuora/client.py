"""The client: every call the bot makes to Zuora, each as one method."""

from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, date, datetime, tzinfo
from typing import Any, Final

import httpx2

from bot.zuora import bill_runs, calls, documents, lookups
from bot.zuora.answers import Account, Answer, BillingDocument, BillRun, Subscription
from bot.zuora.calls import DebitMemoPath, DocumentKind, EmailBody
from bot.zuora.environments import Environment, environment
from bot.zuora.errors import ZuoraBusy, ZuoraRejected, ZuoraUnavailable
from bot.zuora.lookups import BillingRules, EmailRecord, MailNotification, Preview
from bot.zuora.pace import DEFAULT_LIMIT, Clock, Pace, Width
from bot.zuora.sender import Sender, Settings
from bot.zuora.tokens import Tenant, TokenKeeper
from bot.zuora.wire import Call, CallError

VERSION: Final = "2025-08-12"


def http_client() -> httpx2.AsyncClient:
    """An HTTP client that suits Zuora: connections stay open between the mails of a long run.

    The caller closes it.
    """
    limits = httpx2.Limits(
        max_connections=200, max_keepalive_connections=200, keepalive_expiry=15.0
    )
    return httpx2.AsyncClient(limits=limits, follow_redirects=False)


class ZuoraClient:
    """Zuora, as far as the bot needs it.

    Nothing leaves it but answers and the errors of `errors` (and a cancellation by the caller).
    Reads are repeated a few times with growing pauses; effects are sent once, and once more after
    a 401 with a new token.

    Args:
        http: HTTP client; see `http_client`. Closed by its owner.
        clock: Time.
        base_url: Zuora's base URL, for example `https://rest.test.zuora.com`.
        client_id: OAuth client id.
        client_secret: OAuth client secret.
        version: `Zuora-Version`; 2024-05-20 or later gives errors an HTTP status of their own.
        entity_ids: `Zuora-Entity-Ids`, only with Multi-entity.
        org_ids: `Zuora-Org-Ids`, only with Multi-Org.
        debit_memo_path: Zuora's pages spell it `debitmemos`, its newer SDK `debit-memos`.
        zone: The tenant's time zone, for times that Zuora writes without an offset.
        widest: Most calls at once, whatever Zuora allows.
        connect_seconds: Longest time to connect.
        read_seconds: Longest silence.
    """

    def __init__(  # noqa: PLR0913 - one object with all settings is made once, in wiring
        self,
        http: httpx2.AsyncClient,
        clock: Clock,
        *,
        base_url: str,
        client_id: str,
        client_secret: str,
        version: str = VERSION,
        entity_ids: str = "",
        org_ids: str = "",
        debit_memo_path: DebitMemoPath = "debitmemos",
        zone: tzinfo = UTC,
        widest: int = DEFAULT_LIMIT,
        connect_seconds: float = 10.0,
        read_seconds: float = 120.0,
    ) -> None:
        settings = Settings(
            base_url=base_url.rstrip("/"),
            version=version,
            entity_ids=entity_ids,
            org_ids=org_ids,
            connect_seconds=connect_seconds,
            read_seconds=read_seconds,
        )
        self._tokens = TokenKeeper(
            http,
            clock,
            base_url=settings.base_url,
            client_id=client_id,
            client_secret=client_secret,
            timeout=settings.timeout(),
        )
        self._pace = Pace(clock, Width(widest))
        self._sender = Sender(http, clock, settings, self._tokens, self._pace)
        self._clock = clock
        self._zone = zone
        self._base_url = settings.base_url
        self._paths: dict[DocumentKind, str] = {
            "invoice": "invoices",
            "credit_memo": "credit-memos",
            "debit_memo": debit_memo_path,
        }

    def __repr__(self) -> str:
        """Without secrets."""
        return f"ZuoraClient({self._base_url})"

    @property
    def environment(self) -> Environment:
        """Where the base URL leads."""
        return environment(self._base_url)

    @property
    def width(self) -> int:
        """How many calls may be out at once just now."""
        return self._pace.width

    async def check(self) -> Tenant:
        """Get a token and tell whose it is.

        Raises:
            ZuoraRejected: Zuora does not know the client.
            ZuoraUnavailable: No token can be had just now.
        """
        try:
            await self._tokens.token()
        except ZuoraBusy as error:
            raise ZuoraUnavailable(error.message, status=error.status) from None
        return self._tokens.tenant or Tenant("")

    # Effects. All raise ZuoraRejected, ZuoraBusy (both: not done) or OutcomeUnknown.

    async def email_bill_run(
        self, key: str, *, resend: bool, track_id: str, idempotency_key: str, repeat: bool = False
    ) -> Answer:
        """Have Zuora mail the invoices and credit memos of a posted bill run.

        Args:
            key: Id or number of the run.
            resend: True also mails what was mailed before. False twice in quick succession mails
                twice all the same.
            track_id: `Zuora-Track-Id`, at most 64 characters.
            idempotency_key: At most 255 characters; Zuora keeps it for 24 hours.
            repeat: True when this key was sent before and its answer was lost: a 409 is then no
                "not done" but `OutcomeUnknown`, as the first call may still be at work.
        """
        return await self._effect(
            lambda: calls.email_bill_run(
                key, resend=resend, track_id=track_id, idempotency_key=idempotency_key
            ),
            repeat=repeat,
        )

    async def email_document(
        self,
        kind: DocumentKind,
        key: str,
        body: EmailBody,
        *,
        track_id: str,
        idempotency_key: str,
        repeat: bool = False,
    ) -> Answer:
        """Have Zuora mail one posted document, by id or number; `repeat` as above."""
        return await self._effect(
            lambda: calls.email_document(
                self._paths[kind], key, body, track_id=track_id, idempotency_key=idempotency_key
            ),
            repeat=repeat,
        )

    async def email_invoice(
        self,
        key: str,
        body: EmailBody,
        *,
        track_id: str,
        idempotency_key: str,
        repeat: bool = False,
    ) -> Answer:
        """Have Zuora mail one posted invoice."""
        return await self.email_document(
            "invoice",
            key,
            body,
            track_id=track_id,
            idempotency_key=idempotency_key,
            repeat=repeat,
        )

    async def email_debit_memo(
        self,
        key: str,
        body: EmailBody,
        *,
        track_id: str,
        idempotency_key: str,
        repeat: bool = False,
    ) -> Answer:
        """Have Zuora mail one posted debit memo."""
        return await self.email_document(
            "debit_memo",
            key,
            body,
            track_id=track_id,
            idempotency_key=idempotency_key,
            repeat=repeat,
        )

    async def email_credit_memo(
        self,
        key: str,
        body: EmailBody,
        *,
        track_id: str,
        idempotency_key: str,
        repeat: bool = False,
    ) -> Answer:
        """Have Zuora mail one posted credit memo."""
        return await self.email_document(
            "credit_memo",
            key,
            body,
            track_id=track_id,
            idempotency_key=idempotency_key,
            repeat=repeat,
        )

    async def create_bill_run(
        self,
        body: Mapping[str, Any],
        *,
        track_id: str,
        idempotency_key: str,
        repeat: bool = False,
    ) -> Answer:
        """Create a bill run; `data` of the answer has `id` and `billRunNumber`."""
        return await self._effect(
            lambda: calls.create_bill_run(body, track_id=track_id, idempotency_key=idempotency_key),
            repeat=repeat,
        )

    async def post_bill_run(
        self, bill_run_id: str, body: Mapping[str, Any], *, track_id: str
    ) -> Answer:
        """Post a completed bill run; a PUT, for which Zuora keeps no key."""
        return await self._effect(lambda: calls.post_bill_run(bill_run_id, body, track_id=track_id))

    async def cancel_bill_run(
        self, bill_run_id: str, body: Mapping[str, Any], *, track_id: str
    ) -> Answer:
        """Cancel a bill run; a PUT, for which Zuora keeps no key."""
        return await self._effect(
            lambda: calls.cancel_bill_run(bill_run_id, body, track_id=track_id)
        )

    # Reads. All raise ZuoraRejected, ZuoraNotFound, ZuoraBusy or ZuoraUnavailable.

    async def bill_run(self, key: str) -> BillRun:
        """One bill run by id or number."""
        with _checked():
            return await bill_runs.read(self._sender, key, self._zone)

    async def bill_runs(
        self,
        *,
        name: str = "",
        statuses: Collection[str] = (),
        created_since: datetime | None = None,
    ) -> tuple[BillRun, ...]:
        """Bill runs, newest first, without the name-and-dates reading of `bill_run`."""
        return await bill_runs.listing(
            self._sender, self._zone, name=name, statuses=statuses, created_since=created_since
        )

    async def documents_of_run(self, number: str) -> tuple[BillingDocument, ...]:
        """The invoices and credit memos of a bill run, by its number."""
        return await documents.of_run(self._sender, number, self._zone)

    async def document(self, kind: DocumentKind, key: str) -> BillingDocument:
        """One document by id or number, with its account."""
        with _checked():
            return await documents.one(self._sender, kind, self._paths[kind], key, self._zone)

    async def account(self, key: str) -> Account:
        """One account by id or number."""
        with _checked():
            return await documents.account(self._sender, key)

    async def subscription(self, key: str) -> Subscription:
        """The latest version of a subscription by its number, or one version by its id."""
        with _checked():
            return await lookups.subscription(self._sender, key)

    async def billing_rules(self) -> BillingRules | None:
        """The tenant's rules for bill runs; None where the bot may not read settings."""
        return await lookups.billing_rules(self._sender)

    async def mail_notifications(self) -> tuple[MailNotification, ...] | None:
        """What is set up to be mailed; None where the bot may not read settings."""
        return await lookups.mail_notifications(self._sender)

    async def email_history(self, object_id: str, since: datetime) -> tuple[EmailRecord, ...]:
        """What Zuora's mail server said about the mails of one document since then."""
        return await lookups.email_history(
            self._sender, object_id, since, self._clock.now(), self._zone
        )

    async def billing_preview(self, account_id: str, target_date: date) -> Preview:
        """What billing an account up to a date would charge."""
        return await lookups.billing_preview(self._sender, account_id, target_date)

    async def _effect(self, make: Callable[[], Call], *, repeat: bool = False) -> Answer:
        with _checked():
            call = make()
            reply = await self._sender.effect(replace(call, repeat=True) if repeat else call)
        return Answer(
            http_status=reply.status,
            zuora_request_id=reply.zuora_request_id,
            track_id=reply.track_id,
            excerpt=reply.excerpt,
            data=documents.as_row(reply.data),
        )


@contextmanager
def _checked() -> Iterator[None]:
    """A call that may not be sent is a definite no."""
    try:
        yield
    except CallError as error:
        raise ZuoraRejected(f"Not sent: {error}.") from None
