"""Each request once: against servers and proxies that speak plain bytes and break off at will."""

import asyncio
import base64
import socket
import ssl
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

import httpx2
import pytest

from bot.zuora.connections import NOTHING_WAS_SENT
from tests.patient import LONGEST

YES = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 2\r\n\r\n{}"
LOST = (httpx2.ReadError, httpx2.RemoteProtocolError)
PROXIES = ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY")


class Bare:
    """Takes requests, notes them, and does with each what the test says."""

    def __init__(self, *acts: bytes | None) -> None:
        self.acts = list(acts)
        self.requests: list[bytes] = []
        self.connections = 0
        self.left: list[asyncio.StreamWriter] = []
        self.base = ""

    async def handle(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        self.left.append(writer)
        try:
            while head := await _head(reader):
                self.requests.append(head)
                act = self.acts.pop(0) if self.acts else YES
                if act is None:
                    break
                writer.write(act)
        finally:
            writer.close()


async def _head(reader: asyncio.StreamReader) -> bytes:
    """One request with its body; empty if the other side ended."""
    try:
        head = await reader.readuntil(b"\r\n\r\n")
    except asyncio.IncompleteReadError:
        return b""
    for line in head.lower().split(b"\r\n"):
        if line.startswith(b"content-length:"):
            head += await reader.readexactly(int(line.partition(b":")[2]))
    return head


@asynccontextmanager
async def serving(bare: Bare) -> AsyncIterator[Bare]:
    server = await asyncio.start_server(bare.handle, "127.0.0.1", 0)
    bare.base = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    try:
        yield bare
    finally:
        server.close()
        for writer in bare.left:
            writer.close()


@pytest.fixture(autouse=True)
def no_proxy(monkeypatch):
    for name in PROXIES:
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.lower(), raising=False)


async def send(
    http: httpx2.AsyncClient,
    method: str,
    base: str,
    target: str = "/v1/x?a=b%20c",
    *,
    silence: float = LONGEST,
    connect: float = LONGEST,
) -> httpx2.Response:
    content = b"" if method == "GET" else b'{"a":1}'
    headers = {"Accept": "application/json", "Accept-Encoding": "gzip"}
    if content:
        headers["Content-Type"] = "application/json"
    timeout = httpx2.Timeout(silence, connect=connect)
    return await http.request(
        method, base + target, headers=headers, content=content, timeout=timeout
    )


async def until(holds: Callable[[], bool]) -> None:
    async with asyncio.timeout(LONGEST):
        while not holds():  # noqa: ASYNC110 - the other side reports nothing
            await asyncio.sleep(0)


@pytest.mark.parametrize("method", ["GET", "POST", "PUT"])
async def test_a_request_whose_kept_connection_breaks_before_the_answer_is_sent_once(http, method):
    async with serving(Bare(YES, None)) as bare:
        await send(http, method, bare.base)

        with pytest.raises(LOST):
            await send(http, method, bare.base)

        assert (len(bare.requests), bare.connections) == (2, 1)


@pytest.mark.parametrize("method", ["GET", "POST", "PUT"])
@pytest.mark.parametrize("broken", [None, YES[:20], YES[:-1], b"nonsense\r\n\r\n"])
async def test_an_answer_that_is_not_whole_is_lost_and_nothing_is_sent_again(http, method, broken):
    async with serving(Bare(broken)) as bare:
        bare.acts.append(None)  # after what was written the connection is closed
        waiting = asyncio.ensure_future(send(http, method, bare.base))
        await until(lambda: bool(bare.requests))
        bare.left[0].close()

        with pytest.raises(LOST):
            await waiting

        assert len(bare.requests) == 1


