"""Whether a database is older than the world, by comparing it with what Slack shows. No I/O.

Every message says which database wrote it and with which row that database's history ended. A database
that was put back from a backup does not have that row, however many rows it has written since; a
database that is not alone finds messages of another one.
"""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from decimal import Decimal


@dataclass(frozen=True, slots=True, kw_only=True)
class Shown:
    """What a message of the bot says about the database that wrote it.

    Attributes:
        ts: Slack's `ts` of the message.
        database: The database's id.
        history: The last row of its history when the message was sent or last edited.
        mark: The first digits of that row's hash; empty in messages from before there was a mark.
        request: The request's number; 0 for none.
    """

    ts: str
    database: str
    history: int
    mark: str = ""
    request: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class OwnHistory:
    """The history of this database, as far as messages can be compared with it.

    Attributes:
        ids: Its ids, the present one last.
        head: The last row of its history at this start.
        rows: The hashes of the rows that messages name, by number; an empty hash: there is no such
            row.
        since: The latest `ts` in Slack when this database was last found to be the newest, or when
            it resumed after a restored copy; before either, the first `ts` that it sent; empty: it
            has sent none.
    """

    ids: Collection[str]
    head: int
    rows: Mapping[int, str] = field(default_factory=dict)
    since: str = ""


RESTORED = (
    "This database is an older copy: Slack shows what happened after it, and row {shown} of that "
    "history is not in this one"
)
ANOTHER = "Another database has posted here since this one did (the latest was about {request})"
HELD = (
    "{why}. Nothing is carried out or sent until whoever runs Billing Bot has stopped it, made sure "
    "that it alone works here, and run `billing-bot resume-after-restore`."
)


def why_held(own: OwnHistory, shown: Iterable[Shown]) -> str:
    """Return why nothing may be carried out, in one sentence; empty: no database is newer.

    Args:
        own: This database's history.
        shown: The bot's messages in Slack, in any order.
    """
    shown = tuple(shown)
    present = tuple(own.ids)[-1]
    lost = [e.history for e in shown if e.database == present and not _is_written(own, e)]
    if lost:
        return HELD.format(why=RESTORED.format(shown=max(lost)))
    since = _order(own.since)
    others = [each for each in shown if each.database not in own.ids and _order(each.ts) > since]
    if own.since and others:
        last = max(others, key=lambda each: _order(each.ts))
        request = f"R-{last.request}" if last.request else "no request"
        return HELD.format(why=ANOTHER.format(request=request))
    return ""


def _is_written(own: OwnHistory, shown: Shown) -> bool:
    """Return whether this history has the row that the message names."""
    if not shown.mark:
        return shown.history <= own.head
    return own.rows.get(shown.history, shown.mark).startswith(shown.mark)


def latest(shown: Iterable[Shown]) -> str:
    """Return the latest `ts`; empty for none."""
    return max((each.ts for each in shown), key=_order, default="")


def _order(ts: str) -> Decimal:
    return Decimal(ts) if ts and ts.replace(".", "", 1).isdigit() else Decimal(0)
