"""Requests as lines of a list: number, what, who, since when, until when, progress."""

import json
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

from bot.cards import blocks
from bot.cards.approvers import approvers_in_words
from bot.cards.headline import HEADLINES, of_many
from bot.domain.call import Verdict
from bot.domain.key import document_key
from bot.domain.kind import KIND_WORDS, DocumentKind
from bot.domain.message import Blocks, Words
from bot.domain.place import Within
from bot.domain.request import State
from bot.domain.words import Line, Link, Mention, Moment, Part, Strong, and_more, count, shortened
from bot.operations.catalog import done_of, short_of
from bot.operations.email_documents.operation import OF_KIND
from bot.operations.progress import Progress
from bot.store.status import MOST_COUNTED, Brief, InState
from bot.store.store import Store

SHOWN_APPROVERS = 4
SHOWN = 10
"""How many requests of a list one message shows."""

MOST_CHARACTERS = 10_000
"""How many characters a message's blocks may have; Slack takes about 13,000, which it does not document."""

ON_THE_HOME = "the Home tab lists them, up to 200 of a kind"
IN_THE_EXPORT = "the export of their months has all"
CUT = Line("", (f"… and more than fits here; {IN_THE_EXPORT}.",))

"""The last line of a group that was cut."""

Verdicts = Callable[[int], Mapping[str, int]]


@dataclass(frozen=True, slots=True)
class Links:
    """Addresses of messages in Slack, and of records in Zuora.

    Attributes:
        team_url: Of the workspace, as `auth.test` gave it: `https://example.slack.com/`; empty: no
            links are made.
        record: Of a record in Zuora's own pages, with `{number}` in it; empty: no links are made.
    """

    team_url: str
    record: str = ""

    def card(self, channel: str, ts: str | None) -> str:
        """Return the address of a message, in the form that `chat.getPermalink` answers with."""
        if not self.team_url or not ts:
            return ""
        return f"{self.team_url.rstrip('/')}/archives/{channel}/p{ts.replace('.', '')}"

    def thread(self, channel: str, ts: str | None) -> str:
        """Return the address of the thread below it."""
        card = self.card(channel, ts)
        return f"{card}?thread_ts={ts}&cid={channel}" if card else ""

    def named(self, brief: Brief) -> Part:
        """Return the request's name, with a link to its card if there is one."""
        url = self.card(brief.channel, brief.card_ts)
        return Link(brief.name, url) if url else Strong(brief.name)


def what_of(operation: str, subject: str) -> str:
    """Return `email BR-00000417`, or `email debit memo A-1` if the number does not show its kind."""
    kind = _KINDS.get(operation)
    one, many = KIND_WORDS[kind] if kind else ("", "")
    is_said = not kind or subject.endswith(f" {many}") or document_key(subject) == (kind, subject)
    return f"{short_of(operation)} {'' if is_said else f'{one} '}{shortened(subject, 60)}"


_KINDS: Mapping[str, DocumentKind] = {each.name: kind for kind, each in OF_KIND.items()}
"""Operations that mail documents of one kind."""


def waiting(links: Links, brief: Brief) -> Line:
    """Return a line with the approvers, since when, and until when."""
    approvers = approvers_in_words(brief.rule.approvers[:SHOWN_APPROVERS])
    rest = len(brief.rule.approvers) - SHOWN_APPROVERS
    more = f" and {count(rest, 'other')}" if rest > 0 else ""
    return _line(
        links, brief,
        " · asked by ", Mention(brief.requester), " ", Moment(brief.created_at),
        " · waits for ", *approvers, f"{more} until ", Moment(brief.expires_at),
    )  # fmt: skip


def running(links: Links, brief: Brief, verdicts: Mapping[str, int]) -> Line:
    """Return a line with the request's progress."""
    return _line(
        links, brief, " · since ", Moment(brief.state_at), " · ", _how_far(brief, verdicts)
    )


