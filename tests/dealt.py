"""In which order tests are read and run where several processes share them."""

from collections.abc import Iterable, Iterator, Sequence
from itertools import islice
from typing import TypeVar

T = TypeVar("T")


def dealt(long: Sequence[T], others: Sequence[T], processes: int) -> Iterator[T]:
    """Let every process begin with its part of the long tests, which wait for half of their time.

    In `make test` those on PostgreSQL compute meanwhile. Each process is given an even part of the order, and later
    what is left of another's (`--dist worksteal`).
    """
    rest = iter(others)
    for process in range(processes):
        first = _part(long, process, processes)
        room = len(_part(range(len(long) + len(others)), process, processes)) - len(first)
        yield from first
        yield from islice(rest, max(0, room))
    yield from rest


def turned(whole: Sequence[T], number: int, parts: int) -> Sequence[T]:
    """Return all, beginning with a part of so many."""
    first = len(whole) * number // parts
    return [*whole[first:], *whole[:first]]


def with_one_value(names: Iterable[str], all_values: tuple[str, ...]) -> set[str]:
    """Return of each test the name with its first value; of those whose names begin so, every name."""
    first: dict[str, str] = {}
    for name in names:
        first.setdefault(name if name.startswith(all_values) else name.partition("[")[0], name)
    return {*first.values()}


def _part(whole: Sequence[T], number: int, parts: int) -> Sequence[T]:
    return whole[len(whole) * number // parts : len(whole) * (number + 1) // parts]
