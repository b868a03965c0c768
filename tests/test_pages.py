"""The list of what Zuora's pages say is whole, and each row's tests are there.

`tests/pages.txt` holds the fingerprint of every sentence of the pages, in their order. Where the pages
themselves lie beside the clone, their own text is compared too; where not, one loud line says so.
"""

import re
from pathlib import Path

import pytest

from tests import pages
from tests.needs import needs
from tests.pages import NOTES, accounted, differences, fingerprint, folder, of_pages, sentences

TESTS = Path(__file__).parent
FINGERPRINTS = pages.FINGERPRINTS.read_text().split()
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


PAGE = """Email an invoice

  • Use `commas` to separate addresses.
name
required
string <= 64 characters
The name. Up to 50 are taken.
"""


@pytest.mark.parametrize(
    ("old", "new", "found"),
    [
        ("Up to 50", "Paint it. Up to 50", "new, after “The name.”: Paint it."),
        ("Up to 50", "Never! Up to 50", "new, after “The name.”: Never!"),
        ("name\n", "name\nrequired\n", "new, after “required”: required"),
        ("required", "optional", "new, after “name”: optional"),
        ("name\n", "name\npaint\n", "new, after “name”: paint"),
        ("name\n", "name\nautoPaint\n", "new, after “name”: autoPaint"),
        ("<= 64", "<= 32", "new, after “required”: string <= 32 characters"),
        ("<= 64", ">= 64", "new, after “required”: string >= 64 characters"),
        ("Up to 50 are taken.", "", f"gone: {fingerprint('Up to 50 are taken.')}"),
    ],
)
def test_whatever_is_new_or_gone_in_the_pages_is_found(tmp_path, old, new, found):
    """Also one word, a word that stands elsewhere too, a limit, and what is there no more."""
    before = [fingerprint(each) for each in sentences(PAGE)]
    (tmp_path / "page.txt").write_text(PAGE.replace(old, new))

    assert found in differences(tmp_path, before)


def test_pages_that_are_as_they_were_are_found_to_be(tmp_path):
    (tmp_path / "page.txt").write_text(PAGE)

    assert differences(tmp_path, [fingerprint(each) for each in sentences(PAGE)]) == []
    assert "required" in of_pages(tmp_path)


def test_a_folder_that_is_named_and_has_no_pages_is_a_fault(tmp_path, monkeypatch):
    monkeypatch.setenv("ZUORA_PAGES", str(tmp_path))

    with pytest.raises(FileNotFoundError, match="has no"):
        folder()


def test_a_sentence_is_the_same_whatever_stands_around_it():
    one, other = (
        "-   Use **commas** to separate addresses.",
        "• Use `commas` to separate addresses.",
    )

    assert [fingerprint(each) for each in sentences(one)] == [
        fingerprint(each) for each in sentences(other)
    ]


@needs(
    "copy of Zuora's pages",
    folder(),
    "Put them into ../shared/seeds, or name their folder in ZUORA_PAGES. Their own text was not compared.",
)
def test_every_sentence_of_the_pages_own_text_is_accounted_for():
    """Nothing is new in the pages, nothing is gone, and each of their sentences has a row."""
    there = folder()
    assert there is not None
    assert differences(there, FINGERPRINTS) == []
