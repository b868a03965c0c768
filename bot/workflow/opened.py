"""What an approval is bound to, and how far a request got, as values."""

from typing import Any

from bot.domain.digest import digest
from bot.domain.request import Request
from bot.operations.operation import Order, Progress
from bot.workflow.parts import Parts


def progress_of(request: Request) -> Progress:
    """Progress of what an accepted call started."""
    return Progress.model_validate_json(request.progress) if request.progress else Progress()


def digest_of(parts: Parts, order: Order[Any, Any], place: str) -> str:
    """The digest over everything that takes effect, for this tenant and this place in it.

    The tenant's number is that of the latest token: the order's facts were read with one.
    """
    return digest(
        operation=order.name,
        tenant="|".join([parts.tenant_id, *parts.places.headers(place), parts.zuora.tenant.id]),
        body=order.body.model_dump(),
        facts=order.material(),
    )
