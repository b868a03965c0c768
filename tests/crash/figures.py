"""The figures of stories, in words."""

from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from tests.crash.story import Told


def in_words(stories: Sequence[Told], points: Path) -> str:
    """A few lines for the console and for docs/reliability.md."""
    kills = sum(told.kills for told in stories)
    by_signal = sum(told.by_signal for told in stories)
    hit, seen = names(points, "hit"), names(points, "seen")
    all_of = [told.reckoning for told in stories]
    states = sum((each.states for each in all_of), Counter[str]())
    wrong = [
        sum(len(getattr(each, kind)) for each in all_of)
        for kind in ("lost", "doubled", "out_of_order", "untrue")
    ]
    lines = [
        f"kills: {kills} ({kills - by_signal} at a point, {by_signal} by SIGKILL at a random time)",
        f"crash points: {len(hit)} different ones died at, of {len(seen)} that were reached",
        f"requests: {sum(states.values())} ("
        + ", ".join(f"{times} {state}" for state, times in sorted(states.items())) + ")",
        f"pressed by people: {sum(t.pressed for t in stories)}, of which "
        f"{sum(t.unanswered for t in stories)} got no answer and were pressed again",
        f"calls that took effect in Zuora: {sum(each.effects for each in all_of)}, mails to "
        f"customers: {sum(each.mails for each in all_of)}",
        f"lines in threads: {sum(each.lines for each in all_of)}, rows of history: "
        f"{sum(each.history for each in all_of)}",
        "lost / doubled / out of order / not as decided: " + " / ".join(map(str, wrong)),
    ]  # fmt: skip
    return "\n".join(lines)


def names(points: Path, which: str) -> list[str]:
    """The points that were reached (`seen`) or died at (`hit`), each once, in order."""
    file = points / which
    return sorted(set(file.read_text().splitlines())) if file.exists() else []
