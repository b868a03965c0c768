"""An entry as the history has it."""

import json
from datetime import datetime
from typing import Any, NamedTuple

from bot.domain.history import SALTS, Entry, What
from bot.store.times import from_text


class Written(NamedTuple):
    """An entry as the history has it."""

    sequence: int
    at: datetime
    entry: Entry
    hash: str


def entry_from_row(row: tuple[Any, ...]) -> Written:
    """Return an entry from its columns."""
    sequence, at, request, what, who, team, data, hashed = row
    read = json.loads(data)
    read.pop(SALTS, None)  # they belong to the row, not to what it says
    entry = Entry(what=What(what), who=who, team=team, request=request, data=read)
    return Written(sequence, from_text(at), entry, hashed)
