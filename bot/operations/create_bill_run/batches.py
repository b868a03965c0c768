"""Batches of accounts by name, and which of them a tenant has. No I/O."""

import re
from collections.abc import Iterable

from bot.operations.create_bill_run.body import ALL_BATCHES
from bot.operations.create_bill_run.typed import quoted

MOST_BATCHES = 200
"""The most batches that a tenant can have, with Zuora's Performance Booster; a setting says how many this one has."""

_BATCH = re.compile(r"(?:batch)?\s*0*([1-9]\d{0,2})", re.ASCII | re.IGNORECASE)


def batch_named(typed: str) -> str | None:
    """Return `Batch7` for `Batch7`, `batch7` and `7`; `AllBatches` for `all`; None for anything else."""
    if typed.lower() in ("allbatches", "all"):
        return ALL_BATCHES
    match = _BATCH.fullmatch(typed)
    return f"Batch{match[1]}" if match and int(match[1]) <= MOST_BATCHES else None


def batch_order(batch: str) -> tuple[int, str]:
    """Return a sort key that orders batches by number."""
    return len(batch), batch


def beyond(batches: Iterable[str], highest: int) -> str:
    """Return that some of these batches are above the tenant's highest; empty: none is.

    Args:
        batches: Names as `batch_named` gives them.
        highest: The number of the tenant's last batch, as the setting says.
    """
    last = f"Batch{highest}"
    above = [
        each for each in batches if each != ALL_BATCHES and batch_order(each) > batch_order(last)
    ]
    if not above:
        return ""
    return (
        f"{quoted(above)} is above {last}, the highest batch that this bot knows. If your Zuora has "
        "more, whoever runs the bot can set ZUORA_BATCHES to their number."
    )
