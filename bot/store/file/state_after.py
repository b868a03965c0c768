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


def state_after(what: str, data: dict[str, object]) -> str:
    """Return a request's state after an entry; empty if the entry does not change it."""
    kind = What(what)
    if kind is What.APPROVED:
        return "waiting" if data.get("missing") else "approved"
    if kind is What.ENDED:
        return str(data.get("state") or "")
    if kind is What.SETTLED:
        by_hand = {True: "succeeded", False: "failed"}
        return str(data.get("state") or by_hand.get(bool(data.get("accepted")), ""))
    return _STATE_AFTER.get(kind, "")
