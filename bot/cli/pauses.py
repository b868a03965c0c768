"""How long threads and the garbage collector may hold up the event loop, and what is kept of memory that is free."""

import ctypes
import gc
import sys
from contextlib import suppress

NEW_OBJECTS = 10_000
"""New objects after which the garbage collector looks for cycles among them."""

YOUNG_ROUNDS = 1
"""Such rounds after which it looks once more at what was left of them, 30,000 objects or fewer; with Python's ten, 110,000."""

MIDDLE_ROUNDS = 1_000
"""Of those, after which it looks at everything; with Python's ten, in the midst of a large request."""


TURN_SECONDS = 0.001
"""How long a thread runs before a waiting one gets its turn; Python's default is five times that."""


def keep_pauses_short() -> None:
    """Keep the event loop from waiting long for threads or the garbage collector, once the bot has started.

    While a thread reads a long answer from Zuora, the event loop waits for its turn after each call to the
    operating system, and a click takes some thirty of these.

    The collector looks at fewer objects, and less often. A full collection looks at every object,
    which holds the event loop for some 50 ms; without the modules, their classes and functions
    there is hardly anything left to look at. By default it looks through new objects after every
    few hundred. Two hundred clicks at once make that many again and again, and hardly any of them
    is garbage.

    Whichever thread makes the objects of a large request, all of them wait while the collector looks: 0.4 ms for each
    thousand. None of what a full collection looks at was garbage after hundreds of forms and thousands of mails, because
    the younger rounds had found it.
    """
    sys.setswitchinterval(TURN_SECONDS)
    gc.collect()
    gc.freeze()
    gc.set_threshold(NEW_OBJECTS, YOUNG_ROUNDS, MIDDLE_ROUNDS)


_M_TRIM_THRESHOLD, _M_MMAP_THRESHOLD = -1, -3
"""The names of the settings in glibc's `malloc.h`."""

LONG = 1 << 20
"""Bytes from which on a piece of memory is the system's again as soon as it is let go, and free memory at the end of the process's."""


def give_back_only_long_texts() -> None:
    """Have the C library give each text of a megabyte or more back to the system once it is let go, and keep what is short.

    By default glibc stops doing so after the first ones, and a request for 50,000 documents, whose texts have 10 MB, leaves 20 to
    40 MB behind that nothing uses. Other C libraries have no such setting.

    Once that is set, glibc no longer adapts how much free memory it keeps at the end of its own, and 128 KB are too little: SQLite
    takes and lets go of half a megabyte for each statement with many triggers, which the system then clears anew each time. That
    took more than the rest of a decision.
    """
    with suppress(AttributeError, OSError):
        library = ctypes.CDLL(None)
        library.mallopt(_M_MMAP_THRESHOLD, LONG)
        library.mallopt(_M_TRIM_THRESHOLD, LONG)
