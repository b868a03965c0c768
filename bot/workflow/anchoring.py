"""Leaves heads where nobody who can write the database can change them: in a folder.

The other places are an authority for time stamps, `stamping`, and a mailbox, `anchor_mail`.
"""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from bot.domain.history import Head
from bot.workflow.signing import Signer, text_of

READ_ONLY = 0o444


class NotLeftError(Exception):
    """A head could not be left; the message says why."""


class Keeper(Protocol):
    """A place where a head can be left."""

    @property
    def where(self) -> str:
        """Return its name in the history."""
        ...

    async def leave(self, head: Head, signed: str, /) -> Mapping[str, Any]:
        """Leave a head there, and return what the history records about it.

        Raises:
            NotLeftError: It was not taken.
        """
        ...


@dataclass(frozen=True, slots=True)
class Folder:
    """A folder on a disk that keeps what is written (WORM), or a bucket that is mounted as one.

    Each head is a separate file, written once, with the head's text and its signature if it has
    one.
    """

    path: Path

    @property
    def where(self) -> str:
        """Return its name in the history."""
        return "folder"

    async def leave(self, head: Head, signed: str, /) -> Mapping[str, Any]:
        """Write the head into a file.

        Raises:
            NotLeftError: The file cannot be written, or already exists with another text.
        """
        return await asyncio.to_thread(self._write, head, signed)

    def _write(self, head: Head, signed: str) -> Mapping[str, Any]:
        file = self.path / f"head-{head.sequence:012}.txt"
        text = f"{text_of(head)}\n{signed}\n" if signed else f"{text_of(head)}\n"
        try:
            with file.open("x", encoding="utf-8") as new:
                new.write(text)
            file.chmod(READ_ONLY)
        except FileExistsError:
            if file.read_text(encoding="utf-8", errors="replace") != text:
                msg = f"{file} says another head than the history does"
                raise NotLeftError(msg) from None
        except OSError as error:
            msg = f"{file} cannot be written: {error.strerror}"
            raise NotLeftError(msg) from error
        return {"file": str(file)}


@dataclass(frozen=True, slots=True)
class Anchors:
    """Where heads are left.

    Attributes:
        channel: Slack channel id; empty for none.
        places: The folder, the authority and the mailbox, as far as they are set.
        signer: Signs them; None for none.
        every: After so many rows a head is due even within the hour.
    """

    channel: str = ""
    places: tuple[Keeper, ...] = ()
    signer: Signer | None = None
    every: int = 1000

    @property
    def is_any(self) -> bool:
        """Return whether heads are left anywhere or signed."""
        return bool(self.channel or self.places or self.signer)
