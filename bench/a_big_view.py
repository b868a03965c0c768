"""Says how long it takes to show a request of so many documents: by its run, and by their numbers.

`python -m bench.a_big_view URL DOCUMENTS`, with the URL of a `bench.big_server`.
"""

import asyncio
import statistics
import sys
import time
import tracemalloc
from collections.abc import Awaitable, Callable
from tempfile import TemporaryFile

from bench.a_big_list import numbers_of
from bench.big_server import RUN
from bench.stage import ALICE, ask_for, place
from bench.watch import say
from bot.cards.card import card, in_a_list
from bot.cards.details import Page, details
from bot.domain.authority import Person
from bot.domain.request import Request
from bot.operations.catalog import OPERATIONS
from bot.sandbox.slack.workspace import TEAM_ID
from bot.status import answers
from bot.status.export import export
from bot.status.lists import Links
from bot.status.month import read_month
from bot.store.store import Store
from bot.wiring.running import Bot
from bot.workflow.ask import ask
from bot.workflow.beside import beside
from bot.workflow.ready import Asker

TIMES = 7
LINKS = Links("https://example.slack.com/")


async def seconds_of(work: Callable[[], object]) -> float:
    """In the median; what the first time finds in no cache is no more than one of them."""
    found = []
    for _ in range(TIMES):
        started = time.perf_counter()
        made = work()
        if isinstance(made, Awaitable):
            await made
        found.append(time.perf_counter() - started)
    return statistics.median(found)


def views(store: Store, request: Request) -> dict[str, Callable[[], object]]:
    """What people look at, by name."""
    number, month = request.number, f"{request.created_at:%Y-%m}"

    def also() -> Request:
        found = store.requests.get(number)
        assert found is not None  # noqa: S101 - it was saved just now
        return found

    def listed() -> object:
        documents, of = store.listed.page(number, 0, 20)
        return details(also(), beside(store, request), Page(documents, 0, of, 20, ""))

    async def exported() -> None:
        with TemporaryFile() as into:
            await export(store, month, "csv", into)

    return {
        "card": lambda: card(also(), also=beside(store, request)),
        "Details": listed,
        "Home": lambda: in_a_list(also(), beside(store, request), ()),
        "status": lambda: answers.story(store, LINKS, number),
        "month": lambda: read_month(store, month),
        "export": exported,
    }


async def held(store: Store, request: Request) -> dict[str, int]:
    """Return the bytes of a month's file, and the most that writing it held in memory."""
    with TemporaryFile() as into:
        tracemalloc.start()
        await export(store, f"{request.created_at:%Y-%m}", "csv", into)
        _, most = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        return {"exported": into.tell(), "held": most}


async def listed_by_number(bot: Bot, documents: int) -> Request:
    """A request for all of them by number."""
    person = Person(user_id=ALICE, team_id=TEAM_ID, memberships={"S0BILLING": True})
    asker = Asker(person=person, form_id="bench:list", reason="Month end")
    numbers = [each for each in numbers_of(documents) if each.startswith("INV")]
    typed = {"documents": " ".join(numbers)}
    found = await ask(bot.parts, [(OPERATIONS["email_invoice"], typed)], asker)
    if not isinstance(found, tuple):
        raise TypeError(f"it could not be asked for: {found}")
    return found[0]


async def main(url: str, documents: int) -> None:
    """Measure both."""
    found: dict[str, float] = {}
    for kind in ("run", "list"):
        async with place(zuora_base_url=url) as here, here.hands() as bot:
            store = bot.parts.store
            if kind == "run":
                (number,) = await ask_for(bot, [RUN])
                request = store.requests.get(number)
            else:
                request = await listed_by_number(bot, documents)
            assert request is not None  # noqa: S101 - it was saved just now
            for name, work in views(store, request).items():
                found[f"{name} of a {kind}"] = await seconds_of(work)
            found |= await held(store, request)  # that of the list stands
    say(**found)


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], int(sys.argv[2])))
