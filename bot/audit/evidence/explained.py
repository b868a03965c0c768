"""What people signed in a period about exceptions, with the exception that each is about; and exceptions brought forward."""

from collections import defaultdict
from collections.abc import Iterator, Mapping
from itertools import chain

from bot.audit.evidence.package import HistoryRow, Package
from bot.audit.evidence.said import happened, moment
from bot.audit.rows import Json

SIGNED = "exception.explained"


def signed(package: Package) -> Iterator[tuple[HistoryRow, str]]:
    """Yield each explanation that was signed in the period, with what it is about, in words."""
    about: Mapping[int, list[str]] = defaultdict(list)
    for each in chain(package.exceptions, package.forward):
        if "explained_in" in each:
            about[each["explained_in"]].append(_in_words(each))
    rows = [each for each in package.entries("explanations.jsonl") if each.what == SIGNED]
    latest = {_number(each): each.sequence for each in rows}
    for row in rows:
        if row.sequence in package.denied_rows:
            words = f"nothing: who signed it says that it is not theirs (row {package.denied_rows[row.sequence]})"
        elif latest[_number(row)] > row.sequence:
            words = f"replaced by what was signed in row {latest[_number(row)]}"
        else:
            words = "; ".join(about.get(row.sequence, ())) or _nothing(package)
        yield row, words


def _number(row: HistoryRow) -> tuple[str, str]:
    return str(row.data.get("number")), str(row.data.get("entity", ""))


def _in_words(found: Json) -> str:
    """Return `posted outside the bot 2026-09-30 10:00:00 UTC, in the package from … to before …`."""
    when = happened(found)
    return f"{found['what']}{' ' if when else ''}{when}, in {of_package(found)}"


def of_package(found: Json) -> str:
    """Return which package an exception stands in."""
    package = found.get("package")
    if not package:
        return "this package"
    return f"the package from {_day(package['start'])} to before {_day(package['end'])}"


def _day(text: str) -> str:
    """Return a day if it begins then in UTC; else the moment."""
    return text[:10] if text[10:].startswith("T00:00:00.000000") else moment(text)


def _nothing(package: Package) -> str:
    """Return that an explanation is about no exception that is known here."""
    if package.about["package_before"] is None:
        return "no exception of this package, and it names none before it"
    return "no exception of this package, and none that was open before it"
