"""Whether a database is older than the world: what Slack shows is compared with what it holds. No I/O.

Every message says which database wrote it, and how far its history had come. A database that was
put back from a backup knows less than its own messages; one that is not alone finds messages of
another one that are newer than its own.
"""

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from decimal import Decimal


@dataclass(frozen=True, slots=True, kw_only=True)
class Shown:
    """What a message of the bot says of the database that wrote it.

    Attributes:
        ts: Slack's `ts` of the message.
        database: The database's id.
        history: Where its history ended when the message was sent, or last edited.
        request: The request's number; 0 for none.
    """

    ts: str
    database: str
    history: int
    request: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Own:
    """What a database knows of itself.

    Attributes:
        ids: Its ids, the present one last.
        head: Where its history ends.
        latest_ts: The latest `ts` of a message that it knows it has sent; empty for none.
        seen_until: The latest `ts` that was seen when it began anew after a restored copy.
    """

    ids: Collection[str]
    head: int
    latest_ts: str = ""
    seen_until: str = ""


RESTORED = (
    "This database is an older copy: Slack shows what happened after it ({shown} of the history; "
    "the copy ends at {head})"
)
ANOTHER = "Another database has posted here since this one did (the latest was about {request})"
HELD = (
    "{why}. Nothing is carried out or sent until whoever runs Billing Bot has stopped it, made sure "
    "that it alone works here, and run `billing-bot resume-after-restore`."
)


def why_held(own: Own, shown: Iterable[Shown]) -> str:
    """Why nothing may be carried out, in one sentence; empty: the database is the newest there is.

    Args:
        own: What the database knows.
        shown: Messages of the bot as they stand in Slack, in any order.
    """
    shown = tuple(shown)
    present = tuple(own.ids)[-1]
    newest = max((each.history for each in shown if each.database == present), default=0)
    if newest > own.head:
        return HELD.format(why=RESTORED.format(shown=newest, head=own.head))
    since = max(_order(own.latest_ts), _order(own.seen_until))
    others = [each for each in shown if each.database not in own.ids and _order(each.ts) > since]
    if own.latest_ts and others:
        last = max(others, key=lambda each: _order(each.ts))
        request = f"R-{last.request}" if last.request else "no request"
        return HELD.format(why=ANOTHER.format(request=request))
    return ""


def latest(shown: Iterable[Shown]) -> str:
    """The latest `ts`; empty for none."""
    return max((each.ts for each in shown), key=_order, default="")


def _order(ts: str) -> Decimal:
    return Decimal(ts) if ts and ts.replace(".", "", 1).isdigit() else Decimal(0)
