"""Times as the database keeps them: UTC text that sorts by time."""

from datetime import UTC, datetime


def to_text(at: datetime) -> str:
    """Return `2026-11-21T10:14:00.000000+00:00`, always with microseconds and always UTC."""
    return (at if at.tzinfo is UTC else at.astimezone(UTC)).isoformat(timespec="microseconds")


def to_text_or_none(at: datetime | None) -> str | None:
    """Return a time as `to_text` does; None stays None."""
    return None if at is None else to_text(at)


def from_text(text: str) -> datetime:
    """Return the moment, aware UTC."""
    return datetime.fromisoformat(text)


def from_text_or_none(text: str | None) -> datetime | None:
    """Return a moment as `from_text` does; None stays None."""
    return None if text is None else datetime.fromisoformat(text)


def from_text_if_readable(text: str | None) -> datetime | None:
    """Return a moment; None if there is none or if the text is damaged, for readers to whom None means *not known*."""
    try:
        return from_text_or_none(text)
    except ValueError:
        return None
