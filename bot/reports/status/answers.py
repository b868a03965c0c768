"""What `/billstatus` answers, from the database alone."""

import asyncio

from bot.cards import blocks
from bot.domain.authority import Person
from bot.domain.history import What
from bot.domain.request import State
from bot.domain.words import Line, Link, Mention, Moment, Part, line
from bot.reports.status import lists
from bot.reports.status.lists import SHOWN, Answer, Links
from bot.store.history import Written
from bot.store.status import Brief
from bot.store.store import Store

RECENT = 10
STORY_LIMIT = 25
AT_ONCE = 20
MOST_SEARCHED = 1000
"""So many of the longest waiting requests are looked through for those that one may approve."""

DEEDS = {
    What.ASKED: "asked", What.APPROVED: "approved", What.REJECTED: "rejected",
    What.WITHDRAWN: "withdrew", What.EXPIRED: "Expired; nobody decided in time",
    What.REMINDED: "Reminded those who may decide", What.STARTED: "Read again as approved; the order went out",
    What.STOPPED: "Stopped; nothing was sent", What.DELAYED: "Delayed",
    What.PROGRESSED: "Went on in Zuora", What.ENDED: "Ended", What.SETTLED: "Settled",
    What.REFUSED: "was refused",
}  # fmt: skip


def overview(store: Store, links: Links) -> Answer:
    """Unknown first and loud, then waiting, running, and the last results."""
    status = store.status
    waiting = status.in_state(State.WAITING, SHOWN)
    running = [*status.in_state(State.RUNNING, SHOWN), *status.in_state(State.APPROVED, SHOWN)]
    moving = status.count(State.RUNNING) + status.count(State.APPROVED)
    recent = status.ended(RECENT)
    unknown = lists.unknown_section(store, links)
    title = "OUTCOME UNKNOWN: look in Zuora" if unknown else "How billing stands"
    return lists.answer(
        title,
        unknown,
        lists.section("Waiting for approval", [lists.waiting(links, each) for each in waiting],
                      status.count(State.WAITING)),
        lists.section("Running", [lists.running(links, each, status.verdicts(each.number))
                                  for each in running[:SHOWN]], moving),
        lists.section("Last results", [lists.ended(links, each) for each in recent], len(recent)),
    )  # fmt: skip


def mine(store: Store, links: Links, person: str) -> Answer:
    """One's own requests: the open ones, then the last ones."""
    opened = store.status.open_of(person, SHOWN + 1)
    numbers = {each.number for each in opened}
    recent = [each for each in store.status.of(person, RECENT) if each.number not in numbers]
    return lists.answer(
        "Your requests",
        _some("Open", opened, store, links),
        _some("Before that", recent, store, links),
    )


async def waiting(store: Store, links: Links, person: Person) -> Answer:
    """What somebody may approve now."""
    found = await to_decide(store, person, SHOWN + 1)
    return lists.answer("Waiting for you", _some("You may approve", found, store, links))


async def to_decide(store: Store, person: Person, limit: int) -> list[Brief]:
    """Waiting requests that somebody may approve and has not, the longest waiting first."""
    found: list[Brief] = []
    skipped = 0
    while len(found) < limit and skipped < MOST_SEARCHED:
        slice_ = store.status.in_state(State.WAITING, AT_ONCE, skip=skipped)
        done = store.status.approved_by(person.user_id, [each.number for each in slice_])
        found += [
            each
            for each in slice_
            if each.requester != person.user_id and each.number not in done and _may(person, each)
        ]
        skipped += len(slice_)
        if len(slice_) < AT_ONCE:
            break
        await asyncio.sleep(0)
    return found[:limit]


def _may(person: Person, brief: Brief) -> bool:
    names = brief.rule.approvers
    return person.user_id in names or any(person.memberships.get(name) for name in names)


def about(store: Store, links: Links, subject: str) -> Answer:
    """The requests about a bill run or a document."""
    return lists.answer(f"Requests about {subject}", about_lines(store, links, subject))


def about_lines(store: Store, links: Links, subject: str) -> tuple[Line, ...]:
    """The same, as lines for another answer."""
    return _some("Requests", store.status.about(subject, SHOWN + 1), store, links)


def story(store: Store, links: Links, number: int) -> Answer:
    """A request from its asking to now, with links to card and thread."""
    request = store.requests.get(number)
    brief = store.status.brief(number)
    if request is None or brief is None:
        return f"There is no request R-{number}.", []
    written, left_out = store.history.story(number, STORY_LIMIT)
    told = [_deed(each) for each in written]
    if left_out > 0:
        told.append(Line("", (f"… and {left_out:,} more; the thread and the evidence have all.",)))
    verdicts = store.status.verdicts(number)
    return lists.answer(
        f"{brief.name}: {lists.what_of(brief.operation, brief.subject)}",
        (
            lists.any_state(links, brief, store.status.verdicts),
            line("Why", blocks.shortened(request.reason, 300)),
            *([line("Calls", lists.calls_in_words(verdicts))] if verdicts else []),
            *([line("Result", blocks.shortened(request.result, 600))] if request.result else []),
            *_places(links, brief),
        ),
        told,
    )


def _places(links: Links, brief: Brief) -> tuple[Line, ...]:
    card = links.card(brief.channel, brief.card_ts)
    if not card:
        return ()
    thread = links.thread(brief.channel, brief.card_ts)
    return (line("In Slack", Link("the card", card), " · ", Link("its thread", thread)),)


def _deed(written: Written) -> Line:
    entry = written.entry
    who: tuple[Part, ...] = (Mention(entry.who), " ") if entry.who else ()
    words = DEEDS.get(entry.what, entry.what.value)
    return Line("", (Moment(written.at), " · ", *who, words, _more(written)))


def _more(written: Written) -> str:
    data = written.entry.data
    for name in ("reason", "why", "seen", "refusal", "state", "status"):
        said = data.get(name)
        if name == "refusal" and isinstance(said, str):
            said = said.replace("_", " ")
        if isinstance(said, str) and said:
            return f": {blocks.shortened(said, 160)}"
    return ""


def _some(heading: str, found: list[Brief], store: Store, links: Links) -> tuple[Line, ...]:
    """At most `SHOWN` of them; one more than that was asked for, to know whether there are more."""
    told = [lists.any_state(links, each, store.status.verdicts) for each in found[:SHOWN]]
    if len(found) > SHOWN:
        told.append(Line("", ("… and more; the Home tab lists them page by page.",)))
    return lists.section(heading, told, len(told))
