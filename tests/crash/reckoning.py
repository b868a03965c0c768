"""Comparing what Zuora did and what Slack shows with what was asked and decided."""

import contextlib
import hashlib
import json
import sqlite3
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from bot.sandbox.slack.server import LocalSlack
from bot.sandbox.slack.workspace import Message
from bot.sandbox.zuora import LocalZuora
from bot.sandbox.zuora.calls import Call
from tests.crash.people import CHANNEL, headline
from tests.crash.plan import REMINDERS, Fate, Wanted

ENDS: dict[Fate, frozenset[str]] = {
    Fate.APPROVE: frozenset({"succeeded", "failed", "unknown"}),
    Fate.REJECT: frozenset({"rejected"}),
    Fate.WITHDRAW: frozenset({"withdrawn"}),
    Fate.EXPIRE: frozenset({"expired"}),
}
OF_A_PAIR = frozenset({"stopped", "rejected"})
"""How a request may end besides because another one mails the same document."""

HEADLINE = {"rejected": "Rejected", "withdrawn": "Withdrawn", "expired": "Expired",
            "failed": "Failed", "unknown": "OUTCOME UNKNOWN"}  # fmt: skip
TOO_MANY = 429
NOTHING = "Nothing was sent. "
READING = ("/oauth/", "/v1/action/query", "/billing-preview")
"""What is written to only to read: a call that is not a GET and goes nowhere else does something."""


@dataclass
class Reckoning:
    """What is wrong, each in words, and some figures of what was right."""

    lost: list[str] = field(default_factory=list)
    doubled: list[str] = field(default_factory=list)
    out_of_order: list[str] = field(default_factory=list)
    untrue: list[str] = field(default_factory=list)
    states: Counter[str] = field(default_factory=Counter)
    operations: Counter[str] = field(default_factory=Counter)
    pairs: int = 0
    refused: int = 0
    repeated: int = 0
    copies: int = 0
    customers: int = 0
    effects: int = 0
    mails: int = 0
    lines: int = 0
    history: int = 0

    @property
    def problems(self) -> list[str]:
        """Everything that is wrong."""
        return [*self.lost, *self.doubled, *self.out_of_order, *self.untrue]


@dataclass(frozen=True)
class _Seen:
    """Everything that can be looked at when all is at rest."""

    requests: list[dict[str, Any]]
    history: list[dict[str, Any]]
    outbox: list[dict[str, Any]]
    slack: LocalSlack
    zuora: LocalZuora


def reckon(
    database: Path,
    slack: LocalSlack,
    zuora: LocalZuora,
    plan: Sequence[Wanted],
    accepted: Sequence[Wanted],
    refused: Sequence[Wanted] = (),
) -> Reckoning:
    """Compare.

    Args:
        database: The bot's file; the bot no longer runs.
        slack: What people see.
        zuora: What was done.
        plan: What was to be asked for.
        accepted: What was asked for and answered with a yes.
        refused: What was not asked for, because another request had just mailed it.
    """
    with contextlib.closing(sqlite3.connect(f"file:{database}?mode=ro", uri=True)) as connection:
        connection.row_factory = sqlite3.Row
        tables = {
            name: [dict(row) for row in connection.execute(f"SELECT * FROM {name} ORDER BY 1")]  # noqa: S608
            for name in ("requests", "history", "outbox")
        }
    seen = _Seen(tables["requests"], tables["history"], tables["outbox"], slack, zuora)
    reckoned = Reckoning()
    reckoned.refused = len(refused)
    by_subject = _requests(reckoned, seen, [each for each in plan if each not in refused], accepted)
    for wanted, request in by_subject:
        _ended(reckoned, seen, wanted, request)
        _done(reckoned, seen, request)
        _shown(reckoned, seen, request)
    _strays(reckoned, seen)
    _customers(reckoned, seen, plan)
    _chain(reckoned, seen)
    return reckoned