def unknown(links: Links, brief: Brief) -> Line:
    """Return a line with since when, and who must look."""
    return _line(
        links, brief,
        f" · {ending(brief, brief.state)} since ", Moment(brief.state_at),
        " · asked by ", Mention(brief.requester), " · look in Zuora, then record it on the card",
    )  # fmt: skip


def ended(links: Links, brief: Brief) -> Line:
    """Return a line with how and when it ended: `Stopped 23 Nov 10:14; nothing was sent`."""
    how, *more = re.split("[.,] ", ending(brief, brief.state), maxsplit=1)
    rest = "".join(f"; {each[:1].lower()}{each[1:]}" for each in more)
    return _line(links, brief, f" · {how} ", Moment(brief.state_at), rest,
                 " · asked by ", Mention(brief.requester))  # fmt: skip


def any_state(links: Links, brief: Brief, verdicts: Verdicts) -> Line:
    """Return a line that fits the request's state."""
    match brief.state:
        case State.WAITING:
            return waiting(links, brief)
        case State.APPROVED | State.RUNNING:
            return running(links, brief, verdicts(brief.number))
        case State.UNKNOWN:
            return unknown(links, brief)
        case _:
            return ended(links, brief)


def _line(links: Links, brief: Brief, *parts: Part) -> Line:
    place = f" in {brief.place_words}" if brief.place_words else ""
    what = f" {what_of(brief.operation, brief.subject)}{place}"
    return Line("", (links.named(brief), what, *parts, *_denied(brief)))


def _denied(brief: Brief) -> tuple[Part, ...]:
    """Return ` · ⚠ not theirs, says @Bob` if somebody denies a decision in their name."""
    names = [part for who in brief.denied_by for part in (" and ", Mention(who))]
    says = "say" if len(brief.denied_by) > 1 else "says"
    return (f" · ⚠ not theirs, {says} ", *names[1:]) if names else ()


def ending(brief: Brief, state: State) -> str:
    """Return a request's state in the card's words, which claim no more than its operation can."""
    if state is State.SUCCEEDED:
        return done_of(brief.operation)
    return of_many(state, brief.progress) or HEADLINES[state]


def _how_far(brief: Brief, verdicts: Mapping[str, int]) -> str:
    if brief.state is State.APPROVED:
        return "approved, the figures are being read again"
    progress = Progress.model_validate_json(brief.progress) if brief.progress else Progress()
    if doubt := of_many(brief.state, brief.progress):
        return f"{doubt[:1].lower()}{doubt[1:]}; the bot asks again by itself"
    if progress.number:
        return f"{progress.number} is {progress.status} in Zuora"
    return calls_in_words(verdicts)


OF_ONE = {
    Verdict.ACCEPTED: "was accepted",
    Verdict.REFUSED: "was refused",
    "held back": "was not sent",
    Verdict.LOST: "has no answer",
    "sent": "has no answer yet",
}
"""The verdict of a single call, in words."""


def calls_in_words(verdicts: Mapping[str, int]) -> str:
    """Return `120 of 500 calls accepted, 2 refused`; of one call, what became of it."""
    if not verdicts:
        return "nothing sent yet"
    of = sum(verdicts.values())
    if of == 1:
        return f"the call {OF_ONE.get(next(each for each in verdicts if verdicts[each]), 'has not gone out yet')}"
    found = [f"{verdicts.get(Verdict.ACCEPTED, 0):,} of {count(of, 'call')} accepted"]
    if refused := verdicts.get(Verdict.REFUSED):
        found.append(f"{refused:,} refused")
    if verdicts.get("held back"):
        found.append(f"{verdicts['held back']:,} not sent")
    if lost := verdicts.get(Verdict.LOST, 0) + verdicts.get("sent", 0):
        found.append(f"{lost:,} without an answer")
    return ", ".join(found)


def damaged(numbers: Sequence[int]) -> list[Line]:
    """Return a line for each request whose row is damaged, so that no list hides one."""
    why = "its record is damaged. Tell whoever runs Billing Bot."
    return [Line("", (Strong(f"R-{each}"), f" cannot be shown: {why}")) for each in numbers]


