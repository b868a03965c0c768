"""Fixtures of all tests, and how they are run: in which order, by how many processes, which of them measured."""

import gc
import logging
import os
from contextlib import nullcontext
from importlib import import_module
from pathlib import Path

import pytest

from bot.operations.catalog import OPERATIONS
from tests import in_memory, launched, patient
from tests.dealt import dealt, turned, with_one_value
from tests.hanging import ended_after
from tests.measured import end_measuring, import_all, paused, pays, unmeasured
from tests.needs import loud_lines
from tests.postgres import ON_POSTGRES
from tests.slices import run_for_longer
from tests.stage import Stage

INVOICES = [
    ("A00000001", "USD", "100.00"),
    ("A00000002", "USD", "250.50"),
    ("A00000003", "EUR", "80.00"),
    ("A00000004", "EUR", "0.00"),
]

PROCESSES = int(os.environ.get("PYTEST_XDIST_WORKER_COUNT", "1"))
SECONDS_TO_END = 120
"""What a process may take once its tests are over; killed before, it would lose all that it has measured."""
LONG = ("tests/browser/", "tests/crash/", "tests/health/", "tests/reliability/", "tests/replicas/")
"""Real processes and a real browser: seconds each, some a minute, and half of it they wait."""


ONE_VALUE = os.environ.get("TEST_VALUES") == "one"
"""Whether a test with several values is run with its first one alone. `make test` does so on PostgreSQL, where stories show what
the database does: none of their 459 other values sends it a statement that no other test sends, but in what follows."""
ALL_VALUES = (
    "tests/reliability/",
    "tests/store/",
    "tests/slack/test_could_not_record.py",
    "tests/stories/test_damaged_rows.py",
    "tests/stories/test_again_under_its_key.py::test_the_database_refuses_",
    "tests/stories/test_denied.py::test_of_what_is_being_sent_the_rest_is_held_back",
    "tests/stories/test_posting_and_canceling.py::test_what_zuora_did_not_take_is_sent_again_",
    "tests/stories/test_restored.py::test_an_older_copy_does_not_hide_",
    "tests/stories/test_updates.py::test_nobody_approves_what_cannot_be_read",
)
"""How the names of those tests begin whose values are what the database holds, or lead to other statements."""


def pytest_terminal_summary(terminalreporter):
    """Say at the end, in red, what did not run on this machine."""
    for line in loud_lines(terminalreporter.stats.get("skipped", [])):
        terminalreporter.write_line(line, red=True, bold=True)


def pytest_configure(config):
    config.addinivalue_line(
        "markers",
        "never_repeated: with REPEAT_LOST=no, so that reading and people settle what was lost",
    )
    if hasattr(config, "workerinput") and not ON_POSTGRES:
        run_for_longer()  # not with a server, to which it gives the core at every statement
    launched.install()
    in_memory.use_it()
    patient.be_patient()
    import_module("xdist.workermanage").NodeManager.EXIT_TIMEOUT = SECONDS_TO_END
    if config.getoption("dist", "no") != "no" and not hasattr(config, "workerinput"):
        end_measuring()  # it only hands out the tests


def pytest_unconfigure():
    launched.LAUNCHER.end()


@pytest.hookimpl(wrapper=True)
def pytest_collection(session):
    """Read the tests' own modules unmeasured: measuring takes longer than reading them."""
    import_all()
    with paused():
        if PROCESSES > 1 and session.config.args == session.config.getini("testpaths"):
            _read_by_turns()
        return (yield)


def _read_by_turns():
    """Import all tests, each process beginning with others, so that they find what another one has compiled."""
    here = Path(__file__).parent
    files = [
        path.relative_to(here.parent).with_suffix("") for path in sorted(here.rglob("test_*.py"))
    ]
    process = int(os.environ["PYTEST_XDIST_WORKER"].removeprefix("gw"))
    for file in turned(files, process, PROCESSES):
        import_module(".".join(file.parts))


def pytest_collection_modifyitems(config, items):
    if ONE_VALUE:
        wanted = with_one_value([item.nodeid for item in items], ALL_VALUES)
        config.hook.pytest_deselected(items=[item for item in items if item.nodeid not in wanted])
        items[:] = [item for item in items if item.nodeid in wanted]
    long = [item for item in items if item.nodeid.startswith(LONG)]
    others = [item for item in items if not item.nodeid.startswith(LONG)]
    items[:] = dealt(long, others, PROCESSES)


def pytest_collection_finish():
    gc.freeze()  # what was collected stays to the end, and is not looked through again and again
    gc.set_threshold(20_000)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_protocol(item):
    with nullcontext() if pays(item.nodeid) else unmeasured():
        return (yield)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_setup():
    with ended_after():
        return (yield)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_call():
    with ended_after():
        return (yield)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_teardown():
    with ended_after():
        return (yield)


LOGGERS = ("", "bot", "httpx2", "httpcore2", "slack_bolt", "slack_sdk", "aiohttp")
"""Whose levels a command sets (`bot.cli.logs`)."""


@pytest.fixture
def operations():
    """What the bot knows how to do; a test may take some out, as in an older version, and all come back in their order."""
    before = dict(OPERATIONS)
    yield OPERATIONS
    OPERATIONS.clear()
    OPERATIONS.update(before)


@pytest.fixture(autouse=True)
def _log_levels_stay():
    """Let no command that a test runs in this process leave the levels of its log to the next test."""
    loggers = [logging.getLogger(name) for name in LOGGERS]
    levels = [each.level for each in loggers]
    yield
    for logger, level in zip(loggers, levels, strict=True):
        if logger.level != level:
            logger.setLevel(level)


@pytest.fixture
async def stage(tmp_path, request):
    """A stage with one posted bill run, BR-00000001, and the bot running in Socket Mode."""
    async for each in _stage(tmp_path, "run", request):
        yield each


@pytest.fixture
async def web_stage(tmp_path, request):
    """The `stage`, with signed HTTP."""
    async for each in _stage(tmp_path, "web", request):
        yield each


async def _stage(tmp_path, mode, request):
    stage = Stage(tmp_path, mode)
    if request.node.get_closest_marker("never_repeated"):
        stage.changes = {"repeat_lost": "no"}
    await stage.open()
    stage.zuora.world.add_bill_run(
        "BR-00000001",
        name="November 2026",
        invoices=INVOICES,
        credit_memos=[("A00000001", "USD", "20.00")],
    )
    try:
        await stage.start()
        yield stage
    finally:
        await stage.close()
    assert not stage.reader.offences, "\n".join(stage.reader.offences)
