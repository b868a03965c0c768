"""Long reading of a database file can be watched, and broken off."""

import signal

import pytest

from bot.audit.verify import refuse_damage, verify_database
from bot.store.errors import StoreError
from bot.store.file.backup import back_up
from bot.store.file.reading import looking
from bot.store.store import Store


@pytest.fixture
def path(tmp_path):
    Store.open(tmp_path / "bot.db").close()
    return tmp_path / "bot.db"


def test_a_check_is_looked_at_again_and_again(path):
    looks = list[int]()

    def looked():
        looks.append(1)
        return False

    with looking(looked):
        refuse_damage(path)
        verify_database(path, key="")
    seen = len(looks)
    refuse_damage(path)

    assert seen > 1
    assert len(looks) == seen


@pytest.mark.parametrize("check", [refuse_damage, lambda path: verify_database(path, key="")])
def test_a_check_can_be_broken_off(path, check):
    with looking(lambda: True), pytest.raises(StoreError, match="interrupted"):
        check(path)


def test_ctrl_c_ends_a_check_within_sqlite(path):
    def press():
        signal.raise_signal(signal.SIGINT)
        return False

    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        with looking(press), pytest.raises((StoreError, KeyboardInterrupt)):
            refuse_damage(path)
    finally:
        signal.signal(signal.SIGINT, before)


def test_a_copy_that_is_broken_off_leaves_nothing(path, tmp_path):
    with pytest.raises(StoreError, match="interrupted"):
        back_up(path, tmp_path / "copy.db", lambda _: True)

    assert not list(tmp_path.glob("copy.db*"))
