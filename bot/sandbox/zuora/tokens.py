"""POST /oauth/token and the bearers it hands out."""

import secrets
from collections import deque
from collections.abc import Mapping
from datetime import datetime, timedelta

from bot.sandbox.zuora.calls import Answer
from bot.sandbox.zuora.tenant import Tenant
from bot.sandbox.zuora.world import USER_ID

ENTITY_ID = "11e6ba62b31d7c1db23700163e000000"


class Tokens:
    """The tokens of one OAuth client."""

    def __init__(self, client_id: str, client_secret: str, tenant: str) -> None:
        self.client_id = client_id
        self.client_secret = client_secret
        self._tenant = tenant
        self._live: dict[str, datetime] = {}
        self._asked: deque[datetime] = deque()

    def issue(self, form: Mapping[str, str], tenant: Tenant) -> Answer:
        """Answer a token request: 200, 400 for a wrong grant, 401 for wrong credentials, 429."""
        now, knobs = tenant.now(), tenant.knobs
        while self._asked and now - self._asked[0] >= timedelta(minutes=1):
            self._asked.popleft()
        self._asked.append(now)
        if len(self._asked) > knobs.tokens_per_minute:
            text = "API Rate limit exceeded for the minute, retry after 60 seconds"
            body = {"reasons": [{"code": 70, "message": text}]}
            return Answer(429, body, {"ratelimit-reset": "60"})
        if form.get("grant_type") != "client_credentials":
            return Answer(400, {"code": "50000020", "message": "Unsupported grant type"})
        given = (form.get("client_id") or "", form.get("client_secret") or "")
        if given != (self.client_id, self.client_secret):
            return Answer(401, {"message": "Authentication error"})
        token = secrets.token_hex(16)
        self._live[token] = now + timedelta(seconds=knobs.token_seconds)
        entities = " ".join(f"entity.{each}" for each in tenant.entities or (ENTITY_ID,))
        scope = f"{entities} platform.write service.usage.write tenant.{self._tenant}"
        return Answer(
            200,
            {
                "access_token": token,
                "token_type": "bearer",
                "expires_in": knobs.token_seconds if knobs.expires_in is None else knobs.expires_in,
                "scope": f"{scope} user.{USER_ID}",
                "jti": secrets.token_hex(16),
            },
        )

    def accepts(self, authorization: str | None, now: datetime) -> bool:
        """Return whether an Authorization header carries a live bearer."""
        scheme, _, token = (authorization or "").partition(" ")
        return scheme.lower() == "bearer" and self._live.get(token.strip(), now) > now

    def revoke(self, authorization: str | None) -> None:
        """End the bearer of an Authorization header."""
        self._live.pop((authorization or "").partition(" ")[2].strip(), None)
