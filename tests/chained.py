"""The chain of the history computed once more, entry by entry."""

from bot.domain.digest import canonical
from bot.domain.history import Entry, bound, row_hash, row_text


def entry_hash(before: str, sequence: int, at: str, entry: Entry, key: bytes = b"") -> str:
    """The hash (hex) that chains an entry to the one before it.

    Args:
        before: Hash of the row before; `FIRST_HASH` for the first.
        sequence: Number of the row, from 1 on without a gap.
        at: The row's time as text, as in the database.
        entry: What is written.
        key: `AUDIT_KEY`; without it anybody who can write the file can compute the hash.
    """
    text = row_text(
        before, sequence, at, entry.request, entry.what.value, entry.who, entry.team,
        bound(canonical(entry.data)),
    )  # fmt: skip
    return row_hash(text, key)
