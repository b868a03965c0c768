"""Reads the rows of a period once: their chain, numbers, times and heads, and what they give for the other files."""
import base64, hashlib, json
from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any

from bot.audit.confirmed import CONFIRMED
from bot.audit.control import InForce
from bot.audit.decisions import EXPLAINED, states
from bot.audit.rows import APPROVED, ASKED, BACK, BEGINS, DROPS, KEEPS, NEW_KEY, PUT_BACK, UNSUPPORTED, FileRow, Json, Remark, Story
from bot.audit.rows import compact, damage, fits, hashed, is_damaged, is_unproven, rule_of, signed

COUNTED = {ASKED, KEEPS, DROPS, PUT_BACK, BEGINS}  # what matters to the numbers of requests
KINDS = {"refusals": "refused", "policy_changes": "policy.", "heads": "audit.", "starts": "bot.", "people": "people.",
         "statements": "statement.", "explanations": "exception.", "late": ""}  # files, and how the kinds in them begin
KEPT = ("number", "operation", "subject", "tenant", "place_words", "requester", "reason", "digest", "created_at", "policy_hash")
LATE = "late: recorded after the period of its date"


class RowLinks:
    """Whether the rows of the period are as they were written, each in its place; the first that is not is named."""

    def __init__(self, about: Json, key: bytes, *, is_whole: bool) -> None:
        self.about, self.key, self.is_whole = about, key, is_whole
        self.last, self.link = about["before"]["sequence"], about["before"]["hash"]

    def note(self, row: FileRow) -> Iterator[Remark]:
        """Take in a row; return what is wrong with it."""
        if self.is_whole and ((row.sequence, row.before) != (self.last + 1, self.link) or not fits(row, self.about, self.key)):
            self.is_whole = False
            yield Remark("edited", row.sequence, f"Row {row.sequence} is not as it was written, or not in its place.")
        self.last, self.link = row.sequence, row.hash

    def left(self) -> Iterator[Remark]:
        """Return whether the last row is missing."""
        is_cut, words = self.is_whole and self.last != self.about["last"], f"The rows end with {self.last}, not with {self.about['last']}."
        yield from [Remark("tail cut", self.last + 1, words)] * is_cut


def backwards(sequence: int, at: str, before: str) -> Iterator[Remark]:  # whether a row is earlier than the one before
    if at < before and datetime.fromisoformat(at) < datetime.fromisoformat(before) - BACK:
        yield Remark("clock went back", sequence, f"Row {sequence} is of {at}, the row before of {before}.")


