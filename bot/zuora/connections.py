"""The HTTP transport for Zuora: httpx2's requests and answers over aiohttp's connections.

Connections stay open, and each request is sent once. httpx2's error shows what may have happened:
with one of `NOTHING_WAS_SENT` nothing was sent; after any other nobody knows.
"""

import select
from http.cookiejar import CookieJar, DefaultCookiePolicy
from typing import Final
from urllib.request import getproxies, proxy_bypass

import aiohttp
import httpx2
from aiohttp.connector import Connection
from aiohttp.http_exceptions import HttpProcessingError
from aiohttp.tracing import Trace
from yarl import URL

from bot.fence import Fence, FenceShutError, request_class
from bot.zuora.bounded import content_of
from bot.zuora.wire import USER_AGENT


class Fenced(httpx2.ConnectError):
    """Nothing was sent, because another process may be working by now (`bot.fence`)."""


NOTHING_WAS_SENT: Final = (
    httpx2.ConnectError,  # no address, no connection, no TLS; for a proxy too
    httpx2.ConnectTimeout,
    httpx2.ProxyError,  # the proxy opens no tunnel, or does not speak HTTP
    httpx2.UnsupportedProtocol,
    httpx2.InvalidURL,  # already raised where a request is made
)
_KEPT_SECONDS: Final = 15.0
_MOST_CLOSED: Final = 200  # as many as may be kept: Zuora takes at most 200 calls at once
_SCHEMES: Final = frozenset({"http", "https"})
_BEFORE: Final[dict[type[Exception], type[httpx2.TransportError]]] = {
    FenceShutError: Fenced,
    aiohttp.ClientHttpProxyError: httpx2.ProxyError,
    aiohttp.ConnectionTimeoutError: httpx2.ConnectTimeout,
    aiohttp.ClientConnectorError: httpx2.ConnectError,
    aiohttp.InvalidURL: httpx2.UnsupportedProtocol,
}
_AFTER: Final[dict[type[Exception], type[httpx2.TransportError]]] = {
    TimeoutError: httpx2.ReadTimeout,
    aiohttp.ClientOSError: httpx2.ReadError,
    OSError: httpx2.ReadError,
    aiohttp.ClientError: httpx2.RemoteProtocolError,  # broke off, or was not HTTP
    HttpProcessingError: httpx2.RemoteProtocolError,
}
_NAMES: Final = _BEFORE | _AFTER  # the first match counts
_FOREIGN: Final = tuple(_NAMES)


class AiohttpTransport(httpx2.AsyncBaseTransport):
    """Sends requests over connections that stay open; `async with`, or `aclose` at the end.

    The caller limits how many are under way. Redirects are not followed.
    A proxy named in the environment is used (`HTTPS_PROXY`, `HTTP_PROXY`, `ALL_PROXY`,
    `NO_PROXY`); TLS trusts what the system trusts, or `SSL_CERT_FILE`.

    Args:
        fence: The check before every effect; None if no other process can work.
    """

    def __init__(self, fence: Fence | None = None) -> None:
        self._fence = fence
        self._session: aiohttp.ClientSession | None = None
        self._proxies: dict[URL, URL | None] = {}

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        """Send one request, once; the answer is complete and decompressed.

        The client's timeout limits connecting and silence; an answer that comes in small pieces
        may take twice that silence in all. An error's text is the name of aiohttp's error.

        Raises:
            httpx2.RequestError: Nothing was sent if it is one of `NOTHING_WAS_SENT`; else it may
            have been.
        """
        try:
            url = URL(str(request.url), encoded=True)  # nothing in it is quoted again
            proxy = self._proxy(url.origin())
        except ValueError as error:  # no scheme, no host, or an impossible port
            raise httpx2.UnsupportedProtocol("InvalidURL") from error
        if self._session is None:
            self._session = _session(self._fence)
        try:
            async with self._session.request(
                request.method,
                url,
                headers=[(name.decode(), value.decode()) for name, value in request.headers.raw],
                data=await request.aread() or None,
                timeout=_timeout(request),
                proxy=proxy,
                allow_redirects=False,
            ) as response:
                content = await content_of(response)
        except _FOREIGN as error:
            raise _named(error) from error
        headers = [each for each in response.raw_headers if each[0].lower() != b"content-encoding"]
        return httpx2.Response(response.status, headers=headers, content=content, request=request)

    async def aclose(self) -> None:
        """Close all connections."""
        if self._session is not None:
            await self._session.close()

    def _proxy(self, host: URL) -> URL | None:
        """Return the proxy for a host; the environment is read once for each host."""
        if host not in self._proxies:
            self._proxies[host] = proxy_for(host)
        return self._proxies[host]


