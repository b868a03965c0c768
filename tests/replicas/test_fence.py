"""The fence before each effect, through real sockets: nothing goes out once the last heartbeat is too old."""

import aiohttp
import pytest
from aiohttp import web

from bot.fence import FRESH_SECONDS, Fence, FenceShutError, effect, request_class


class Hands:
    """A clock that a test sets."""

    def __init__(self):
        self.seconds = 1000.0

    def __call__(self):
        return self.seconds


@pytest.fixture
def clock():
    return Hands()


@pytest.fixture
def fence(clock):
    return Fence(clock)


@pytest.fixture
async def came():
    """An address, and what came there."""
    found = []

    async def answer(request):
        found.append((request.method, await request.text()))
        return web.Response(text="yes")

    app = web.Application()
    app.router.add_route("*", "/", answer)
    runner = web.AppRunner(app)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    port = runner.addresses[0][1]
    yield f"http://127.0.0.1:{port}/", found
    await runner.cleanup()


@pytest.fixture
async def session(fence):
    async with aiohttp.ClientSession(request_class=request_class(fence)) as made:
        yield made


async def test_an_effect_goes_out_while_the_last_heartbeat_is_fresh(fence, clock, came, session):
    address, found = came
    fence.answered(clock.seconds)
    clock.seconds += FRESH_SECONDS - 0.01

    with effect():
        assert (await session.post(address, data="body")).status == 200

    assert found == [("POST", "body")]


@pytest.mark.parametrize(
    ("method", "body"), [("POST", "body"), ("PUT", "x" * 100_000), ("DELETE", None)]
)
async def test_an_effect_does_not_go_out_once_it_is_too_old(
    method, body, fence, clock, came, session
):
    address, found = came
    fence.answered(clock.seconds)
    clock.seconds += FRESH_SECONDS

    with effect(), pytest.raises(FenceShutError):
        await session.request(method, address, data=body)

    assert found == []


async def test_it_is_looked_at_again_when_the_body_is_written(fence, clock, came, session):
    """A process that is frozen between head and body sends neither: they go out together."""
    address, found = came
    fence.answered(clock.seconds)

    write_bytes = session._request_class.write_bytes

    async def frozen(self, *how):
        clock.seconds += 60
        await write_bytes(self, *how)

    session._request_class.write_bytes = frozen
    with effect(), pytest.raises(FenceShutError):
        await session.post(address, data="body")

    assert found == []


async def test_what_is_read_or_answered_goes_out_all_the_same(fence, came, session):
    address, found = came
    assert not fence.is_open

    await session.get(address)
    await session.post(address, data="an answer to a click")

    assert len(found) == 2


async def test_a_fence_that_was_never_opened_or_was_shut_lets_nothing_out(fence, clock):
    with effect():
        with pytest.raises(FenceShutError):
            fence.let_out()
        fence.answered(clock.seconds)
        fence.let_out()
        fence.shut()
        with pytest.raises(FenceShutError):
            fence.let_out()


def test_without_a_fence_requests_are_the_library_s_own():
    assert request_class(None) is aiohttp.ClientRequest
