"""Reading `policy.toml`: everything that is wrong with it is named at once."""

import hashlib
import re
import tomllib
from pathlib import Path
from typing import Any

from bot.domain.policy import Policy

_PEOPLE = re.compile(r"[USW][A-Z0-9]+", re.ASCII)
_LISTS = ("requesters", "approvers", "viewers")


class PolicyError(Exception):
    """The policy cannot be used. `problems` names everything that is wrong."""

    def __init__(self, path: Path, problems: list[str]) -> None:
        self.problems = problems
        super().__init__(f"{path}: " + "; ".join(problems))


def read_policy(path: Path) -> Policy:
    """Read and check the file.

    Raises:
        PolicyError: With every problem. Without approvers nothing could ever be approved, so an
            empty or missing list of them is a problem too.
    """
    try:
        content = path.read_bytes()
        found = tomllib.loads(content.decode())
    except OSError as error:
        raise PolicyError(path, [f"cannot be read ({error.strerror})"]) from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise PolicyError(path, [f"is not TOML ({error})"]) from error
    problems = [f"unknown key {key!r}" for key in found if key not in _LISTS]
    lists = {name: _people(name, found.get(name, []), problems) for name in _LISTS}
    problems += [f"{name} is empty" for name in ("requesters", "approvers") if not lists[name]]
    if problems:
        raise PolicyError(path, problems)
    return Policy(**lists, hash=hashlib.sha256(content).hexdigest())


def _people(name: str, value: Any, problems: list[str]) -> tuple[str, ...]:
    if not isinstance(value, list):
        problems.append(f"{name} is not a list")
        return ()
    wrong = [each for each in value if not (isinstance(each, str) and _PEOPLE.fullmatch(each))]
    problems += [
        f"{name}: {each!r} is neither a Slack user id (U…) nor a user-group id (S…)"
        for each in wrong
    ]
    return tuple(dict.fromkeys(each for each in value if each not in wrong))
