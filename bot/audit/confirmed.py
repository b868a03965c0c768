"""Performs the confirmations of changes of the policy again: who confirmed which, and what began before that."""

import bisect
from collections.abc import Iterator
from typing import Any

from bot.audit.rows import APPROVED, BEGINS, STARTED, UNSUPPORTED, FileRow, Json, Remark, Story
from bot.domain.confirmations import AT_THE_END, Confirmations

CHANGED, CONFIRMED = "policy.changed", "policy.confirmed"
DATED = {CHANGED, CONFIRMED, "statement.denied"}  # in order, unlike explanations
SAYS_WHAT = {"base", "needed", "members"}  # each confirmation, since starts say so under `confirms`


class ChangesOfPolicy(Confirmations):
    """What the rows say of them; a confirmation that does not hold does not count."""

    def __init__(self) -> None:
        super().__init__()
        self.at, self.marks, self.known = dict[int, str](), list[int](), dict[int, dict[int, int]]()
        # whether requests wait for a confirmation, from which start on; and whether rows say what they rest on
        self.waits, self.says = list[tuple[int, bool]](), False
        # by change: the requests that were decided under it before it was confirmed, and in which row
        self.decided = dict[int, dict[int, int]]()

    def take(self, row: FileRow, data: Json, members: Any) -> Iterator[Remark]:
        """Take in a row that matters to them; return what is wrong with it."""
        if row.what == BEGINS:
            waits = (data.get("settings") or {}).get("POLICY_CHANGES") == "confirm"
            self.waits.append((row.sequence, waits))
            self.says = self.says or "confirms" in data
        self.at |= {row.sequence: row.at} if row.what in {CHANGED, CONFIRMED} else {}
        earlier = {each["new"] for each in self.changes.values()} or {""}
        if row.what == CHANGED and data.get("old") not in earlier:
            words = f"Row {row.sequence} changes another policy than one that a row before it has."
            yield Remark(UNSUPPORTED, row.sequence, words)
        if row.what == CONFIRMED:
            try:
                wrong = next(self.wrong(row, data, members), "")
            except (LookupError, TypeError, ValueError, AttributeError, ArithmeticError) as error:
                wrong = f"cannot be performed again: {error!r}"
            if wrong:
                words = f"Row {row.sequence} ({row.what}) {wrong}."
                yield Remark("control not held", row.sequence, words)
                return
        self.note(row.sequence, row.what, row.who, data)
        self.marks += [row.sequence] * (row.what in DATED)

    def wrong(self, row: FileRow, data: Json, members: Any) -> Iterator[str]:
        """Return why a confirmation does not hold."""
        change = data["change"]
        if self.changes.get(change, {}).get("new", "") != data["new"]:
            yield "confirms a change of the policy that no row before it makes"
        if missing := sorted(SAYS_WHAT - {*data}) if self.says or "base" in data else []:
            yield f"says nothing of {', '.join(missing)}, as the bot did at that time"
        if "base" not in data:
            return  # an older version wrote it
        base = self.base(change, row.sequence)
        judged = self.judge(change, row.who, data["members"], row.sequence, row.who)
        if data["base"] != base:
            yield f"compares it with row {data['base']}, and the last that was confirmed is in row {base}"
        if judged.needed != data["needed"]:
            yield f"is by {row.who}: {judged.why or f'of people like this one {judged.needed} must confirm it'}"
        known = {
            name: (people, lists)
            for name, people in data["members"].items()
            if (lists := members(name, row.sequence))
        }
        yield from (
            f"says by itself alone whether {row.who} is in {name}"
            for name, (people, lists) in known.items()
            if (row.who in people) not in {row.who in each for each in lists}
        )
        yield from (
            f"lists others in {name} than the row of groups before it"
            for name, (people, lists) in known.items()
            if {*people} not in [{*each} for each in lists]
        )

    def confirmed_by(self, row: int) -> dict[int, int]:
        """Return the changes that were confirmed before a row, as `confirmed` does, but without reading all anew each time."""
        mark = bisect.bisect_left(self.marks, row)
        if mark not in self.known:
            self.known[mark] = self.confirmed(row)
        return self.known[mark]

    def began(self, record: Json, story: Story) -> Iterator[tuple[FileRow, str]]:
        """Return whether a request went on while it had to wait for a confirmation; note what was decided before one."""
        for row in (row for row, _ in story if row.what in {APPROVED, "request.rejected", STARTED}):
            change = self.with_hash(record["policy_hash"], row.sequence)
            if not change or change in self.confirmed_by(row.sequence):
                continue
            if row.what != STARTED:
                self.decided.setdefault(change, {})[record["number"]] = row.sequence
            elif next((waits for at, waits in reversed(self.waits) if at < row.sequence), False):
                words = "goes on although nobody had confirmed the change of the policy in row"
                yield row, f"{words} {change}"

    def open(self, first: int) -> Iterator[tuple[int, int]]:
        """Return the changes that are not confirmed, or were too late, with how many requests were decided by then, after row `first`."""
        good = self.confirmed(AT_THE_END)
        for change in self.changes:
            number = sum(row > first for row in self.decided.get(change, dict[int, int]()).values())
            if number or (change not in good and (change > first or change == max(self.changes))):
                yield change, number

    def left(self, first: int) -> Iterator[Remark]:
        """Return a note on each of these."""
        good = self.confirmed(AT_THE_END)
        for change, number in self.open(first):
            said = f"{number} request{'s were' if number != 1 else ' was'} decided under it"
            said += " in this period" * (change <= first)
            late = f"was confirmed in row {good[change]}, after" if change in good else ""
            at = f"row {change} ({self.at[change][:16].replace('T', ' ')} UTC)"
            words = f"the change of the policy in {at} {late or 'is not confirmed;'} {said}"
            yield Remark("note", change, words)
