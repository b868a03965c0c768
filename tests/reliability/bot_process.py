"""The bot as `billing-bot run` starts it, without the pause between two messages: tests are brief."""

import asyncio
import logging
import signal

from bot.cli.clock import SystemClock
from bot.cli.logs import log_to_stderr
from bot.cli.serve import connected
from bot.settings import read_settings
from bot.wiring import Tuning, build


async def main() -> None:
    """Run until SIGTERM."""
    settings = read_settings("run")
    stopped = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stopped.set)
    bot = await build(settings, SystemClock(), Tuning(seconds_a_message=0.0))
    try:
        async with connected(bot, settings, "run"):
            bot.start()
            logging.getLogger("bot").info("ready")
            await stopped.wait()
    finally:
        await bot.stop()


if __name__ == "__main__":
    log_to_stderr()
    asyncio.run(main())