def _requests(
    reckoned: Reckoning, seen: _Seen, plan: Sequence[Wanted], accepted: Sequence[Wanted]
) -> Iterator[tuple[Wanted, dict[str, Any]]]:
    """Each thing that was asked for with its one request and its one card."""
    cards = seen.slack.channel_messages(CHANNEL)
    reckoned.lost += [f"never asked: {each.command}" for each in plan if each not in accepted]
    found: list[tuple[Wanted, dict[str, Any]]] = []
    for wanted in accepted:
        mine = [card for card in cards if wanted.subject in headline(card)]
        numbers = {_payload(card).get("request", 0) for card in mine}
        requests = [each for each in seen.requests if each["number"] in numbers]
        if not mine or not requests:
            reckoned.lost.append(f"no card for {wanted.command}")
        elif len(mine) > 1 or len(requests) > 1:
            reckoned.doubled.append(f"{len(mine)} cards of {sorted(numbers)} for {wanted.command}")
        else:
            found.append((wanted, requests[0]))
    if len(seen.requests) > len(accepted):
        reckoned.doubled.append(
            f"{len(seen.requests)} requests for {len(accepted)} that were asked"
        )
    return iter(found)


def _ended(reckoned: Reckoning, seen: _Seen, wanted: Wanted, request: dict[str, Any]) -> None:
    """It came to the end that was decided, and its card and its thread say so."""
    name, state = f"R-{request['number']}", request["state"]
    reckoned.states[state] += 1
    reckoned.operations[request["operation"]] += 1
    if state not in ENDS[wanted.fate] | (OF_A_PAIR if wanted.rival else frozenset()):
        reckoned.lost.append(f"{name} was to {wanted.fate} and is {state}: {request['result']}")
    card = seen.slack.workspace.channels[CHANNEL].message(request["card_ts"] or "")
    lines = [] if card is None else seen.slack.thread(CHANNEL, card.ts)
    if card is None or HEADLINE.get(state, "") not in card.text or "Waiting for" in card.text:
        reckoned.lost.append(f"the card of {name} does not say {state}: {card and card.text[:60]}")
    result = _plain(request["result"] or "").removeprefix(NOTHING)[:150]
    if not any(result in _plain(m.text) for m in lines):
        reckoned.lost.append(f"the thread of {name} does not say: {request['result']}")
    if state == "unknown" and not any("A person has to look" in m.text for m in lines):
        reckoned.lost.append(f"{name} is unknown and nobody was asked to look")


def _plain(text: str) -> str:
    return text.replace("&amp;", "&").replace("&lt;", "<").replace("&gt;", ">")


def _done(reckoned: Reckoning, seen: _Seen, request: dict[str, Any]) -> None:
    """What Zuora did for it: once where it succeeded, never where it did not, and approved."""
    name, state = f"R-{request['number']}", request["state"]
    calls = [call for call in seen.zuora.calls if request_of(call) == request["number"]]
    by_subject = defaultdict(list)
    for call in calls:
        by_subject[call.headers["zuora-track-id"]].append(call)
    effective = [call for call in calls if took_effect(call)]
    reckoned.effects += len(effective)
    for subject, about in by_subject.items():
        if len([call for call in about if took_effect(call)]) > 1:
            reckoned.doubled.append(f"{subject} was done {len(about)} times")
        elif any(call.status not in (429, None) for call in about[:-1]) and not _is_one(about):
            reckoned.doubled.append(f"{subject} was sent {len(about)} times")
    if state == "succeeded" and (not effective or len(effective) < len(by_subject)):
        reckoned.lost.append(f"{name} is said to have succeeded, and Zuora did {len(effective)}")
    if state not in ("succeeded", "unknown", "failed") and calls:
        reckoned.untrue.append(f"{name} is {state}, and Zuora was called {len(calls)} times")
    if state == "failed" and len(by_subject) == 1 and effective:
        reckoned.untrue.append(f"{name} is said to have failed, and Zuora did it")
    _approved(reckoned, seen, request, sent=bool(calls))


