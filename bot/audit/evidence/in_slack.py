"""Reading Slack: the cards of a period still stand under their `ts`, each with its thread."""

from collections.abc import Sequence
from typing import Any, NamedTuple, Protocol

PAGE = 200
MOST_PAGES = 5000


class Card(NamedTuple):
    """A card as the database knows it: where it stands, and how many messages went into its thread."""

    request: int
    channel: str
    ts: str
    replies: int


class History(Protocol):
    """A page of a channel's messages, oldest first or newest first."""

    async def __call__(
        self, channel: str, oldest: str, cursor: str
    ) -> tuple[list[dict[str, Any]], str]:
        """The messages, and where the next page begins; empty for no more."""
        ...


def not_read(why: str) -> dict[str, Any]:
    """What is not known is no light that is green."""
    return {
        "status": "not done",
        "why": why,
        "address": "",
        "cards": 0,
        "missing": [],
        "threads": [],
    }


async def compared(cards: Sequence[Card], address: str, history: History) -> dict[str, Any]:
    """Which cards stand in Slack, and which threads have fewer messages than went there."""
    found: dict[tuple[str, str], int] = {}
    wanted = {(each.channel, each.ts) for each in cards}
    for channel in sorted({each.channel for each in cards}):
        oldest, cursor = min(each.ts for each in cards if each.channel == channel), ""
        for _ in range(MOST_PAGES):
            messages, cursor = await history(channel, oldest, cursor)
            for message in messages:
                place = (channel, str(message.get("ts")))
                if place in wanted:
                    found[place] = int(message.get("reply_count") or 0)
            if not cursor:
                break
    missing = [each for each in cards if (each.channel, each.ts) not in found]
    short = [
        each for each in cards if found.get((each.channel, each.ts), each.replies) < each.replies
    ]
    return {
        "status": "done",
        "why": "",
        "address": address,
        "cards": len(cards) - len(missing),
        "missing": [f"R-{each.request}" for each in missing],
        "threads": [f"R-{each.request}" for each in short],
    }
