"""The bot as `billing-bot run` or `web` starts it, without long pauses: tests are brief.

Its argument is the mode. It does not wait between two messages, and looks at the outside five times a second.
"""

import asyncio
import logging
import signal
import sys

from bot.cli.clock import SystemClock
from bot.cli.logs import log_to_stderr
from bot.cli.serve import connected
from bot.settings import Mode, read_settings
from bot.wiring.build import Tuning, build

LOOK_SECONDS = 0.2


async def main() -> None:
    """Run until SIGTERM."""
    mode: Mode = "web" if "web" in sys.argv else "run"
    settings = read_settings(mode)
    stopped = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stopped.set)
    bot = await build(
        settings, SystemClock(), Tuning(seconds_a_message=0.0, look_seconds=LOOK_SECONDS)
    )
    try:
        async with connected(bot, settings, mode, host="127.0.0.1"):
            bot.start()
            logging.getLogger("bot").info("ready")
            await stopped.wait()
    finally:
        await bot.stop()


if __name__ == "__main__":
    log_to_stderr()
    asyncio.run(main())
