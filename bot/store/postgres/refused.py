"""Why a server accepts no connection, in one sentence, and whether that ends by itself."""

import re
from typing import NamedTuple

import psycopg

_LASTING = tuple(
    (re.compile(pattern), words)
    for pattern, words in (
        ("password authentication failed", "the server does not take this role's password"),
        ("no password supplied", "the server wants a password: name a file with it in PGPASSFILE"),
        ('role ".*" does not exist', "the server does not know this role"),
        ('database ".*" does not exist', "the server has no such database: create it"),
        ("permission denied for database", "this role may not connect: GRANT CONNECT to it"),
        (r"pg_hba\.conf", "the server's pg_hba.conf lets nobody in like this"),
        ("does not support SSL", "the address asks for TLS, and the server has none"),
        ("certificate", "the server's certificate is not accepted: set sslrootcert to its issuer's"),
    )
)  # fmt: skip
"""Reasons that a person has to remove, by the English words of libpq and servers.

A connection that was never made has no SQLSTATE. Words in another language count as a reason that ends by
itself: they are shown, and the start is tried again.
"""

_FULL = re.compile("too many clients|too many connections|remaining connection slots")
_READ_ONLY = re.compile("session is read-only|in hot standby mode")
_ATTEMPT = re.compile(
    r"^- (host: '.*?', port: '.*?'), hostaddr: .*?: (?:connection failed: )?(.*)", re.MULTILINE
)


def is_full(error: Exception) -> bool:
    """Return whether a server, or its role or database, has as many connections as it takes."""
    return _FULL.search(str(error)) is not None


class NotLetIn(NamedTuple):
    """Why there is no connection: `words` as a sentence without its end, and whether a person must change something."""

    words: str
    lasts: bool


def refusal(error: Exception) -> NotLetIn:
    """Return why a server could not be used.

    If several hosts or a standby refused, the reason ends by itself: another host may take the
    writes soon.
    """
    said = str(error)
    attempts = dict(_ATTEMPT.findall(said))
    first = said.partition("\n")[0].removeprefix("connection failed: ")
    theirs = "; ".join(attempts.values()) if len(attempts) > 1 else first
    if isinstance(error, psycopg.errors.InsufficientPrivilege):
        return NotLetIn(f"this role must own the database and its tables ({theirs})", lasts=True)
    if len(attempts) > 1:
        return NotLetIn(f"none of the servers can be used ({theirs})", lasts=False)
    for pattern, words in _LASTING:
        if pattern.search(said):
            return NotLetIn(f"{words} ({theirs})", lasts=True)
    if _READ_ONLY.search(said):
        return NotLetIn(f"the server takes no writes just now ({theirs})", lasts=False)
    return NotLetIn(theirs, lasts=not isinstance(error, psycopg.OperationalError | OSError))
