"""The story in which an older copy of the database is put back while the process dies again and again."""

import asyncio
import contextlib
import json
import signal
import sqlite3
import time
from collections import Counter
from pathlib import Path
from typing import Any

from bot.sandbox.zuora.calls import Call
from tests.crash.people import REQUESTERS, People, until
from tests.crash.plan import Fate, Wanted
from tests.crash.reckoning import Reckoning, is_effect, request_of, took_effect
from tests.crash.story import REST_SECONDS, Outcome, Story

COPIED, PUT_BACK = 0.5, 0.75
"""After so many of all kills."""

ENOUGH = 6
"""Requests that there are when the copy is made."""

HELD_LIVES = 3
MAILS = ("email_bill_run", "email_invoice", "email_debit_memo")
FUTURE = "lost.db"


class Restored(Story):
    """Requests are under way, a copy is made, more is done, the copy is put back and gone on with.

    Whoever ran the bot then runs `resume-after-restore`, and everybody asks for all the mails again.
    """

    _kept: dict[str, bytes]
    _open: frozenset[int] = frozenset()
    _last_number = 0
    _effects_then = 0

    async def play(self) -> Outcome:
        """Play it to its end, and look at what customers got."""
        begun = time.monotonic()
        async with self.servers():
            doing = [asyncio.create_task(each) for each in self._people().values()]
            await self._die_until(COPIED)
            while len(self.people.accepted) < ENOUGH:
                await self._one_life()
            self._kept = {each.name: each.read_bytes() for each in self._files()}
            copied = len(self.people.accepted)
            await self._die_until(PUT_BACK)
            while len(self.people.accepted) < copied + ENOUGH:
                await self._one_life()
            for each in doing:
                each.cancel()
            for ended in await asyncio.gather(*doing, return_exceptions=True):
                if isinstance(ended, Exception):
                    raise ended
            self._put_back()
            for _ in range(HELD_LIVES):
                await self._one_life()
            held = self._effects_since()
            await self._resume()
            again = asyncio.create_task(self._all_again(People(self.slack)))
            await self._die_until(1.0)
            await self._to_rest(again)
        self.outcome.seconds = time.monotonic() - begun
        self.outcome.reckoning = self._reckoned(held)
        return self.outcome

    async def _die_until(self, share: float) -> None:
        while self.outcome.kills < self.kills * share:
            await self._one_life()

    def _files(self) -> list[Path]:
        return list(self.folder.glob(f"{self.database.name}*"))

    def _put_back(self) -> None:
        """As whoever runs the bot does; what is lost is kept for the reckoning alone."""
        with contextlib.closing(sqlite3.connect(self.database)) as lost:
            lost.execute("VACUUM INTO ?", [str(self.folder / FUTURE)])
        for each in self._files():
            each.unlink()
        for name, content in self._kept.items():
            (self.folder / name).write_bytes(content)
        states = self.states()
        self._last_number = max(states, default=0)
        self._open = frozenset(
            number
            for number, state in states.items()
            if state in ("waiting", "approved", "running", "unknown")
        )
        self._effects_then = len(self.zuora.calls)

    def _effects_since(self) -> list[Call]:
        return [each for each in self.zuora.calls[self._effects_then :] if is_effect(each)]

    async def _resume(self) -> None:
        """What whoever runs the bot types once it has stopped."""
        life = await self.start(command="resume-after-restore")
        assert await life.ended(REST_SECONDS) == 0, self._log()

    async def _all_again(self, people: People) -> None:
        """Everybody asks for every mail that was approved, without *Mail them again*."""
        for place, wanted in enumerate(self.plan):
            if wanted.operation in MAILS and wanted.fate is Fate.APPROVE:
                await self._once_more(people, REQUESTERS[place % len(REQUESTERS)], wanted)

    async def _once_more(self, people: People, person: str, wanted: Wanted) -> None:
        while True:
            said = await people.said_to(person, wanted)
            if said and "could not be read" not in said:
                self.outcome.reckoning.refused += "Mail them again" in said
                return
            await asyncio.sleep(0.02)
            await until(lambda: self.slack.sockets.connections > 0)

    async def _to_rest(self, again: "asyncio.Task[None]") -> None:
        life = await self.start()
        end = time.monotonic() + REST_SECONDS
        while (
            not (again.done() and self._is_there() and self._at_rest()) and time.monotonic() < end
        ):
            assert not life.is_over, self._log()
            await asyncio.sleep(0.05)
        assert again.done(), f"it was not all asked for again\n{self._log()}"
        again.result()
        assert await life.end(signal.SIGTERM) == 0, self._log()

    def _reckoned(self, held: list[Call]) -> Reckoning:
        reckoned = self.outcome.reckoning
        reckoned.copies = 1
        reckoned.untrue += [f"{each.path} while it was held" for each in held]
        mails = Counter((mail.account, mail.document) for mail in self.zuora.mails)
        reckoned.mails, reckoned.customers = mails.total(), len({account for account, _ in mails})
        reckoned.doubled += [
            f"{who} got {what} {n} times" for (who, what), n in mails.items() if n > 1
        ]
        effects = [each for each in self.zuora.calls if is_effect(each) and took_effect(each)]
        reckoned.effects = len(effects)
        changes = Counter(each.path for each in effects if each.method == "PUT")
        reckoned.doubled += [f"{path} was done {n} times" for path, n in changes.items() if n > 1]
        approved = _approved(self.folder / FUTURE) | _approved(self.database)
        reckoned.untrue += [
            f"{each.path} was done without an approval"
            for each in effects
            if each.headers["zuora-track-id"] not in approved
        ]
        reckoned.untrue += [
            f"{each.path} was done after the copy was put back"
            for each in self._effects_since()
            if (request_of(each) or 0) <= self._last_number
        ]
        states = self.states()
        reckoned.states.update(states.values())
        reckoned.lost += [
            f"R-{number} was open in the copy and is {states[number]}"
            for number in sorted(self._open)
            if states[number] != "stopped"
        ]
        return reckoned


def _approved(database: Path) -> set[str]:
    """The track ids of the calls that went out after somebody else had approved their request."""
    found: set[str] = set()
    approved: set[int] = set()
    requesters: dict[int, str] = {}
    with contextlib.closing(sqlite3.connect(f"file:{database}?mode=ro", uri=True)) as connection:
        rows = connection.execute("SELECT request, what, who, data FROM history ORDER BY sequence")
        for request, what, who, data in rows:
            if what == "request.asked":
                requesters[request] = who
            elif what == "request.approved" and who not in ("", requesters[request]):
                approved.add(request)
            elif what == "call.sent" and request in approved:
                said: dict[str, Any] = json.loads(data)
                found.add(said["track_id"])
    return found
