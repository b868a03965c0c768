"""What the history records at a start: the key in use from now on, the policy, the bot itself."""

import difflib
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from bot.domain.history import Entry, What
from bot.domain.policy import Policy
from bot.store.store import Store
from bot.workflow.signing import Signer, begin_signing


def record_start(
    store: Store,
    policy: Policy,
    now: datetime,
    about: Mapping[str, Any],
    signers: tuple[Signer | None, Signer | None] = (None, None),
    groups: Mapping[str, Sequence[str] | None] | None = None,
) -> None:
    """Write that the bot starts, with which policy, and whether the policy has changed.

    Args:
        store: The store.
        policy: As read just now.
        now: The moment.
        about: Which bot it is, where, with which settings: `installed.surroundings`.
        signers: Of heads, with the key of now and with the one before.
        groups: Who is in each group that the policy names; None for a group that Slack does not list now.

    Raises:
        StoreError: The history was begun with another `AUDIT_KEY`, or its heads are signed and there is no
            key for that; or it cannot be written.
    """
    with store.transaction():
        store.history.begin_key(now)
        begin_signing(store, *signers, now)
        record_policy(store, policy, now)
        if groups:
            store.record(Entry(what=What.GROUPS, data={"groups": dict(groups)}), now)
        started = {**about, "policy": policy.hash, "database": store.copies.id}
        store.record(Entry(what=What.STARTED_BOT, data=started), now)


def record_policy(store: Store, policy: Policy, now: datetime) -> bool:
    """Write down a changed policy; return whether it has changed. Inside a transaction."""
    latest = store.history.last_of(What.POLICY_CHANGED)
    before = latest.entry.data if latest else {"new": ""}
    if before["new"] == policy.hash:
        return False
    data = {
        "old": before["new"],
        "new": policy.hash,
        "requesters": policy.requesters,
        "approvers": policy.approvers,
        "viewers": policy.viewers,
        "deciders": policy.deciders,
        "rules": len(policy.tiers),
        "text": policy.text,
        "difference": difference(str(before.get("text", "")), policy.text),
    }
    store.record(Entry(what=What.POLICY_CHANGED, data=data), now)
    store.homes.redraw(now)  # who may look and who may decide may have changed
    return True


def difference(old: str, new: str) -> list[str]:
    """Return the lines that went (`- `) and came (`+ `), each with the line before it for its place."""
    lines = difflib.unified_diff(old.splitlines(), new.splitlines(), lineterm="", n=1)
    return [line for line in lines if not line.startswith(("---", "+++", "@@"))]
