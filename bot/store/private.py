"""Makes files with billing data for their owner alone, whatever the umask and whatever was there before."""

import logging
import os
import stat
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

logger = logging.getLogger(__name__)

BESIDE = ("", "-wal", "-shm", ".lock", ".opening", ".process-1", ".process-2")
"""The files beside a database file, by the end of their names."""

_OTHERS = stat.S_IRWXG | stat.S_IRWXO
_OTHERS_WRITE = stat.S_IWGRP | stat.S_IWOTH


def beside(path: Path | str, end: str) -> Path:
    """Return a path beside a database file; where `path` is a link, beside the file itself."""
    return Path(f"{os.path.realpath(path)}{end}")


def made(path: Path | str) -> Path:
    """Make a file that only its owner can read; if it exists, leave its mode.

    What root makes in somebody else's folder belongs to them, so that the bot, which is not root, can use it after a
    command that was run with sudo.

    Raises:
        OSError: It cannot be written there, or it is not a regular file.
    """
    os.close(_opened(path))
    return Path(path)


def opened_alone(path: Path | str) -> int:
    """Open a file, create it or narrow its mode so that nobody else can open it; return the descriptor.

    It is for locks, because anybody who can open a file can hold a lock on it.

    Raises:
        OSError: It cannot be opened or narrowed.
    """
    descriptor = _opened(path)
    try:
        if os.fstat(descriptor).st_mode & _OTHERS:
            os.fchmod(descriptor, stat.S_IRUSR | stat.S_IWUSR)
    except OSError:
        os.close(descriptor)
        raise
    return descriptor


@contextmanager
def replaced(path: Path, *, database: Path | str = "") -> Iterator[Path]:
    """Open a new file to write, which replaces `path` when the block ends without an error.

    Only its owner can read it, from the first byte on, whatever was there before. The old file stays until then, and
    for whoever has it open; a link is not followed.

    Args:
        path: The file to replace.
        database: A database, none of whose files may be replaced.

    Raises:
        OSError: It cannot be written there, or `path` is a link, a folder, or a file of the
            database.
    """
    if path.is_symlink() or (path.exists() and not path.is_file()):
        msg = f"{path} is a link or no file; name a file"
        raise OSError(msg)
    if database and beside(path, "") in [beside(database, end) for end in BESIDE]:
        msg = f"{path} belongs to the database itself; name another file"
        raise OSError(msg)
    try:
        descriptor, name = tempfile.mkstemp(
            prefix=f".{path.name}.", suffix=".part", dir=path.parent
        )
    except OSError as error:
        raise OSError(error.errno, error.strerror, str(path)) from error
    unfinished = Path(name)
    try:
        try:
            _give_to_the_folders_owner(descriptor, path)
        finally:
            os.close(descriptor)
        _warn_of_a_wide_folder(path.parent)
        yield unfinished
        synced(unfinished)
        unfinished.replace(path)
        synced(path.parent)
    finally:
        unfinished.unlink(missing_ok=True)


def synced(path: Path) -> None:
    """Make a file, or the names in a folder, survive a power cut."""
    descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def warn_of_wide_modes(path: Path | str) -> None:
    """Log which files of a database others can read or write, and whether they can replace them."""
    for end in BESIDE:
        file = beside(path, end)
        if not file.exists():
            continue
        mode = stat.S_IMODE(file.stat().st_mode)
        if mode & _OTHERS:
            logger.warning(
                "others_can_open_a_file_with_billing_data: chmod 600 mends that",
                extra={"file": file.name, "mode": f"{mode:o}"},
            )
    _warn_of_a_wide_folder(beside(path, "").parent)


def _warn_of_a_wide_folder(folder: Path) -> None:
    """Log if others can write in a folder, because they can put their own file in place of ours."""
    mode = folder.stat().st_mode
    if mode & _OTHERS_WRITE and not mode & stat.S_ISVTX:
        logger.warning(
            "others_can_replace_files_with_billing_data: chmod go-w on their folder mends that",
            extra={"folder": str(folder), "mode": f"{stat.S_IMODE(mode):o}"},
        )


def _opened(path: Path | str) -> int:
    how = os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NONBLOCK
    try:
        descriptor = os.open(path, how | os.O_EXCL, stat.S_IRUSR | stat.S_IWUSR)
    except FileExistsError:
        descriptor = os.open(path, how, stat.S_IRUSR | stat.S_IWUSR)
    else:
        _give_to_the_folders_owner(descriptor, Path(path))
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        os.close(descriptor)
        msg = "it is no file that keeps what is written"
        raise OSError(msg)
    return descriptor


def _give_to_the_folders_owner(descriptor: int, path: Path) -> None:
    """Give a file that root has just made to the owner of its folder."""
    if os.geteuid() == 0:
        folder = path.parent.stat()
        os.fchown(descriptor, folder.st_uid, folder.st_gid)
