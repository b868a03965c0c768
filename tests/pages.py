"""The sentences of Zuora's pages on the operations, as fingerprints.

The pages are Zuora's and not ours to publish; what they say is in `docs/zuora-notes.md` in our own
words, a row for each sentence. A fingerprint shows which sentence a row is about, to whoever has the
pages: `python -m tests.pages FOLDER` prints what is in them and was not, and what is gone.
"""

import os
import re
import sys
from collections.abc import Sequence
from difflib import SequenceMatcher
from hashlib import sha256
from pathlib import Path

NOTES = Path(__file__).parents[1] / "docs" / "zuora-notes.md"
FINGERPRINTS = Path(__file__).with_name("pages.txt")
"""The fingerprint of every sentence of the pages, in their order."""

_LINK = re.compile(r"\[([^\]]*)\]\([^)]*\)")
_ENDS = re.compile(
    r"(?<=[.!?])\s+(?=[A-Z])|(?<=[a-z.;)])(?=(?:If |The |With |When |This |Note:)[A-Za-z ])"
)
_ROW = re.compile(r"^\| ([0-9a-f]{8}) \| (.+?) \| (.+?) \|$", re.MULTILINE)
_BARE = re.compile(r"[`*#|{}]|•|^\s*-\s+")
SEEDS = Path(__file__).parents[2] / "shared" / "seeds"
"""Where the pages lie beside a clone; `ZUORA_PAGES` names another folder."""


def folder() -> Path | None:
    """The folder with the pages; None if there is none.

    Raises:
        FileNotFoundError: `ZUORA_PAGES` names a folder without any page.
    """
    named = os.environ.get("ZUORA_PAGES")
    found = Path(named) if named else SEEDS
    if any(found.glob("*.txt")):
        return found
    if named:
        raise FileNotFoundError(f"ZUORA_PAGES={named} has no *.txt")
    return None


def sentences(text: str) -> list[str]:
    """Every sentence, field, label and value of a page in its order, also those of one word."""
    return [
        said
        for line in text.splitlines()
        for part in _ENDS.split(_BARE.sub(" ", _LINK.sub(r"\1", line)))
        if _plain(said := " ".join(part.split()))
    ]


def fingerprint(sentence: str) -> str:
    """Eight hexadecimal digits for a sentence, whatever its case and punctuation."""
    return sha256(_plain(sentence).encode()).hexdigest()[:8]


def _plain(sentence: str) -> str:
    """Its words, and the signs with which a limit is written."""
    return re.sub(r"[^\w<>=≤≥]+", " ", sentence.lower()).strip()


def accounted() -> dict[str, tuple[str, str]]:
    """By fingerprint: the fact in our words, and the tests that show it."""
    return {row[0]: (row[1], row[2]) for row in _ROW.findall(NOTES.read_text())}


def of_pages(pages: Path) -> list[str]:
    """Every sentence of the pages in a folder, in their order."""
    return [each for page in sorted(pages.glob("*.txt")) for each in sentences(page.read_text())]


def differences(pages: Path, before: Sequence[str]) -> list[str]:
    """What is in the pages and was not, where it stands now, and what is gone, by fingerprint.

    A word that stands elsewhere too, such as `required`, is found where it is new.
    """
    now = of_pages(pages)
    marks = [fingerprint(each) for each in now]
    found = []
    for what, a, b, c, d in SequenceMatcher(a=before, b=marks, autojunk=False).get_opcodes():
        if what != "equal":
            found += [f"gone: {mark}" for mark in before[a:b]]
            found += [f"new, after “{now[at - 1] if at else ''}”: {now[at]}" for at in range(c, d)]
    return found


if __name__ == "__main__":
    left = differences(Path(sys.argv[1]), FINGERPRINTS.read_text().split())
    print("\n".join(left))  # noqa: T201 - the answer
    sys.exit(bool(left))
