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
    how = f"{kills - by_signal} at a point, {by_signal} by SIGKILL at a random time"
    ends = ", ".join(f"{times} {state}" for state, times in sorted(states.items()))
    pressed = sum(told.pressed for told in stories)
    again = sum(told.unanswered for told in stories)
    pairs, refused = sum(each.pairs for each in all_of), sum(each.refused for each in all_of)
    stopped = states["stopped"] + refused
    copies = sum(each.copies for each in all_of)
    repeated = sum(each.repeated for each in all_of)
    customers = sum(each.customers for each in all_of)
    effects, mails = sum(each.effects for each in all_of), sum(each.mails for each in all_of)
    lines, rows = sum(each.lines for each in all_of), sum(each.history for each in all_of)
    told = (
        f"kills: {kills} ({how})",
        f"crash points: {len(hit)} different ones died at, of {len(seen)} that were reached",
        f"requests: {sum(states.values())} ({ends})",
        f"commands, clicks and forms: {pressed}, of which {again} got no answer and were repeated",
        f"bill runs asked for beside one of their documents: {pairs}; {stopped} requests gave way",
        f"older copies of the database put back: {copies}",
        f"calls sent again under their own keys: {repeated}",
        f"calls that took effect in Zuora: {effects}, mails: {mails}, to {customers} customers",
        f"lines in threads: {lines}, rows of history: {rows}",
        "lost / doubled / out of order / not as decided: " + " / ".join(map(str, wrong)),
    )
    return "\n".join(told)


def names(points: Path, which: str) -> list[str]:
    """The points that were reached (`seen`) or died at (`hit`), each once, in order."""
    file = points / which
    return sorted(set(file.read_text().splitlines())) if file.exists() else []
