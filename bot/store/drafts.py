"""Keeps what people typed into fields that their form does not show right now, because Slack cannot."""

import json
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from bot.store.engine import Database
from bot.store.times import to_text

KEPT_FOR = timedelta(days=7)


class KeptValues:
    """Kept values, written once and never changed, so that an older view of a form finds its own."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def add(self, name: str, person: str, kept: Mapping[str, Any], now: datetime) -> None:
        """Keep these values for a week, and forget older ones; inside a transaction."""
        self._database.execute("DELETE FROM drafts WHERE at <= ?", [to_text(now - KEPT_FOR)])
        self._database.execute(
            "INSERT INTO drafts (id, person, kept, at) VALUES (?, ?, ?, ?)",
            [name, person, json.dumps(dict(kept)), to_text(now)],
        )

    def get(self, name: str, person: str, now: datetime) -> dict[str, Any]:
        """Return what this person typed; empty for anybody else, and after a week."""
        row = self._database.execute(
            "SELECT kept FROM drafts WHERE id = ? AND person = ? AND at > ?",
            [name, person, to_text(now - KEPT_FOR)],
        ).fetchone()
        found = json.loads(row[0]) if row is not None else {}
        return found if isinstance(found, dict) else {}
