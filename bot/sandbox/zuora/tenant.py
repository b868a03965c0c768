"""A tenant: its data, its settings, its clock."""

from dataclasses import dataclass, field
from datetime import date, datetime, timedelta

from bot.sandbox.clock import Clock
from bot.sandbox.zuora.errors import refusal
from bot.sandbox.zuora.options import Knobs, Timings
from bot.sandbox.zuora.world import World


@dataclass
class Tenant:
    """Everything that a route works on; `knobs` and `timings` may be replaced while it runs."""

    number: str
    world: World
    clock: Clock
    timings: Timings
    knobs: Knobs
    entities: dict[str, "Tenant"] = field(default_factory=dict)
    """With Multi-entity: each entity by its id, with data of its own. Empty for a single one."""

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
        """Let everything happen that is due by now; return whether anything did."""
        happened = [entity.advance() for entity in self.entities.values()]
        return self.world.agenda.advance(self.now()) or any(happened)

    def entity(self, named: str | None) -> "Tenant":
        """Return the entity that a call's header names (header `Zuora-Entity-Ids`).

        Raises:
            RefusalError: there are several and the header names none of them. The error is a
                guess, since no page says it.
        """
        if not self.entities:
            return self
        plain = (named or "").replace("-", "").lower()
        if plain not in self.entities:
            raise refusal(10, "The Zuora-Entity-Ids header must name an entity of the user.")
        return self.entities[plain]

    def check_orgs(self, named: str | None) -> None:
        """Refuse organizations that the user may not see (header `Zuora-Org-Ids`).

        Raises:
            RefusalError: "If you specify an org that the user does not have access to, the
                operation fails."
        """
        wanted = {each.strip() for each in (named or "").split(",") if each.strip()}
        if self.knobs.orgs_required and not wanted:
            raise refusal(10, "The Zuora-Org-Ids header must name an organization of the user.")
        if self.knobs.orgs and not wanted <= self.knobs.orgs:
            raise refusal(10, "The user does not have access to the specified organizations.")

    @staticmethod
    def after(moment: datetime, seconds: float) -> datetime:
        """Return the moment `seconds` later."""
        return moment + timedelta(seconds=seconds)
