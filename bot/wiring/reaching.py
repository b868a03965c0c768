"""What a start opens, and which services it reaches: Slack and Zuora."""

from dataclasses import dataclass
from functools import partial
from typing import Self

import aiohttp
import httpx2

from bot.domain.clock import Clocks
from bot.fence import Fence, request_class
from bot.health.starting import Starting
from bot.settings import Settings
from bot.slack.admission import Identity, check_channels, identity_of
from bot.slack.people import People
from bot.slack.web import SlackWeb
from bot.slack.witness import Witness
from bot.store.store import Store
from bot.wiring.clients import SLACK_SECONDS, slack_client, tenant_in_words, timed, zuora_client
from bot.workflow.tenancy import Admission, Tenancy
from bot.zuora.client import http_client
from bot.zuora.environments import Environment


@dataclass(frozen=True, slots=True, kw_only=True)
class Opened:
    """The database and the connections, which are closed together at the end."""

    store: Store
    session: aiohttp.ClientSession
    http: httpx2.AsyncClient
    clocks: Clocks

    @classmethod
    async def of(cls, settings: Settings, clocks: Clocks, fence: Fence | None = None) -> Self:
        """Open them. `clocks` notes the time in every answer, and every effect passes the fence.

        Raises:
            StoreError: The database cannot be used.
        """
        store = await Store.opened(settings.database_path, settings.audit_key.get_secret_value())
        return cls(
            store=store,
            session=aiohttp.ClientSession(
                timeout=aiohttp.ClientTimeout(total=SLACK_SECONDS),
                request_class=request_class(fence),
            ),
            http=timed(http_client(fence), settings.zuora_base_url, clocks),
            clocks=clocks,
        )

    async def close(self) -> None:
        """Close them, the database last."""
        await self.session.close()
        await self.http.aclose()
        self.store.close()


@dataclass(frozen=True, slots=True, kw_only=True)
class Outside:
    """Slack and Zuora, once they have said who the bot is there.

    Attributes:
        identity: Who the bot is in Slack.
        people: Who is in which group there.
        witness: What Slack shows of this database.
        tenancy: Which Zuora, and the places in it.
    """

    slack: SlackWeb
    identity: Identity
    people: People
    witness: Witness
    tenancy: Tenancy


async def reach(
    settings: Settings,
    opened: Opened,
    where: Environment,
    starting: Starting,
    *,
    zuora_read_seconds: float,
) -> Outside:
    """Ask Slack and Zuora who the bot is there.

    Raises:
        NotAdmittedError: Slack refuses a token, or does not let the bot do what the settings say.
        CannotStartError: The token does not speak for the entities of the settings.
    """
    clock = opened.clocks.clock
    slack = slack_client(settings, opened.session, clock, opened.clocks)
    identity = await starting.reached("Slack", partial(_admitted, settings, slack))
    zuora = zuora_client(settings, clock, opened.http, read_seconds=zuora_read_seconds)
    admission = Admission(zuora, settings.places)
    return Outside(
        slack=slack,
        identity=identity,
        people=People(slack, clock, team_id=identity.team_id, organization=identity.organization),
        witness=Witness(opened.store, slack, clock, settings.billing_channel),
        tenancy=Tenancy(
            zuora=zuora,
            places=settings.places,
            words=await tenant_in_words(admission, where, starting),
            admission=admission,
            address=settings.zuora_base_url,
            kind=where.kind,
        ),
    )


async def _admitted(settings: Settings, slack: SlackWeb) -> Identity:
    """Return who the bot is, after checking that Slack lets it do what the settings say."""
    identity = await identity_of(slack, settings.slack_team_id)
    channels = {
        "BILLING_CHANNEL": settings.billing_channel, "AUDIT_CHANNEL": settings.audit_channel,
    }  # fmt: skip
    await check_channels(slack, channels, may_be_shared=settings.allow_shared_channel == "yes")
    return identity
