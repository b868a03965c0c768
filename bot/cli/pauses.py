"""How long threads and the garbage collector may hold up the event loop."""

import gc
import sys

NEW_OBJECTS = 10_000
"""New objects after which the garbage collector looks for cycles among them."""


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
    """
    sys.setswitchinterval(TURN_SECONDS)
    gc.collect()
    gc.freeze()
    gc.set_threshold(NEW_OBJECTS)
