"""How long threads and the garbage collector may hold up the event loop."""

import gc
import sys

NEW_OBJECTS = 10_000
"""New objects after which the garbage collector looks for cycles among them."""


TURN_SECONDS = 0.001
"""How long a thread runs while another one waits; Python's default is five times that."""


def keep_pauses_short() -> None:
    """Keep anybody from waiting for threads or the garbage collector, once the bot has started.

    While a thread reads a long answer of Zuora, the event loop waits for its turn after each call to the
    operating system, and a click takes some thirty of these.

    The collector is let look at less, and less often.

    A full collection looks at every object there is, which holds the event loop for some 50 ms.
    Without the modules, their classes and functions there is hardly anything left to look at.

    New objects it looks through, by default, whenever there are some hundreds more. Two hundred clicks at
    once make as many again and again, and hardly any of them is garbage.
    """
    sys.setswitchinterval(TURN_SECONDS)
    gc.collect()
    gc.freeze()
    gc.set_threshold(NEW_OBJECTS)
