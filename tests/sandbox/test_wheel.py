"""The sdist has all that the project needs, the wheel is built from it, and the sandbox starts from the wheel."""

import os
import shutil
import subprocess
import sys
import sysconfig
import tarfile
import venv
import zipfile
from pathlib import Path

import pytest

from tests.patient import LONGEST
from tests.processes import MEASURED

ROOT = Path(__file__).parent.parent.parent
NOT_SOURCES = (
    ".git", ".venv", ".sdk", ".bench", "build", "dist", "*.egg-info", "__pycache__", ".*_cache", ".hypothesis",
    ".coverage*", ".env", "*.db*", "*.lock",
)  # fmt: skip
SDIST = "from setuptools import build_meta; print(build_meta.build_sdist('dist'))"


def ran(*command, cwd):
    """What a program printed, in a folder that is not the project's."""
    done = subprocess.run(  # noqa: S603 - our own programs
        [str(each) for each in command], cwd=cwd, capture_output=True, text=True, check=False,
        env={"PATH": os.environ["PATH"], "HOME": str(cwd), **MEASURED}, timeout=LONGEST,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def sdist(tmp_path_factory):
    """The sdist of a copy of the sources, so that nothing old in `build/` gets into it; unpacked."""
    copy = tmp_path_factory.mktemp("sources") / "copy"
    shutil.copytree(ROOT, copy, symlinks=True, ignore=shutil.ignore_patterns(*NOT_SOURCES))
    name = ran(sys.executable, "-c", SDIST, cwd=copy).splitlines()[-1]
    with tarfile.open(copy / "dist" / name) as packed:
        packed.extractall(copy / "unpacked", filter="data")
    return copy / "unpacked" / name.removesuffix(".tar.gz")


@pytest.fixture(scope="module")
def wheel(sdist):
    """A wheel that is built from the sdist."""
    copy = sdist
    ran(
        sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--no-build-isolation",
        "--no-index", "--wheel-dir", copy / "dist", copy, cwd=copy,
    )  # fmt: skip
    (made,) = (copy / "dist").glob("*.whl")
    return made


@pytest.fixture(scope="module")
def installed(wheel, tmp_path_factory):
    """The program in a fresh environment, which sees what the bot depends on and not the sources."""
    folder = tmp_path_factory.mktemp("installed")
    venv.create(folder / "venv", symlinks=True)
    python = folder / "venv" / "bin" / "python"
    ran(
        sys.executable, "-m", "pip", "--python", python, "install", "--quiet", "--no-deps",
        "--no-index", wheel, cwd=folder,
    )  # fmt: skip
    (site,) = (folder / "venv" / "lib").glob("python*/site-packages")
    (site / "needed.pth").write_text(sysconfig.get_path("purelib") + "\n")
    return folder


def test_the_sdist_holds_every_source(sdist):
    made = {"PKG-INFO", "setup.cfg"}
    ours = files_of(ROOT)

    assert files_of(sdist) - made == ours - {".git"}


def files_of(folder):
    """Every source in a folder, by its path in it; what a build leaves is none."""
    ignored = shutil.ignore_patterns(*NOT_SOURCES)
    found = set()
    for top, folders, names in os.walk(folder):
        folders[:] = [each for each in folders if each not in ignored(top, folders)]
        found |= {
            os.path.relpath(os.path.join(top, name), folder)  # noqa: PTH118 - as os.walk gives them
            for name in names if name not in ignored(top, names)
        }  # fmt: skip
    return found


def test_the_wheel_holds_everything_that_is_read_beside_the_code(wheel):
    names = zipfile.ZipFile(wheel).namelist()
    beside = {
        str(path.relative_to(ROOT))
        for path in (ROOT / "bot").rglob("*")
        if path.is_file() and path.suffix not in (".py", ".pyc")
    }

    assert beside <= set(names)
    assert {"bot/slack/manifest.yml", "bot/sandbox/page/index.html", "bot/py.typed"} <= beside


def test_it_is_the_wheel_that_is_run(installed):
    where = ran(
        installed / "venv" / "bin" / "python", "-c", "import bot; print(bot.__file__)",
        cwd=installed,
    )  # fmt: skip

    assert str(installed) in where


@pytest.mark.parametrize("mode", [[], ["--web"]], ids=["Socket Mode", "signed HTTP"])
def test_the_sandbox_plays_its_story_from_the_wheel(installed, mode):
    said = ran(
        installed / "venv" / "bin" / "billing-bot", "sandbox", "--play", *mode, cwd=installed
    )

    assert "The story ended as it should." in said