@pytest.mark.parametrize("method", ["GET", "POST", "PUT"])
async def test_a_kept_connection_that_the_server_has_closed_is_not_used(http, method):
    async with serving(Bare()) as bare:
        await asyncio.gather(*(send(http, method, bare.base) for _ in range(5)))
        kept = bare.connections
        for writer in bare.left:  # the client's loop has not heard of it yet
            writer.get_extra_info("socket").shutdown(socket.SHUT_WR)

        received = await send(http, method, bare.base)

        assert received.status_code == 200
        assert (len(bare.requests), bare.connections) == (6, kept + 1)


async def test_a_request_stands_on_the_wire_as_it_was_given(http):
    async with serving(Bare()) as bare:
        received = await send(http, "PUT", bare.base, "/v1/a%2Fb/c%3A?x=1&filter%5B%5D=d%20e")

        lines = bare.requests[0].split(b"\r\n")
        names = {line.partition(b":")[0].lower() for line in lines[1:-2]}
        assert lines[0] == b"PUT /v1/a%2Fb/c%3A?x=1&filter%5B%5D=d%20e HTTP/1.1"
        assert names == {
            b"host", b"accept", b"accept-encoding", b"content-type", b"content-length",
            b"user-agent", b"connection",
        }  # fmt: skip
        assert lines[-1] == b'{"a":1}'
        assert (received.status_code, received.content) == (200, b"{}")
        assert received.headers.get("content-TYPE") == "application/json"


async def test_an_address_goes_out_unchanged(http):
    targets = ["/v1/x?a=b%20c&d=%2F", "/v1/y%2Fz", "/v1/%C3%A9%27(~)"]
    async with serving(Bare()) as bare:
        for target in targets:
            await http.get(bare.base + target)

        assert [head.split(b" ")[1].decode() for head in bare.requests] == targets
        assert bare.connections == 1


async def test_a_cookie_is_not_kept_and_a_redirect_not_followed(http):
    there = (
        b"HTTP/1.1 307 There\r\nLocation: /there\r\nSet-Cookie: a=b\r\nContent-Length: 0\r\n\r\n"
    )
    async with serving(Bare(there)) as bare:
        first = await send(http, "POST", bare.base)
        await send(http, "POST", bare.base)

        assert first.status_code == 307
        assert [request.split()[1] for request in bare.requests] == [b"/v1/x?a=b%20c"] * 2
        assert b"cookie" not in bare.requests[1].lower()


async def test_silence_is_waited_for_only_so_long(http):
    async with serving(Bare(b"")) as bare:
        with pytest.raises(httpx2.ReadTimeout):
            await send(http, "GET", bare.base, silence=0.02)


async def test_without_tls_on_the_other_side_nothing_is_sent(http):
    async with serving(Bare()) as bare:
        with pytest.raises(NOTHING_WAS_SENT):
            await send(http, "POST", bare.base.replace("http:", "https:"), connect=1.0)

        assert not any(b"{" in request for request in bare.requests)


async def test_a_certificate_that_nobody_trusts_is_not_spoken_to(http, untrusted):
    taken: list[bytes] = []

    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        taken.append(await reader.read(100))
        writer.close()

    server = await asyncio.start_server(handle, "127.0.0.1", 0, ssl=untrusted)
    async with server:
        with pytest.raises(NOTHING_WAS_SENT):
            await send(http, "POST", f"https://127.0.0.1:{server.sockets[0].getsockname()[1]}")

    assert not any(taken)


@pytest.mark.parametrize(
    "base",
    [
        "",
        "ftp://127.0.0.1",
        "http://127.0.0.1:x",
        "http://127.0.0.1:99999",
        "http://no-such-host.invalid",
        "http://",
    ],
)
async def test_what_is_no_address_is_sent_nothing(http, base):
    with pytest.raises(NOTHING_WAS_SENT):
        await send(http, "POST", base)


