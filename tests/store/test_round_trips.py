"""Each answer to a person costs a server few round trips, however many lines it has."""

from contextlib import contextmanager

import pytest

from bot.domain.authority import Person
from bot.status import answers
from bot.store.store import Store
from bot.workflow.beside import beside
from tests.postgres import fresh_database, needs_postgres
from tests.status import made
from tests.store.test_indexes import LINKS

pytestmark = needs_postgres
BOB = Person(user_id=made.BOB, team_id="T")


@pytest.fixture(scope="module")
def store():
    store = Store.open(fresh_database())
    made.november(store)
    for number in range(10):
        made.request(store, facts=made.run_facts(f"BR-{number + 10:08}"), day=7)
    yield store
    store.close()


@contextmanager
def counted(store):
    """Yield the list of what a server was asked meanwhile, one for each round trip."""
    database, asked = store._database, []
    at_once, execute = database.at_once, database.execute

    def together(*these):
        if len(these) > 1:
            asked.append(these)
        return at_once(*these)

    def alone(*this):
        asked.append(this)
        return execute(*this)

    database.at_once, database.execute = together, alone
    try:
        yield asked
    finally:
        del database.at_once, database.execute


LOOKS = {
    "the overview": (lambda s: answers.overview(s, LINKS), 4),
    "somebody's own": (lambda s: answers.mine(s, LINKS, made.ALICE), 2),
    "what waits": (lambda s: answers.waiting(s, LINKS, BOB, made.FIRST.replace(day=9)), 4),
    "a request": (lambda s: answers.story(s, LINKS, 1), 2),
    "what a card says beside the request": (lambda s: beside(s, s.requests.get(12)), 2),
}


@pytest.mark.parametrize("name", LOOKS)
def test_an_answer_waits_for_a_server_a_few_times(store, name):
    look, most = LOOKS[name]
    look(store)  # what is remembered is remembered then

    with counted(store) as asked:
        assert look(store)

    assert 0 < len(asked) <= most, asked
