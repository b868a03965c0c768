"""The HTTP client for Zuora: connections that stay open, in several small pools.

For each call a pool looks at all of its connections, so the cost of a call grows with the pool. Two
hundred connections in one pool cost more than the rest of a call; in pools of a few they do not.
"""

import ssl
from functools import cache
from types import TracebackType
from typing import Final, Self
from urllib.request import getproxies

import httpx2

_POOLS: Final = 16
_CONNECTIONS: Final = 13  # in each: together more than Zuora's 200 calls at once (high-volume)
_KEPT_SECONDS: Final = 15.0


@cache
def _trusted() -> ssl.SSLContext:
    """Whom TLS trusts: the same for every client, and slow to read."""
    return httpx2.create_ssl_context()


class Pools(httpx2.AsyncBaseTransport):
    """Gives each call to the pool with the fewest calls out."""

    def __init__(self, count: int = _POOLS) -> None:
        verified = _trusted()
        limits = httpx2.Limits(
            max_connections=_CONNECTIONS,
            max_keepalive_connections=_CONNECTIONS,
            keepalive_expiry=_KEPT_SECONDS,
        )
        self._pools = [
            httpx2.AsyncHTTPTransport(verify=verified, limits=limits) for _ in range(count)
        ]
        self._out = [0] * count

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        """Send one request."""
        index = self._out.index(min(self._out))
        self._out[index] += 1
        try:
            return await self._pools[index].handle_async_request(request)
        finally:
            self._out[index] -= 1

    async def __aenter__(self) -> Self:
        """Open all pools."""
        for pool in self._pools:
            await pool.__aenter__()
        return self

    async def __aexit__(
        self,
        exc_type: type[BaseException] | None = None,
        exc_value: BaseException | None = None,
        traceback: TracebackType | None = None,
    ) -> None:
        """Close all pools."""
        for pool in self._pools:
            await pool.__aexit__(exc_type, exc_value, traceback)

    async def aclose(self) -> None:
        """Close all connections."""
        for pool in self._pools:
            await pool.aclose()


def http_client() -> httpx2.AsyncClient:
    """An HTTP client that suits Zuora. The caller closes it.

    Where the environment names a proxy, the library's own client is used, which knows how to go
    through it.
    """
    if getproxies():
        limits = httpx2.Limits(max_connections=200, max_keepalive_connections=200)
        return httpx2.AsyncClient(limits=limits, follow_redirects=False)
    return httpx2.AsyncClient(transport=Pools(), follow_redirects=False)
