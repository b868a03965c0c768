"""The real process dies again and again; nothing is lost, doubled, out of order or unapproved."""

from bot.domain.operation import OperationName
from tests.crash.figures import in_words
from tests.crash.plan import ASKED, PAIRS
from tests.crash.restored import Restored
from tests.crash.story import Story

KILLS = 40
KILLS_WITH_A_COPY = 24
"""Fewer, as whatever they interrupt is the same; before and after the copy was put back there are enough."""


async def test_nothing_is_lost_or_doubled_however_often_the_process_dies(tmp_path):
    outcome = await Story(tmp_path, tmp_path, seed=4, kills=KILLS).play()

    print(in_words([outcome], tmp_path))  # noqa: T201 - the figures, shown with `-s`
    assert not outcome.reckoning.problems, "\n".join(outcome.reckoning.problems)
    assert outcome.kills == KILLS
    assert sum(outcome.reckoning.states.values()) + outcome.reckoning.refused == ASKED
    assert outcome.reckoning.pairs == PAIRS
    assert set(outcome.reckoning.operations) >= set(OperationName)


async def test_an_older_copy_that_is_put_back_meanwhile_mails_nobody_twice(tmp_path):
    outcome = await Restored(tmp_path, tmp_path, seed=5, kills=KILLS_WITH_A_COPY).play()

    print(in_words([outcome], tmp_path))  # noqa: T201 - the figures, shown with `-s`
    assert not outcome.reckoning.problems, "\n".join(outcome.reckoning.problems)
    assert outcome.reckoning.mails
    assert outcome.reckoning.refused
