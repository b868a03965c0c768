"""Each numbered story has a test or a reason in docs/stories.md, and what is named there exists."""

import re
from pathlib import Path

ROOT = Path(__file__).parent.parent.parent
STORIES = range(1, 52)
ROW = re.compile(r"^\| (\d+) \| ([^|]+) \| ([^|]+) \|$", re.MULTILINE)
NAMED = re.compile(r"`(test_story_\d\d_\w*)`")
PLACES = re.compile(r"`(tests/[\w./]+)`")
REASON = "cannot arise"


def table():
    text = (ROOT / "docs" / "stories.md").read_text()
    return {int(number): said for number, _, said in ROW.findall(text)}


def story_tests():
    files = sorted((ROOT / "tests" / "field").glob("test_stories_*.py"))
    text = "\n".join(file.read_text() for file in files)
    return re.findall(r"^(?:async )?def (test_story_\d\d_\w+)\(", text, re.MULTILINE)


def test_every_story_is_in_the_table_once_and_in_order():
    text = (ROOT / "docs" / "stories.md").read_text()

    assert [int(number) for number, _, _ in ROW.findall(text)] == list(STORIES)


def test_every_story_has_a_test_that_exists_or_a_reason():
    written = story_tests()

    for number, said in table().items():
        named = NAMED.findall(said)
        assert named or REASON in said, number
        for name in named:
            assert name.startswith(f"test_story_{number:02d}_"), name
            assert any(each.startswith(name) for each in written), name


def test_every_test_of_a_story_is_named_in_the_table():
    named = {name[:13] for said in table().values() for name in NAMED.findall(said)}

    assert {name[:13] for name in story_tests()} == named


def test_every_file_that_the_table_names_exists():
    for said in table().values():
        for place in PLACES.findall(said):
            assert (ROOT / place).exists(), place
