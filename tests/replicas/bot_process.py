"""The bot as `billing-bot run` starts it, with short pauses; it can be made to stand still at one moment.

`--freezes-before PATH`: once, between the commit that says that a request to a path with these letters goes
out, and the request: by then its connection stands, or is about to.

`--of-a-version-that changes-tables` or `adds-an-index`: it knows a migration more than this version does.
"""

import os
import signal
import sys
from typing import Any

import aiohttp

from bot.cli.serve import serve
from bot.store import schema
from bot.store.postgres.connection import Bounded
from bot.wiring.build import Tuning

FLAG = "--freezes-before"
NEWER = "--of-a-version-that"
MIGRATIONS = {
    "changes-tables": "ALTER TABLE requests ADD COLUMN later INTEGER NOT NULL DEFAULT 0",
    "adds-an-index": "CREATE INDEX requests_later ON requests (requester)",
}


def freeze_before(path: str) -> None:
    """Have the first such request of this process stand still before it goes on its way."""
    request = aiohttp.ClientSession._request
    frozen = False

    async def watched(self: Any, method: str, url: Any, **how: Any) -> Any:
        nonlocal frozen
        if path in str(url) and not frozen:
            frozen = True
            os.kill(os.getpid(), signal.SIGSTOP)
        return await request(self, method, url, **how)

    aiohttp.ClientSession._request = watched  # type: ignore[method-assign, assignment]


def know_more(does: str) -> None:
    """Be a version with one more migration."""
    name = f"9999_{does}"
    schema.migrations(name=name)(lambda database: database.execute(MIGRATIONS[does]))
    if does == "adds-an-index":
        schema.BESIDE_OLDER |= {name}


if __name__ == "__main__":
    # these tests share their machine
    Bounded.longest = float(os.environ.get("LONGEST_SECONDS", "10"))
    if FLAG in sys.argv:
        freeze_before(sys.argv[sys.argv.index(FLAG) + 1])
    if NEWER in sys.argv:
        know_more(sys.argv[sys.argv.index(NEWER) + 1])
    serve(
        "run",
        Tuning(seconds_a_message=0.0, look_seconds=0.2, zuora_read_seconds=10.0),
        host="127.0.0.1",
    )
