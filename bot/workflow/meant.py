"""The stored request that a click or a form means: the only way from a name to a request."""

from bot.domain.authority import Refusal
from bot.domain.named import Named, misnamed
from bot.domain.request import Request
from bot.store.store import Store


def meant(store: Store, name: Named | None) -> tuple[Request | None, Refusal | None]:
    """Return the stored request with that number, and why it is not the one that is meant; None: it is."""
    if name is None:
        return None, Refusal.NO_SUCH_REQUEST
    request = store.requests.get(name.number)
    return request, misnamed(name, request, store.copies.ids)
