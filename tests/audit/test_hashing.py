"""The hash that chains the history: quick for many rows, and the same as the library's."""

import hmac

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.audit.chain import MOST_QUOTES, fast_hasher, walk
from bot.audit.finding import Flaw
from bot.domain.history import FIRST_HASH, Row, bound, row_hash, row_text


@given(st.binary(max_size=200), st.text())
def test_many_rows_are_hashed_as_one_is(key, text):
    assert fast_hasher(key)(text) == row_hash(text, key)


@pytest.mark.parametrize("length", [1, 63, 64, 65, 200])
def test_a_key_of_any_length_makes_the_hmac_of_the_library(length):
    key = b"k" * length

    hashed = fast_hasher(key)

    for text in ("", "a", "ä" * 100):
        assert hashed(text) == hmac.digest(key, text.encode(), "sha256").hex()


def _chain(number):
    """Rows by more people than texts are kept of, with what JSON has to escape."""
    before = FIRST_HASH
    for sequence in range(1, number + 1):
        row = (
            f"2026-11-21T10:00:00.{sequence:06}+00:00",
            sequence % 7 or None,
            f"{sequence}\\",
            f"ü{sequence}",
            "{}",
        )
        at, request, what, who, data = row
        text = row_text(before, sequence, at, request, what, who, "T\n", bound(data))
        yield Row(sequence, at, request, what, who, "T\n", data, before, row_hash(text, b""))
        before = row_hash(text, b"")


def test_a_chain_of_more_people_than_are_kept_in_mind_fits():
    rows = list(_chain(3 * MOST_QUOTES))

    walked = walk(rows)

    assert (walked.finding, walked.rows) == (None, len(rows))


@pytest.mark.parametrize("column", ["at", "what", "who", "team", "data"])
def test_one_letter_of_a_row_far_down_is_found(column):
    """A time and data that can still be read: else the row would be damaged, and the next ones looked at."""
    rows = list(_chain(2 * MOST_QUOTES))
    place = MOST_QUOTES + 7
    value = getattr(rows[place], column)
    other = value.replace("T10:", "T11:") if column == "at" else f"{value} "
    changed = rows[place]._replace(**{column: other})

    walked = walk([*rows[:place], changed, *rows[place + 1 :]])

    assert walked.finding is not None
    assert (walked.finding.flaw, walked.finding.sequence) == (Flaw.EDITED, changed.sequence)
    assert walked.rows == place
