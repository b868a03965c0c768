"""Builds every part of the bot and connects them all."""

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

from slack_bolt.async_app import AsyncApp

from bot.domain.clock import Clock, Clocks
from bot.domain.next_step import Pauses
from bot.domain.policy import Policy
from bot.fence import FRESH_SECONDS
from bot.health.processes import processes_of
from bot.health.starting import Starting
from bot.health.watch import Watch
from bot.policy.file import read_policy
from bot.settings import Settings
from bot.slack.answering import Answering
from bot.slack.app import connect, make_app
from bot.slack.daily import Daily
from bot.slack.files import SCOPE
from bot.slack.forms.catalog import forms_for
from bot.slack.home import HomeTab
from bot.slack.sender import Sender
from bot.status.lists import Links
from bot.status.morning import DAYS, Timetable
from bot.wiring.evidence import (
    anchors_of,
    answers_of,
    changes_of,
    loops_of,
    register_evidence,
    signer_of,
)
from bot.wiring.reaching import Opened, Outside, reach
from bot.wiring.running import Bot
from bot.wiring.starting import CannotStartError, fence_of, work_lock
from bot.workflow.backups import Backups
from bot.workflow.guard import Guard
from bot.workflow.installed import surroundings
from bot.workflow.parts import Parts
from bot.workflow.preparing import drop_left_over
from bot.workflow.rules import Rules
from bot.workflow.start import record_start
from bot.zuora.environments import Environment, environment

logger = logging.getLogger(__name__)

AGAIN_AFTER_POLLS = 6
"""A call whose answer was lost is sent again after this many times `POLL_SECONDS`, which gives it time to end."""


@dataclass(kw_only=True)
class Tuning:
    """What tests and the sandbox set differently from production.

    Attributes:
        seconds_a_message: Gap between two messages in one channel.
        new_id: Makes the random part of idempotency keys.
        zuora_read_seconds: Longest silence of Zuora before an answer counts as lost.
        look_seconds: Pause between two looks at Slack, Zuora and the database; 0: no looks.
        where: What is behind Zuora's address, for the sandbox, which started it and so knows better
            than the list of addresses; None: as that list says.
    """

    seconds_a_message: float = 1.0
    new_id: Callable[[], str] = lambda: secrets.token_hex(8)
    zuora_read_seconds: float = 120.0
    look_seconds: float = 10.0
    where: Environment | None = None


def _about(settings: Settings, reached: Outside) -> dict[str, Any]:
    """Return what a start records about the program and its surroundings."""
    slack = {
        "address": settings.slack_api_url,
        "url": reached.identity.team_url,
        "team": reached.identity.team_id,
        "bot": reached.identity.bot_user_id,
    }
    return {**surroundings(settings.shown(), slack), "tenant": reached.tenancy.words}


