"""The Zuora that requests act in: its client, its name, and the places in it."""

from dataclasses import dataclass
from typing import Any

from bot.domain.digest import digest
from bot.domain.place import Places, plain_ids
from bot.operations.operation import Order
from bot.zuora.client import ZuoraClient


@dataclass(frozen=True, slots=True, kw_only=True)
class Tenancy:
    """The one tenant that the bot works for.

    Attributes:
        zuora: Its client, whose calls name no place of several.
        places: The entities and organizations that requests choose from.
        words: Which Zuora, for the card: `PRODUCTION · tenant 12270`.
        address: Where it is, for the digest.
        kind: `production`, `sandbox` or `unknown`, for the rules of the policy.
    """

    zuora: ZuoraClient
    places: Places
    words: str
    address: str
    kind: str

    def zuora_in(self, place: str) -> ZuoraClient:
        """The client whose every call goes to that place, by `Place.key`."""
        return self.zuora.within(*self.places.headers(place))

    def words_with(self, place_words: str) -> str:
        """Which Zuora, in words, with the place."""
        return " · ".join(each for each in (self.words, place_words) if each)

    def digest_of(self, order: Order[Any, Any], place: str) -> str:
        """The digest over everything that takes effect, for this tenant and this place in it.

        The tenant's number is that of the latest token: the order's facts were read with one.
        """
        beside = self.bound_beside(order, place)
        return digest(operation=order.name, body=order.body.model_dump(), **beside)

    def bound_beside(self, order: Order[Any, Any], place: str) -> dict[str, Any]:
        """What the digest is made of beside operation and body: the tenant, the facts that matter."""
        where = map(plain_ids, self.places.headers(place))  # however the settings write them
        tenant = "|".join([self.address, *where, self.zuora.tenant.id])
        return {"tenant": tenant, "facts": order.material()}
