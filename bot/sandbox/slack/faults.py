"""Trouble on request: makes the next calls of a method go wrong."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal, get_args

FaultKind = Literal["ratelimited", "status", "error", "drop", "lose_answer", "page", "slow", "hang"]
KINDS: frozenset[str] = frozenset(get_args(FaultKind))


@dataclass
class Fault:
    """One trouble; ``after`` calls pass first, then ``times`` calls meet it.

    Attributes:
        method: a Web API method, or ``*`` for every one; ``websocket`` for opening one (``hang``).
        kind: ``drop`` cuts the connection before the call has its effect, ``lose_answer`` after
            it; ``page`` answers after it with ``text`` of ``content_type``, as a gateway
            does; ``slow`` waits ``seconds`` of the clock first; ``hang`` never answers.
        code: the HTTP status of ``status`` and ``page``.
        error: Slack's error string of ``error``.
    """

    method: str
    kind: FaultKind
    times: int = 1
    after: int = 0
    retry_after: int = 1
    code: int = 500
    error: str = "internal_error"
    seconds: float = 1.0
    text: str = "<html>Bad Gateway</html>"
    content_type: str = "text/html"


class Faults:
    """The troubles now in force."""

    def __init__(self) -> None:
        self._list: list[Fault] = []
        self._down = False
        self.on_down: Callable[[], None] = lambda: None
        self.silent: dict[str, str] = {}
        """Channels that refuse every message, each with Slack's error string for it."""

    @property
    def down(self) -> bool:
        """Return whether all of Slack is out of reach."""
        return self._down

    @down.setter
    def down(self, value: bool) -> None:
        self._down = value
        if value:
            self.on_down()

    def add(self, method: str, kind: FaultKind, **how: Any) -> Fault:
        """Add a trouble; see ``Fault`` for what ``how`` may hold.

        Raises:
            ValueError: ``kind`` is unknown.
        """
        if kind not in KINDS:
            raise ValueError(f"unknown fault kind {kind!r}; known: {', '.join(sorted(KINDS))}")
        fault = Fault(method, kind, **how)
        self._list.append(fault)
        return fault

    def remove(self, fault: Fault) -> None:
        """Take back one trouble, unless its calls have used it up."""
        if fault in self._list:
            self._list.remove(fault)

    def clear(self) -> None:
        """Take back every trouble, ``down`` too."""
        self._list.clear()
        self.silent.clear()
        self._down = False

    def take(self, method: str) -> Fault | None:
        """Return the trouble that this call of ``method`` meets, and count it."""
        for fault in self._list:
            if fault.method not in (method, "*"):
                continue
            if fault.after > 0:
                fault.after -= 1
                continue
            fault.times -= 1
            if fault.times <= 0:
                self._list.remove(fault)
            return fault
        return None
