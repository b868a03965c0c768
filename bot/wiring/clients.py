"""The clients for Slack and Zuora, and the tenant and organizations that the bot may use."""

import asyncio
import logging
from zoneinfo import ZoneInfo

import aiohttp
import httpx2
from yarl import URL

from bot.domain.clock import Clock, Clocks
from bot.health.starting import Starting
from bot.settings import EvidenceSettings, Settings
from bot.slack.web import SlackWeb
from bot.wiring.starting import CannotStartError
from bot.workflow.tenancy import Admission
from bot.zuora.client import CallerSettings, Login, TenantSettings, ZuoraClient
from bot.zuora.environments import Environment
from bot.zuora.errors import ZuoraElsewhere, ZuoraError

logger = logging.getLogger(__name__)


SLACK_SECONDS = 20
SECONDS_FOR_ZUORA = 10.0
"""How long a start waits for Zuora; without Zuora people can still look, reject and withdraw."""


def timed(http: httpx2.AsyncClient, address: str, clocks: Clocks) -> httpx2.AsyncClient:
    """Return the same client, which now notes the time in each answer from this address."""
    host = URL(address).host

    async def answered(response: httpx2.Response) -> None:
        if response.url.host == host:
            clocks.read("zuora", response.headers.get("Date"))

    http.event_hooks = {"response": [answered]}
    return http


def slack_client(
    settings: Settings, session: aiohttp.ClientSession, clock: Clock, clocks: Clocks | None = None
) -> SlackWeb:
    """Return the client for Slack with the bot's token."""
    return SlackWeb(
        clock,
        clocks=clocks,
        token=settings.slack_bot_token.get_secret_value(),
        base_url=settings.slack_api_url,
        session=session,
        timeout=SLACK_SECONDS,
        retry_handlers=[],  # the SDK's own would send a message twice after a dropped connection
    )


def zuora_client(
    settings: EvidenceSettings,
    clock: Clock,
    http: httpx2.AsyncClient,
    *,
    read_seconds: float,
) -> ZuoraClient:
    """Return the client for the tenant that the settings name."""
    places = settings.places
    entity_ids, org_ids = places.headers("")
    return ZuoraClient(
        http,
        clock,
        CallerSettings(
            base_url=settings.zuora_base_url,
            version=settings.zuora_version,
            entity_ids=entity_ids,
            org_ids=org_ids,
            gzip=settings.zuora_gzip,
            names=settings.show_customers,
            read_seconds=read_seconds,
        ),
        Login(
            client_id=settings.zuora_client_id,
            client_secret=settings.zuora_client_secret.get_secret_value(),
            tenant_id=settings.zuora_tenant_id,
            entities=places.entities,
        ),
        TenantSettings(
            debit_memo_path=settings.zuora_debit_memo_path,
            highest_batch=settings.zuora_batches,
            zone=ZoneInfo(settings.zuora_time_zone) if settings.zuora_time_zone else None,
        ),
    )


async def tenant_in_words(admission: Admission, where: Environment, starting: Starting) -> str:
    """Return the tenant in words for the card, with its entities and organizations.

    Raises:
        CannotStartError: The token is not valid for an entity of the settings, or Zuora refuses one
            of their organizations.
    """
    kind = "UNKNOWN ENVIRONMENT" if where.kind == "unknown" else where.kind.upper()
    words, places = f"{kind} · {where.name}", admission.places
    within = "".join(
        f" · {name} {units[0].name}"
        for name, units in (("entity", places.entities), ("organization", places.organizations))
        if len(units) == 1  # where there are several, each request names its own
    )
    try:
        async with asyncio.timeout(SECONDS_FOR_ZUORA):
            await starting.said("Zuora", admission.check())
    except ZuoraElsewhere as error:
        raise CannotStartError(str(error)) from None
    except (ZuoraError, TimeoutError) as error:
        logger.warning(
            "start_goes_on_without_zuora: people get answers, and work for Zuora waits",
            extra={"why": str(error) or "no answer"},
        )
        starting.waits_for = ""
        return f"{words}{within}"  # the client itself keeps reporting what is wrong
    tenant = admission.zuora.tenant
    logger.info("zuora_ready: %s, tenant %s", where.name, tenant.id)
    return f"{words} · tenant {tenant.id}{within}"
