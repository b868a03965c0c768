"""A tenant: its data, its settings, its clock."""

from dataclasses import dataclass
from datetime import date, datetime, timedelta

from bot.sandbox.clock import Clock
from bot.sandbox.zuora.options import Knobs, Timings
from bot.sandbox.zuora.world import World


@dataclass
class Tenant:
    """All that a route works on; `knobs` and `timings` may be replaced while it runs."""

    number: str
    world: World
    clock: Clock
    timings: Timings
    knobs: Knobs

    def now(self) -> datetime:
        """Return the present moment in UTC."""
        return self.clock.now()

    def today(self) -> date:
        """Return the present day in the tenant's zone."""
        return self.now().astimezone(self.knobs.zone()).date()

    def local(self, moment: datetime | None) -> str | None:
        """Return a moment as /v1 writes it: tenant's zone, no offset, `2022-01-24 19:58:27`."""
        if moment is None:
            return None
        return moment.astimezone(self.knobs.zone()).strftime("%Y-%m-%d %H:%M:%S")

    def advance(self) -> bool:
        """Let everything happen that is due by now; tell whether anything did."""
        return self.world.agenda.advance(self.now())

    @staticmethod
    def after(moment: datetime, seconds: float) -> datetime:
        """Return the moment `seconds` later."""
        return moment + timedelta(seconds=seconds)
