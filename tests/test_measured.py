"""What coverage measures is there, and nothing else is measured."""

import json
import subprocess
import sys

from tests.measured import LEFT_OUT, NAMED, WHOLE, pays
from tests.processes import ENVIRONMENT, ROOT

PROGRAM = """
from tests.measured import unmeasured
from tests.processes import MEASURED

def before():
    assert MEASURED, "before"

def paused():
    assert not MEASURED

def after():
    assert MEASURED, "after"

before()
for _ in range(3):
    with unmeasured():
        paused()
after()
"""


def test_what_is_measured_is_there():
    names = NAMED | LEFT_OUT
    assert not [name for name in names if not _is_there(*name.partition("::")[::2])]


def _is_there(file: str, test: str) -> bool:
    path = ROOT / file
    return path.exists() and (not test or f"def {test}(" in path.read_text())


def test_a_test_is_measured_that_is_named_or_stands_in_what_is_named():
    test = min(name for name in NAMED if "::" in name)
    folder = min(name for name in NAMED if name.endswith("/"))

    assert pays(test)
    assert pays(f"{test}[a row]")
    assert pays(f"{folder}test_new.py::test_it")
    assert not pays(f"{test}_too")
    assert not pays("tests/of_another_folder.py::test_it")


def test_a_test_that_is_left_out_of_what_is_named_is_not_measured():
    assert LEFT_OUT
    for test in LEFT_OUT:
        assert test.startswith(WHOLE)
        assert not pays(test)
        assert not pays(f"{test}[a row]")
        assert pays(f"{test}_too")


def test_nothing_is_measured_in_a_pause_and_everything_after_it(tmp_path):
    (tmp_path / "program.py").write_text(PROGRAM)
    (tmp_path / "settings").write_text("[run]\npatch = subprocess\n")
    coverage = [sys.executable, "-m", "coverage"]
    environment = {n: v for n, v in ENVIRONMENT.items() if not n.startswith("COVERAGE_")}

    for words in (
        ("run", "--rcfile=settings", "program.py"),
        ("combine", "--rcfile=settings"),
        ("json", "--rcfile=settings", "--include=program.py", "-o", "found.json"),
    ):
        subprocess.run([*coverage, *words], cwd=tmp_path, env=environment, check=True)  # noqa: S603 - our own words

    found = json.loads((tmp_path / "found.json").read_text())
    lines = PROGRAM.splitlines()
    missing = [lines[n - 1].strip() for n in found["files"]["program.py"]["missing_lines"]]
    assert "assert not MEASURED" in missing
    assert not {'assert MEASURED, "before"', 'assert MEASURED, "after"'} & set(missing)
