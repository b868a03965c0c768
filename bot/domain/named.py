"""How a button, a form or the Home tab names a request, and whether it means the stored one.

The same number can come again: after an older copy was put back, with a new database, or with a second bot on
the same Slack app. So the name is the number with a random part that is stored with the request, as in
`R-17.k3f9…-9ac2…`; after the hyphen stands the database that made it.
"""

import re
from collections.abc import Collection
from dataclasses import dataclass

from bot.domain.authority import Refusal
from bot.domain.request import Request

_NAME = re.compile(r"R-(\d{1,12})\.([0-9A-Za-z-]{1,100})", re.ASCII)
_NUMBER_ALONE = re.compile(r"\d{1,12}", re.ASCII)


@dataclass(frozen=True, slots=True, kw_only=True)
class Named:
    """What a click or a form names.

    Attributes:
        number: The request's number.
        token: Its random part; empty in messages from before there was one.
        channel: Slack channel id of the button's message; empty for a form and for the Home tab.
        ts: Slack's `ts` of that message; `thread_ts` is that of the card above it, if any.
        database: Id of the database that wrote that message; empty if Slack does not pass it on.
    """

    number: int
    token: str = ""
    channel: str = ""
    ts: str = ""
    thread_ts: str = ""
    database: str = ""


def named(text: str) -> Named | None:
    """Read `R-17.k3f9…`, or the number alone from an older message; None for anything else."""
    if found := _NAME.fullmatch(text):
        return Named(number=int(found[1]), token=found[2])
    return Named(number=int(text)) if _NUMBER_ALONE.fullmatch(text) else None


def new_token(random: str, database: str) -> str:
    """Return the random part of a new request's name.

    Args:
        random: A random text, made for this request alone.
        database: Id of the database that it is saved in.
    """
    return f"{random}-{database}"


def misnamed(name: Named, request: Request | None, databases: Collection[str]) -> Refusal | None:
    """Return why a name does not mean the stored request with its number; None: it does.

    A name without a random part counts only on the request's own card or in its thread.

    Args:
        name: As it came from Slack.
        request: The stored one of that number, if there is one.
        databases: Ids of this database, now and before.
    """
    if name.token:
        if request is not None and name.token == request.token:
            return None
        made_in = name.token.rpartition("-")[2]
        return Refusal.ANOTHER_REQUEST if made_in in databases else Refusal.ANOTHER_DATABASE
    if name.database and name.database not in databases:
        return Refusal.ANOTHER_DATABASE
    if request is None:
        return Refusal.NO_SUCH_REQUEST
    shown_here = name.channel == request.channel and request.card_ts in (name.ts, name.thread_ts)
    return None if request.card_ts and shown_here else Refusal.ANOTHER_REQUEST
