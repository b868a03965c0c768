"""The HTTP client for Zuora: connections that stay open, and each request sent once.

An answer or one of two errors comes back, told apart by what may have been done: before a
connection stands nothing was sent; once bytes may have gone out, nobody knows.
"""

import select
from collections.abc import Mapping
from dataclasses import dataclass
from types import TracebackType
from typing import Final, Self
from urllib.request import getproxies, proxy_bypass

import aiohttp
from aiohttp.connector import Connection
from aiohttp.http_exceptions import HttpProcessingError
from aiohttp.tracing import Trace
from yarl import URL

_KEPT_SECONDS: Final = 15.0
_MOST_CLOSED: Final = 200  # as many as may be kept: Zuora takes at most 200 calls at once
_SCHEMES: Final = frozenset({"http", "https"})
_NOTHING_WAS_SENT: Final = (
    aiohttp.ClientConnectorError,  # no address, no connection, no TLS; also of a proxy
    aiohttp.ConnectionTimeoutError,
    aiohttp.ClientHttpProxyError,  # the proxy makes no tunnel
    aiohttp.InvalidURL,
)
_LOST: Final = (aiohttp.ClientError, HttpProcessingError, OSError, TimeoutError)


class NotSentError(Exception):
    """No connection: nothing reached Zuora. The text is the kind of error."""


class AnswerLostError(Exception):
    """The request may have reached Zuora, and no whole answer came. The text is the kind of error.

    Attributes:
        in_time: False where it was waited for too long.
    """

    def __init__(self, kind: str, *, in_time: bool) -> None:
        super().__init__(kind)
        self.in_time = in_time


@dataclass(frozen=True, slots=True)
class Received:
    """An HTTP answer, whole.

    Attributes:
        status: HTTP status.
        headers: Names in any case.
        content: The body, decompressed.
    """

    status: int
    headers: Mapping[str, str]
    content: bytes


class HttpClient:
    """Sends requests over connections that stay open; `async with`, or `aclose` at the end.

    How many are out at once is the caller's business. Redirects are not followed, cookies not kept.
    A proxy that the environment names is gone through (`HTTPS_PROXY`, `HTTP_PROXY`, `ALL_PROXY`,
    `NO_PROXY`); TLS trusts what the system trusts, or `SSL_CERT_FILE`.
    """

    def __init__(self) -> None:
        self._session: aiohttp.ClientSession | None = None
        self._proxies: dict[str, URL | None] = {}

    async def send(
        self,
        method: str,
        base: str,
        target: str,
        *,
        headers: Mapping[str, str],
        content: bytes,
        timeout: aiohttp.ClientTimeout,  # noqa: ASYNC109 - several at once, kept by the library
    ) -> Received:
        """Send one request, once.

        Args:
            method: `GET`, `POST` or `PUT`.
            base: Scheme and host, without a slash at the end.
            target: Path and query, quoted as they have to stand in the request.
            headers: All of them but `Host` and `Content-Length`.
            content: The body; empty for none.
            timeout: How long to wait for what.

        Raises:
            NotSentError: Nothing was sent.
            AnswerLostError: It may have been sent.
        """
        if base not in self._proxies:
            self._proxies[base] = _proxy_for(base)
        if self._session is None:
            self._session = _session()
        try:
            async with self._session.request(
                method,
                URL(base + target, encoded=True),
                headers=headers,
                data=content or None,
                timeout=timeout,
                proxy=self._proxies[base],
                allow_redirects=False,
            ) as response:
                return Received(response.status, response.headers, await response.read())
        except _NOTHING_WAS_SENT as error:
            raise NotSentError(type(error).__name__) from error
        except _LOST as error:
            in_time = not isinstance(error, TimeoutError)
            raise AnswerLostError(type(error).__name__, in_time=in_time) from error

    async def aclose(self) -> None:
        """Close all connections."""
        if self._session is not None:
            await self._session.close()

    async def __aenter__(self) -> Self:
        """Itself."""
        return self

    async def __aexit__(
        self,
        exc_type: type[BaseException] | None = None,
        exc_value: BaseException | None = None,
        traceback: TracebackType | None = None,
    ) -> None:
        """Close all connections."""
        await self.aclose()


def http_client() -> HttpClient:
    """An HTTP client that suits Zuora. The caller closes it."""
    return HttpClient()


def _session() -> aiohttp.ClientSession:
    return aiohttp.ClientSession(
        connector=_Connector(limit=0, keepalive_timeout=_KEPT_SECONDS),
        cookie_jar=aiohttp.DummyCookieJar(),
        skip_auto_headers=("User-Agent",),
        middlewares=(_once,),
    )


class _Connector(aiohttp.TCPConnector):
    """Hands out no connection that the other side has closed and this side has not yet noticed.

    On such a one the request would go nowhere, and nobody could know that.
    """

    async def connect(
        self,
        req: aiohttp.ClientRequest,
        traces: list[Trace],
        timeout: aiohttp.ClientTimeout,  # noqa: ASYNC109 - as the library calls it
    ) -> Connection:
        """A connection for a request, kept or new."""
        for _ in range(_MOST_CLOSED):
            connection = await super().connect(req, traces, timeout)
            if not _has_something_to_say(connection):
                return connection
            connection.close()
        return await super().connect(req, traces, timeout)


def _has_something_to_say(connection: Connection) -> bool:
    """Whether something came before anything was asked: its end, or an error."""
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
    """The library sends a GET or PUT again by itself where a kept connection breaks before the answer.

    A PUT of ours has an effect. Under another name the error is passed on, and nothing repeated.
    """
    try:
        return await handler(request)
    except _NOTHING_WAS_SENT:
        raise
    except (aiohttp.ClientOSError, aiohttp.ServerDisconnectedError) as error:
        raise AnswerLostError(type(error).__name__, in_time=True) from error


def _proxy_for(base: str) -> URL | None:
    """The proxy that the environment names for a base URL.

    Raises:
        NotSentError: The base URL or the proxy is none that HTTP can be spoken to.
    """
    try:
        url = URL(base)
    except ValueError as error:
        raise NotSentError("InvalidURL") from error
    if url.scheme not in _SCHEMES or not url.host:
        raise NotSentError("InvalidURL")
    proxies = getproxies()
    named = proxies.get(url.scheme) or proxies.get("all")
    if not named or proxy_bypass(f"{url.host}:{url.port}"):
        return None
    proxy = URL(named if "://" in named else f"http://{named}")
    if proxy.scheme not in _SCHEMES:
        raise NotSentError("a proxy that does not speak HTTP")
    return proxy
