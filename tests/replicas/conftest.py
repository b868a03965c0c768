"""A PostgreSQL server over TCP for these tests; where none can be had they say so in one loud line."""

import os
from pathlib import Path

import pytest

from tests.needs import needs
from tests.postgres_tcp import HOW, NamedServer, binaries, running
from tests.replicas.processes import Replicas

HERE = Path(__file__).parent
NAMED = os.environ.get("TEST_POSTGRES_URL", "")
needs_an_own_one = needs("postgresql", binaries(), HOW)
needs_a_server = needs("postgresql", NAMED or binaries(), HOW)


def pytest_collection_modifyitems(items):
    for item in items:
        if HERE in item.path.parents:
            own = "own_server" in item.fixturenames
            item.add_marker(needs_an_own_one if own else needs_a_server)


@pytest.fixture(scope="session")
def server():
    """One for all tests, which must leave it running: the one that is named, or else of this machine."""
    if NAMED:
        yield NamedServer(NAMED)
        return
    with running() as found:
        yield found


@pytest.fixture
def own_server():
    """One that a test may stop."""
    with running() as found:
        yield found


@pytest.fixture
async def replicas(tmp_path, server):
    """Processes on one database of the server, with Slack and Zuora."""
    async for each in _replicas(tmp_path, server):
        yield each


@pytest.fixture
async def own_replicas(tmp_path, own_server):
    """The `replicas`, on a server that the test may stop."""
    async for each in _replicas(tmp_path, own_server):
        yield each


async def _replicas(folder, on):
    made = Replicas(folder, on)
    await made.open()
    try:
        yield made
    finally:
        await made.close()