def _approved(reckoned: Reckoning, seen: _Seen, request: dict[str, Any], *, sent: bool) -> None:
    """No call without an approval, written before it, by somebody else, of what was asked."""
    mine = [row for row in seen.history if row["request"] == request["number"]]
    asked = next(row for row in mine if row["what"] == "request.asked")
    first = min((row["sequence"] for row in mine if row["what"] == "call.sent"), default=None)
    approved = [
        row for row in mine
        if row["what"] == "request.approved"
        and row["who"] not in ("", request["requester"])
        and json.loads(row["data"])["digest"] == json.loads(asked["data"])["digest"]
    ]  # fmt: skip
    name = f"R-{request['number']}"
    if sent and (first is None or not any(row["sequence"] < first for row in approved)):
        reckoned.untrue.append(f"{name} was sent without an approval before it")
    decisions = [
        row["what"] for row in mine
        if row["what"] in ("request.rejected", "request.withdrawn", "request.expired")
    ]  # fmt: skip
    if len(approved) + len(decisions) != 1:
        reckoned.doubled.append(f"{name} was decided {len(approved)} + {decisions}")


def request_of(call: Call) -> int | None:
    track_id = call.headers.get("zuora-track-id", "")
    if call.method == "GET" or not track_id.startswith("billing-bot.R-"):
        return None
    return int(track_id.split(".")[1].removeprefix("R-"))


def _is_one(about: list[Call]) -> bool:
    """Whether they are one call, asked for again under its own key after its answer was lost."""
    keys = {call.headers.get("idempotency-key", "") for call in about}
    return "" not in keys and len(keys) == 1 and all(call.body == about[0].body for call in about)


def took_effect(call: Call) -> bool:
    """Zuora answered it with a yes of its own, whether or not anybody was there to hear it."""
    return not call.replayed and (call.status == 200 or call.fault == "lose_answer")


def _shown(reckoned: Reckoning, seen: _Seen, request: dict[str, Any]) -> None:
    """The thread shows each message of the outbox once, in the order in which it was written."""
    name = f"R-{request['number']}"
    thread = seen.slack.thread(CHANNEL, request["card_ts"] or "")
    reckoned.lines += len(thread)
    numbers: list[Any] = [
        _payload(message).get("sequence") for message in thread if not message.files
    ]
    written = [
        row["sequence"] for row in seen.outbox
        if row["request"] == request["number"] and row["kind"] == "reply"
    ]  # fmt: skip
    replies = [number for number in numbers if number in set(written)]
    reckoned.lost += [f"{name}: line {each} is missing" for each in written if each not in replies]
    reckoned.doubled += [
        f"{name}: line {each} stands {times} times"
        for each, times in Counter(numbers).items() if times > 1 or each is None
    ]  # fmt: skip
    if replies != sorted(replies):  # the progress is edited where it stands, by whatever came last
        reckoned.out_of_order.append(f"{name}: the lines stand as {replies}")
    texts = Counter(message.text for message in thread if not message.files)
    reckoned.doubled += [
        f"{name}: {times} times: {text[:80]}" for text, times in texts.items()
        if times > (REMINDERS if "still waits for" in text else 1)
    ]  # fmt: skip
    progress = [each for each in seen.outbox if each["request"] == request["number"]
                and each["kind"] == "progress"]  # fmt: skip
    shown = [number for number in numbers if number in {row["sequence"] for row in progress}]
    if bool(progress) != bool(shown) or len(shown) > 1:
        reckoned.doubled.append(f"{name}: its progress stands {len(shown)} times")
    files = [message for message in thread if message.files]
    wanted = [row for row in seen.outbox if row["request"] == request["number"]
              and row["kind"] == "file"]  # fmt: skip
    if len(files) != len(wanted):
        problems = reckoned.lost if len(files) < len(wanted) else reckoned.doubled
        problems.append(f"{name}: {len(files)} files for {len(wanted)} that were to be sent")


