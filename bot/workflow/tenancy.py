"""The Zuora that requests act in: its client, its name, and the places in it."""

import re
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from bot.domain.digest import CanonicalText, digest
from bot.domain.place import Places, plain_ids
from bot.operations.operation import Order
from bot.zuora.client import NO_SUCH_NAME, ZuoraClient
from bot.zuora.errors import ZuoraElsewhere, ZuoraRefused

_WANTS_ORGANIZATIONS = re.compile(
    r"Zuora-Org-Ids|\borg(?:anization)?s?\b.*\b(?:required|must|specif|missing)", re.IGNORECASE
)
"""Zuora's words when it requires organizations; no page documents them."""


@dataclass(slots=True)
class Admission:
    """Whether Zuora lets the bot into every entity and organization in the settings.

    Every token names the entities that it is valid for. It says nothing about organizations, so the bot asks for
    something small in each, once, as soon as Zuora answers.
    """

    zuora: ZuoraClient
    places: Places
    knows_the_organizations: bool = False

    async def check(self) -> None:
        """Get a token, and check every organization; must be awaited before anything is sent.

        Raises:
            ZuoraElsewhere: Zuora refuses an organization and takes the same call without it, or it
                requires organizations and the settings list none.
            ZuoraError: Zuora cannot be asked now.
        """
        await self.zuora.check()
        if self.knows_the_organizations:
            return
        entities = self.places.entities
        entity_ids = entities[0].id if entities else ""  # one that the token may name
        if not self.places.organizations:
            await self._check_that_none_is_wanted(entity_ids)
        for unit in self.places.organizations:
            await self._check_organization(entity_ids, unit.id)
        self.knows_the_organizations = True

    async def _check_that_none_is_wanted(self, entity_ids: str) -> None:
        try:
            await self.zuora.within(entity_ids, "").bill_runs(name=NO_SUCH_NAME)
        except ZuoraRefused as error:
            if _WANTS_ORGANIZATIONS.search(str(error)):
                msg = f"ZUORA_ORG_IDS is empty, and Zuora wants organizations: {error}"
                raise ZuoraElsewhere(msg) from None

    async def _check_organization(self, entity_ids: str, org_id: str) -> None:
        try:
            await self.zuora.within(entity_ids, org_id).bill_runs(name=NO_SUCH_NAME)
        except ZuoraRefused as error:
            with suppress(ZuoraRefused):  # it is not about the organization
                await self.zuora.within(entity_ids, "").bill_runs(name=NO_SUCH_NAME)
                msg = f"ZUORA_ORG_IDS names {org_id}, which Zuora refuses: {error}"
                raise ZuoraElsewhere(msg) from None


@dataclass(frozen=True, slots=True, kw_only=True)
class Tenancy:
    """The one tenant that the bot works for.

    Attributes:
        zuora: Its client; if there are several places, its calls name none of them.
        places: The entities and organizations that requests choose from.
        words: The tenant in words, for the card: `PRODUCTION · tenant 12270`.
        address: Its address, for the digest.
        kind: `production`, `sandbox` or `unknown`, for the rules of the policy.
        admission: Whether Zuora lets the bot into those places.
    """

    zuora: ZuoraClient
    places: Places
    words: str
    address: str
    kind: str
    admission: Admission

    def zuora_in(self, place: str) -> ZuoraClient:
        """Return the client whose every call goes to that place, by `Place.key`."""
        return self.zuora.within(*self.places.headers(place))

    def words_with(self, place_words: str) -> str:
        """Return the tenant in words, with the place."""
        return " · ".join(each for each in (self.words, place_words) if each)

    def digest_of(
        self, order: Order[Any, Any], place: str, beside: Mapping[str, Any] | None = None
    ) -> str:
        """Return the digest over everything that takes effect, for this tenant and this place in it.

        The tenant's number is that of the latest token, because the order's facts were read with
        one.

        Args:
            order: What is asked for.
            place: Where in the tenant it acts, as `Place.key`.
            beside: The result of `bound_beside`, if it was made already.
        """
        beside = self.bound_beside(order, place) if beside is None else beside
        return digest(operation=order.name, body=order.body.model_dump(), **beside)

    def bound_beside(self, order: Order[Any, Any], place: str) -> dict[str, Any]:
        """Return what the digest covers besides operation and body: the tenant, and the facts that matter."""
        return {"tenant": self.bound_to(place), "facts": CanonicalText.of(order.material())}

    def bound_to(self, place: str) -> str:
        """Return this tenant and the place in it, as an approval is bound to them."""
        where = map(plain_ids, self.places.headers(place))  # however the settings write them
        return "|".join([self.address, *where, self.zuora.tenant.id])
