"""What `/billstatus` answers from the database alone."""

from collections.abc import Mapping, Sequence
from datetime import datetime

from bot.cards import blocks
from bot.cards.at_stake import not_theirs
from bot.cards.facts import result_lines
from bot.domain.authority import Person, Verb, may_approve_under, may_decide
from bot.domain.history import What
from bot.domain.message import Words
from bot.domain.place import EVERYWHERE, Within
from bot.domain.request import State
from bot.domain.words import Line, Link, Mention, Moment, Part, and_more, line, shortened
from bot.status import lists
from bot.status.lists import SHOWN, Links
from bot.store.file.archived import Archive
from bot.store.past import Written
from bot.store.status import MOST_COUNTED, Brief, not_read
from bot.store.store import Store
from bot.store.times import LONG_AGO

RECENT = 10
WITH_ITS_RUN = Line(
    "",
    ("Requests to mail its bill run are included.",),
)
"""A request to mail a run with nothing to mail holds no document numbers, so only its run leads to it."""

STORY_LIMIT = 25
DAMAGED = (
    "R-{number} cannot be shown, because its record is damaged. Tell whoever runs Billing Bot before you ask for it "
    "again: it may have been sent."
)

STATES = frozenset(state.value for state in State)
DEEDS = {
    What.ASKED: "asked", What.APPROVED: "approved", What.REJECTED: "rejected",
    What.WITHDRAWN: "withdrew", What.EXPIRED: "Expired; nobody decided in time",
    What.REMINDED: "Reminded those who may decide or record", What.STARTED: "Nothing had changed in Zuora; sending",
    What.STOPPED: "Stopped; nothing was sent", What.DELAYED: "Delayed",
    What.PROGRESSED: "Continued in Zuora", What.ENDED: "Ended", What.SETTLED: "Settled by what Zuora shows",
    What.RECORDED: "recorded the outcome",
    What.REFUSED: "was refused", What.ESTIMATE_ASKED: "Zuora was asked for an estimate",
    What.ESTIMATE_BEGUN: "Zuora began the estimate",
}  # fmt: skip


def overview(store: Store, links: Links, within: Within = EVERYWHERE) -> Words:
    """Return an overview: unknown outcomes first, then what waits, what runs, and the last results."""
    doubtful, waiting, running, approved = lists.in_states(
        store, within, State.UNKNOWN, State.WAITING, State.RUNNING, State.APPROVED
    )
    under_way = [*running.briefs, *approved.briefs][:SHOWN]
    verdicts = lists.verdicts_of(store, under_way)
    recent = _recent(store, within)
    ended = store.status.briefs(recent)
    unknown = lists.unknown_section(links, doubtful)
    title = "OUTCOME UNKNOWN: look in Zuora" if unknown else "Where billing stands"
    return lists.words(
        f"{title}{within.words}",
        lists.stateless_section(store),
        unknown,
        lists.waiting_section(links, waiting),
        lists.section("Running", [*(lists.running(links, each, verdicts(each.number)) for each in under_way),
                                  *lists.damaged([*running.damaged, *approved.damaged])],
                      running.number + approved.number),
        lists.section("Last results", [*(lists.ended(links, each) for each in ended),
                                       *lists.damaged(not_read(recent, ended))], len(recent)),
    )  # fmt: skip


def _recent(store: Store, within: Within) -> list[int]:
    """Return the numbers of the last results; for one place, those among the last thousand."""
    most = RECENT if within.keys is None else MOST_COUNTED
    return lists.only(store, store.status.ended(most), within)[:RECENT]


def mine(store: Store, links: Links, person: str, within: Within = EVERYWHERE) -> Words:
    """Return a person's own requests: first the open ones, then the latest of the others."""
    most = RECENT if within.keys is None else MOST_COUNTED
    own, latest = store.status.own(person, MOST_COUNTED, most)
    opened = lists.only(store, own, within)
    last = lists.only(store, latest, within)[:RECENT]
    recent = [number for number in last if number not in set(opened)]
    shown = _lines(store, links, [*opened[:SHOWN], *recent[:SHOWN]])
    return lists.words(
        f"Your requests{within.words}",
        _some("Open", opened, shown),
        _some("Before that", recent, shown),
    )


def waiting(
    store: Store, links: Links, person: Person, now: datetime, within: Within = EVERYWHERE
) -> Words:
    """Return what somebody may approve now."""
    found = lists.only(store, to_decide(store, person, now, MOST_COUNTED), within)
    return waiting_list(store, links, judged(store, person, now, found), within)


def judged(store: Store, person: Person, now: datetime, found: Sequence[int]) -> list[int]:
    """Return what somebody may approve now of what `to_decide` found.

    Those that are shown are judged by the requests themselves, and not by the index that found them; one that cannot be
    read stays, so that its line says so.
    """
    first = {each.number: each for each in store.requests.to_judge(found[:SHOWN])}
    sure = [
        number
        for number in found[:SHOWN]
        if number not in first or may_decide(Verb.APPROVE, person, first[number], now) is None
    ]
    return [*sure, *found[SHOWN:]]


