"""Words that were dropped do not come back: the list stands in docs/glossary.md."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
GLOSSARY = (ROOT / "docs" / "glossary.md").read_text()
DROPPED = re.findall(r"^- (.+)$", GLOSSARY.partition("## Dropped")[2], re.MULTILINE)
TEXTS = {
    path.relative_to(ROOT): " ".join(path.read_text().replace('" "', "").split())
    for path in (ROOT / "README.md", *sorted((ROOT / "bot").rglob("*.py")))
}


def test_there_are_words_to_look_for():
    assert len(DROPPED) > 20


@pytest.mark.parametrize("words", DROPPED)
def test_no_text_has_them(words):
    assert not [str(path) for path, text in TEXTS.items() if words in text]
