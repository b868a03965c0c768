"""Checks at Zuora: login, tenant, entity, rights, the rules and notifications that matter, the clock."""

from collections.abc import AsyncIterator

from bot.cli.checks.noticed import Noticed, good, passes, warning, wrong
from bot.domain.clock import Clocks
from bot.settings import Settings
from bot.zuora.client import NO_SUCH_NAME, ZuoraClient
from bot.zuora.errors import ZuoraElsewhere, ZuoraError, ZuoraLockedOut, ZuoraRefused

LATER = "try again; https://trust.zuora.com says whether Zuora has trouble"
LOGIN = "ZUORA_CLIENT_ID, ZUORA_CLIENT_SECRET"


async def look(settings: Settings, zuora: ZuoraClient) -> AsyncIterator[Noticed]:
    """Yield every finding at Zuora."""
    try:
        tenant = await zuora.check()
    except ZuoraElsewhere as error:
        yield wrong("ZUORA_ENTITY_IDS", str(error), "name an entity of the client's user")
        return
    except (ZuoraLockedOut, ZuoraRefused) as error:
        yield wrong(
            LOGIN, str(error), "make an OAuth client for the bot's user, or mend the setting"
        )
        return
    except ZuoraError as error:
        yield passes("Zuora", str(error), LATER)
        return
    where = zuora.environment
    yield good(
        LOGIN, f"Zuora accepts them: {where.name} ({where.kind}), tenant {tenant.id or 'not said'}"
    )
    if not settings.zuora_tenant_id:
        yield warning(
            "ZUORA_TENANT_ID",
            "is not set",
            f"set it to {tenant.id}: another tenant is refused then",
        )
    yield await _may_read(zuora)
    yield await _rules(zuora)
    yield await _notifications(zuora)
    if settings.zuora_time_zone:
        yield good("ZUORA_TIME_ZONE", settings.zuora_time_zone)
    else:
        yield warning(
            "ZUORA_TIME_ZONE", "is not set: times without a zone count as not known",
            "set the tenant's zone, such as Europe/Berlin",
        )  # fmt: skip


async def _may_read(zuora: ZuoraClient) -> Noticed:
    try:
        await zuora.bill_runs(name=NO_SUCH_NAME)
    except ZuoraRefused as error:
        return wrong(
            "rights", f"bill runs cannot be read: {error}", "give the bot's user the billing role"
        )
    except ZuoraError as error:
        return passes("rights", str(error), LATER)
    return good("rights", "bill runs can be read")


async def _rules(zuora: ZuoraClient) -> Noticed:
    try:
        rules = await zuora.billing_rules()
    except ZuoraError as error:
        return passes("billing rules", str(error), LATER)
    if rules is None:
        return warning(
            "billing rules", "cannot be read",
            "give the bot's user the right to read settings: the card then says what posts by itself",
        )  # fmt: skip
    words = {True: "allowed", False: "not allowed", None: "not said"}[rules.auto_post_allowed]
    return good("billing rules", f"a bill run that posts by itself is {words}")


async def _notifications(zuora: ZuoraClient) -> Noticed:
    try:
        found = await zuora.mail_notifications()
    except ZuoraError as error:
        return passes("notifications", str(error), LATER)
    if found is None:
        return warning(
            "notifications", "cannot be read", "give the bot's user the right to read settings"
        )
    off = sorted({each.name for each in found if each.active is False or each.muted})
    if off:
        return warning(
            "notifications", f"switched off: {', '.join(off)}", "nothing is mailed by these"
        )
    return good("notifications", f"{len(found)} can be read, and none is off")


def clocks(found: Clocks) -> Noticed:
    """Return how this machine's clock compares with Slack's and Zuora's."""
    if not found.ahead():
        return warning("clock", "neither Slack nor Zuora gave the time", "try again")
    if found.too_far():
        return wrong("clock", found.words(), "set this machine's clock (NTP)")
    return good("clock", found.words())
