"""The sentences of Zuora's pages on the operations, as fingerprints.

The pages are Zuora's and not ours to publish; what they say is in `docs/zuora-notes.md` in our own
words, a row for each sentence. A fingerprint shows which sentence a row is about, to whoever has the
pages: `python -m tests.pages FOLDER` says which of its sentences no row accounts for.
"""

import re
import sys
from hashlib import sha256
from pathlib import Path

NOTES = Path(__file__).parents[1] / "docs" / "zuora-notes.md"
_LINK = re.compile(r"\[([^\]]*)\]\([^)]*\)")
_ENDS = re.compile(
    r"(?<=[.!?])\s+(?=[A-Z])|(?<=[a-z.;)])(?=(?:If |The |With |When |This |Note:)[A-Za-z ])"
)
_ROW = re.compile(r"^\| ([0-9a-f]{8}) \| (.+?) \| (.+?) \|$", re.MULTILINE)
_FIELD = re.compile(r"[a-z]+(?:[A-Z][a-z]+)+")
FEWEST_WORDS = 4


def sentences(text: str) -> list[str]:
    """The sentences, fields, notes and limits of a page, without what stands around them."""
    found = []
    for line in text.splitlines():
        plain = re.sub(r"[`*#|{}]|•|^\s*-\s+|string <= \d+ characters", " ", _LINK.sub(r"\1", line))
        for part in _ENDS.split(plain):
            words = re.findall(r"[\w'&/.,:;()\[\]\"<>=?!-]+", part)
            is_field = len(words) == 1 and _FIELD.fullmatch(words[0])
            if is_field or len(words) >= FEWEST_WORDS:
                found.append(" ".join(words))
    return list(dict.fromkeys(found))


def fingerprint(sentence: str) -> str:
    """Eight hexadecimal digits for a sentence, whatever its case and punctuation."""
    plain = re.sub(r"[^a-z0-9]+", " ", sentence.lower()).strip()
    return sha256(plain.encode()).hexdigest()[:8]


def accounted() -> dict[str, tuple[str, str]]:
    """By fingerprint: the fact in our words, and the tests that show it."""
    return {row[0]: (row[1], row[2]) for row in _ROW.findall(NOTES.read_text())}


def unaccounted(folder: Path) -> list[str]:
    """The sentences of the pages in a folder that no row is about."""
    known = accounted()
    return [
        sentence
        for page in sorted(folder.glob("*.txt"))
        for sentence in sentences(page.read_text())
        if fingerprint(sentence) not in known
    ]


if __name__ == "__main__":
    left = unaccounted(Path(sys.argv[1]))
    print("\n".join(left))  # noqa: T201 - the answer
    sys.exit(bool(left))
