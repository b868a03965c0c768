"""The bot as `billing-bot run` or `web` starts it, without long pauses: tests are brief.

Its argument is the mode. It does not wait between two messages, and looks at the outside five times a second.
"""

import sys

from bot.cli.serve import serve
from bot.wiring.build import Tuning

if __name__ == "__main__":
    serve(
        "web" if "web" in sys.argv else "run",
        Tuning(seconds_a_message=0.0, look_seconds=0.2),
        host="127.0.0.1",
    )