async def build(
    settings: Settings,
    clock: Clock,
    tuning: Tuning | None = None,
    *,
    starting: Starting | None = None,
) -> Bot:
    """Build the bot: read the policy, migrate the database, ask Slack and Zuora who the bot is.

    Args:
        settings: As read.
        clock: The time.
        tuning: For tests and the sandbox.
        starting: Shows what is waited for.

    Raises:
        PolicyError: The policy cannot be used.
        StoreError: The database cannot be used.
        NotAdmittedError: Slack refuses a token, or does not let the bot do what the settings say.
        CannotStartError: The token does not speak for the entities of the settings, or the folder for
            backups cannot be written to.
    """
    tuning, starting = tuning or Tuning(), starting or Starting(clock)
    policy, backups, anchors, clocks = (
        read_policy(Path(settings.policy_file), settings.places),
        _backups(settings, clock),
        anchors_of(settings),
        Clocks(clock, timedelta(seconds=settings.clock_limit_seconds)),
    )
    fence = fence_of(settings)
    opened = await Opened.of(settings, clocks, fence)
    try:
        lock = work_lock(settings, fence)
        reached = await reach(
            settings,
            opened,
            tuning.where or environment(settings.zuora_base_url),
            starting,
            zuora_read_seconds=tuning.zuora_read_seconds,
        )
        await drop_left_over(opened.store, clock)
        record_start(
            opened.store,
            policy,
            clock.now(),
            _about(settings, reached) | {"clocks_ahead": clocks.ahead()},
            (anchors.signer, signer_of(settings.audit_signing_key_before)),
            await reached.people.groups(policy.everybody),
        )
        await reached.witness.look()
    except BaseException:
        await opened.close()
        raise
    parts = _parts(settings, tuning, opened, reached, policy)
    app, answering, sender = _slack(settings, tuning, parts, reached)
    changes = changes_of(parts, settings)
    register_evidence(app, answering, changes, answers_of(parts, settings))
    return Bot(
        parts=parts,
        app=app,
        answering=answering,
        sender=sender,
        lock=lock,
        patience=None if fence is None else _patience(tuning),
        slack=reached.slack,
        close=opened.close,
        witness=reached.witness,
        backups=backups,
        watch=partial(
            Watch,
            client=reached.slack,
            database=settings.database_path,
            processes=processes_of(settings.database_path, lock, clock),
            clocks=clocks,
            seconds=tuning.look_seconds,
        ),
        loops={
            **loops_of(parts, changes, reached.people, anchors),
            "daily": Daily(parts, Links(reached.identity.team_url), _timetable(settings)).run,
        },
    )


def _parts(
    settings: Settings,
    tuning: Tuning,
    opened: Opened,
    reached: Outside,
    policy: Policy,
) -> Parts:
    """Return what the workflow works with."""
    return Parts(
        store=opened.store,
        clock=opened.clocks.clock,
        tenancy=reached.tenancy,
        rules=Rules(
            policy,
            reached.tenancy,
            opened.store,
            reached.people.members,
            reached.people.ordinary,
            must_confirm=settings.policy_changes == "confirm",
        ),
        standing=reached.witness.standing,
        channel=settings.billing_channel,
        audit_channel=settings.audit_channel,
        new_id=tuning.new_id,
        pauses=_pauses(settings),
        clocks=opened.clocks,
        guard=Guard(opened.store, timedelta(minutes=settings.resend_guard_minutes)),
    )


def _slack(
    settings: Settings, tuning: Tuning, parts: Parts, reached: Outside
) -> tuple[AsyncApp, Answering, Sender]:
    """Return the listeners, what they share, and what sends the outbox."""
    tenancy = parts.tenancy
    forms = forms_for(
        tenancy.zuora.highest_batch,
        tenancy.places,
        takes_files=SCOPE in reached.identity.scopes,
    )
    answering = Answering(parts, reached.people, reached.slack)
    links = Links(reached.identity.team_url, settings.zuora_link)
    homes = HomeTab(answering, links)
    sender = Sender(
        parts,
        reached.slack,
        reached.people.members,
        draw_home=homes.view,
        seconds_a_message=tuning.seconds_a_message,
    )
    over_http = bool(settings.slack_signing_secret.get_secret_value())
    app = make_app(answering, reached.identity, over_http=over_http)
    connect(app, answering, forms, links, homes)
    return app, answering, sender


def _patience(tuning: Tuning) -> timedelta:
    """Return after how long a call that a process sent while its fence was open is certainly over."""
    return timedelta(seconds=FRESH_SECONDS + tuning.zuora_read_seconds)


def _pauses(settings: Settings) -> Pauses:
    poll = timedelta(seconds=settings.poll_seconds)
    return Pauses(poll, AGAIN_AFTER_POLLS * poll if settings.repeat_lost == "yes" else None)


def _backups(settings: Settings, clock: Clock) -> Backups:
    folder = Path(settings.backup_dir) if settings.backup_dir else None
    if folder is not None and not os.access(folder, os.W_OK | os.X_OK):
        msg = f"BACKUP_DIR: {folder} is not a folder that the bot can write to."
        raise CannotStartError(msg)
    return Backups(
        clock,
        settings.database_path,
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