def section(
    heading: str, lines: Sequence[Line], number: int, *, rest: str = ON_THE_HOME
) -> tuple[Line, ...]:
    """Return a heading with the total number, the lines, how many more there are, and where the rest is."""
    if not number:
        return (Line("", (Strong(heading), ": none")),)
    said = f"more than {MOST_COUNTED - 1:,}" if number >= MOST_COUNTED else f"{number:,}"
    return (
        Line("", (Strong(f"{heading}: {said}"),)),
        *lines,
        *and_more(number - len(lines), rest, at_least=number >= MOST_COUNTED),
    )


def words(title: str, *groups: Sequence[Line]) -> Words:
    """Return groups of lines below a heading, one block each, and never more than Slack takes.

    If it is too long, the longest group is cut, and its last line says so.
    """
    shown = [list(group) for group in groups if group]
    made = _blocks(title, shown)
    while len(json.dumps(made)) > MOST_CHARACTERS:
        longest = max(shown, key=lambda group: len(json.dumps(blocks.labelled(group))))
        del longest[-2:]
        longest.append(CUT)
        made = _blocks(title, shown)
    text = "\n".join([blocks.escaped(title), *(blocks.lines_as_text(group) for group in shown)])
    return Words(text, made)


def _blocks(title: str, groups: Sequence[Sequence[Line]]) -> Blocks:
    return [blocks.header(title), *(_block(group) for group in groups)]


def _block(group: Sequence[Line]) -> blocks.Block:
    """Return a group as mrkdwn, which is a third as long as rich text, or as rich text if it has labels or is long."""
    text = "\n".join(_mrkdwn(each) for each in group)
    if any(each.label for each in group) or len(text) > blocks.TEXT_LIMIT:
        return blocks.labelled(group)
    return {"type": "section", "text": {"type": "mrkdwn", "text": text, "verbatim": True}}


def _mrkdwn(each: Line) -> str:
    return "".join(
        f"*{blocks.escaped(part.text)}*" if isinstance(part, Strong) else blocks.as_text([part])
        for part in each.parts
    )


def in_states(store: Store, within: Within, *states: State) -> list[InState]:
    """Return the requests in each state that act in one of the places."""
    if within.keys is None:
        return store.status.in_states(states, SHOWN)
    found = [
        only(store, store.status.numbers_in_state(state, MOST_COUNTED), within) for state in states
    ]
    return [
        InState.of(numbers[:SHOWN], store.status.briefs(numbers[:SHOWN]), len(numbers))
        for numbers in found
    ]


def verdicts_of(store: Store, briefs: Iterable[Brief]) -> Verdicts:
    """Return what becomes of the calls of those requests of these that are carried out now."""
    under_way = [each.number for each in briefs if each.state in (State.APPROVED, State.RUNNING)]
    return store.status.verdicts_of(under_way).__getitem__


def only(store: Store, numbers: Sequence[int], within: Within) -> list[int]:
    """Return the requests of these that act in one of the places."""
    if within.keys is None:
        return list(numbers)
    places = store.status.places(numbers)
    return [number for number in numbers if number in places and within.has(places[number])]


def waiting_section(links: Links, found: InState) -> tuple[Line, ...]:
    """Return the first of those that wait for approval."""
    lines = [*(waiting(links, each) for each in found.briefs), *damaged(found.damaged)]
    return section("Waiting for approval", lines, found.number)


def stateless_section(store: Store) -> tuple[Line, ...]:
    """Return the requests whose state is damaged, which may be anything; nothing if there are none."""
    found = store.status.stateless(MOST_COUNTED)
    return section("Cannot be read", damaged(found[:SHOWN]), len(found)) if found else ()


def unknown_section(links: Links, found: InState) -> tuple[Line, ...]:
    """Return the first of the unknown outcomes; nothing if there are none."""
    if not found.number:
        return ()
    lines = [*(unknown(links, each) for each in found.briefs), *damaged(found.damaged)]
    return section("OUTCOME UNKNOWN", lines, found.number)
