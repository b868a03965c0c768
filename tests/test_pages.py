"""The list of what Zuora's pages say is whole, and each row's tests are there.

`tests/pages.txt` holds the fingerprint of every sentence of the pages, in their order. Where
`ZUORA_PAGES` names the folder with the pages themselves, their own text is compared too.
"""

import os
import re
from pathlib import Path

import pytest

from tests.pages import NOTES, accounted, fingerprint, sentences, unaccounted

TESTS = Path(__file__).parent
FINGERPRINTS = (TESTS / "pages.txt").read_text().split()
NOTHING = "nothing to show"


def test_every_sentence_of_the_pages_has_a_row():
    assert [each for each in FINGERPRINTS if each not in accounted()] == []


def test_no_row_is_about_a_sentence_that_no_page_has():
    assert set(accounted()) == set(FINGERPRINTS)
    rows = re.findall(r"^\| ([0-9a-f]{8}) \|", NOTES.read_text(), re.MULTILINE)
    assert len(rows) == len(set(rows))


def test_every_row_names_tests_that_there_are():
    there = {
        name
        for file in TESTS.rglob("*.py")
        for name in re.findall(r"def (test_\w+)", file.read_text())
    }

    for fact, shown in accounted().values():
        named = re.findall(r"`(test_\w+)`", shown)
        assert set(named) <= there, fact
        assert named or shown == NOTHING, fact


def test_a_sentence_that_nobody_accounts_for_is_found(tmp_path):
    sentence = "Bill runs are painted blue at night."
    (tmp_path / "page.txt").write_text(f"  • {sentence}\nautoPaint\n")

    assert unaccounted(tmp_path) == [sentence, "autoPaint"]


def test_a_sentence_is_the_same_whatever_stands_around_it():
    one, other = (
        "-   Use **commas** to separate addresses.",
        "• Use `commas` to separate addresses.",
    )

    assert [fingerprint(each) for each in sentences(one)] == [
        fingerprint(each) for each in sentences(other)
    ]


@pytest.mark.skipif(not os.environ.get("ZUORA_PAGES"), reason="ZUORA_PAGES names no folder")
def test_every_sentence_of_the_pages_own_text_is_accounted_for():
    assert unaccounted(Path(os.environ["ZUORA_PAGES"])) == []
