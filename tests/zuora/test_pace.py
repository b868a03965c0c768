"""How many calls at once: the rule alone, the gate, and both against a server with a limit."""

import asyncio
from collections import Counter
from datetime import timedelta

import pytest
from aiohttp import web

from bot.zuora.effects import EmailBody
from bot.zuora.errors import ZuoraBusy
from bot.zuora.pace import Pace, Width
from tests.stage import nothing_happens


def limits(limit, remaining=1, group="Default"):
    return {
        "Concurrency-Limit-Type": group,
        "Concurrency-Limit-Limit": str(limit),
        "Concurrency-Limit-Remaining": str(remaining),
    }


def test_the_width_begins_low_and_widens_while_it_is_used():
    width = Width()
    seen = [width.calls]
    for _ in range(3):
        for _ in range(width.calls):
            width.went_well(full=True)
        seen.append(width.calls)

    assert seen == [8, 16, 24, 36]


def test_past_the_documented_limit_the_width_only_grows_fast_where_zuora_names_a_higher_one():
    silent, said = Width(widest=200), Width(widest=200)
    said.read(limits(80))
    for _ in range(180):
        silent.went_well(full=True)
        said.went_well(full=True)

    assert (silent.calls, said.calls) == (40, 80)


def test_a_width_that_is_not_used_does_not_widen():
    width = Width()
    for _ in range(100):
        width.went_well(full=False)

    assert width.calls == 8


def test_the_width_never_passes_the_limit_of_the_header_or_its_own():
    width = Width(widest=40)
    for limit in (50, 30):
        width.read({name.title(): text for name, text in limits(limit).items()})
        for _ in range(500):
            width.went_well(full=True)
        assert width.calls == min(limit, 40)
    width.read(limits(2))
    assert width.calls == 2


def test_the_smallest_limit_of_all_kinds_of_calls_counts():
    width = Width(widest=200)
    width.read(limits(80, group="Object Query"))
    width.read(limits(40))
    width.read(limits(80, group="Object Query"))

    assert width.ceiling == 40


@pytest.mark.parametrize("odd", ["0", "-5", "9" * 5000, "1e3", "", "forty", "1", "1, 40", "40, 1"])
@pytest.mark.parametrize("group", ["Default", "Object Query", "", "\u00e4" * 500])
@pytest.mark.parametrize("is_refused", [False, True])
def test_an_odd_limit_that_is_not_repeated_narrows_only_for_a_while(odd, group, is_refused):
    width = Width(widest=40)
    width.read(limits(40, remaining=32))
    width.went_well(full=True)
    if is_refused:
        width.was_refused()
    before = width.calls

    width.read(limits(odd, remaining=odd, group=group))
    width.went_well(full=False)
    for _ in range(101):
        width.read(limits(40, remaining=0))  # the others use the tenant: nothing widens it

    assert width.calls == before


def test_a_small_limit_is_kept_while_each_answer_repeats_it_and_no_longer_once_none_does():
    width = Width(widest=40, first=20)
    seen = []
    for headers in [limits(2, remaining=1)] * 300 + [{}] * 101:
        width.read(headers)
        seen.append(width.calls)

    assert seen == [2] * 400 + [20]


def test_limits_of_ever_new_kinds_do_not_pile_up():
    width = Width(widest=40)
    for number in range(1000):
        width.read(limits(30, group=f"kind {number}"))

    assert len(width._limits) <= 101


def test_a_refusal_under_a_small_limit_counts_from_that_limit():
    width = Width(widest=40, first=20)
    width.read(limits(5, remaining=0))
    width.was_refused()

    assert width.calls == 4


def test_the_width_waits_while_others_use_the_tenant():
    width = Width()
    width.read(limits(40, remaining=0))
    for _ in range(100):
        width.went_well(full=True)

    assert width.calls == 8


def test_what_is_reported_as_free_is_used_at_once_and_no_more():
    width = Width(first=8)
    width.read(limits(40, remaining=5))
    width.went_well(full=True)
    assert width.calls == 13

    width.read(limits(40, remaining=36))
    width.went_well(full=True)
    assert width.calls == 40


async def answered(pace, status=200, **said):
    """A call by itself, and what its answer said."""
    await pace.enter()
    pace.leave(status, limits(**said) if said else {}, None)


async def test_a_single_read_shows_how_many_may_go_at_once(clock):
    pace = Pace(clock)
    await answered(pace, limit=40, remaining=39)
    assert pace.width == 39

    await answered(pace, limit=40, remaining=3)  # others use the tenant meanwhile
    assert pace.width == 8


async def test_what_a_read_learned_counts_once(clock):
    pace = Pace(clock)
    for _ in range(8):
        await pace.enter()
    pace.leave(200, limits(40, remaining=20), None)

    assert pace.width == 28


async def test_a_larger_limit_says_nothing_about_mails(clock):
    pace = Pace(clock)
    await answered(pace, limit=80, remaining=79, group="Object Query")

    assert pace.width == 8


async def test_a_refusal_never_widens_and_nothing_is_taken_at_once_after_it(clock):
    pace = Pace(clock)
    await answered(pace, status=429, limit=40, remaining=30)
    assert pace.width == 7

    await answered(pace, limit=40, remaining=39)
    assert pace.width == 7


