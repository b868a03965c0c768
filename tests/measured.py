"""Which tests coverage measures, where they are run under it: all but those of unmeasured.txt."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from coverage import Coverage

from tests.processes import ENVIRONMENT, MEASURED

LINES = (Path(__file__).parent / "unmeasured.txt").read_text().splitlines()
UNMEASURED = frozenset(line for line in LINES if line.startswith("tests/"))
FOLDERS = tuple(each for each in UNMEASURED if each.endswith("/"))


def pays(nodeid: str) -> bool:
    """Whether a test is measured, of which this is the name, with its parameters."""
    return nodeid.partition("[")[0] not in UNMEASURED and not nodeid.startswith(FOLDERS)


@contextmanager
def unmeasured() -> Iterator[None]:
    """Pause the measuring of this process, and start others unmeasured."""
    coverage = Coverage.current()
    if coverage is None:
        yield
        return
    taken = dict(MEASURED)
    coverage.stop()
    for name in taken:
        del ENVIRONMENT[name], MEASURED[name]
    try:
        yield
    finally:
        ENVIRONMENT.update(taken)
        MEASURED.update(taken)
        coverage.start()
