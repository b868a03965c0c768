"""What coverage does not measure is there, and is not measured."""

import json
import subprocess
import sys

import pytest

from tests.measured import UNMEASURED, pays
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


@pytest.mark.parametrize("name", sorted(UNMEASURED))
def test_what_is_not_measured_is_there(name):
    file, _, test = name.partition("::")

    assert (ROOT / file).exists()
    assert not test or f"def {test}(" in (ROOT / file).read_text()
    assert not pays(f"{name}[a row]")
    assert pays(f"{name}_too" if test else "tests/of_another_folder.py::test_it")


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
