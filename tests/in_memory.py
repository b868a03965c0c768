"""The folder in memory that tests write to where this machine has one: each commit waits for a disk, none for memory."""

import os
import shutil
from pathlib import Path

FOLDER = Path("/dev/shm")  # noqa: S108 - what is made in it is a folder of its own, nobody else's
ROOM = 2**30
"""Bytes that must be free in it. A container has 64 MB as a rule, and goes on with its disk."""


def folder() -> Path | None:
    """The folder where there is enough room in it, otherwise none."""
    return FOLDER if FOLDER.exists() and shutil.disk_usage(FOLDER).free > ROOM else None


def use_it() -> None:
    """Let pytest make the tests' own folders there, unless its options or its environment name another place."""
    if (found := folder()) is not None:
        os.environ.setdefault("PYTEST_DEBUG_TEMPROOT", str(found))
