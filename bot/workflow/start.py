"""Records a start in the history: the keys from now on, the policy, the bot itself."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from bot.domain.gains import difference
from bot.domain.history import Entry, What
from bot.domain.policy import Policy
from bot.store.store import Store
from bot.workflow.signing import Signer, begin_signing

SAYS = ("bound", "compared", "groups", "plain", "settled_by_another")
"""What each row of a request's asking has besides what older versions wrote; auditors ask for all of it."""

CONFIRMS = ("base", "members", "needed")
"""What each row has in which somebody confirms a change of the policy; older versions wrote none of it."""

DECIDES = (
    What.EXPLAINED, What.APPROVED, What.RECORDED, What.REJECTED, What.SETTLED,
)  # fmt: skip
"""The decisions before which it records who is in the groups; older versions did so before an approval alone."""


def record_start(
    store: Store,
    policy: Policy,
    now: datetime,
    about: Mapping[str, Any],
    signers: tuple[Signer | None, Signer | None] = (None, None),
    groups: Mapping[str, Sequence[str] | None] | None = None,
) -> None:
    """Record that the bot starts, with which policy, and whether the policy has changed.

    Args:
        store: The store.
        policy: The policy as just read.
        now: The moment.
        about: Which bot this is, where, and with which settings, as `installed.surroundings`
            returns it.
        signers: Signers of heads, with today's key and with the one before.
        groups: Who is in each group that the policy names; None for a group that Slack does not
            list now.

    Raises:
        StoreError: The history was begun with another `AUDIT_KEY`, its heads are signed and the key
            for that is missing, or it cannot be written.
    """
    with store.transaction():
        store.history.begin_key(now)
        begin_signing(store, *signers, now)
        record_policy(store, policy, now)
        if groups:
            store.record(Entry(what=What.GROUPS, data={"groups": dict(groups)}), now)
        started = {
            **about, "policy": policy.hash, "database": store.copies.id, "sealed": True, "says": SAYS,
            "confirms": CONFIRMS, "decides": DECIDES,
        }  # fmt: skip
        store.record(Entry(what=What.STARTED_BOT, data=started), now)


def record_policy(store: Store, policy: Policy, now: datetime) -> None:
    """Record the policy if it has changed. Runs inside a transaction."""
    latest = store.history.last_of(What.POLICY_CHANGED)
    before = latest.entry.data if latest else {"new": ""}
    if before["new"] == policy.hash:
        return
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
    store.homes.redraw(now)  # viewers and approvers may have changed


def policy_read_last(store: Store) -> str:
    """Return the hash of the policy that a process on this database has read last; empty before the first."""
    latest = store.history.last_of(What.POLICY_CHANGED)
    return str(latest.entry.data["new"]) if latest else ""
