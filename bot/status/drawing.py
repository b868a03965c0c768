"""Draws a month's picture in a separate process, which ends with the picture."""

import asyncio
import os
import sys

from bot.status.picture import Chart, as_text

LONGEST_SECONDS = 30.0
PROGRAM = "bot.status.ink"
HANDED_ON = ("PATH", "PYTHONPATH", "LD_LIBRARY_PATH")
"""What the drawing process gets of the bot's environment, which holds the tokens."""


class DrawingError(Exception):
    """The picture could not be drawn."""


async def drawn(chart: Chart) -> bytes:
    """Return the picture as PNG; the event loop goes on meanwhile.

    Raises:
        DrawingError: The process could not be started, failed, or took longer than 30 s.
    """
    try:
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", PROGRAM,
            stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE,
            env={name: os.environ[name] for name in HANDED_ON if name in os.environ},
        )  # fmt: skip
    except OSError as error:
        msg = f"the picture's process could not be started: {error}"
        raise DrawingError(msg) from error
    try:
        answer = process.communicate(as_text(chart).encode())
        picture, _ = await asyncio.wait_for(answer, LONGEST_SECONDS)
    except TimeoutError as error:
        msg = f"the picture was not drawn within {LONGEST_SECONDS:.0f} s"
        raise DrawingError(msg) from error
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    if process.returncode or not picture:
        msg = f"the picture's process ended with {process.returncode}"
        raise DrawingError(msg)
    return picture
