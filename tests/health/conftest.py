"""The site that the tests of this folder operate."""

import pytest

from tests.health.operated import Site


@pytest.fixture
async def site(tmp_path):
    made = Site(tmp_path)
    await made.open()
    try:
        yield made
    finally:
        await made.close()
