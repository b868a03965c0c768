"""Whether a server's database is still the one that the bot wrote to."""

from bot.domain.history import START, Head
from bot.store.contents import is_another
from bot.store.errors import LOCKED_BY_OTHERS
from bot.store.postgres.connection import Bounded

TROUBLES = {"25006": "database read-only", "53100": "database full", "55P03": LOCKED_BY_OTHERS}
"""Troubles by SQLSTATE from which a server can recover by itself."""

_STANDS = """
SELECT (SELECT COALESCE(MAX(sequence), 0) FROM history), (SELECT hash FROM history WHERE sequence = $1)
"""


def is_older(connection: Bounded, head: Head) -> bool:
    """Return whether a known row is missing or different, as on a standby that was behind."""
    if head == START:
        return False
    last, there = connection.execute(_STANDS, [head.sequence]).fetchone() or (0, None)
    return is_another(head, last, there)