def _payload(message: Message) -> dict[str, Any]:
    payload: dict[str, Any] = (message.metadata or {}).get("event_payload") or {}
    return payload


def is_effect(call: Call) -> bool:
    """Whether a call does something in Zuora."""
    return call.method != "GET" and not any(each in call.path for each in READING)


def _strays(reckoned: Reckoning, seen: _Seen) -> None:
    """Whatever belongs to no request, and mails that customers got twice."""
    known = {request["number"] for request in seen.requests}
    for call in seen.zuora.calls:
        if is_effect(call) and request_of(call) not in known:
            reckoned.untrue.append(f"nobody asked for {call.method} {call.path}")
    reckoned.mails = len(seen.zuora.mails)
    allowed = {
        r["number"] for r in seen.requests if r["state"] in ("succeeded", "unknown", "failed")
    }
    for mail in seen.zuora.mails:
        number = int((mail.track_id or ".R-0.").split(".")[1].removeprefix("R-"))
        if number not in allowed:
            reckoned.untrue.append(f"{mail.document} was mailed for nobody's request")
    reckoned.lost += [
        f"message {row['sequence']} was never sent ({row['outcome']})" for row in seen.outbox
        if row["outcome"] not in ("sent", "merged", "not needed") and not _was_too_old(row)
    ]  # fmt: skip


def _customers(reckoned: Reckoning, seen: _Seen, plan: Sequence[Wanted]) -> None:
    """Each customer got each document once at most, whichever of several requests mailed it."""
    mails = Counter((mail.account, mail.document) for mail in seen.zuora.mails)
    reckoned.customers = len({account for account, _ in mails})
    reckoned.doubled += [f"{who} got {what} {n} times" for (who, what), n in mails.items() if n > 1]
    known = {document for _, document in mails}
    runs = {mail.bill_run for mail in seen.zuora.mails}
    states = {request["subject"]: request["state"] for request in seen.requests}
    for wanted in plan:
        if wanted.rival and wanted.operation == "email_invoice":
            reckoned.pairs += 1
            either = (states.get(wanted.subject), states.get(wanted.rival))
            reached = wanted.subject in known or wanted.rival in runs or "unknown" in either
            if not reached:
                reckoned.lost.append(f"{wanted.subject} of {wanted.rival} was mailed by neither")
    keys = Counter(
        call.headers["idempotency-key"]
        for call in seen.zuora.calls
        if call.headers.get("idempotency-key") and call.status != TOO_MANY
    )
    reckoned.repeated = sum(times - 1 for times in keys.values())


def _was_too_old(row: dict[str, Any]) -> bool:
    """Whether nobody needs it any more: an answer after two minutes, a reminder of what is over."""
    return row["outcome"] == "needless" and row["kind"] in ("private", "direct", "reminder")


def _compact(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"), sort_keys=True)


def _bound(data: str) -> list[Any]:
    """What of a row's data its hash is of: each value that has a salt by its commitment alone."""
    shown = json.loads(data)
    salts = shown.pop("salts", {})
    sealed = {
        name: hashlib.sha256(_compact([salt, shown.pop(name)]).encode()).hexdigest()
        for name, salt in salts.items()
    }
    return [_compact(shown), sealed] if salts else [data]


def _chain(reckoned: Reckoning, seen: _Seen) -> None:
    """The history has no gap, and each row holds the hash of the row before it."""
    reckoned.history = len(seen.history)
    before = "0" * 64
    for place, row in enumerate(seen.history, start=1):
        text = _compact(
            [before, place, row["at"], row["request"], row["what"], row["who"], row["team"],
             *_bound(row["data"])],
        )  # fmt: skip
        if row["hash"] != hashlib.sha256(text.encode()).hexdigest() or row["before"] != before:
            reckoned.out_of_order.append(f"the history does not fit at its row {place}")
            return
        before = row["hash"]
