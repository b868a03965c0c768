"""Which program this is and where it runs, for the record of a start; reads the installed files."""

import getpass
import hashlib
import platform
import socket
from collections.abc import Mapping
from functools import cache
from importlib import resources
from importlib.metadata import version
from importlib.resources.abc import Traversable
from typing import Any, NamedTuple


def surroundings(settings: Mapping[str, Any], slack: Mapping[str, str]) -> dict[str, Any]:
    """Return what a start records, without policy and database.

    Args:
        settings: Without secrets.
        slack: Address, team and bot.
    """
    return {
        **this_program()._asdict(),
        "python": platform.python_version(),
        "host": socket.gethostname(),
        "user": _user(),
        "slack": dict(slack),
        "settings": dict(settings),
    }


class Program(NamedTuple):
    """A version of the bot, and the `files_hash` of its files."""

    version: str
    files: str


@cache
def this_program() -> Program:
    """Return which program this is, read once, because a process keeps running what it has loaded."""
    return Program(version("billing-bot"), files_hash(resources.files("bot")))


def files_hash(folder: Traversable) -> str:
    """Return the SHA-256 (hex) over the Python files below a folder.

    It is the hash of lines `sha256  path` in the order of the paths, as `sha256sum` writes them.
    """
    lines = sorted(_lines(folder, ""), key=lambda line: line[66:])
    return hashlib.sha256("".join(lines).encode()).hexdigest()


def _lines(folder: Traversable, path: str) -> list[str]:
    lines: list[str] = []
    for each in folder.iterdir():
        if each.is_dir():
            lines += _lines(each, f"{path}{each.name}/")
        elif each.name.endswith(".py"):
            lines.append(f"{hashlib.sha256(each.read_bytes()).hexdigest()}  {path}{each.name}\n")
    return lines


def _user() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError):  # a container's user without a name
        return ""
