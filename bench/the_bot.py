"""The bot in a separate process, as `billing-bot run` and `billing-bot web` start it.

Beside them it only has a shorter gap between two messages in one channel, and answers questions
about itself on standard input.
"""

import asyncio
import sys
from typing import cast

from bench.otherwise import set_constants
from bench.watch import answer_until_stopped, say
from bot.cli.clock import SystemClock
from bot.cli.connecting import connected
from bot.cli.logs import log_to_stderr
from bot.cli.pauses import give_back_only_long_texts, keep_pauses_short
from bot.settings import Mode, read_settings
from bot.wiring.build import Tuning, build

HOST = "127.0.0.1"


async def main(mode: Mode) -> None:
    """Run until a signal stops it."""
    log_to_stderr("ERROR")
    settings = read_settings(mode)
    bot = await build(settings, SystemClock(), Tuning(seconds_a_message=0.0))
    try:
        async with connected(bot, settings, mode, host=HOST) as port:
            bot.start()
            keep_pauses_short()
            give_back_only_long_texts()
            say(ready=port)
            await answer_until_stopped()
    finally:
        await bot.stop()


if __name__ == "__main__":
    set_constants()
    asyncio.run(main(cast("Mode", sys.argv[1])))
