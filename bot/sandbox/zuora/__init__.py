"""A local Zuora for tests and for trying the bot out; it knows nothing of the bot."""

from bot.sandbox.clock import Clock
from bot.sandbox.zuora.faults import Faults
from bot.sandbox.zuora.options import Knobs, Timings
from bot.sandbox.zuora.sandbox_world import sandbox_world
from bot.sandbox.zuora.server import LocalZuora
from bot.sandbox.zuora.world import World

__all__ = ["Clock", "Faults", "Knobs", "LocalZuora", "Timings", "World", "sandbox_world"]
