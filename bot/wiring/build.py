"""Builds every part of the bot and connects them."""

import logging
import os
import secrets
from collections.abc import Callable
from dataclasses import dataclass
from datetime import time, timedelta
from functools import partial
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import aiohttp

from bot.domain.clock import Clock
from bot.domain.clocks import Clocks
from bot.domain.next_step import Pauses
from bot.health.processes import Processes
from bot.health.starting import Starting
from bot.health.watch import Watch
from bot.policy.file import read_policy
from bot.settings import Settings
from bot.slack.admission import Identity, check_channels, identity_of
from bot.slack.answering import Answering
from bot.slack.app import make_app
from bot.slack.daily import Daily
from bot.slack.files import SCOPE
from bot.slack.home import HomeTab
from bot.slack.people import People
from bot.slack.sender import Sender
from bot.slack.web import SlackWeb
from bot.slack.witness import Witness
from bot.status.lists import Links
from bot.status.morning import DAYS, Timetable
from bot.store.store import Store
from bot.wiring.clients import SLACK_SECONDS, slack_client, tenant_in_words, timed, zuora_client
from bot.wiring.evidence import (
    anchors_of,
    changes_of,
    loops_of,
    register_evidence,
    signer_of,
    statements_of,
)
from bot.wiring.running import Bot
from bot.wiring.starting import CannotStartError, work_lock
from bot.workflow.backups import Backups
from bot.workflow.estimates import Estimating
from bot.workflow.guard import Guard
from bot.workflow.heads import Heads
from bot.workflow.installed import surroundings
from bot.workflow.parts import Parts
from bot.workflow.rules import Rules
from bot.workflow.runner import Runner
from bot.workflow.start import record_start
from bot.workflow.tenancy import Admission, Tenancy
from bot.zuora.client import http_client
from bot.zuora.environments import Environment, environment

logger = logging.getLogger(__name__)

AGAIN_AFTER_POLLS = 6
"""A call whose answer was lost is left so many times `POLL_SECONDS` to end before it is sent again."""


@dataclass(kw_only=True)
class Tuning:
    """What tests and the sandbox set otherwise than production does.

    Attributes:
        seconds_a_message: Gap between two messages in one channel.
        new_id: Makes the random part of idempotency keys.
        zuora_read_seconds: Longest silence of Zuora before an answer counts as lost.
        look_seconds: Between two looks at Slack, Zuora and the database; 0: they are not looked at.
    """

    seconds_a_message: float = 1.0
    new_id: Callable[[], str] = lambda: secrets.token_hex(8)
    zuora_read_seconds: float = 120.0
    look_seconds: float = 10.0


def _about(settings: Settings, identity: Identity, tenant: str) -> dict[str, Any]:
    """What a start records of the program and its surroundings."""
    slack = {
        "address": settings.slack_api_url,
        "url": identity.team_url,
        "team": identity.team_id,
        "bot": identity.bot_user_id,
    }
    return {**surroundings(settings.shown(), slack), "tenant": tenant}


