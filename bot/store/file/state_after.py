"""The state of a request after each kind of entry."""

from bot.domain.history import What

_STATE_AFTER = {
    What.ASKED: "waiting",
    What.REJECTED: "rejected",
    What.WITHDRAWN: "withdrawn",
    What.EXPIRED: "expired",
    What.STARTED: "running",
    What.STOPPED: "stopped",
}


def state_after(what: str, data: dict[str, object], *, refused: bool = False) -> str:
    """Return a request's state after an entry; empty if the entry does not change it.

    Args:
        what: The kind of the entry.
        data: What it holds. Until 2026-11-29, a person's record of a lost answer did not hold the state.
        refused: Whether Zuora refused another call of the request.
    """
    kind = What(what)
    if kind is What.APPROVED:
        return "waiting" if data.get("missing") else "approved"
    if kind is What.ENDED:
        return str(data.get("state") or "")
    if kind is What.SETTLED:
        by_hand = "succeeded" if data.get("accepted") and not refused else "failed"
        return str(data.get("state") or by_hand)
    return _STATE_AFTER.get(kind, "")