def http_client(fence: Fence | None = None) -> httpx2.AsyncClient:
    """Return a client with the settings that suit Zuora. The caller closes it."""
    return httpx2.AsyncClient(
        transport=AiohttpTransport(fence),
        headers={"User-Agent": USER_AGENT},
        cookies=CookieJar(DefaultCookiePolicy(allowed_domains=())),
        trust_env=False,  # the transport finds the proxy
    )


def _timeout(request: httpx2.Request) -> aiohttp.ClientTimeout:
    given = request.extensions.get("timeout", {})
    connect, read = given.get("connect"), given.get("read")
    in_all = None if connect is None or read is None else connect + 2 * read
    return aiohttp.ClientTimeout(total=in_all, connect=connect, sock_read=read)


def _named(error: Exception) -> httpx2.TransportError:
    """Return aiohttp's error under httpx2's name."""
    name = next(ours for theirs, ours in _NAMES.items() if isinstance(error, theirs))
    return name(type(error).__name__)


def _session(fence: Fence | None) -> aiohttp.ClientSession:
    return aiohttp.ClientSession(
        request_class=request_class(fence),
        connector=_Connector(limit=0, keepalive_timeout=_KEPT_SECONDS),
        cookie_jar=aiohttp.DummyCookieJar(),
        auto_decompress=False,  # `content_of` does that, up to a bound
        middlewares=(_once,),
    )


class _Connector(aiohttp.TCPConnector):
    """Never returns a connection that the other side has closed unnoticed.

    A request on such a connection would be lost, and nobody could know that.
    """

    async def connect(
        self,
        req: aiohttp.ClientRequest,
        traces: list[Trace],
        timeout: aiohttp.ClientTimeout,  # noqa: ASYNC109 - as the library calls it
    ) -> Connection:
        """Return a connection for a request, a kept one or a new one."""
        for _ in range(_MOST_CLOSED):
            connection = await super().connect(req, traces, timeout)
            if not _has_something_to_say(connection):
                return connection
            connection.close()
        return await super().connect(req, traces, timeout)


def _has_something_to_say(connection: Connection) -> bool:
    """Return whether something arrived before a request was sent: the connection's end, or an error."""
    transport = connection.transport
    socket = None if transport is None else transport.get_extra_info("socket")
    if socket is None:
        return True
    watched = select.poll()
    watched.register(socket.fileno(), select.POLLIN)
    return bool(watched.poll(0))


async def _once(
    request: aiohttp.ClientRequest, handler: aiohttp.ClientHandlerType
) -> aiohttp.ClientResponse:
    """Keep the library from repeating a GET or PUT when a kept connection breaks before the answer.

    The bot's PUTs have effects. The library passes an error of another name on and repeats nothing.
    """
    try:
        return await handler(request)
    except (aiohttp.ClientOSError, aiohttp.ServerDisconnectedError) as error:
        raise _named(error) from error


def proxy_for(host: URL) -> URL | None:
    """Return the proxy for a host, as the environment names it.

    Raises:
        httpx2.UnsupportedProtocol: HTTP cannot be spoken to that host.
        httpx2.ProxyError: HTTP cannot be spoken to the proxy.
    """
    if host.scheme not in _SCHEMES or host.port is None:  # looking at the port checks it
        raise httpx2.UnsupportedProtocol("InvalidURL")
    proxies = getproxies()
    named = proxies.get(host.scheme) or proxies.get("all")
    if not named or proxy_bypass(f"{host.host}:{host.port}"):
        return None
    proxy = URL(named if "://" in named else f"http://{named}")
    if proxy.scheme not in _SCHEMES:
        raise httpx2.ProxyError("a proxy that does not speak HTTP")
    return proxy
