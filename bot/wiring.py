"""The only module that knows every part: builds them, connects them, starts and stops them."""

import asyncio
import logging
import os
import secrets
import signal
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from datetime import time, timedelta
from functools import partial
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import aiohttp
import httpx2
from pydantic import SecretStr
from slack_bolt.async_app import AsyncApp
from yarl import URL

from bot.domain.clock import Clock
from bot.domain.clocks import Clocks
from bot.domain.next_step import Pauses
from bot.domain.place import Places
from bot.health.health import Health, Loops
from bot.health.processes import Processes
from bot.health.watch import Watch
from bot.policy.file import read_policy
from bot.settings import EvidenceSettings, Settings
from bot.slack.admission import Identity, check_channels, identity_of
from bot.slack.answering import Answering
from bot.slack.app import make_app
from bot.slack.daily import Daily
from bot.slack.home import Homes
from bot.slack.people import People
from bot.slack.sender import Sender
from bot.slack.web import SlackWeb
from bot.slack.witness import Witness, read
from bot.status.digest import DAYS, Timetable
from bot.status.lists import Links
from bot.store.checkpoints import checkpoint
from bot.store.errors import CouldNotRecordError
from bot.store.lock import WorkLock
from bot.store.private import beside, opened_alone
from bot.store.store import Store
from bot.workflow.anchoring import Anchors, Authority, Folder
from bot.workflow.backups import Backups
from bot.workflow.estimates import Estimates
from bot.workflow.guard import Guard
from bot.workflow.heads import Heads
from bot.workflow.installed import surroundings
from bot.workflow.parts import Parts
from bot.workflow.refused import write_counts
from bot.workflow.restored import resume
from bot.workflow.rules import Rules
from bot.workflow.runner import Runner
from bot.workflow.signing import Signer
from bot.workflow.start import record_start
from bot.workflow.supervised import Supervised
from bot.workflow.tenancy import Tenancy
from bot.zuora.client import NO_SUCH_NAME, ZuoraClient, http_client
from bot.zuora.environments import Environment, environment
from bot.zuora.errors import ZuoraElsewhere, ZuoraError, ZuoraRejected

logger = logging.getLogger(__name__)

SLACK_SECONDS = 20
LOCK_PAUSE_SECONDS = 0.5
HEAR_OTHERS_SECONDS = 0.25
CHECKPOINT_SECONDS = 2.0
LOOK_AGAIN_SECONDS = 30.0
LET_IN_SECONDS = 30.0
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


