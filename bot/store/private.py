"""Files with billing data: made for their owner alone, whatever the umask."""

import logging
import os
import stat
from pathlib import Path

logger = logging.getLogger(__name__)

BESIDE = ("", "-wal", "-shm", ".lock", ".opening")
"""What stands beside a database file, by the end of its name."""


def made(path: Path | str, *, empty: bool = False) -> Path:
    """Make a file that only its owner can read, unless it is there; then leave its mode.

    What root makes in the folder of somebody else belongs to them, so that the bot, which is not
    root, can go on with it after a command that was run with sudo.

    Args:
        path: Where.
        empty: Throw away what it holds.

    Raises:
        OSError: It cannot be written there.
    """
    how = os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | (os.O_TRUNC if empty else 0)
    is_new = not Path(path).exists()
    descriptor = os.open(path, how, stat.S_IRUSR | stat.S_IWUSR)
    try:
        if is_new and os.geteuid() == 0:
            folder = Path(path).parent.stat()
            os.fchown(descriptor, folder.st_uid, folder.st_gid)
    finally:
        os.close(descriptor)
    return Path(path)


def warn_of_wide_modes(path: Path | str) -> None:
    """Say which files of a database others can read or write."""
    for end in BESIDE:
        file = Path(f"{path}{end}")
        if not file.exists():
            continue
        mode = stat.S_IMODE(file.stat().st_mode)
        if mode & (stat.S_IRWXG | stat.S_IRWXO):
            logger.warning(
                "others_can_open_a_file_with_billing_data: chmod 600 mends that",
                extra={"file": file.name, "mode": f"{mode:o}"},
            )
