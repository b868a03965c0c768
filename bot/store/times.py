"""Times as the database keeps them: UTC text that sorts by time."""

from datetime import UTC, datetime

WRONG = (AttributeError, LookupError, TypeError, ValueError, OverflowError, RecursionError)
"""What reading a damaged value raises."""

LONG_AGO = datetime(2000, 1, 1, tzinfo=UTC)
"""Stands for a time that cannot be read, where it is worse to take something for new."""


def to_text(at: datetime) -> str:
    """Return `2026-11-21T10:14:00.000000+00:00`, always with microseconds and always UTC."""
    return (at if at.tzinfo is UTC else at.astimezone(UTC)).isoformat(timespec="microseconds")


def to_text_or_none(at: datetime | None) -> str | None:
    """Return a time as `to_text` does; None stays None."""
    return None if at is None else to_text(at)


def from_text(text: str) -> datetime:
    """Return the moment, aware UTC.

    Raises:
        ValueError: It is damaged, or names no zone: a shell's `datetime('now')` writes such times, and no other time can be
            compared with them.
    """
    at = datetime.fromisoformat(text)
    if at.tzinfo is None:
        msg = f"a time without a zone: {text}"
        raise ValueError(msg)
    return at


def from_text_or_none(text: str | None) -> datetime | None:
    """Return a moment as `from_text` does; None stays None."""
    return None if text is None else from_text(text)


def from_text_if_readable(text: str | None) -> datetime | None:
    """Return a moment; None if there is none or if the text is damaged, for readers to whom None means *not known*."""
    try:
        return from_text_or_none(text)
    except (TypeError, ValueError):
        return None


def from_text_or_long_ago(text: str) -> datetime:
    """Return a moment; `LONG_AGO` if the text is damaged."""
    return from_text_if_readable(text) or LONG_AGO
