"""Reads from Slack who somebody is, when it matters, and trusts it for a minute at most."""

import asyncio
import logging
from collections import deque
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, timedelta, timezone, tzinfo
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from slack_sdk.web.async_client import AsyncWebClient

from bot.domain.authority import Person
from bot.domain.clock import Clock
from bot.domain.policy import AND, is_group
from bot.slack.errors import NO_ANSWER
from bot.slack.payloads import Actor

logger = logging.getLogger(__name__)

TRUSTED_SECONDS = 60.0
SECONDS_TO_ANSWER = 2.0
"""After this Slack counts as not having answered, because a click must be answered within 3 s."""


STRANGERS_A_MINUTE = 40
"""How many accounts of people whom the policy does not name are read in a minute.

Slack allows some 100 a minute (tier 4), and enough of them must be left for the people who approve.
"""

_Reading = Callable[[str], Awaitable[Any]]


@dataclass(frozen=True, slots=True)
class _Read:
    at: float
    found: Any


class People:
    """Reads accounts (`users.info`) and user groups (`usergroups.users.list`).

    What cannot be read is not a no: `Person.memberships` holds None for it.
    """

    def __init__(
        self, client: AsyncWebClient, clock: Clock, *, team_id: str, organization: str = ""
    ) -> None:
        self._client = client
        self._clock = clock
        self.team_id = team_id
        self._workspace = team_id if organization else None
        self._read: dict[str, _Read] = {}
        self._under_way: dict[str, asyncio.Future[Any]] = {}
        self._named: set[str] = set()
        self._strangers: deque[float] = deque(maxlen=STRANGERS_A_MINUTE)

    async def person(self, actor: Actor, names: Iterable[str]) -> Person:
        """Return the person behind a payload, with the membership in each user group among `names`."""
        if not actor.user_id:
            return Person(user_id="", team_id=actor.team_id, barred="Slack did not say whose it is")
        names = tuple(dict.fromkeys(names))
        groups = [name for name in names if is_group(name)]
        self._named.update(name for name in names if not is_group(name))
        account, *members = await self._each_fresh(
            (actor.user_id, self._account), *((group, self._members) for group in groups)
        )
        return Person(
            user_id=actor.user_id,
            team_id=actor.team_id,
            memberships={
                group: None if found is None else actor.user_id in found
                for group, found in zip(groups, members, strict=True)
            },
            members={
                group: found
                for group, found in zip(groups, members, strict=True)
                if found is not None
            },
            barred=barred(account, actor.team_id, self.team_id),
            called=called(account or {}),
            zone=zone_of(account or {}),
        )

    async def name_of(self, user_id: str) -> str:
        """Return a person's name in Slack; empty if it cannot be read."""
        account = await self._fresh(user_id, self._account) or {}
        return called(account).get("person_name", "")

    async def members(self, names: Iterable[str]) -> frozenset[str] | None:
        """Return the people behind user ids and user-group ids; None if a group cannot be read now.

        It is for asking and reminding; it is read anew and not kept, because each click reads for itself.
        """
        names = tuple(dict.fromkeys(names))
        groups = [name for name in names if is_group(name)]
        found = await asyncio.gather(*(self._read_now(group, self._members) for group in groups))
        if None in found:
            return None
        return frozenset(name for name in names if not is_group(name)).union(*found)

    async def ordinary(self, user_ids: Iterable[str]) -> frozenset[str] | None:
        """Return those of these people whose accounts may act right now; None if Slack cannot be asked.

        Somebody who was deactivated or made a guest may still be in a policy or a group.
        """
        ids = sorted(user_ids)
        found = await asyncio.gather(*(self._read_now(each, self._account_now) for each in ids))
        if None in found:
            return None
        own = self.team_id
        return frozenset(
            each for each, account in zip(ids, found, strict=True) if not barred(account, own, own)
        )

    async def groups(self, names: Iterable[str]) -> dict[str, list[str] | None]:
        """Return who is in each of these groups, as Slack lists them now; None for a group that it does not list."""
        groups = [name for name in dict.fromkeys(names) if is_group(name)]
        found = await asyncio.gather(*(self._read_now(group, self._members) for group in groups))
        return {
            group: None if members is None else sorted(members)
            for group, members in zip(groups, found, strict=True)
        }

    async def _each_fresh(self, *wanted: tuple[str, _Reading]) -> Sequence[Any]:
        """Read several side by side; if nothing must be read, as for most clicks, no task is started."""
        known = [self._known(name) for name, _ in wanted]
        if None not in known:
            return [each.found for each in known if each is not None]
        return await asyncio.gather(*(self._fresh(name, read) for name, read in wanted))

    def _known(self, name: str) -> _Read | None:
        known = self._read.get(name)
        return known if known and self._clock.monotonic() - known.at < TRUSTED_SECONDS else None

    async def _fresh(self, name: str, read: _Reading) -> Any:
        """Return what Slack said at most a minute ago; None if it cannot be read now."""
        if known := self._known(name):
            return known.found
        if name not in self._under_way:
            self._under_way[name] = asyncio.ensure_future(self._ask(name, read))
        return await asyncio.shield(self._under_way[name])

    async def _ask(self, name: str, read: _Reading) -> Any:
        asked_at = self._clock.monotonic()
        try:
            found = await self._read_now(name, read)
        finally:
            del self._under_way[name]
        if found is None:
            self._read.pop(name, None)
        else:
            old = asked_at - TRUSTED_SECONDS
            self._read = {each: kept for each, kept in self._read.items() if kept.at > old}
            self._read[name] = _Read(asked_at, found)
        return found

    @staticmethod
    async def _read_now(name: str, read: _Reading) -> Any:
        try:
            return await asyncio.wait_for(read(name), SECONDS_TO_ANSWER)
        except NO_ANSWER as error:
            logger.warning("slack_could_not_be_read", extra={"of": name, "error": repr(error)})
            return None

    async def _account(self, user_id: str) -> Mapping[str, Any] | None:
        """Return what Slack says about somebody; None if too many strangers came for Slack to be asked."""
        if user_id not in self._named and not self._may_read_a_stranger():
            return None
        return await self._account_now(user_id)

    async def _account_now(self, user_id: str) -> Mapping[str, Any]:
        answer = await self._client.users_info(user=user_id)
        return dict(answer["user"])

    def _may_read_a_stranger(self) -> bool:
        now = self._clock.monotonic()
        if (
            len(self._strangers) == STRANGERS_A_MINUTE
            and now - self._strangers[0] < TRUSTED_SECONDS
        ):
            return False
        self._strangers.append(now)
        return True

    async def _members(self, name: str) -> frozenset[str]:
        """Return the people of a group, or of a joined name those whom all its parts include."""
        groups = [each for each in name.split(AND) if is_group(each)]
        answers = [
            await self._client.usergroups_users_list(usergroup=group, team_id=self._workspace)
            for group in groups
        ]
        people = [frozenset(answer["users"]) for answer in answers]
        people += [frozenset({each}) for each in name.split(AND) if not is_group(each)]
        found = frozenset.intersection(*people)
        self._named |= found
        return found


