"""How the code is built, in figures: `python -m bench.structure [commit …] > part of docs/structure.md`.

Counts from the syntax tree alone, so that any commit can be counted: it is read with `git archive`
and never run. Without a commit the working tree is counted.
"""

import ast
import io
import re
import statistics
import subprocess
import sys
import tarfile
from collections import Counter, defaultdict
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parent.parent
MOST_PARAMETERS = 5
OPERATIONS = (
    "create_bill_run", "post_bill_run", "cancel_bill_run", "email_bill_run", "email_invoice",
    "email_debit_memo", "email_credit_memo", "email_mixed_list",
)  # fmt: skip
Function = ast.FunctionDef | ast.AsyncFunctionDef


def main(commits: list[str]) -> None:
    """Print a table with a column for each commit, and one for the working tree."""
    columns = {commit: dict(_of_commit(commit)) for commit in commits}
    columns["now"] = {
        str(path.relative_to(ROOT)): path.read_text() for path in (ROOT / "bot").rglob("*.py")
    }
    rows: dict[str, dict[str, str]] = defaultdict(dict)
    for name, files in columns.items():
        for what, figure in _figures(files):
            rows[what][name] = figure
    _print(f"| | {' | '.join(columns)} |")
    _print(f"|---|{'---|' * len(columns)}")
    for what, figures in rows.items():
        _print(f"| {what} | {' | '.join(figures.get(name, '') for name in columns)} |")


def _of_commit(commit: str) -> Iterator[tuple[str, str]]:
    command = ["git", "archive", "--format=tar", commit, "bot"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, check=True)  # noqa: S603 - git
    with tarfile.open(fileobj=io.BytesIO(done.stdout)) as archive:
        for member in archive:
            if member.name.endswith(".py") and (file := archive.extractfile(member)):
                yield member.name, file.read().decode()


def _figures(files: dict[str, str]) -> Iterator[tuple[str, str]]:
    trees = {name: ast.parse(text) for name, text in files.items()}
    bot = {name for name in files if not name.startswith("bot/sandbox/")}
    lines = Counter[str]()
    for name, text in files.items():
        lines[_room(name)] += text.count("\n")
    functions = [each for name in bot for each in _functions(trees[name])]
    lengths = [(each.end_lineno or each.lineno) - each.lineno + 1 for each in functions]
    classes = Counter(
        each.name
        for name in bot
        for each in ast.walk(trees[name])
        if isinstance(each, ast.ClassDef)
    )
    yield "files, without the sandbox", f"{len(bot):,}"
    yield "lines, without the sandbox", f"{sum(files[name].count(chr(10)) for name in bot):,}"
    yield "functions", f"{len(functions):,}"
    yield "median function, lines", f"{statistics.median(lengths):.0f}"
    yield "longest function, lines", f"{max(lengths)}"
    yield "longest file, lines", f"{max(files[name].count(chr(10)) for name in bot):,}"
    yield (
        f"functions of more than {MOST_PARAMETERS} parameters",
        f"{sum(_parameters(each) > MOST_PARAMETERS for each in functions)}",
    )
    yield "functions that only hand on", f"{sum(map(_hands_on, functions))}"
    yield "`noqa`", f"{sum(len(re.findall(r'# noqa', files[name])) for name in bot)}"
    yield (
        "of these for an unused argument",
        f"{sum(files[name].count('noqa: ARG') for name in bot)}",
    )
    yield "names of several classes", f"{sum(count > 1 for count in classes.values())}"
    yield (
        "files outside `operations` that name an operation",
        f"{sum(_names_one(files[name]) for name in bot if _room(name) != 'operations')}",
    )
    for room in sorted(lines):
        yield f"lines of `{room}`", f"{lines[room]:,}"


def _room(name: str) -> str:
    parts = name.split("/")
    return parts[1] if len(parts) > 2 else "the top"  # noqa: PLR2004 - bot, room, file


def _functions(tree: ast.AST) -> Iterator[Function]:
    return (each for each in ast.walk(tree) if isinstance(each, Function))


def _parameters(function: Function) -> int:
    given = function.args
    return sum(
        each.arg not in ("self", "cls")
        for each in (*given.posonlyargs, *given.args, *given.kwonlyargs)
    )


def _hands_on(function: Function) -> bool:
    """Whether all it does is to call something with its own parameters, as they are."""
    body = [each for each in function.body if not _is_docstring(each)]
    if len(body) != 1 or not isinstance(body[0], ast.Return | ast.Expr):
        return False
    call = body[0].value
    call = call.value if isinstance(call, ast.Await) else call
    if not isinstance(call, ast.Call) or not (call.args or call.keywords):
        return False
    given = [*call.args, *(each.value for each in call.keywords)]
    return all(isinstance(each, ast.Name) for each in given)


def _is_docstring(statement: ast.stmt) -> bool:
    return isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Constant)


def _names_one(text: str) -> bool:
    return any(re.search(rf"[\"']{name}[\"']", text) for name in OPERATIONS)


def _print(line: str) -> None:
    sys.stdout.write(line + "\n")


if __name__ == "__main__":
    main(sys.argv[1:])
