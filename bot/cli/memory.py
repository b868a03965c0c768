"""When the C library gives memory back to the system."""

import ctypes
from contextlib import suppress

_M_TRIM_THRESHOLD, _M_MMAP_THRESHOLD = -1, -3
"""The names of the settings in glibc's `malloc.h`."""

LONG = 1 << 20
"""Bytes from which on a piece of memory is the system's again as soon as it is let go."""


def give_back_only_long_texts() -> None:
    """Have the C library give each text of a megabyte or more back to the system once it is let go, and keep what is short.

    By default glibc stops doing so after the first ones, and a request for 50,000 documents, whose texts have 10 MB, leaves 20 to
    40 MB behind that nothing uses. Other C libraries have no such setting.

    Once that is set, glibc no longer adapts how much free memory it keeps at the end of its own, and 128 KB are too little: SQLite
    takes and lets go of half a megabyte for each statement with many triggers, which the system then clears anew each time. That
    took more than the rest of a decision. Twice the length is what glibc would adapt it to.
    """
    with suppress(AttributeError, OSError):
        library = ctypes.CDLL(None)
        library.mallopt(_M_MMAP_THRESHOLD, LONG)
        library.mallopt(_M_TRIM_THRESHOLD, 2 * LONG)
