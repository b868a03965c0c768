"""Names the programs that have locked a database file; only Linux shows them."""

import os
from pathlib import Path

FILES = ("-shm", "")
"""SQLite locks bytes of the index of its log, and of the file itself."""


def holders(path: Path | str) -> str:
    """Name the other programs that hold a lock on the file: `sqlite3 (pid 4711)`; empty if none is seen."""
    inodes = {found for end in FILES if (found := _inode(f"{path}{end}"))}
    try:
        lines = Path("/proc/locks").read_text().splitlines()
    except OSError:
        return ""
    pids = {
        int(words[4])
        for line in lines
        # 1: POSIX ADVISORY WRITE 4711 fe:01:393230 120 120
        if len(words := line.split()) >= 6  # noqa: PLR2004 - columns
        and words[3] == "WRITE"
        and words[5].rpartition(":")[2] in inodes
        and words[4].isdigit()
    }
    return ", ".join(f"{_name(pid)} (pid {pid})" for pid in sorted(pids - {os.getpid(), 0}))


def _inode(path: str) -> str:
    try:
        return str(Path(path).stat().st_ino)
    except OSError:
        return ""


def _name(pid: int) -> str:
    try:
        return Path(f"/proc/{pid}/comm").read_text().strip()
    except OSError:
        return "a program"
