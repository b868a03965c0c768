"""Makes a database file so large that a bot checks it only after its start."""

import os
import sqlite3
from contextlib import closing

LARGE = 100 << 20
"""Bytes of a value that the bot never reads."""

PAGE = 4096


def make_large(path, *, damaged):
    """Make the file large, with three damaged pages in the middle of what makes it large, or none."""
    begins = path.stat().st_size
    with closing(sqlite3.connect(path)) as database:
        database.execute("CREATE TABLE padding (bytes BLOB)")
        database.execute("INSERT INTO padding VALUES (zeroblob(?))", [LARGE])
        database.commit()
        database.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    if damaged:
        with path.open("r+b") as file:
            file.seek((begins + LARGE // 2) // PAGE * PAGE)
            file.write(os.urandom(3 * PAGE))