class Bot:
    """A running bot: takes clicks at once, and works as soon as it holds the work lock."""

    def __init__(  # noqa: PLR0913 - the parts
        self,
        *,
        parts: Parts,
        app: AsyncApp,
        answering: Answering,
        runner: Runner,
        sender: Sender,
        estimates: Estimates,
        lock: WorkLock,
        slack_session: aiohttp.ClientSession,
        zuora_http: httpx2.AsyncClient,
        heads: Heads,
        daily: Daily,
        witness: Witness,
        backups: Backups,
        watch: Callable[[Health], Watch],
    ) -> None:
        self.parts = parts
        self.app = app
        self.runner = runner
        self.sender = sender
        self.estimates = estimates
        self.answering = answering
        self.backups = backups
        self._lock = lock
        self._slack_session = slack_session
        self._zuora_http = zuora_http
        self._heads = heads
        self._witness = witness
        self._daily = daily
        self._supervised = Supervised(parts.clock)
        self._worker: asyncio.Task[None] | None = None
        self.readiness = Health(
            store=parts.store,
            zuora=parts.tenancy.zuora,
            clock=parts.clock,
            lock=lock,
            standing=parts.standing,
            loops=Loops(
                ended=lambda: self._worker is not None and self._worker.done(),
                broken=lambda: self._supervised.broken,
                turned_at=self._turned_at,
            ),
            last_backup=lambda: backups.last,
        )
        self.watch = watch(self.readiness)
        self._looking: asyncio.Future[Any] | None = None
        self._is_finished = False
        self._is_working = False

    def start(self) -> None:
        """Begin to work; unfinished requests go on by themselves."""
        self._worker = asyncio.create_task(self._work(), name="worker")
        looking = (self._supervised.run(*named) for named in self.watch.loops().items())
        self._looking = asyncio.gather(*looking)

    async def finish(self) -> None:
        """Take no new work and reach the next safe point; people are answered still.

        Who can hold a connection open must not hold up the end of the work, so this comes before the
        connection to Slack is closed.
        """
        if not self._is_finished:
            self._is_finished = True
            await asyncio.gather(self.answering.drain(), self.runner.stop(), self.sender.stop())

    async def stop(self) -> None:
        """Finish, and close everything."""
        await self.finish()
        await self.answering.drain(patience=0.2)  # of those who came since
        for task in (self._worker, self._looking):
            if task is not None:
                task.cancel()
                await asyncio.gather(task, return_exceptions=True)
        self.watch.stop()
        self._lock.release()
        await self._slack_session.close()
        await self._zuora_http.aclose()
        self.parts.store.close()

    def health(self) -> dict[str, str]:
        """How the bot is, in more words than `/readyz` has for everybody: `status` is its status."""
        return {
            "status": self.readiness.ready()["status"],
            "slack": self._refusals(),
            "database": self.parts.store.trouble
            or self.readiness.held
            or self.parts.standing.unread
            or "ready",
            "zuora": self.parts.tenancy.zuora.trouble or "ready",
        }

    def _turned_at(self) -> dict[str, float]:
        """When the loops last turned; none while this process stands by or the database is held."""
        if not self._is_working or self._is_finished:
            return {}
        return {"runner": self.runner.turned_at, "sender": self.sender.turned_at}

    def _refusals(self) -> str:
        try:
            found = self.parts.store.outbox.refusals()
        except CouldNotRecordError:
            return "not known: the database cannot be read"
        return "; ".join(f"{channel}: {error}" for channel, error in found) or "ready"

    async def _work(self) -> None:
        """Wait for the lock that lets one process at a time run and send, then do so."""
        run = self._supervised.run
        await run("lock", self._take_the_lock)
        if self.parts.store.copies.held:
            await self._witness.say()
            await run("checkpoints", self._checkpoints)
        logger.info("work_lock_acquired")
        self._is_working = True
        await asyncio.gather(
            run("witness", self._be_told),
            run("runner", self.runner.run),
            run("sender", self.sender.run),
            run("estimates", self.estimates.run),
            run("listener", self._hear_others),
            run("checkpoints", self._checkpoints),
            run("heads", self._heads.run),
            run("daily", self._daily.run),
            run("backups", self.backups.run),
            run("zuora", self._be_let_in),
            run("refusals", partial(write_counts, self.parts.store, self.parts.clock)),
        )

    async def _take_the_lock(self) -> None:
        while not self._lock.take():
            await self.parts.clock.sleep(LOCK_PAUSE_SECONDS)

    async def _be_told(self) -> None:
        """Where Slack could not be compared with the database, try again until it can."""
        standing = self.parts.standing
        if standing.unread:
            await self._witness.say()
        while standing.unread:
            await self.parts.clock.sleep(LOOK_AGAIN_SECONDS)
            await self._witness.look()
            if self.parts.store.copies.held:
                await self._witness.say()
                await asyncio.gather(self.runner.stop(), self.sender.stop())
        self.parts.bells.runner.set()

    async def _checkpoints(self) -> None:
        """Move the database's log into its file, in a thread."""
        checkpoints = self.parts.store.checkpoints
        checkpoints.take_over()
        while True:
            await self.parts.clock.sleep(CHECKPOINT_SECONDS)
            if checkpoints.due:
                await asyncio.to_thread(checkpoint, checkpoints.begin())

    async def _be_let_in(self) -> None:
        """Where Zuora refuses the bot's login, ask again now and then, so that it is known when it does."""
        zuora = self.parts.tenancy.zuora
        while True:
            await self.parts.clock.sleep(LET_IN_SECONDS)
            if zuora.trouble:
                with suppress(ZuoraError):
                    await zuora.check()

    async def _hear_others(self) -> None:
        """Another process on the same file takes clicks too; what it writes is worked on here."""
        while True:
            await self.parts.clock.sleep(HEAR_OTHERS_SECONDS)
            if self._lock.is_lost:
                logger.critical(
                    "work_lock_lost: its file was deleted or replaced, so another process may work "
                    "too; this one ends, and its supervisor starts it again as one that waits"
                )
                signal.raise_signal(signal.SIGTERM)
                return
            if self.parts.store.others_have_written():
                self.parts.bells.ring()


class CannotStartError(Exception):
    """The settings name something that is not so; the message says what, in one sentence."""


def _timed(http: httpx2.AsyncClient, address: str, clocks: Clocks) -> httpx2.AsyncClient:
    """The same client; each answer from this address says what time it is there."""
    host = URL(address).host

    async def answered(response: httpx2.Response) -> None:
        if response.url.host == host:
            clocks.read("zuora", response.headers.get("Date"))

    http.event_hooks = {"response": [answered]}
    return http


