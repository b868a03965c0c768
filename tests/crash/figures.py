"""The figures of stories, in words."""

from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from tests.crash.story import Outcome


def in_words(stories: Sequence[Outcome], points: Path) -> str:
    """A few lines for the console and for docs/reliability.md."""
    kills = sum(outcome.kills for outcome in stories)
    by_signal = sum(outcome.by_signal for outcome in stories)
    hit, seen = names(points, "hit"), names(points, "seen")
    all_of = [outcome.reckoning for outcome in stories]
    states = sum((each.states for each in all_of), Counter[str]())
    wrong = [
        sum(len(getattr(each, kind)) for each in all_of)
        for kind in ("lost", "doubled", "out_of_order", "untrue")
    ]
    how = f"{kills - by_signal} at a point, {by_signal} by SIGKILL at a random time"
    ends = ", ".join(f"{times} {state}" for state, times in sorted(states.items()))
    pressed = sum(outcome.pressed for outcome in stories)
    again = sum(outcome.unanswered for outcome in stories)
    pairs, refused = sum(each.pairs for each in all_of), sum(each.refused for each in all_of)
    stopped = states["stopped"] + refused
    copies = sum(each.copies for each in all_of)
    repeated = sum(each.repeated for each in all_of)
    customers = sum(each.customers for each in all_of)
    effects, mails = sum(each.effects for each in all_of), sum(each.mails for each in all_of)
    lines, rows = sum(each.lines for each in all_of), sum(each.history for each in all_of)
    sentences = (
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
    return "\n".join(sentences)


def names(points: Path, which: str) -> list[str]:
    """The points that were reached (`seen`) or died at (`hit`), each once, in order."""
    file = points / which
    return sorted(set(file.read_text().splitlines())) if file.exists() else []
