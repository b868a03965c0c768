"""The program's log: constant event names with fields, never payloads, tokens or addresses."""

import json
import logging
import sys
import time
import traceback
from collections import Counter
from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any, Literal

import aiohttp
from slack_bolt.logger.messages import warning_client_prioritized_and_token_skipped

from bot.domain.secrets_in import without_secrets
from bot.following import REQUEST
from bot.settings import SHORTEST_SECRET, Settings
from bot.store.errors import StoreError

LogForm = Literal["text", "json"]

_STANDARD = frozenset(logging.makeLogRecord({}).__dict__) | {"message", "asctime", "taskName"}

MOST_A_MINUTE = 20
"""The most warnings and errors a minute from one place in the program."""

MOST_OF_ONE_A_MINUTE = 120
"""The most lines a minute about one person's actions."""


_PLAIN = (OSError, EOFError, aiohttp.ClientError, StoreError)
"""Errors that say only what happened to a file or a connection. Others may repeat data."""


class _Lines(logging.Formatter):
    """The part that both formats share: a record without secrets, mail addresses and people's words.

    Args:
        secrets: Texts that are never shown, wherever they occur.
    """

    def __init__(self, secrets: Iterable[str] = ()) -> None:
        super().__init__("%(asctime)s %(levelname)s %(name)s %(message)s")
        self._secrets = [secret for secret in secrets if len(secret) >= SHORTEST_SECRET]

    def formatException(self, ei: Any) -> str:  # noqa: N802 - the base class's name
        """Return where an error happened, with its text only if that cannot repeat anybody's data."""
        kind, error, trace = ei
        lines = traceback.format_tb(trace)
        while error is not None:
            is_plain = isinstance(error, _PLAIN) or type(error).__module__ == "sqlite3"
            said = f": {error}" if is_plain else ""
            lines.append(f"{type(error).__module__}.{type(error).__qualname__}{said}\n")
            error = error.__cause__
        return "".join(lines).rstrip() or str(kind)

    def fields(self, record: logging.LogRecord) -> dict[str, Any]:
        """Return the fields of an event; the number of the request being worked on is one of them."""
        found = {k: v for k, v in record.__dict__.items() if k not in _STANDARD}
        number = found.pop("request", None) or REQUEST.get()
        if isinstance(number, int):
            number = f"R-{number}"
        return ({"request": number} if number else {}) | found

    def plain(self, text: str) -> str:
        """Return a text without secrets and mail addresses."""
        for secret in self._secrets:
            text = text.replace(secret, "[secret]")
        return without_secrets(text)


class AsText(_Lines):
    """A line for people: fields follow as `name=value`."""

    def format(self, record: logging.LogRecord) -> str:
        """Return one line, and the lines of a traceback."""
        shown = "".join(f" {name}={value!r}" for name, value in self.fields(record).items())
        first, newline, rest = super().format(record).partition("\n")
        return self.plain(f"{first}{shown}{newline}{rest}")


class AsJson(_Lines):
    """A JSON object a line, for programs that collect logs."""

    def format(self, record: logging.LogRecord) -> str:
        """Return one line, whatever the record holds."""
        at = datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds")
        found: dict[str, Any] = {
            "time": at,
            "level": record.levelname,
            "logger": record.name,
            "event": record.getMessage(),
            **self.fields(record),
        }
        if record.exc_info:
            found["traceback"] = self.formatException(record.exc_info)
        plain = {name: self._value(value) for name, value in found.items()}
        return json.dumps(plain, ensure_ascii=False)

    def _value(self, value: Any) -> Any:
        return value if isinstance(value, int | float | None) else self.plain(str(value))


_NO_NEWS = (
    warning_client_prioritized_and_token_skipped(),  # Bolt finds it by itself, and the bot gives it a client
    "Failed to connect (error",  # at each reconnect, with its whole trace; `bot.slack.socket_mode` logs it
    "Failed to check the current session",
)


def _is_news(record: logging.LogRecord) -> bool:
    """Return whether to keep a line: all but those that the bot itself words better."""
    return not str(record.msg).startswith(_NO_NEWS)


class _Seldom(logging.Filter):
    """Lets the same line through a few times a minute, so that nobody can fill the disk.

    Lines are the same if they are warnings from one place in the program, whatever their text, or if they
    are about one person. The first line of the next minute says how many were left out.
    """

    def __init__(self, most: int = MOST_A_MINUTE, most_of_one: int = MOST_OF_ONE_A_MINUTE) -> None:
        super().__init__()
        self._most = most
        self._most_of_one = most_of_one
        self._minute = 0
        self._seen: Counter[tuple[str, int, str]] = Counter()
        self._left_out: Counter[tuple[str, int, str]] = Counter()

    def filter(self, record: logging.LogRecord) -> bool:
        is_trouble = record.levelno >= logging.WARNING
        user = "" if is_trouble else str(getattr(record, "user", ""))
        if not (is_trouble or user):
            return True  # what the bot says about its own work
        minute = int(time.monotonic() // 60)
        if minute != self._minute:
            self._minute, self._seen = minute, Counter()
        place = (record.pathname, record.lineno, user or record.name)
        self._seen[place] += 1
        if self._seen[place] > (self._most if is_trouble else self._most_of_one):
            self._left_out[place] += 1
            return False
        if number := self._left_out.pop(place, 0):
            record.left_out = number
        return True


def log_to_stderr(level: str = "INFO", form: LogForm = "text", secrets: Iterable[str] = ()) -> None:
    """Log to standard error. Libraries stay at WARNING: below it they log bodies and addresses.

    Args:
        level: The level of the bot's own log.
        form: `text` for people, `json` for programs that collect logs.
        secrets: Texts that are never shown.
    """
    handler = logging.StreamHandler()
    handler.addFilter(_is_news)
    handler.addFilter(_Seldom())
    handler.setFormatter((AsJson if form == "json" else AsText)(secrets))
    logging.basicConfig(level=logging.WARNING, handlers=[handler], force=True)
    for name in ("httpx2", "httpcore2", "slack_bolt", "slack_sdk", "aiohttp"):
        logging.getLogger(name).setLevel(logging.WARNING)
    logging.getLogger("bot").setLevel(level)


def log_as_set(settings: Settings) -> None:
    """Log as `LOG_LEVEL` and `LOG_FORMAT` say; the default format is text at a terminal, else JSON."""
    form: LogForm = settings.log_format or ("text" if sys.stderr.isatty() else "json")
    log_to_stderr(settings.log_level, form, settings.secrets())