def slack_client(
    settings: Settings, session: aiohttp.ClientSession, clock: Clock, clocks: Clocks | None = None
) -> SlackWeb:
    """The client for Slack with the bot's token."""
    return SlackWeb(
        clock,
        clocks=clocks,
        token=settings.slack_bot_token.get_secret_value(),
        base_url=settings.slack_api_url,
        session=session,
        timeout=SLACK_SECONDS,
        retry_handlers=[],  # the SDK's own would send a message twice after a dropped connection
    )


async def resume_after_restore(settings: Settings, clock: Clock) -> tuple[list[str], int]:
    """End what is open in a database that was put back; names of the requests, the next number.

    Raises:
        CannotStartError: The bot still works on this database.
        StoreError: The database cannot be used.
        CouldNotRecordError: Nothing was changed.
        SlackClientError, aiohttp.ClientError, OSError, TimeoutError: Slack cannot be read.
    """
    lock = _lock(settings)
    if not lock.take():
        msg = "Billing Bot still works on this database: stop it first. Nothing was changed."
        raise CannotStartError(msg)
    store = Store.open(settings.database_path, settings.audit_key.get_secret_value())
    session = aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=SLACK_SECONDS))
    try:
        channel = settings.billing_channel
        shown = await read(slack_client(settings, session, clock), store, channel)
        ended = resume(store, clock.now(), shown, secrets.token_hex(8), channel)
        return [request.name for request in ended], store.requests.next_number()
    finally:
        await session.close()
        store.close()
        lock.release()


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
) -> Bot:
    """Build the bot: policy read, database migrated, Slack and Zuora asked who we are.

    Args:
        settings: As read.
        clock: The time.
        tuning: For tests and the sandbox.
        where: What is behind Zuora's address, for whoever knows better than the list of addresses:
            the sandbox, which has started it.

    Raises:
        PolicyError: The policy cannot be used.
        StoreError: The database cannot be used.
        SlackClientError: Slack rejected the bot's token; without Slack there is nothing to do.
        CannotStartError: The token does not speak for the entities of the settings, or the folder for
            backups cannot be written to.
    """
    where = where or environment(settings.zuora_base_url)
    tuning = tuning or Tuning()
    policy, backups, anchors, clocks = (
        read_policy(Path(settings.policy_file), settings.places),
        _backups(settings, clock),
        _anchors(settings),
        Clocks(clock, timedelta(seconds=settings.clock_limit_seconds)),
    )
    store = await Store.opened(settings.database_path, settings.audit_key.get_secret_value())
    session = aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=SLACK_SECONDS))
    http = _timed(http_client(), settings.zuora_base_url, clocks)
    try:
        lock = _lock(settings)
        client = slack_client(settings, session, clock, clocks)
        identity = await _admitted(settings, client)
        witness = Witness(store, client, clock, settings.billing_channel)
        zuora = zuora_client(settings, clock, http, read_seconds=tuning.zuora_read_seconds)
        tenancy = Tenancy(
            zuora=zuora,
            places=settings.places,
            words=await _tenant(settings, zuora, where),
            address=settings.zuora_base_url,
            kind=where.kind,
        )
        record_start(
            store,
            policy,
            clock.now(),
            _about(settings, identity, tenancy.words) | {"clocks_ahead": clocks.ahead()},
            (anchors.signer, _signer(settings.audit_signing_key_before)),
        )
        await witness.look(first=True)
    except BaseException:
        await session.close()
        await http.aclose()
        store.close()
        raise
    people = People(client, clock, team_id=identity.team_id, organization=identity.organization)
    parts = Parts(
        store=store,
        clock=clock,
        tenancy=tenancy,
        rules=Rules(policy, tenancy, store, people.members),
        standing=witness.standing,
        channel=settings.billing_channel,
        new_id=tuning.new_id,
        pauses=_pauses(settings),
        clocks=clocks,
        guard=Guard(store, timedelta(minutes=settings.resend_guard_minutes)),
    )
    runner = Runner(parts)
    estimates = Estimates(parts)
    answering = Answering(parts, people, client, settings.zuora_link)
    links = Links(identity.team_url)
    homes = Homes(answering, links)
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
    return Bot(
        parts=parts,
        app=app,
        answering=answering,
        runner=runner,
        sender=sender,
        estimates=estimates,
        lock=lock,
        slack_session=session,
        zuora_http=http,
        witness=witness,
        backups=backups,
        watch=partial(
            Watch,
            client=client,
            database=settings.database_path,
            processes=Processes(settings.database_path, clock),
            seconds=tuning.look_seconds,
        ),
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


def _anchors(settings: Settings) -> Anchors:
    """Where heads are left; that it is nowhere is said at each start.

    Raises:
        CannotStartError: The folder is none.
    """
    places: list[Folder | Authority] = []
    if settings.anchor_folder:
        folder = Path(settings.anchor_folder)
        if not folder.is_dir():
            msg = f"ANCHOR_FOLDER: {folder} is no folder."
            raise CannotStartError(msg)
        places.append(Folder(folder))
    if settings.timestamp_url:
        places.append(Authority(settings.timestamp_url))
    if words := settings.not_anchored:
        logger.warning("no_anchor: %s", words)
    signer = _signer(settings.audit_signing_key)
    return Anchors(settings.audit_channel, tuple(places), signer, settings.anchor_rows)


def _signer(key: SecretStr) -> Signer | None:
    return Signer(key.get_secret_value()) if key.get_secret_value() else None


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


def _lock(settings: Settings) -> WorkLock:
    path = beside(settings.database_path, ".lock")
    try:
        os.close(opened_alone(path))
        return WorkLock(path)
    except OSError as error:
        msg = f"DATABASE_URL: {path}, which stands beside the database, cannot be written: {error.strerror}."
        raise CannotStartError(msg) from error


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
        zone=ZoneInfo(settings.digest_zone),
        days=frozenset(DAYS.index(day) for day in settings.digest_days.split(",")),
    )


