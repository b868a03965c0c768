"""The program of a package is not misled by what lies beside it, or by what the environment of an auditor names."""

import asyncio
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from bot.audit.evidence import program
from tests.audit.test_evidence import KEY
from tests.audit.test_package import Forger, packed

WHOLE = "whole: nothing above is a finding"
TRAP = f"""
import os, pathlib
pathlib.Path(__file__).with_name("sprung").touch()
print({WHOLE!r}, flush=True)
os._exit(0)
"""
"""What a forger would put in the place of a module."""

MODULES = (
    "hashlib",
    "json",
    "zipfile",
    "hmac",
    "os",
    "io",
    "sqlite3",
    "typing",
    "collections",
    "encodings",
)


@pytest.fixture(scope="module")
def wrong(tmp_path_factory):
    """A package whose population was changed by somebody with the key."""
    out, _ = asyncio.run(packed(tmp_path_factory.mktemp("alone"), KEY))
    forger = Forger(out, KEY)
    forger.files["population.jsonl"] = b""
    return forger.sealed()


@pytest.fixture
def folder(wrong, tmp_path):
    """The folder of an auditor, with the package and its program."""
    shutil.copy(wrong, tmp_path / "q3.zip")
    (tmp_path / "verify.py").write_text(program.text())
    return tmp_path


def beside(folder):
    for name in MODULES:
        (folder / f"{name}.py").write_text(TRAP)
    return {}


def by_its_path(folder):
    (folder / "elsewhere").mkdir()
    for name in ("sitecustomize", "usercustomize", *MODULES):
        (folder / "elsewhere" / f"{name}.py").write_text(TRAP)
    return {"PYTHONPATH": str(folder / "elsewhere")}


def at_its_start(folder):
    (folder / "started.py").write_text(TRAP)
    return {"PYTHONSTARTUP": str(folder / "started.py"), "PYTHONINSPECT": "1"}


def of_the_user(folder):
    """A `.pth` file of the user's own packages, which Python runs."""
    version = f"python{sys.version_info.major}.{sys.version_info.minor}"
    packages = folder / "home" / "lib" / version / "site-packages"
    packages.mkdir(parents=True)
    (packages / "trap.py").write_text(TRAP)
    (packages / "trap.pth").write_text("import trap\n")
    return {"PYTHONUSERBASE": str(folder / "home")}


def in_its_home(folder):
    (folder / "empty").mkdir()
    return {"PYTHONHOME": str(folder / "empty")}


TRAPS = (beside, by_its_path, at_its_start, of_the_user, in_its_home)


def run(folder, more, *options):
    """Type it in the auditor's folder, with the Python of the machine, as an auditor has it."""
    python = (
        Path(sys.base_prefix) / "bin" / f"python{sys.version_info.major}.{sys.version_info.minor}"
    )
    return subprocess.run(  # noqa: S603 - our own program
        [str(python), *options, "verify.py", "q3.zip"],
        cwd=folder, env={"PATH": os.environ["PATH"], "AUDIT_KEY": KEY, **more},
        capture_output=True, text=True, check=False, stdin=subprocess.DEVNULL,
    )  # fmt: skip


@pytest.mark.parametrize("trap", TRAPS)
def test_as_the_page_says_it_is_misled_by_nothing(folder, trap):
    done = run(folder, trap(folder), "-I")

    assert done.returncode == 19, (done.stdout, done.stderr)
    assert "population.jsonl is not what the rows give" in done.stdout
    assert WHOLE not in done.stdout
    assert not [*folder.rglob("sprung")]


def test_without_the_option_it_loads_nothing_and_says_what_to_type(folder):
    more = beside(folder)

    done = run(folder, more)

    assert done.returncode == 1
    assert done.stdout == ""
    assert done.stderr.startswith("Nothing was checked. Type: python3 -I verify.py PACKAGE.zip")
    assert not [*folder.rglob("sprung")]


def test_the_first_thing_it_does_is_to_see_that_it_is_alone():
    first, second, *_ = program.text().split('"""', 2)[2].strip().splitlines()

    assert (first, second.split(":")[0]) == (
        "import sys",
        'if __name__ == "__main__" and not sys.flags.isolated',
    )
