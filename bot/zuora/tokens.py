"""Keeps the OAuth token: fetched once for everybody, five minutes before the old one ends.

If Zuora gives none, that holds for everybody too: the keeper asks again after a pause, and until
then no call goes out.

Source: page *Create an OAuth token* and its SDK: a form POST without an Authorization header; a
token lives about an hour. Redirects are never followed, so the secret goes to one host only.
"""

import asyncio
import json
import logging
import re
from collections.abc import Collection
from copy import copy
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any, Final
from urllib.parse import urlencode

import httpx2

from bot.domain.clock import Clock
from bot.domain.place import Unit
from bot.metrics import ZUORA_CALLS
from bot.zuora import numbers
from bot.zuora.errors import ZuoraBusy, ZuoraElsewhere, ZuoraError, ZuoraLockedOut, ZuoraRefused
from bot.zuora.tenant import Tenant, not_the_entities, not_the_tenant, tenant_of

logger = logging.getLogger(__name__)

_EARLY_SECONDS: Final = 300.0
_LIFE_SECONDS: Final = 600.0
"""A token whose lifetime cannot be read is renewed after half of this; an hour is usual."""

_SHORTEST_LIFE: Final = 2.0
"""Seconds that a token counts as good at least, so that no shorter one is asked for with every call."""

_FIRST_PAUSE: Final = 1.0
_LONGEST_PAUSE: Final = 30.0
"""Seconds between two tries to get a token. Zuora takes 100 a minute (page *Rate limits*)."""

