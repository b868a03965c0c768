"""The program of a package: one file, made of the text that `billing-bot verify` runs."""

from importlib import resources

PARTS = (
    "bot.audit.rows", "bot.domain.gains", "bot.domain.confirmations", "bot.audit.confirmed", "bot.audit.expected",
    "bot.audit.decisions", "bot.audit.stated", "bot.audit.control", "bot.audit.along", "bot.audit.elsewhere", "bot.audit.standalone",
)  # fmt: skip
"""Modules in an order in which each needs only earlier ones."""

OURS = "from bot."
"""The start of an import between the modules, which one file does not need."""

ALONE = """import sys
if __name__ == "__main__" and not sys.flags.isolated:  # before anything is loaded that somebody could have put in its place
    sys.exit("Nothing was checked. Type: python3 -I verify.py PACKAGE.zip (without -I, Python also runs what lies beside this file, "
             "and what PYTHONPATH names)")
"""
"""The first lines: the module `sys` is part of Python itself, so no file can take its place."""


def text() -> str:
    """Return the text of `verify.py`: how to run it, that it runs only alone, then each module under a heading."""
    names = (part.rpartition(".") for part in PARTS)
    read = [
        resources.files(room).joinpath(f"{name}.py").read_text(encoding="utf-8")
        for room, _, name in names
    ]
    split = [each.split("\n", 1) for each in read]
    *_, (called, _) = split
    headings = [f"# {'-' * 20} {first.strip(chr(34))}" for first, _ in split[:-1]]
    headings.append(f"# {'-' * 20} The files of a package, and what is found in them.")
    parts = [
        f"{heading}\n{rest.strip()}\n" for heading, (_, rest) in zip(headings, split, strict=True)
    ]
    lines = "\n\n".join([f"{called}\n{ALONE}", *parts]).splitlines()
    return "\n".join(line for line in lines if not line.startswith(OURS)) + "\n"