async def test_one_call_at_a_time_after_many_refusals_becomes_more_again(clock):
    pace = Pace(clock, Width(first=1))
    await answered(pace, status=429, limit=40, remaining=0)
    for _ in range(5):
        await answered(pace, limit=40, remaining=39)

    assert pace.width == 2


def test_each_refusal_takes_one_place_and_one_stays():
    width = Width(first=6)
    for _ in range(3):
        width.was_refused()
    assert width.calls == 3

    for _ in range(9):
        width.was_refused()
    assert width.calls == 1


def test_after_a_refusal_one_more_is_tried_only_now_and_then():
    width = Width(first=10)
    width.was_refused()
    needed = 0
    while width.calls == 9:
        width.went_well(full=True)
        needed += 1

    assert needed == 45


async def test_the_gate_lets_so_many_through_and_the_next_when_one_leaves(clock):
    pace = Pace(clock, Width(first=2))
    await pace.enter()
    await pace.enter()
    third = asyncio.create_task(pace.enter())
    await asyncio.sleep(0)
    assert not third.done()

    pace.leave(None, {}, None)

    assert await third == 0
    assert pace.at_the_gate == 2


async def test_a_spent_rate_makes_everybody_rest(clock):
    pace = Pace(clock, Width(first=4))
    await pace.enter()
    pace.leave(429, {"RateLimit-Remaining": "0"}, 20.0)

    started = clock.now()
    assert await pace.enter() == 0
    assert clock.now() - started == timedelta(seconds=20)
    assert pace.width == 4


@pytest.mark.parametrize("hours", [-1, 1])
async def test_a_rest_is_as_long_as_it_was_asked_for_however_the_clock_is_set(clock, hours):
    pace = Pace(clock, Width(first=4))
    await pace.enter()
    pace.leave(429, {"RateLimit-Remaining": "0"}, 20.0)

    clock.moment += timedelta(hours=hours)

    assert await pace.enter() == 0
    assert clock.slept == [20]


async def test_a_long_rest_is_returned_instead_of_sat_out(clock):
    pace = Pace(clock, Width(first=4))
    await pace.enter()
    pace.leave(429, {"RateLimit-Remaining": "0"}, 600.0)

    assert await pace.enter() == 600
    assert (pace.at_the_gate, clock.slept) == (0, [])


async def test_one_call_too_many_narrows_and_the_others_go_on(clock):
    pace = Pace(clock, Width(first=4))
    await pace.enter()
    pace.leave(429, {"RateLimit-Remaining": "49000"}, 120.0)

    assert pace.width == 3
    assert await pace.enter() == 0
    assert clock.slept == []


async def test_the_last_place_rests_when_it_is_refused(clock):
    pace = Pace(clock, Width(first=1))
    await pace.enter()
    pace.leave(429, {}, 5.0)

    await pace.enter()
    assert clock.slept == [5]


async def test_those_in_line_get_in_after_a_rest(clock):
    pace = Pace(clock, Width(first=1))
    await pace.enter()
    waiting = [asyncio.create_task(pace.enter()) for _ in range(2)]
    await asyncio.sleep(0)
    pace.leave(429, {}, 5.0)

    assert await waiting[0] == 0
    pace.leave(200, {}, None)
    assert await waiting[1] == 0
    assert clock.slept == [5]


class Narrow:
    """A server that takes `limit` calls at once and says nothing of it; it answers once all of them have come."""

    def __init__(self, limit):
        self.limit, self.busy = limit, 0
        self.statuses = Counter[int]()
        self._done = asyncio.Event()

    async def token(self, _):
        return web.json_response({"access_token": "abc", "expires_in": 3598})

    async def mail(self, request):
        await request.read()
        if self.busy >= self.limit:
            self.statuses[429] += 1
            return web.json_response({"reasons": [{"code": 50000070}]}, status=429)
        self.busy += 1
        await self._done.wait()
        self.busy -= 1
        self.statuses[200] += 1
        return web.json_response({"success": True})

    async def answer(self):
        """Answer whoever waits each time that nothing happens: on a busy machine calls come slowly, and none is missed."""
        while True:
            await nothing_happens(3)
            done, self._done = self._done, asyncio.Event()
            done.set()


@pytest.mark.parametrize("limit", [8, 20])
async def test_a_limit_that_is_not_reported_is_found_and_hardly_ever_tried_beyond(make, limit):
    server = Narrow(limit)
    app = web.Application()
    app.router.add_post("/oauth/token", server.token)
    app.router.add_post("/{rest:.*}", server.mail)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    zuora = make(base_url=f"http://127.0.0.1:{runner.addresses[0][1]}", widest=200)
    answering = asyncio.create_task(server.answer())

    async def send(number):
        while True:
            try:
                return await zuora.email_document(
                    "invoice",
                    f"INV{number}",
                    EmailBody(),
                    track_id="t",
                    idempotency_key=f"k{number}",
                )
            except ZuoraBusy:
                await asyncio.sleep(0.01)

    try:
        await asyncio.gather(*(send(number) for number in range(10 * limit)))
        while_it_was_found = server.statuses[429]
        await asyncio.gather(*(send(number) for number in range(20 * limit)))
    finally:
        answering.cancel()
        await runner.cleanup()

    assert server.statuses[200] == 30 * limit
    assert server.statuses[429] - while_it_was_found < 0.05 * 20 * limit
    assert zuora.width >= limit - 2
    assert limit - 3 <= zuora.width <= limit + 1
