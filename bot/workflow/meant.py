"""The only way from a name, on a button or a form, to the stored request that it means."""

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
