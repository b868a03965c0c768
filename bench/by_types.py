"""httpx2's requests and answers without its client: what the client's own interface is weighed with."""

from typing import Any

import httpx2

from bot.zuora.connections import AiohttpTransport


class ByTypes(httpx2.AsyncClient):
    """Hands requests straight to the transport, past everything that a client does beside."""

    def __init__(self) -> None:
        self._straight = AiohttpTransport()
        super().__init__(transport=self._straight, trust_env=False)

    async def send(self, request: httpx2.Request, **_: Any) -> httpx2.Response:
        """Send it, without anything else."""
        return await self._straight.handle_async_request(request)
