"""Triggers and response URLs, which Slack gives an app for a short time."""

import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta

from bot.sandbox.clock import Clock
from bot.sandbox.slack.errors import SlackError
from bot.sandbox.slack.limits import RESPONSE_URL_SECONDS, RESPONSE_URL_USES, TRIGGER_SECONDS


@dataclass
class Trigger:
    """A trigger; ``in_modal`` if it came from inside a modal."""

    user: str
    born: datetime
    in_modal: bool
    spent: bool = False


class Triggers:
    """Every trigger given out; each lives three seconds and is exchanged once."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._known: dict[str, Trigger] = {}

    def issue(self, user: str, *, in_modal: bool = False) -> str:
        """Return a new trigger id for an interaction of ``user``."""
        trigger_id = f"{len(self._known) + 1}.{secrets.randbelow(10**10)}.{secrets.token_hex(16)}"
        self._known[trigger_id] = Trigger(user, self._clock.now(), in_modal)
        return trigger_id

    def spend(self, trigger_id: str) -> Trigger:
        """Exchange a trigger.

        Raises:
            SlackError: ``invalid_trigger_id``, ``exchanged_trigger_id``, ``expired_trigger_id``.
        """
        trigger = self._known.get(trigger_id)
        if trigger is None:
            raise SlackError("invalid_trigger_id")
        if trigger.spent:
            raise SlackError("exchanged_trigger_id")
        if self._clock.now() - trigger.born > timedelta(seconds=TRIGGER_SECONDS):
            raise SlackError("expired_trigger_id")
        trigger.spent = True
        return trigger


@dataclass
class ResponseUrl:
    """The target of a response URL; ``source_ts`` is the message it came from."""

    user: str
    channel: str
    source_ts: str | None
    thread_ts: str | None
    born: datetime
    uses: int = 0


class ResponseUrls:
    """Every response URL given out; each may be used five times within thirty minutes."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._known: dict[str, ResponseUrl] = {}

    def issue(
        self, user: str, channel: str, source_ts: str | None = None, thread_ts: str | None = None
    ) -> str:
        """Return the secret last part of a new response URL."""
        token = secrets.token_hex(12)
        self._known[token] = ResponseUrl(user, channel, source_ts, thread_ts, self._clock.now())
        return token

    def use(self, token: str) -> ResponseUrl:
        """Count one use.

        Raises:
            SlackError: ``no_such_url``, ``expired_url`` or ``used_url``.
        """
        found = self._known.get(token)
        if found is None:
            raise SlackError("no_such_url")
        if self._clock.now() - found.born > timedelta(seconds=RESPONSE_URL_SECONDS):
            raise SlackError("expired_url")
        if found.uses >= RESPONSE_URL_USES:
            raise SlackError("used_url")
        found.uses += 1
        return found
