"""Remembers which requests share no document with any other, so that this is looked up again only when needed.

Finding out who else reaches 20,000 documents takes 20 ms, and a card asks each time it is drawn. What a request can
mail never changes, so if nobody shared any of it, nobody does until another request is asked for, begins, or learns
which bill run it has made.
"""

import json
from collections.abc import Iterable
from functools import partial
from typing import Any, NamedTuple

from bot.store.engine import Database, Question, answered, ask, once_committed

MOST = 200
"""How many requests are remembered; more than ever wait at once."""

_HAS_COME = """EXISTS (SELECT 1 FROM history WHERE sequence > :last AND COALESCE(request, 0) <> :request
  AND what IN ('request.asked', 'request.started', 'database.resumed'))"""
_COME_SINCE = f"SELECT {_HAS_COME}"
_LOOK = f"""
SELECT (SELECT sequence FROM history_head WHERE one = 1), {_HAS_COME} OR EXISTS (SELECT 1 FROM mailings
  WHERE document_number = '' AND run IN (SELECT value FROM json_each(:runs)) AND request <> :request)
"""  # noqa: S608 - own words; one statement, because a page of cards asks this for each of them


class _LastAlone(NamedTuple):
    """When a request was last seen to be alone, as the history's sequence, and the bill runs of its documents as JSON."""

    sequence: int
    runs: str


class Alone:
    """Remembers requests that are alone. Each question looks for what came since `last`, so awaits after that do no harm."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._seen: dict[int, _LastAlone] = {}

    def is_alone(self, request: int) -> bool:
        """Return whether the request shared nothing at the last look, and nothing has changed since."""
        return ask(self._database, self.look(request))

    def look(self, request: int) -> Question[bool]:
        """Ask whether a request `is_alone`."""
        seen = self._seen.get(request)
        if seen is None:
            return answered(value=False)

        def found(rows: list[Any]) -> bool:
            ((last, is_shared),) = rows
            if is_shared:
                self.forget(request)
                return False
            self._remember(request, _LastAlone(int(last), seen.runs))
            return True

        values = {"last": seen.sequence, "request": request, "runs": seen.runs}
        return Question((_LOOK, values), found)

    def has_come_since(self, sequence: int, *, not_of: int) -> bool:
        """Return whether another request than this one was asked for, or began, after a row of the history."""
        values = {"last": sequence, "request": not_of}
        (come,) = self._database.execute(_COME_SINCE, values).fetchone()
        return bool(come)

    def last(self) -> int:
        """Return the history's last sequence; read it before looking up who shares anything."""
        (sequence,) = self._database.execute(
            "SELECT sequence FROM history_head WHERE one = 1"
        ).fetchone()
        return int(sequence)

    def found_alone(self, request: int, sequence: int, runs: Iterable[str]) -> None:
        """Remember that nobody shared anything of it as of a sequence of the history; `runs`: those of its documents."""
        self._remember(request, _LastAlone(sequence, json.dumps(sorted(filter(None, runs)))))

    def forget(self, request: int) -> None:
        """Forget a request, because it can now mail more."""
        self._seen.pop(request, None)

    def _remember(self, request: int, seen: _LastAlone) -> None:
        """Remember a request once the transaction is committed, because undone rows give their sequences to others."""
        once_committed(self._database, partial(self._remembered, request, seen))

    def _remembered(self, request: int, seen: _LastAlone) -> None:
        self._seen[request] = seen
        while len(self._seen) > MOST:
            del self._seen[next(iter(self._seen))]