class Numbers:
    """The numbers of requests, and the times, along all rows."""

    def __init__(self, first: int = 0, number: int | None = None, at: str = "") -> None:
        self.first, self.number, self.at, self.begun = first, number, at, 0  # `begun`: the last start of the bot
        self.database = ""  # its id, as the last start says
        self.kept = dict[int, tuple[Any, str]]()  # by the row that keeps it: a number that is open, and since when

    def note(self, row: FileRow) -> Iterator[Remark]:
        """Take in a row; return what is wrong with it."""
        yield from backwards(row.sequence, row.at, self.at)
        self.first, self.at = self.first or row.sequence, row.at
        if row.what in COUNTED:
            yield from self.counted(row)

    def counted(self, row: FileRow) -> Iterator[Remark]:
        """Take in a row of those that matter to the numbers; return what is wrong with its number."""
        if is_damaged(row) and row.what != BEGINS:  # any number may follow, and any that is kept may be the one that it was about
            self.number, self.kept = (max(self.number or 0, row.request), self.kept) if row.request else (None, {})
            self.kept = {by: each for by, each in self.kept.items() if each[0] != row.request}
            self.database = self.database if row.what != PUT_BACK else ""
            return
        data = json.loads(row.data)
        new, by, keeps = row.request or data.get("number"), data.get("kept", 0), row.what == KEEPS
        self.begun = row.sequence if row.what == BEGINS else self.begun
        itself = data.get("database", self.database) if row.what in {BEGINS, PUT_BACK} else self.database
        is_other = row.what == BEGINS and self.database not in {"", itself}
        words = f"Row {row.sequence} is a start with another database than before, and no row says that an older copy was put back."
        yield from [Remark(UNSUPPORTED, row.sequence, words)] * is_other
        self.database = itself
        self.number = max(self.number or 0, data.get("numbers_behind", 0)) or self.number
        is_new, and_not = row.what in {KEEPS, ASKED} and not by, f", and row {by} does not keep it" * bool(by)
        follows = not is_new or self.number is None or new == self.number + 1
        is_wrong = self.kept.get(by, (new * (by < self.first), ""))[0] != new if by else not follows
        words = f"R-{new} {f'follows R-{self.number}' if self.number else 'is the first'}{and_not}."
        yield from [Remark("number missing", row.sequence, words)] * is_wrong
        yield from [Remark("note", row.sequence, f"R-{new} was never asked for: {data.get('why')}.")] * (row.what == DROPS)
        words = f"Before row {row.sequence} an older copy of the database was put back: what was recorded after that copy is missing here."
        yield from [Remark("note", row.sequence, words)] * (row.what == PUT_BACK)
        self.number, self.kept[row.sequence if keeps else by] = new if is_new else self.number, (new if keeps else 0, row.at)

    def left(self) -> Iterator[Remark]:
        """Return what is wrong with the numbers that are still kept after the last row."""
        for by, (new, since) in ((by, each) for by, each in self.kept.items() if each[0]):
            is_late = by < self.begun or datetime.fromisoformat(self.at) > datetime.fromisoformat(since) + timedelta(hours=2)
            yield Remark("number missing" if is_late else "note", by, f"R-{new}, which row {by} keeps, was neither asked for nor dropped.")


class SignedHeads:
    """The heads along all rows, and the keys that sign them."""

    def __init__(self, key: str, is_signed: Any = signed) -> None:
        self.keys, self.is_signed, self.written, self.bare = [key], is_signed, set[Any](), 0
        self.alone = list[tuple[int, str]]()  # keys that the one before them does not endorse, by the row that begins them

    def note(self, row: FileRow) -> Iterator[Remark]:
        """Take in a row; return what is wrong with it."""
        if not row.what.startswith("audit.") or is_damaged(row):
            self.written |= {(row.sequence - 1, row.before)} if row.what == "audit.head" else set()
            return
        data, is_head, words, before = json.loads(row.data), row.what == "audit.head", f"Row {row.sequence} ", self.keys[-1]
        self.keys += [data.get("public") or before] * (row.what == NEW_KEY)
        key, head, signature = self.keys[-1], (data.get("sequence"), data.get("hash")), data.get("signature") or ""
        text, stamp = f"billing-bot head {head[0]}:{head[1]}", base64.b64decode(data.get("token", ""))
        self.written |= {head} if is_head else set()
        self.bare += is_head and not key
        if head != (row.sequence - 1, row.before) if is_head else "where" in data and self.written and head not in self.written:
            yield Remark("rebuilt", row.sequence, f"{words}says another head than the history has.")
        is_other = stamp and hashlib.sha256(text.encode()).digest() not in stamp
        if is_other or (is_head and (not self.is_signed(key, text, signature) if key else signature)):  # without a key it has none
            words += "has a time stamp of another text." if is_other else "is a head that is not signed with the key in force."
            yield Remark("signature wrong", row.sequence, words)
        if row.what == NEW_KEY and before:
            said, endorsed = f"billing-bot signing key {key}", data.get("endorsed")
            if data.get("before") != before or (endorsed and not self.is_signed(before, said, endorsed)):
                yield Remark("signature wrong", row.sequence, f"{words}begins a signing key that the one before it does not endorse.")
            elif not endorsed:
                self.alone.append((row.sequence, key))

    def left(self, vouched: int) -> Iterator[Remark]:
        """Return what is not known of them; `vouched` is the last row that a head from elsewhere binds."""
        for sequence, key in ((sequence, key) for sequence, key in self.alone if sequence > vouched):
            words = f"Row {sequence} begins the signing key {key}, which the one before it does not endorse"
            words += ", nor does a head from elsewhere."
            yield Remark("head not compared", sequence, words)
        words = f"no signing key was in force, so heads ({self.bare}) are not signed: "
        words += "whoever can write the database could have written them"
        yield from [Remark("note", None, words)] * bool(self.bare)


