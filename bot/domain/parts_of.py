"""Cutting a long list into parts. No I/O."""

from collections.abc import Sequence
from typing import TypeVar

T = TypeVar("T")


def parts_of(items: Sequence[T], most: int) -> list[Sequence[T]]:
    """Return the items in their order, at most this many in each part."""
    return [items[at : at + most] for at in range(0, len(items), most)]