_TOKEN: Final = re.compile(r"[!-~]+")
_PATH: Final = "/oauth/token"
_HEADERS: Final = {
    "Accept": "application/json",
    "Accept-Encoding": "gzip",
    "Content-Type": "application/x-www-form-urlencoded",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Login:
    """What the bot logs in to Zuora with, and what the token must then be for.

    Attributes:
        client_id: OAuth client id.
        client_secret: OAuth client secret; it appears in no text of this object.
        tenant_id: The one tenant whose tokens are used; empty for any.
        entities: The entities that a token must be valid for, if it names any.
    """

    client_id: str
    client_secret: str = field(repr=False)
    tenant_id: str = ""
    entities: Collection[Unit] = ()


class TokenKeeper:
    """Keeps one token and renews it, with one call at a time.

    Attributes:
        tenant: The tenant of the last token; None before the first.

    Args:
        http: The client; its owner closes it.
        clock: Gives the time, for the token's age.
        base_url: Zuora's base URL.
        login: What it logs in with.
        timeout: How long a call may take to connect and be silent.
    """

    def __init__(
        self,
        http: httpx2.AsyncClient,
        clock: Clock,
        *,
        base_url: str,
        login: Login,
        timeout: httpx2.Timeout,
    ) -> None:
        self._http = http
        self._clock = clock
        self._base_url = base_url
        self._form = {
            "client_id": login.client_id,
            "client_secret": login.client_secret,
            "grant_type": "client_credentials",
        }
        self._tenant_id = login.tenant_id
        self._entities = login.entities
        self._timeout = timeout
        self._lock = asyncio.Lock()
        self._token = ""
        self._renew_at: float | None = None  # on the monotonic clock, as `_ask_again_at` is
        self._proved = ""
        self._was_refused = False
        self._failed: ZuoraError | None = None
        self._failures = 0
        self._ask_again_at: float | None = None
        self.tenant: Tenant | None = None

    def use(self, client_id: str, client_secret: str) -> None:
        """Log in as this client from now on, and ask for a token now, even if one was refused before."""
        self._form |= {"client_id": client_id, "client_secret": client_secret}
        self._token, self._proved = "", ""
        self._ask_again_at, self._failures = None, 0

    @property
    def trouble(self) -> str:
        """Return why there is no token; empty while there is one."""
        return "" if self._failed is None else self._failed.message

    @property
    def is_good(self) -> bool:
        """Return whether there is a valid token, and the last call for one or with one succeeded."""
        return self._failed is None and self._is_good("")

    @property
    def locks_out(self) -> bool:
        """Return whether there will be no token until somebody fixes the login."""
        return isinstance(self._failed, ZuoraLockedOut | ZuoraRefused)

    def __repr__(self) -> str:
        """Return it without the secret and the token."""
        return f"TokenKeeper({self._base_url})"

    async def token(self, *, refused: str = "") -> str:
        """Return a valid token; callers wait while one is fetched.

        Args:
            refused: A token Zuora answered 401 to; it is not returned again.

        Raises:
            ZuoraLockedOut: Zuora does not know the client, refuses its tokens, or gives them for
                other entities.
            ZuoraRefused: It is another tenant's.
            ZuoraBusy: There is no token right now; nothing else was sent.
        """
        if not self._is_good(refused):
            async with self._lock:
                if not self._is_good(refused):
                    if refused and refused == self._token:
                        self._token = ""  # however the next try ends
                    self._still_failed()
                    await self._renew()
        return self._token

    def was_taken(self, token: str) -> None:
        """Note that Zuora has let a call in with this token."""
        self._proved = token
        if self._failed is not None and token == self._token:
            self._well()

    def was_refused(self, token: str) -> ZuoraLockedOut:
        """Note that Zuora refused a call with a new token; return what that means for the call.

        If the token was good for another call, the refusal is about this call alone; else about
        all.
        """
        error = ZuoraLockedOut(
            "Zuora gives a token and refuses it (HTTP 401): check the OAuth client's user, the base "
            "URL and ZUORA_ENTITY_IDS.",
            status=401, category=11, retry_after=_FIRST_PAUSE,
        )  # fmt: skip
        if token == self._token != self._proved:
            self._token, self._was_refused = "", True
            self._fail(error)
        return error

    def _still_failed(self) -> None:
        """Refuse to ask again before the pause is over.

        Raises:
            ZuoraError: The error of the last try.
        """
        if self._failed is None or self._ask_again_at is None:
            return
        left = self._ask_again_at - self._clock.monotonic()
        if left > 0:
            error = copy(self._failed)
            if isinstance(error, ZuoraBusy):
                error.retry_after = left
            raise error

    async def _renew(self) -> None:
        try:
            await self._fetch()
        except ZuoraError as error:
            ZUORA_CALLS.labels("POST", _PATH, type(error).__name__).inc()
            self._fail(error)
            raise
        ZUORA_CALLS.labels("POST", _PATH, "ok").inc()
        self._ask_again_at = None
        if not self._was_refused:  # otherwise only a call that is let in shows that all is well
            self._well()

    def _fail(self, error: ZuoraError) -> None:
        asked = error.retry_after if isinstance(error, ZuoraBusy) else None
        pause = min(_FIRST_PAUSE * 2 ** min(self._failures, 10), _LONGEST_PAUSE)
        if self._failed is None:
            logger.error("zuora_gives_no_token: %s", error)
        self._failed = error
        self._failures += 1
        self._ask_again_at = self._clock.monotonic() + max(asked or 0.0, pause)

    def _well(self) -> None:
        if self._failed is not None:
            logger.info("zuora_gives_tokens_again")
        self._failed, self._failures, self._ask_again_at = None, 0, None
        self._was_refused = False

    def _is_good(self, refused: str) -> bool:
        if not self._token or self._renew_at is None or self._token == refused:
            return False
        return self._clock.monotonic() < self._renew_at

    async def _fetch(self) -> None:
        asked_at = self._clock.monotonic()
        try:
            response = await self._http.post(
                self._base_url + _PATH,
                headers=_HEADERS,
                content=urlencode(self._form).encode(),
                timeout=self._timeout,
            )
        except (httpx2.RequestError, httpx2.InvalidURL) as error:
            why = str(error) or type(error).__name__
            raise ZuoraBusy(f"Zuora's token service cannot be reached ({why}).") from None
        self._keep(_granted(response), asked_at)

    def _keep(self, granted: dict[str, Any], asked_at: float) -> None:
        tenant = tenant_of(str(granted.get("scope", "")))
        if wrong := not_the_tenant(tenant, self._tenant_id):
            raise ZuoraRefused(wrong)
        if wrong := not_the_entities(tenant, self._entities):
            raise ZuoraElsewhere(wrong)
        said = numbers.seconds(granted.get("expires_in")) or _LIFE_SECONDS
        lives = max(said, _SHORTEST_LIFE)
        self._token = granted["access_token"]
        self._renew_at = asked_at + lives - min(_EARLY_SECONDS, lives / 2)
        self.tenant = tenant


def _granted(response: httpx2.Response) -> dict[str, Any]:
    """Return the token's answer, or raise the error it is. Its body is never shown: it may repeat the form."""
    status = response.status_code
    data = _json_object(response.content)
    token = data.get("access_token")
    if status == HTTPStatus.OK and isinstance(token, str) and _TOKEN.fullmatch(token):
        return data
    raise _token_error(status, response)


def _token_error(status: int, response: httpx2.Response) -> ZuoraError:
    request_id = response.headers.get("Zuora-Request-Id", "")
    no_answer = status >= HTTPStatus.INTERNAL_SERVER_ERROR or status == HTTPStatus.OK
    if no_answer or status == HTTPStatus.TOO_MANY_REQUESTS:
        return ZuoraBusy(
            f"Zuora gives no token just now (HTTP {status}).",
            retry_after=numbers.rest(response.headers),
            status=status,
            zuora_request_id=request_id,
        )
    return ZuoraLockedOut(
        f"Zuora refused the bot's login (HTTP {status}): check the client id, the secret "
        "and that the base URL is the tenant's own data centre.",
        status=status,
        category=11,
        zuora_request_id=request_id,
    )


MOST_BYTES = 64 * 1024
"""Bytes of the longest token answer; Zuora's have about 2 KB."""


def _json_object(body: bytes) -> dict[str, Any]:
    if len(body) > MOST_BYTES:
        return {}
    try:
        data = json.loads(body)
    except (ValueError, RecursionError):
        return {}
    return data if isinstance(data, dict) else {}