@pytest.mark.parametrize("name", ["HTTP_PROXY", "http_proxy", "ALL_PROXY"])
async def test_a_proxy_that_the_environment_names_is_gone_through(http, monkeypatch, name):
    async with serving(Bare()) as proxy:
        monkeypatch.setenv(name, proxy.base.replace("http://", "http://me:secret@"))

        await send(http, "POST", "http://zuora.invalid")

        head = proxy.requests[0]
        assert head.startswith(b"POST http://zuora.invalid/v1/x?a=b%20c HTTP/1.1\r\n")
        assert b"Proxy-Authorization: Basic " + base64.b64encode(b"me:secret") in head


async def test_through_a_proxy_tls_goes_in_a_tunnel_and_without_one_nothing_is_sent(
    http, monkeypatch
):
    async with serving(Bare(b"HTTP/1.1 403 No\r\nContent-Length: 0\r\n\r\n")) as proxy:
        monkeypatch.setenv("HTTPS_PROXY", proxy.base)

        with pytest.raises(NOTHING_WAS_SENT):
            await send(http, "POST", "https://zuora.invalid")

        assert [head.split(b"\r\n")[0] for head in proxy.requests] == [
            b"CONNECT zuora.invalid:443 HTTP/1.1"
        ]


async def test_what_the_environment_excepts_goes_past_the_proxy(http, monkeypatch):
    async with serving(Bare()) as bare:
        monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:1")
        monkeypatch.setenv("NO_PROXY", "127.0.0.1")

        assert (await send(http, "POST", bare.base)).status_code == 200


async def test_a_proxy_that_speaks_no_http_is_not_tried(http, monkeypatch):
    async with serving(Bare()) as bare:
        monkeypatch.setenv("ALL_PROXY", "socks5://127.0.0.1:1")

        with pytest.raises(NOTHING_WAS_SENT, match="does not speak HTTP"):
            await send(http, "POST", bare.base)

        assert bare.requests == []


@pytest.fixture(scope="module")
def untrusted(tmp_path_factory) -> ssl.SSLContext:
    """A server's side of TLS whose certificate is its own."""
    folder = tmp_path_factory.mktemp("tls")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    (folder / "both.pem").write_text(KEY_AND_CERTIFICATE)
    context.load_cert_chain(folder / "both.pem")
    return context


KEY_AND_CERTIFICATE = """\
-----BEGIN PRIVATE KEY-----
MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQgsX17xMIvpNS0ZQXV
r4IJOPqffL3kfpmSCceD54TUix2hRANCAAT2qcEKtA6y6GRK7cJhLN0fVd3JawXZ
uVkox5WlAQelFUwXNcr1Bh8qGUdpDa7sl05XdzsmYjBIljdUAxMIKjoC
-----END PRIVATE KEY-----
-----BEGIN CERTIFICATE-----
MIIBkDCCATagAwIBAgIUNwqPJLGmS8HQIGsZs7FNQMeiHFMwCgYIKoZIzj0EAwIw
FDESMBAGA1UEAwwJMTI3LjAuMC4xMCAXDTI2MTEyMTE1MzQ1NVoYDzIxMjYxMDI4
MTUzNDU1WjAUMRIwEAYDVQQDDAkxMjcuMC4wLjEwWTATBgcqhkjOPQIBBggqhkjO
PQMBBwNCAAT2qcEKtA6y6GRK7cJhLN0fVd3JawXZuVkox5WlAQelFUwXNcr1Bh8q
GUdpDa7sl05XdzsmYjBIljdUAxMIKjoCo2QwYjAdBgNVHQ4EFgQUvOzPzjssr35E
vmdrdruLQsX/pkcwHwYDVR0jBBgwFoAUvOzPzjssr35EvmdrdruLQsX/pkcwDwYD
VR0TAQH/BAUwAwEB/zAPBgNVHREECDAGhwR/AAABMAoGCCqGSM49BAMCA0gAMEUC
IF9cFFVFhb/OKNZhe/JLhN8KVUTra42z0/MLWRocqS35AiEArE2zMmIsMKBktCL2
3vDPJNU8r7AO+m3qkJyfXOneYlA=
-----END CERTIFICATE-----
"""