def zone_of(account: Mapping[str, Any]) -> tzinfo:
    """Return the time zone of a person's account, or its present offset if this machine does not know the zone."""
    try:
        return ZoneInfo(str(account.get("tz") or ""))
    except (ValueError, OSError, ZoneInfoNotFoundError):
        pass
    try:
        return timezone(timedelta(seconds=int(account.get("tz_offset") or 0)))
    except (TypeError, ValueError, OverflowError):
        return UTC


def called(account: Mapping[str, Any]) -> dict[str, str]:
    """Return a person's name and mail address, as far as Slack gives them."""
    profile = account.get("profile") or {}
    found = {
        "person_name": account.get("real_name") or profile.get("real_name") or account.get("name"),
        "person_email": profile.get("email"),
    }
    return {name: str(value) for name, value in found.items() if value}


def barred(account: Mapping[str, Any] | None, team_id: str, own_team: str) -> str:
    """Return why an account may do nothing at all; empty for a member of this workspace.

    On Enterprise Grid one person can act from several workspaces of the same organization, which Slack lists in
    `enterprise_user.teams`.
    """
    if account is None:
        return "Slack did not say who you are, so nothing was done. Please try again in a minute."
    for flag, why in (
        ("deleted", "it is deactivated"),
        ("is_bot", "it is a bot"),
        ("is_stranger", "it belongs to another company"),
        ("is_restricted", "it is a guest"),
        ("is_ultra_restricted", "it is a guest"),
    ):
        if account.get(flag):
            return f"This account cannot be used here: {why}."
    if not account.get("team_id"):
        return "Slack did not say which workspace this account belongs to, so nothing was done."
    grid = (account.get("enterprise_user") or {}).get("teams") or ()
    home = {own_team, *grid} if own_team in grid else {own_team}
    if team_id not in home or account.get("team_id") not in home:
        return "This account cannot be used here: it belongs to another workspace."
    return ""
