"""Words that were dropped do not come back: the list is in docs/glossary.md.

What Slack shows while stories are played is looked through for them by `tests.every_message`.
"""

import io
import re
import tokenize
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

from tests.every_message import DROPPED

ROOT = Path(__file__).parents[1]
CODE = sorted((ROOT / "bot").rglob("*.py"))
SCRIPTS = sorted((ROOT / "bot").rglob("*.js"))
SETTINGS = [
    ROOT / "Makefile",
    ROOT / "Dockerfile",
    *sorted(
        path
        for folder in (ROOT, ROOT / "docs", ROOT / "deploy", ROOT / "bot")
        for ending in ("*.yml", "*.toml", "*.html", "*.conf", "*.service")
        for path in (folder.glob(ending) if folder == ROOT else folder.rglob(ending))
    ),
]
PAGES = [
    *sorted(ROOT.glob("*.md")),
    *sorted((ROOT / "docs").rglob("*.md")),
    *sorted((ROOT / "bot").rglob("*.md")),
]
CITED = re.compile(
    r"\b(?:[Rr]ows?|[Cc]ases?|pitfall|part) [A-Z][0-9]{1,2}\b|\bseed page|\btest_[a-z][0-9]+_"
)
"""Numbers of a list that no reader has."""

HISTORY = ROOT / "CHANGELOG.md"
"""What was said in older versions may be quoted there."""

TELLS = re.compile(r"\b(?:[Tt]ell|[Tt]ells|[Tt]old|[Tt]elling)\b")
MEANT = re.compile(
    r"\b(?:told|tell (?:\w+ ){0,2}|tells (?:\w+ ){0,2})\s*apart|[Tt]ell whoever|told not to|tell \"nothing|tell confirm tell"
)
"""Where no other word says it as plainly: to tell apart, to speak to a person."""

IN_SCRIPT = re.compile(r"//[^\n]*|/\*.*?\*/|\"[^\"\n]*\"|`[^`]*`", re.DOTALL)
"""Comments and strings of JavaScript."""

NO_WORDS = re.compile(r"`[^`]*`|\{[^{}]*\}")
"""Names and values inside a text."""


@cache
def texts() -> dict[str, str]:
    """Return by file what stands in it for people."""
    return dict(_texts())


def _texts() -> Iterator[tuple[str, str]]:
    """Each file with what stands in it for people: documents, settings; strings and comments of the code."""
    for path in PAGES:
        if path != HISTORY:
            text = path.read_text().partition("## Dropped")[0]
            yield str(path.relative_to(ROOT)), " ".join(text.split())
    for path in SETTINGS:
        yield str(path.relative_to(ROOT)), " ".join(path.read_text().split())
    for path in SCRIPTS:
        said = IN_SCRIPT.findall(path.read_text())
        yield str(path.relative_to(ROOT)), " ".join(" ".join(said).split())
    for path in CODE:
        tokens = tokenize.generate_tokens(io.StringIO(path.read_text()).readline)
        said = [
            token.string.strip("rbf").strip("\"'#")
            for token in tokens
            if token.type in (tokenize.STRING, tokenize.COMMENT)
        ]
        yield str(path.relative_to(ROOT)), " ".join(" ".join(said).split())


def test_there_are_words_to_look_for():
    assert len(DROPPED) > 20
    assert "docs/architecture.md" in texts()


@pytest.mark.parametrize("words", DROPPED)
def test_no_text_has_them(words):
    assert not [path for path, text in texts().items() if words in text]


def test_nothing_is_told():
    """To show, record, answer, post: what is meant has a word of its own."""
    found = [
        f"{path}: {text[max(0, match.start() - 60) : match.end() + 30]}"
        for path, whole in texts().items()
        for text in [MEANT.sub("", NO_WORDS.sub("", whole))]
        for match in TELLS.finditer(text)
    ]
    assert not found, "\n".join(found)


def test_nothing_is_cited_that_no_reader_has():
    files = [
        path for folder in ("bot", "bench", "tests", "docs") for path in (ROOT / folder).rglob("*")
    ]
    found = {
        path.name: CITED.findall(path.read_text())
        for path in files
        if path.suffix in (".py", ".md") and path != Path(__file__)
    }
    assert {name: cited for name, cited in found.items() if cited} == {}
