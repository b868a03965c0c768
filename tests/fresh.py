"""A new database file, as the bot's first start leaves it, without running the migrations again."""

import secrets
import tempfile
from functools import cache
from pathlib import Path

from bot.store.private import made
from bot.store.store import Store


def fresh(path: Path | str) -> Path:
    """Write a migrated, empty database to `path`, with its own id; returns the path.

    Its bytes are those of a file that `Store.open` has made in this process: 36 migrations take ten
    times as long as the rest of a start. Whoever tests migrations opens a file that is not there.
    """
    whole, its_id = _migrated()
    made(path).write_bytes(whole.replace(its_id, secrets.token_hex(8).encode()))
    return Path(path)


@cache
def _migrated() -> tuple[bytes, bytes]:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "billing-bot.db"
        store = Store.open(path)
        its_id = store.copies.id.encode()
        store.close()
        return path.read_bytes(), its_id
