"""What the program logs: constant event names with fields, never payloads, tokens or addresses."""

import logging
import time
from collections import Counter

from slack_bolt.logger.messages import warning_client_prioritized_and_token_skipped

_STANDARD = frozenset(logging.makeLogRecord({}).__dict__) | {"message", "asctime", "taskName"}

MOST_A_MINUTE = 20
"""Warnings and errors of one place in the program."""


class _Fields(logging.Formatter):
    """Appends the fields of an event as `name=value`."""

    def format(self, record: logging.LogRecord) -> str:
        fields = {k: v for k, v in record.__dict__.items() if k not in _STANDARD}
        told = "".join(f" {name}={value!r}" for name, value in fields.items())
        first, newline, rest = super().format(record).partition("\n")
        return f"{first}{told}{newline}{rest}"


def _is_news(record: logging.LogRecord) -> bool:
    """All but one warning: Bolt finds SLACK_BOT_TOKEN by itself, and the bot gives it a client."""
    return record.msg != warning_client_prioritized_and_token_skipped()


class _Seldom(logging.Filter):
    """Lets the same trouble through some times a minute: whoever can cause one could fill the disk.

    The same are lines of one place in the program, whatever stands in them. The first of the next
    minute says how many were left out.
    """

    def __init__(self, most: int = MOST_A_MINUTE) -> None:
        super().__init__()
        self._most = most
        self._minute = 0
        self._seen: Counter[tuple[str, int, str]] = Counter()
        self._left_out: Counter[tuple[str, int, str]] = Counter()

    def filter(self, record: logging.LogRecord) -> bool:
        if record.levelno < logging.WARNING:
            return True  # what the bot says of its own work
        minute = int(time.monotonic() // 60)
        if minute != self._minute:
            self._minute, self._seen = minute, Counter()
        place = (record.pathname, record.lineno, record.name)
        self._seen[place] += 1
        if self._seen[place] > self._most:
            self._left_out[place] += 1
            return False
        if number := self._left_out.pop(place, 0):
            record.left_out = number
        return True


def log_to_stderr(level: int = logging.INFO) -> None:
    """Log to standard error. The libraries are kept at WARNING: below it they log bodies."""
    handler = logging.StreamHandler()
    handler.addFilter(_is_news)
    handler.addFilter(_Seldom())
    handler.setFormatter(_Fields("%(asctime)s %(levelname)s %(name)s %(message)s"))
    logging.basicConfig(level=logging.WARNING, handlers=[handler], force=True)
    logging.getLogger("bot").setLevel(level)
