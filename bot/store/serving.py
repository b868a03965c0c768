"""Questions to a server's database from where psycopg may not be there."""

from importlib import import_module
from typing import Protocol, cast


class Server(Protocol):
    """As `bot.store.postgres.promises.Server`."""

    @property
    def version(self) -> str:
        """Return the server's."""

    @property
    def size(self) -> int:
        """Bytes of the database."""

    @property
    def is_made(self) -> bool:
        """Return whether the database has its tables."""

    @property
    def pending(self) -> int:
        """Steps that the next start takes."""

    @property
    def weak(self) -> list[tuple[str, str]]:
        """Return what it does not promise, and what to do."""


def asked(url: str) -> Server:
    """Return what a server says of itself; nothing is changed there.

    Raises:
        StoreError: It cannot be asked.
    """
    return cast("Server", import_module("bot.store.postgres.promises").asked(url))


def missing(url: str) -> list[str]:
    """Triggers that the server has not, has switched off, or has otherwise.

    Raises:
        StoreError: It cannot be asked.
    """
    return cast("list[str]", import_module("bot.store.postgres.rules").missing(url))
