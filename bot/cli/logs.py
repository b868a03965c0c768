"""What the program logs: constant event names with fields, never payloads, tokens or addresses."""

import logging

from slack_bolt.logger.messages import warning_client_prioritized_and_token_skipped

_STANDARD = frozenset(logging.makeLogRecord({}).__dict__) | {"message", "asctime", "taskName"}


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


def log_to_stderr(level: int = logging.INFO) -> None:
    """Log to standard error. The libraries are kept at WARNING: below it they log bodies."""
    handler = logging.StreamHandler()
    handler.addFilter(_is_news)
    handler.setFormatter(_Fields("%(asctime)s %(levelname)s %(name)s %(message)s"))
    logging.basicConfig(level=logging.WARNING, handlers=[handler], force=True)
    logging.getLogger("bot").setLevel(level)
