"""What a stranger may leave out of an operation, and how long until a test names it.

`python -m bench.omissions [--only NAME]… [--list]`: copies the tree, takes one declaration or the body of one
method of an operation away at a time, and runs `pytest -x tests/operations/test_catalog.py` in the copy.
"""

import argparse
import ast
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

FILES = ("bot/operations/on_drafts.py", *map(str, Path("bot/operations").glob("*/operation.py")))
LEFT_AT_HOME = shutil.ignore_patterns(".git", ".venv", "node_modules", "*.db*", "dist")
NOTHING = {"str": '""', "int": "0", "dict": "{}", "Mapping": "{}"}
"""What a method of that type returns that says nothing; of every other type an empty tuple."""

DEEDS = {"CREATED": "POSTED", "POSTED": "MAILED", "CANCELED": "CREATED", "MAILED": "CANCELED"}
IN_TIME = 10.0
NOT_LOADED = ("TypeError", "NameError", "ValueError", "AttributeError", "ImportError")


class Omission(NamedTuple):
    """One thing that is left out, and the file's text without it."""

    what: str
    file: str
    text: str


def _lines_without(source: str, first: int, last: int, *instead: str) -> str:
    lines = source.splitlines()
    lines[first - 1 : last] = instead
    return "\n".join(lines) + "\n"


def _instead_of(method: ast.FunctionDef | ast.AsyncFunctionDef) -> Iterator[str]:
    """What a body is replaced by: nothing, where it says something, and the other truth."""
    was = ast.unparse(method.body[-1])
    if method.returns is None or ast.unparse(method.returns) == "bool":
        yield from (f"return {each}" for each in ("True", "False") if was != f"return {each}")
        return
    said = ast.unparse(method.returns)
    optional = "None" in said or "Problems" in said
    nothing = f"return {NOTHING.get(said.split('[')[0], 'None' if optional else '()')}"
    if nothing != was:
        yield nothing


def _of_method(
    method: ast.FunctionDef | ast.AsyncFunctionDef, named: str, file: str, source: str
) -> Iterator[Omission]:
    decorated = [each.lineno for each in method.decorator_list]
    first, last = min([method.lineno, *decorated]), method.end_lineno or method.lineno
    what = f"{named}.{method.name}"
    yield Omission(f"{what} left out", file, _lines_without(source, first, last, "    pass"))
    for line in _instead_of(method):
        shorter = _lines_without(source, method.body[0].lineno, last, f"        {line}")
        yield Omission(f"{what}: {line}", file, shorter)


def _of_trait(trait: ast.Assign, named: str, file: str, source: str) -> Iterator[Omission]:
    (target,) = trait.targets
    what, value = f"{named}.{ast.unparse(target)}", ast.unparse(trait.value)
    last = trait.end_lineno or trait.lineno
    yield Omission(f"{what} left out", file, _lines_without(source, trait.lineno, last, "    pass"))
    if value.startswith("Deed."):
        other = f"    {ast.unparse(target)} = Deed.{DEEDS[value.removeprefix('Deed.')]}"
        yield Omission(f"{what}: another", file, _lines_without(source, trait.lineno, last, other))


def _of_bases(kind: ast.ClassDef, file: str, source: str) -> Iterator[Omission]:
    """Leave out each class that it is made of but the first."""
    for base in kind.bases[1:]:
        said = ast.get_source_segment(source, base) or ""
        yield Omission(f"{kind.name} without {said}", file, source.replace(f", {said}", "", 1))


def omissions() -> Iterator[Omission]:
    """Return everything that can be left out of the classes of operations."""
    for file in FILES:
        source = Path(file).read_text()
        classes = [each for each in ast.parse(source).body if isinstance(each, ast.ClassDef)]
        for each in classes:
            if each.name.endswith(("Body", "Facts")):
                continue
            yield from _of_bases(each, file, source)
            for part in each.body:
                if isinstance(part, ast.FunctionDef | ast.AsyncFunctionDef):
                    yield from _of_method(part, each.name, file, source)
                elif isinstance(part, ast.Assign):
                    yield from _of_trait(part, each.name, file, source)


def tried(omission: Omission, place: Path) -> tuple[float, str]:
    """Return the seconds until a test named it, and its words; empty if none did."""
    file = place / omission.file
    kept = file.read_text()
    file.write_text(omission.text)
    begun = time.monotonic()
    try:
        done = subprocess.run(
            [sys.executable, "-m", "pytest", "-x", "-q", "-p", "no:cacheprovider",
             "tests/operations/test_catalog.py"],
            cwd=place, capture_output=True, text=True, timeout=300, check=False,
        )  # fmt: skip
    finally:
        file.write_text(kept)
    took = time.monotonic() - begun
    # where nothing loads, the last line of the errors says why
    lines = [*done.stdout.splitlines(), *done.stderr.splitlines()[-1:]]
    said = (line.removeprefix("E  ") for line in lines if line.startswith(("E  ", *NOT_LOADED)))
    return took, next((line.strip() for line in said), "?") if done.returncode else ""


def main() -> None:
    """Take them out one by one, and print what was noticed when."""
    asked = argparse.ArgumentParser()
    asked.add_argument("--only", action="append", default=[])
    asked.add_argument("--list", action="store_true")
    wanted = asked.parse_args()
    found = [
        each for each in omissions() if not wanted.only or any(o in each.what for o in wanted.only)
    ]
    if wanted.list:
        sys.stdout.writelines(f"{each.what}\n" for each in found)
        return
    results = []
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder) / "tree"
        shutil.copytree(Path.cwd(), place, ignore=LEFT_AT_HOME)
        for each in found:
            took, words = tried(each, place)
            results.append((took, words))
            sys.stdout.write(f"{took:5.1f} s  {each.what}: {words or 'NOT NOTICED'}\n")
            sys.stdout.flush()
    named = [took for took, words in results if words]
    late = sum(took > IN_TIME for took in named)
    sys.stdout.write(
        f"{len(results)} left out: {len(named)} named, {late} of them after more than "
        f"{IN_TIME:.0f} s; {len(results) - len(named)} not noticed\n"
    )


if __name__ == "__main__":
    main()