async def build(
    settings: Settings,
    clock: Clock,
    tuning: Tuning | None = None,
    *,
    where: Environment | None = None,
    starting: Starting | None = None,
) -> Bot:
    """Build the bot: policy read, database migrated, Slack and Zuora asked who we are.

    Args:
        settings: As read.
        clock: The time.
        tuning: For tests and the sandbox.
        where: What is behind Zuora's address, for whoever knows better than the list of addresses:
            the sandbox, which has started it.
        starting: Shows what is waited for.

    Raises:
        PolicyError: The policy cannot be used.
        StoreError: The database cannot be used.
        NotAdmittedError: Slack refuses a token, or does not let the bot do what the settings say.
        CannotStartError: The token does not speak for the entities of the settings, or the folder for
            backups cannot be written to.
    """
    where, tuning, starting = (
        where or environment(settings.zuora_base_url), tuning or Tuning(), starting or Starting(clock),
    )  # fmt: skip
    policy, backups, anchors, clocks = (
        read_policy(Path(settings.policy_file), settings.places),
        _backups(settings, clock),
        anchors_of(settings),
        Clocks(clock, timedelta(seconds=settings.clock_limit_seconds)),
    )
    store = await Store.opened(settings.database_path, settings.audit_key.get_secret_value())
    session = aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=SLACK_SECONDS))
    http = timed(http_client(), settings.zuora_base_url, clocks)
    try:
        lock = work_lock(settings)
        client = slack_client(settings, session, clock, clocks)
        identity = await starting.reached("Slack", partial(_admitted, settings, client))
        people = People(client, clock, team_id=identity.team_id, organization=identity.organization)
        witness = Witness(store, client, clock, settings.billing_channel)
        zuora = zuora_client(settings, clock, http, read_seconds=tuning.zuora_read_seconds)
        admission = Admission(zuora, settings.places)
        tenancy = Tenancy(
            zuora=zuora,
            places=settings.places,
            words=await tenant_in_words(admission, where, starting),
            admission=admission,
            address=settings.zuora_base_url,
            kind=where.kind,
        )
        record_start(
            store,
            policy,
            clock.now(),
            _about(settings, identity, tenancy.words) | {"clocks_ahead": clocks.ahead()},
            (anchors.signer, signer_of(settings.audit_signing_key_before)),
            await people.groups(policy.everybody),
        )
        await witness.look()
    except BaseException:
        await session.close()
        await http.aclose()
        store.close()
        raise
    parts = Parts(
        store=store,
        clock=clock,
        tenancy=tenancy,
        rules=Rules(
            policy,
            tenancy,
            store,
            people.members,
            must_confirm=settings.policy_changes == "confirm",
        ),
        standing=witness.standing,
        channel=settings.billing_channel,
        new_id=tuning.new_id,
        pauses=_pauses(settings),
        clocks=clocks,
        guard=Guard(store, timedelta(minutes=settings.resend_guard_minutes)),
    )
    answering = Answering(
        parts, people, client, settings.zuora_link, takes_files=SCOPE in identity.scopes
    )
    links = Links(identity.team_url)
    homes = HomeTab(answering, links)
    sender = Sender(
        store,
        client,
        clock,
        people.members,
        bell=parts.bells.sender,
        draw_home=homes.view,
        seconds_a_message=tuning.seconds_a_message,
    )
    app = make_app(
        client=client,
        answering=answering,
        homes=homes,
        links=links,
        identity=identity,
        over_http=bool(settings.slack_signing_secret.get_secret_value()),
    )
    changes, statements = changes_of(parts, settings), statements_of(parts, settings)
    register_evidence(app, answering, changes, statements)
    return Bot(
        parts=parts,
        app=app,
        answering=answering,
        runner=Runner(parts),
        sender=sender,
        estimates=Estimating(parts),
        lock=lock,
        slack=client,
        slack_session=session,
        zuora_http=http,
        witness=witness,
        backups=backups,
        watch=partial(
            Watch,
            client=client,
            database=settings.database_path,
            processes=Processes(settings.database_path, clock),
            clocks=clocks,
            seconds=tuning.look_seconds,
        ),
        loops=loops_of(parts, changes, statements, people),
        heads=Heads(store, clock, anchors=anchors, wake_sender=parts.bells.sender.set),
        daily=Daily(
            store,
            clock,
            channel=settings.billing_channel,
            links=links,
            timetable=_timetable(settings),
            wake_sender=parts.bells.sender.set,
        ),
    )


async def _admitted(settings: Settings, client: SlackWeb) -> Identity:
    """Who the bot is, once Slack lets it do what the settings say."""
    identity = await identity_of(client, settings.slack_team_id)
    channels = {
        "BILLING_CHANNEL": settings.billing_channel, "AUDIT_CHANNEL": settings.audit_channel,
    }  # fmt: skip
    await check_channels(client, channels, may_be_shared=settings.allow_shared_channel == "yes")
    return identity


def _pauses(settings: Settings) -> Pauses:
    poll = timedelta(seconds=settings.poll_seconds)
    return Pauses(poll, AGAIN_AFTER_POLLS * poll if settings.repeat_lost == "yes" else None)


def _backups(settings: Settings, clock: Clock) -> Backups:
    folder = Path(settings.backup_dir) if settings.backup_dir else None
    if folder is not None and not os.access(folder, os.W_OK | os.X_OK):
        msg = f"BACKUP_DIR: {folder} is no folder that the bot can write to."
        raise CannotStartError(msg)
    return Backups(
        clock,
        Path(settings.database_path),
        folder=folder,
        every=settings.backups_apart,
        keep=settings.backup_keep,
    )


def _timetable(settings: Settings) -> Timetable:
    return Timetable(
        at=time.fromisoformat(settings.digest_time) if settings.digest_time else None,
        zone=ZoneInfo(settings.digest_zone or settings.zuora_time_zone or "UTC"),
        days=frozenset(DAYS.index(day) for day in settings.digest_days.split(",")),
    )
