"""Three replicas, of which one after the other is killed, frozen or cut off: nothing is lost, doubled or out of order."""

from tests.crash.plan import ASKED
from tests.crash.replicated import Replicated

SECONDS = 15


async def test_nothing_is_lost_or_doubled_whatever_becomes_of_three_replicas(tmp_path, own_server):
    story = Replicated(tmp_path, tmp_path, own_server, seed=1, seconds=SECONDS)

    said = await story.play()

    assert not said.reckoning.problems, "\n".join(said.reckoning.problems)
    assert story.restarts == 1
    assert sum(said.reckoning.states.values()) + said.reckoning.refused == ASKED
