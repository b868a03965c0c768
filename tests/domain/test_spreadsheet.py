"""No cell computes anything, whichever separator the file is opened with."""

import csv
import io
from decimal import Decimal

import pytest

from bot.domain.spreadsheet import Sheet

NASTY = [
    '=HYPERLINK("http://x")', 'copies;=HYPERLINK("http://x")', "a\t@SUM(1)", "a,+1+1", "a|-2+3+cmd",
    "  = 1", ';"=1+1"', "a\n=1", "a\r-1", "pay =1+1", "\uff1d1+1", '; " =1', "'=1;=2",
    "pay =\t1", "pay =\u00a01+1", "a:=1+1", "a/=1", "a\u2028=1", "a\x0b+1", "a\x85@SUM(1)", "x\u3000=1", "a^-1+1",
]  # fmt: skip


@pytest.mark.parametrize("separator", [",", ";", "\t", "|", " ", ":", "/", "^", "~", "\u3000"])
@pytest.mark.parametrize("text", NASTY)
def test_no_cell_begins_with_a_sign(text, separator):
    content = io.StringIO(newline="")
    Sheet(content).row(["R-1", text, None, "end"])

    rows = csv.reader(io.StringIO(content.getvalue(), newline=""), delimiter=separator)

    for cell in (cell for row in rows for cell in row):
        assert cell.strip(" \"'\t\r\n")[:1] not in tuple("=+-@\uff1d") or "'" in cell, cell


def test_numbers_and_plain_words_stay_as_they_are():
    content = io.StringIO(newline="")
    Sheet(content).row([Decimal("-5.00"), 3, "2026-11-28", "e-mail: bob@example.com", "A - B"])

    assert content.getvalue() == "-5.00,3,2026-11-28,e-mail: bob@example.com,A - B\r\n"
