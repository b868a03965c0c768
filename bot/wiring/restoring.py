"""The command that releases a database that was put back."""

import secrets

import aiohttp

from bot.domain.clock import Clock
from bot.settings import Settings
from bot.slack.witness import read
from bot.store.store import Store
from bot.wiring.clients import SLACK_SECONDS, slack_client
from bot.wiring.starting import take_alone, work_lock
from bot.workflow.restored import resume

WORKS = "Billing Bot still works on this database: stop it first. Nothing was changed."


async def resume_after_restore(settings: Settings, clock: Clock) -> tuple[list[str], int]:
    """End every open request of a database that was put back; return their names and the next number.

    Raises:
        CannotStartError: The bot still works on this database, or its server cannot be asked.
        StoreError: The database cannot be used.
        CouldNotRecordError: Nothing was changed. SlackClientError, aiohttp.ClientError, OSError,
            TimeoutError: Slack cannot be read.
    """
    lock = work_lock(settings)
    take_alone(lock, WORKS)
    store = Store.open(settings.database_path, settings.audit_key.get_secret_value())
    session = aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=SLACK_SECONDS))
    try:
        channel = settings.billing_channel
        found = await read(slack_client(settings, session, clock), store, channel)
        ended = resume(store, clock.now(), found.shown, secrets.token_hex(8), channel)
        return [request.name for request in ended], store.requests.next_number()
    finally:
        await session.close()
        store.close()
        lock.release()
