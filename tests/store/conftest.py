"""What several tests of the store share."""

import pytest

from bot.store.store import Store
from tests.fresh import fresh


@pytest.fixture
def store(tmp_path):
    """A store on a file of its own."""
    store = Store.open(fresh(tmp_path / "billing-bot.db"))
    yield store
    store.close()
