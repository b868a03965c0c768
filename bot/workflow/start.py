"""What the history says at a start: the key that is used from here on, the policy, the bot itself."""

from datetime import datetime

from bot.domain.history import Entry, What
from bot.domain.policy import Policy
from bot.store.store import Store


def record_start(store: Store, policy: Policy, now: datetime, *, version: str, tenant: str) -> None:
    """Write that the bot starts, with which policy, and whether that is another one than before.

    Raises:
        StoreError: The history was begun with another `AUDIT_KEY`, or cannot be written.
    """
    with store.transaction():
        store.history.begin_key(now)
        latest = store.history.last_of(What.POLICY_CHANGED)
        old = str(latest.entry.data["new"]) if latest else ""
        if old != policy.hash:
            data = {
                "old": old,
                "new": policy.hash,
                "requesters": policy.requesters,
                "approvers": policy.approvers,
                "viewers": policy.viewers,
                "rules": len(policy.tiers),
            }
            store.record(Entry(what=What.POLICY_CHANGED, data=data), now)
            store.homes.redraw(now)  # who may look and who may decide can be others now
        started = {"version": version, "tenant": tenant, "policy": policy.hash}
        store.record(Entry(what=What.STARTED_BOT, data=started), now)
