"""Asks a server's database from code that must also run without psycopg."""

from importlib import import_module
from typing import Protocol, cast


class Server(Protocol):
    """What a server says about itself; see `bot.store.postgres.promises`."""

    @property
    def version(self) -> str:
        """Return the server's version, in words."""

    @property
    def size(self) -> int:
        """Return the bytes of the database."""

    @property
    def is_made(self) -> bool:
        """Return whether the database has its tables."""

    @property
    def pending(self) -> int:
        """Return how many migrations the next start applies."""

    @property
    def weak(self) -> list[tuple[str, str]]:
        """Return what the server does not promise, and what to do."""


def asked(url: str) -> Server:
    """Return what a server says about itself, without changing anything there.

    Raises:
        StoreError: It cannot be asked.
    """
    return cast("Server", import_module("bot.store.postgres.promises").asked(url))


def missing(url: str) -> list[str]:
    """Return the triggers that the server lacks, has switched off, or has in another form.

    Raises:
        StoreError: It cannot be asked.
    """
    return cast("list[str]", import_module("bot.store.postgres.rules").missing(url))


def policy_read_last(url: str) -> str:
    """Return the hash of the policy that a process on the server's database has read last; empty before the first.

    Raises:
        StoreError: It cannot be asked.
    """
    return cast("str", import_module("bot.store.postgres.promises").policy_read_last(url))


def newest_message(url: str) -> int:
    """Return the newest message of the outbox of a server's database.

    Raises:
        StoreError: It cannot be asked.
    """
    return cast("int", import_module("bot.store.postgres.promises").newest_message(url))
