"""How many changes of a single byte are found: `python -m tests.audit.measure_bytes [CHANGES]`.

So many bytes of a package, and of a database, are changed one at a time, drawn by a fixed seed. After a change that is not
found, what is bound must read as before: each file of a package, and of a database what `tests/audit/test_any_byte.py` lists.
"""

import asyncio
import random
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

from tests.audit.test_any_byte import contents, dump, kept
from tests.audit.test_evidence import KEY, checked
from tests.audit.test_package import packed

SEED = 19


def changed(path: Path, changes: int, read: Callable[[Path], Any]) -> tuple[int, int]:
    """How many changes are found, and after how many others something that is bound reads otherwise."""
    drawn, before, as_before = random.Random(SEED), path.read_bytes(), read(path)  # noqa: S311 - a sample
    found = wrong = 0
    for _ in range(changes):
        content = bytearray(before)
        content[drawn.randrange(len(before))] ^= drawn.randrange(1, 256)
        path.write_bytes(content)
        if checked(path, key=KEY).exit_code:
            found += 1
        elif read(path) != as_before:
            wrong += 1
    path.write_bytes(before)
    return found, wrong


def main() -> None:
    """Print a line for each kind of file."""
    changes = int((*sys.argv[1:], "1200")[0])
    with tempfile.TemporaryDirectory(prefix="billing-bot-bench-") as folder:
        places = [Path(folder) / name for name in ("package", "database")]
        for each in places:
            each.mkdir()
        package, _ = asyncio.run(packed(places[0], KEY))
        database = Path(asyncio.run(kept(places[1])))
        for path, read in ((package, contents), (database, dump)):
            found, wrong = changed(path, changes, read)
            sys.stdout.write(
                f"{path.name}, {path.stat().st_size:,} bytes: {found} of {changes} changes found; after {wrong} "
                "of the others something that is bound reads otherwise\n"
            )


if __name__ == "__main__":
    main()
