"""Every test is run once, however many processes share them, and each process begins with long ones."""

import pytest

from tests.dealt import dealt, turned, with_one_value

LONG, OTHERS = [f"long {n}" for n in range(7)], [f"other {n}" for n in range(13)]


@pytest.mark.parametrize("processes", range(1, 9))
def test_everything_is_dealt_once(processes):
    assert sorted(dealt(LONG, OTHERS, processes)) == sorted(LONG + OTHERS)


def test_each_of_four_processes_begins_with_its_part_of_the_long_tests():
    order = list(dealt(LONG, OTHERS, 4))

    starts = [order[part : part + 4] for part in range(0, 20, 5)]
    assert [[each.startswith("long") for each in start] for start in starts] == [
        [True, False, False, False], [True, True, False, False], [True, True, False, False], [True, True, False, False],
    ]  # fmt: skip
    assert list(dealt(LONG, OTHERS, 1)) == LONG + OTHERS
    assert list(dealt([], OTHERS, 4)) == OTHERS


def test_each_process_reads_all_and_begins_with_a_part_of_its_own():
    orders = [turned(OTHERS, process, 4) for process in range(4)]

    assert all(sorted(order) == sorted(OTHERS) for order in orders)
    assert {each for order in orders for each in order[:4]} == set(OTHERS)


def test_each_test_is_run_with_its_first_value_and_those_named_with_all():
    names = [
        "a/t.py::one",
        "a/t.py::two[x]",
        "a/t.py::two[y[z]]",
        "b/t.py::two[x]",
        "b/t.py::two[y]",
    ]

    assert with_one_value(names, ("b/",)) == {*names} - {"a/t.py::two[y[z]]"}
    assert with_one_value(names, ()) == {"a/t.py::one", "a/t.py::two[x]", "b/t.py::two[x]"}
