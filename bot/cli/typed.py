"""What can be typed as an option or argument of several commands."""

from datetime import datetime

import click


class Day(click.ParamType[datetime]):
    """A day, like 2026-11-30."""

    name = "YYYY-MM-DD"

    def convert(
        self, value: str | datetime, param: click.Parameter | None, ctx: click.Context | None
    ) -> datetime:
        """Return the day's begin, without a zone."""
        if isinstance(value, datetime):
            return value
        try:
            return datetime.strptime(value.strip(), "%Y-%m-%d")  # noqa: DTZ007 - the command knows the zone
        except ValueError:
            self.fail(f"{value!r} is not a day; write it like 2026-11-30", param, ctx)