def waiting_list(store: Store, links: Links, numbers: Sequence[int], within: Within) -> Words:
    """Return the list of what waits for somebody."""
    words = f"Waiting for you{within.words}"
    shown = _lines(store, links, numbers[:SHOWN])
    return lists.words(words, _some("You may approve", numbers, shown))


def to_decide(store: Store, person: Person, now: datetime, limit: int) -> list[int]:
    """Return the numbers of the requests that somebody may approve and has not, longest waiting first.

    Whether somebody may is checked once for each rule that requests wait under; these are few.
    """
    rules = store.status.rules_waiting()
    allowed = [text for text, rule in rules.items() if may_approve_under(person, rule) is None]
    return store.status.to_decide(person.user_id, allowed, now, limit)


def about_lines(
    store: Store, links: Links, subject: str, within: Within = EVERYWHERE
) -> tuple[Line, ...]:
    """Return the requests about a bill run or a document."""
    found = lists.only(store, store.status.about(subject, MOST_COUNTED), within)
    shown = _lines(store, links, found[:SHOWN])
    return _some("Requests", found, shown, rest=lists.IN_THE_EXPORT)


def story(store: Store, links: Links, number: int, within: Within = EVERYWHERE) -> Words:
    """Return a request's story from asking to now, with links to card and thread."""
    request = store.requests.without_documents(number)
    if request is None:
        there = store.requests.is_there(number)
        return Words(
            (DAMAGED if there else "There is no request R-{number}.").format(number=number)
        )
    if not within.has(request.place):
        where = f"R-{number} is in {request.place_words}, not{within.words}."
        return Words(blocks.escaped(where))
    (written, left_out), archive, denied, verdicts = store.at_once(
        store.history.story(number, STORY_LIMIT, request.reason),
        store.archives.which(number),
        store.history.whether_denied(number),
        store.status.whose_verdicts(number),
    )
    brief = Brief.of(request, denied)
    not_made = {each.sequence for each in denied}
    shown = [_deed(each, brief, denied=each.sequence in not_made) for each in written]
    shown += and_more(left_out, "the evidence has all")
    return lists.words(
        f"{brief.name}: {lists.what_of(brief.operation, brief.subject)}",
        (
            lists.any_state(links, brief, lambda _: verdicts),
            line("Why", shortened(request.reason, 300)),
            *([line("Calls", lists.calls_in_words(verdicts))] if verdicts else []),
            *result_lines(request, 600),
            *not_theirs((each.entry.who, each.entry.what) for each in denied),
            *([line("Archived", archived(archive))] if archive else []),
            *_places(links, brief),
        ),
        shown,
    )


def archived(archive: Archive) -> str:
    """Return where an archived request's documents and history are, in words."""
    return f"its documents and history are in {archive.file} since {archive.at[:10]}"


def _places(links: Links, brief: Brief) -> tuple[Line, ...]:
    card = links.card(brief.channel, brief.card_ts)
    if not card:
        return ()
    thread = links.thread(brief.channel, brief.card_ts)
    return (line("In Slack", Link("the card", card), " · ", Link("its thread", thread)),)


def _deed(written: Written, brief: Brief, *, denied: bool) -> Line:
    entry = written.entry
    who: tuple[Part, ...] = (Mention(entry.who), " ") if entry.who else ()
    by_hand = entry.what is What.SETTLED and entry.who
    words = DEEDS.get(What.RECORDED if by_hand else entry.what, entry.what.value)
    if entry.what is What.ENDED and (state := entry.data.get("state")) in STATES:
        words = lists.ending(brief, State(state))
    mark = " · ⚠ not theirs, they say" if denied else ""
    when = Moment(written.at) if written.at != LONG_AGO else "time not known"
    return Line("", (when, " · ", *who, words, _more(written, brief), mark))


def _more(written: Written, brief: Brief) -> str:
    note = written.entry.data.get("note")
    return _said(written, brief) + (f". Note: {shortened(str(note), 160)}" if note else "")


def _said(written: Written, brief: Brief) -> str:
    data = written.entry.data
    for name in ("reason", "why", "seen", "refusal", "state", "status"):
        said = data.get(name)
        if name == "refusal" and isinstance(said, str):
            said = said.replace("_", " ")
        if name == "state" and written.entry.what is What.ENDED:
            continue  # its words say that already
        if name == "state" and said in STATES:
            said = lists.ending(brief, State(said))
        if isinstance(said, str) and said:
            return f": {shortened(said, 160)}"
    return ""


def _lines(store: Store, links: Links, numbers: Sequence[int]) -> dict[int, Line]:
    """Return a line of a list for each of these requests."""
    briefs = store.status.briefs(numbers)
    verdicts = lists.verdicts_of(store, briefs)
    lines = {each.number: lists.any_state(links, each, verdicts) for each in briefs}
    damaged = not_read(numbers, briefs)
    return lines | dict(zip(damaged, lists.damaged(damaged), strict=True))


def _some(
    heading: str,
    found: Sequence[int],
    lines: Mapping[int, Line],
    *,
    rest: str = lists.ON_THE_HOME,
) -> tuple[Line, ...]:
    """Return the first `SHOWN` of them, and how many there are."""
    shown = [lines[number] for number in found[:SHOWN] if number in lines]
    return lists.section(heading, shown, len(found), rest=rest)