def line_of(record: Json, story: Story, about: Json) -> Json:  # a request's line in the population
    rule, (first, asked) = rule_of(record), story[0]
    *_, state = ("", ""), *((state, row.at) for row, state, _ in states(story))
    *_, by = ("", ""), *((row.who, row.at) for row, _ in story if row.what in {APPROVED, "request.rejected", "request.withdrawn"})
    is_new = about["before"]["sequence"] < first.sequence <= about["last"]
    return {**{name: record.get(name) for name in KEPT}, "rule": rule.get("name"), "state": state[0], "state_at": state[1],
            "approvals_needed": rule.get("approvals", 1), "approvers": [row.who for row, _ in story if row.what == APPROVED],
            "conditions": asked.get("conditions"), "compared": asked.get("compared"), "decided_by": by[0], "decided_at": by[1],
            "asked_in_period": "no" if not is_new else "yes" if about["start"] <= record["created_at"] < about["end"] else LATE}


class PeriodRows:
    """What the rows of a package give, read once; what grows with them is on disk."""

    def __init__(self, about: Json, chain: RowLinks, heads: SignedHeads, kept: Any) -> None:
        self.about, self.chain, self.heads, self.kept, self.stands = about, chain, heads, kept, InForce()
        self.order = Numbers(number=None if about["before"]["sequence"] else 0)  # elsewhere the first number may be any
        self.made = {name: hashlib.sha256() for name in KINDS}  # of the files that have the rows of one kind
        self.seals, self.has = True, False  # whether the bot kept salts when it wrote a row: only without them may a row stay unproven
        self.count, self.masked, self.bare = 0, 0, 0
        kept.execute("CREATE TABLE line (request, sequence, at, what, hash, PRIMARY KEY (request, sequence)) WITHOUT ROWID")
        kept.execute("CREATE TABLE outside (request, sequence, hash)")  # rows of the same requests, not of the period

    def stand(self, row: FileRow) -> Iterator[Remark]:
        """Take in a row of those on which the others rest, from outside the period too; return what is wrong with it."""
        yield from () if is_damaged(row) else self.stands.note(row)
        self.has = self.has or '"salts":{' in row.data or (row.what == BEGINS and '"sealed":true' in row.data)
        self.seals = self.has if row.what == BEGINS else self.seals or self.has

    def note(self, row: FileRow) -> Iterator[Remark]:
        """Take in a row of the period; return what is wrong with it."""
        yield from (*damage(row), *self.chain.note(row), *self.stand(row), *self.order.note(row), *self.heads.note(row))
        self.stands.signers += [row] * (row.what == EXPLAINED and not is_damaged(row))
        line, is_bare = compact(row), is_unproven(row)
        values = int(row.request or 0), int(row.sequence), str(row.at), str(row.what), hashed(line)
        self.kept.execute("INSERT OR REPLACE INTO line VALUES (?, ?, ?, ?, ?)", values)
        for name in (name for name, kind in KINDS.items() if row.what.startswith(kind) and (kind or row.at < self.about["start"])):
            self.made[name].update(f"{line}\n".encode())
        self.count, self.masked, self.bare = self.count + 1, self.masked + bool(row.masked), self.bare + is_bare
        is_older = row.what == CONFIRMED and "base" not in json.loads(row.data)  # it kept no salts of these rows
        if is_bare and self.seals and not is_older and self.about["before"]["sequence"] < row.sequence <= self.about["last"]:
            yield Remark(UNSUPPORTED, row.sequence, f"Row {row.sequence} is masked, and holds no commitments in place of what it held.")
