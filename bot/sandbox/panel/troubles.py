"""Trouble that people can switch on and off, between the bot and the two servers."""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from dataclasses import dataclass, replace
from typing import Any, Literal

from bot.sandbox.slack.server import LocalSlack
from bot.sandbox.zuora.server import LocalZuora

EVER = 1_000_000_000
"""The number of calls that a trouble affects: practically all, until it is switched off."""
ORDERS = ("/v1/*/emails", "/v1/bill-runs")
"""Paths of the POSTs that have an effect."""
ALL = ("/v1/*", "/object-query/*")
SLOW_SECONDS = 4.0
LATE_SECONDS = 900.0


@dataclass(frozen=True)
class Trouble:
    """One switch.

    Attributes:
        name: Names it in the page's requests.
        side: The server that has the trouble.
        label: The words on the switch.
        means: What happens while it is on, in one sentence.
        during: Makes the trouble last as long as the context it returns.
    """

    name: str
    side: Literal["zuora", "slack"]
    label: str
    means: str
    during: Callable[[], AbstractContextManager[None]]

    @property
    def in_words(self) -> str:
        """Return which switch it is: `Zuora: loses answers`."""
        return f"“{self.side.capitalize()}: {self.label.lower()}”"


class Troubles:
    """The switches of one sandbox, and which of them are on."""

    def __init__(self, slack: LocalSlack, zuora: LocalZuora) -> None:
        self.all = (*_of_zuora(zuora), *_of_slack(slack))
        self._on: dict[str, ExitStack] = {}

    def is_on(self, name: str) -> bool:
        """Return whether a switch is on."""
        return name in self._on

    def turn(self, name: str, *, on: bool) -> None:
        """Switch one trouble on or off.

        Raises:
            KeyError: There is no such switch.
        """
        trouble = {each.name: each for each in self.all}[name]
        if on and name not in self._on:
            stack = ExitStack()
            stack.enter_context(trouble.during())
            self._on[name] = stack
        elif not on and name in self._on:
            self._on.pop(name).close()

    def end(self) -> None:
        """Switch everything off."""
        for name in tuple(self._on):
            self.turn(name, on=False)


def _of_zuora(zuora: LocalZuora) -> tuple[Trouble, ...]:
    def fault(paths: tuple[str, ...], **how: Any) -> Callable[[], AbstractContextManager[None]]:
        @contextmanager
        def during() -> Iterator[None]:
            made = [zuora.faults.add(path, times=None, **how) for path in paths]
            yield
            zuora.faults.waiting[:] = [each for each in zuora.faults.waiting if each not in made]

        return during

    @contextmanager
    def late() -> Iterator[None]:
        before = zuora.timings.mark
        zuora.timings = replace(zuora.timings, mark=LATE_SECONDS)
        yield
        zuora.timings = replace(zuora.timings, mark=before)

    def switch(
        name: str, label: str, means: str, during: Callable[[], AbstractContextManager[None]]
    ) -> Trouble:
        return Trouble(f"zuora_{name}", "zuora", label, means, during)

    return (
        switch(
            "slow",
            "Slow",
            f"Every answer takes {SLOW_SECONDS:.0f} seconds.",
            fault(ALL, kind="slow", seconds=SLOW_SECONDS),
        ),
        switch(
            "failing",
            "Failing",
            "Every call gets 503 and does nothing.",
            fault(ALL, kind="status", status=503),
        ),
        switch(
            "losing",
            "Loses answers",
            "Orders are carried out, but the answer never arrives.",
            fault(ORDERS, method="POST", kind="lose_answer"),
        ),
        switch(
            "limit",
            "Limit reached",
            "Every call gets 429: try again in 20 seconds.",
            fault(ALL, kind="too_many", retry_after=20),
        ),
        switch(
            "token",
            "Token revoked",
            "The bot's login is rejected, as if its secret had been changed.",
            fault(("*",), kind="unauthorized"),
        ),
        switch(
            "late",
            "Marks mails late",
            f"Documents show a mail only {LATE_SECONDS / 60:.0f} minutes after it went out.",
            late,
        ),
    )


def _of_slack(slack: LocalSlack) -> tuple[Trouble, ...]:
    def fault(method: str, kind: Any, **how: Any) -> Callable[[], AbstractContextManager[None]]:
        @contextmanager
        def during() -> Iterator[None]:
            made = slack.faults.add(method, kind, times=EVER, **how)
            yield
            slack.faults.remove(made)

        return during

    @contextmanager
    def down() -> Iterator[None]:
        slack.faults.down = True
        yield
        slack.faults.down = False

    def switch(
        name: str, label: str, means: str, during: Callable[[], AbstractContextManager[None]]
    ) -> Trouble:
        return Trouble(f"slack_{name}", "slack", label, means, during)

    return (
        switch(
            "slow",
            "Slow",
            "Every call of the bot takes 3 seconds.",
            fault("*", "slow", seconds=3.0),
        ),
        switch("failing", "Failing", "Every call gets 500.", fault("*", "status", code=500)),
        switch(
            "losing",
            "Loses answers",
            "Messages appear, but the bot gets no answer.",
            fault("chat.postMessage", "lose_answer"),
        ),
        switch(
            "limit",
            "Limit reached",
            "Every call gets 429: try again in 5 seconds.",
            fault("*", "ratelimited", retry_after=5),
        ),
        switch("down", "Down", "The bot cannot reach Slack.", down),
    )