def zuora_client(
    settings: EvidenceSettings,
    clock: Clock,
    http: httpx2.AsyncClient,
    *,
    read_seconds: float,
) -> ZuoraClient:
    """The client for the tenant that the settings name."""
    places = settings.places
    entity_ids, org_ids = places.headers("")
    return ZuoraClient(
        http,
        clock,
        base_url=settings.zuora_base_url,
        client_id=settings.zuora_client_id,
        client_secret=settings.zuora_client_secret.get_secret_value(),
        version=settings.zuora_version,
        tenant_id=settings.zuora_tenant_id,
        entities=places.entities,
        entity_ids=entity_ids,
        org_ids=org_ids,
        gzip=settings.zuora_gzip,
        names=settings.show_customers,
        debit_memo_path=settings.zuora_debit_memo_path,
        highest_batch=settings.zuora_batches,
        zone=ZoneInfo(settings.zuora_time_zone) if settings.zuora_time_zone else None,
        read_seconds=read_seconds,
    )


async def _tenant(settings: Settings, zuora: ZuoraClient, where: Environment) -> str:
    """The tenant in words for the card, with its entities and organizations.

    Raises:
        CannotStartError: The token does not speak for an entity of the settings, or Zuora refuses
            what is asked for one of their organizations.
    """
    kind = "UNKNOWN ENVIRONMENT" if where.kind == "unknown" else where.kind.upper()
    words, places = f"{kind} · {where.name}", settings.places
    within = "".join(
        f" · {name} {units[0].name}"
        for name, units in (("entity", places.entities), ("organization", places.organizations))
        if len(units) == 1  # of several each request says its own
    )
    try:
        tenant = await zuora.check()
        await _know_the_organizations(places, zuora)
    except ZuoraElsewhere as error:
        raise CannotStartError(str(error)) from None
    except ZuoraError as error:
        logger.error("zuora_login_failed: %s", error)  # noqa: TRY400 - no trace needed
        return f"{words}{within}"  # what is wrong, the client itself keeps saying
    logger.info("zuora_ready: %s, tenant %s", where.name, tenant.id)
    return f"{words} · tenant {tenant.id}{within}"


async def _know_the_organizations(places: Places, zuora: ZuoraClient) -> None:
    """Ask for something small in each organization of the settings, as a token names none.

    Raises:
        CannotStartError: Zuora refuses one, and takes the same call without it.
        ZuoraError: It cannot be asked now.
    """
    entity_ids = places.entities[0].id if places.entities else ""  # one that the token may name
    for unit in places.organizations:
        try:
            await zuora.within(entity_ids, unit.id).bill_runs(name=NO_SUCH_NAME)
        except ZuoraRejected as error:
            with suppress(ZuoraRejected):  # it is not about the organization
                await zuora.within(entity_ids, "").bill_runs(name=NO_SUCH_NAME)
                msg = f"ZUORA_ORG_IDS names {unit.id}, which Zuora refuses: {error}"
                raise CannotStartError(msg) from None
