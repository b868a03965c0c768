"""A sandbox in one file: what Slack shows, what Zuora holds, and the bot's own database."""

import pickle
import tempfile
import zipfile
import zlib
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

from bot.sandbox.slack.workspace import Workspace
from bot.sandbox.zuora.world import World

SOON = timedelta(minutes=10)
"""How far ahead Zuora's pending work is finished before it is kept, so that none of it is lost."""
OTHER = "is damaged, or was saved by another version of the sandbox. It was not changed."
UNREADABLE = (
    pickle.UnpicklingError, zlib.error, AttributeError, EOFError, ImportError, KeyError, OSError, TypeError, ValueError,
)  # fmt: skip
_STATE = "state.pickle"


@dataclass
class Kept:
    """The state that is kept besides the bot's files."""

    workspace: Workspace
    world: World
    policy: str
    ahead: timedelta
    zuora_port: int
    """An approval is bound to Zuora's address, so the port has to stay the same."""


class KeptError(Exception):
    """The file cannot be used; the text says why."""


def load(file: Path, folder: Path) -> Kept | None:
    """Put the bot's files into a folder and return the rest; None if there is no file yet.

    The file is a pickle in a zip, which can run code: open only what your own sandbox has kept.

    Raises:
        KeptError: The file is not a sandbox's, another version kept it, or it cannot be written at the end.
    """
    _refuse_what_cannot_be_written(file)
    if not file.exists():
        return None
    try:
        with zipfile.ZipFile(file) as kept:
            for name in kept.namelist():
                if name.startswith("bot/"):
                    (folder / Path(name).name).write_bytes(kept.read(name))
            state = pickle.loads(kept.read(_STATE))  # noqa: S301 - made by `save` on this machine
    except zipfile.BadZipFile as wrong:
        raise KeptError(
            f"{file} is not a sandbox that --keep saved. It was not changed."
        ) from wrong
    except UNREADABLE as wrong:
        raise KeptError(f"{file} {OTHER}") from wrong
    if not isinstance(state, Kept):
        raise KeptError(f"{file} {OTHER}")
    return state


def _refuse_what_cannot_be_written(file: Path) -> None:
    """Try it at the start: at the end everything would be lost."""
    try:
        with tempfile.TemporaryFile(dir=file.parent):
            pass
    except OSError as error:
        raise KeptError(f"{file} cannot be written: {error.strerror}.") from error


def save(file: Path, folder: Path, kept: Kept) -> None:
    """Write everything into the file, in one step. The bot has stopped by then.

    Raises:
        KeptError: It cannot be written; what the file had is still there.
    """
    partial = file.with_name(f"{file.name}.part")
    try:
        with zipfile.ZipFile(partial, "w", zipfile.ZIP_DEFLATED) as made:
            made.writestr(_STATE, pickle.dumps(kept))
            for each in sorted(folder.glob("billing-bot.db*")):
                if not each.name.endswith(".lock"):
                    made.write(each, f"bot/{each.name}")
        partial.replace(file)
    except OSError as error:
        raise KeptError(
            f"The sandbox was not kept: {file} cannot be written: {error.strerror}."
        ) from error
