"""The report: one HTML file that prints well, made from the package alone."""

from collections import Counter
from collections.abc import Iterable, Iterator
from html import escape
from itertools import chain, islice
from typing import Any

from bot.audit.along import LATE
from bot.audit.evidence.explained import of_package, signed
from bot.audit.evidence.late import late_rows, of_request
from bot.audit.evidence.lights import lights, verdict
from bot.audit.evidence.package import HistoryRow, Package
from bot.audit.evidence.said import (
    Messages,
    as_shown,
    confirmed_by,
    days_in_words,
    denial,
    happened,
    in_words,
    moment,
    person,
)
from bot.audit.rows import Json
from bot.domain.words import count, listed

NAME = "00-report.html"
MOST_LATE = 1000
"""The most rows with a time before the period that the report lists."""

MOST_PAGES = 1000
"""The most requests with a separate page; of more, the sample and the first ones. All are in the packets."""

MOST_LINES = 60
"""The most lines of a policy's difference."""

CONTROL = (
    "Nothing is created, posted, canceled or mailed in Zuora through this bot until as many people as the rule requires, none of "
    "them the requester, have approved exactly what is then sent."
)
AMOUNTS = "Amounts are as on the card, credits below zero; requests made by an earlier version show them without that sign."
KEY = (
    "Compare this key with the one that you noted at an earlier audit, or got from somebody who does not run the bot (billing-bot "
    "verify --known): whoever runs the bot holds the private part of it."
)
SEALED = (
    "verify says with which key this package is signed: compare it with the key that you noted. If it is not signed, nothing in it "
    "would show that somebody took an exception out and sealed it again: then compare it with the SHA-256 that was printed when it was "
    "made (verify --known), or with the package that follows (verify --heads NEXT.zip)."
)
STYLE = """
:root { color-scheme: light; } * { box-sizing: border-box; }
body { font: 15px/1.45 system-ui, sans-serif; color: #1b1b1b; margin: 0 auto; max-width: 60rem; padding: 2rem; overflow-wrap: anywhere; }
h1 { font-size: 1.7rem; margin: 0 0 .5rem; } h2 { font-size: 1.2rem; margin: 1.8rem 0 .5rem; } h3 { font-size: 1rem; margin: 1.1rem 0 .3rem; }
table { border-collapse: collapse; width: 100%; font-size: .87rem; } th, td { text-align: left; vertical-align: top; padding: .3rem .6rem .3rem 0; border-bottom: 1px solid #ddd; } td { overflow-wrap: anywhere; } th { overflow-wrap: break-word; }
th { font-weight: 600; } h2, h3 { break-after: avoid; } .facts th { width: 11rem; } .lead { font-size: 1.05rem; } .small { color: #555; font-size: .82rem; overflow-wrap: anywhere; }
.things td:nth-child(-n+3) { overflow-wrap: break-word; hyphens: none; }
.counts td + td { text-align: right; width: 6rem; padding-right: 0; }
.light td:nth-child(-n+2) { white-space: nowrap; width: 1%; padding-right: 1rem; }
.light td:first-child::before { content: ""; display: inline-block; width: .8rem; height: .8rem; border-radius: 50%; margin-right: .5rem; background: #8a8a8a; }
.verdict { font-size: 1.15rem; font-weight: 600; margin: .6rem 0; } .light.good td:first-child::before { background: #1f8a4c; } .light.bad td:first-child::before { background: #c0262d; }
pre { white-space: pre-wrap; overflow-wrap: anywhere; background: #f6f6f4; padding: .7rem; font-size: .82rem; margin: .3rem 0; }
.changes td:first-child, .changes td:last-child { width: 22%; } .changes pre { margin: 0; }
.request, footer { border-top: 3px solid #1b1b1b; margin-top: 2.5rem; padding-top: 1rem; }
@media screen and (max-width: 40rem) { body { padding: 1rem; } .facts th { width: 6.5rem; } table:not(.facts) { display: block; overflow-x: auto; } thead ~ tbody td { min-width: 5.5rem; } }
@page { size: A4; margin: 16mm 14mm; }
@media print { html { font-size: 11.5px; } body { font-size: 9pt; line-height: 1.35; max-width: none; padding: 0; } .request { break-before: page; border: 0; margin: 0; padding: 0; }
  tr, pre { break-inside: avoid; } thead { display: table-header-group; } * { print-color-adjust: exact; -webkit-print-color-adjust: exact; } }
"""


def pages(package: Package) -> Iterator[bytes]:
    """Yield the file, piece by piece."""
    yield from (each.encode() for each in _pages(package))


def _pages(package: Package) -> Iterator[str]:
    start, end = (moment(package.about[name]) for name in ("start", "end"))
    title = f"Evidence from {start} to before {end}"
    yield f'<!doctype html>\n<html lang="en"><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1"><title>{escape(title)}</title><style>{STYLE}</style>\n'
    yield from _first(package)
    shown = 0
    drawn = set(package.sample["numbers"])
    messages = Messages()
    for line, packet, history in package.requests():
        messages.take(packet)
        if shown < MOST_PAGES or line["number"] in drawn:
            shown += 1
            yield from _request(package, line, packet, history)
    if package.about["requests"] > shown:
        yield f'<p class="small">{package.about["requests"] - shown:,} more requests have no page here; each has its line in requests.jsonl.</p>'
    yield f"<footer><h2>Amounts</h2><p>{AMOUNTS}</p><h2>Messages</h2><p>{messages.words}</p></footer></html>\n"


def _first(package: Package) -> Iterator[str]:
    about, made, found = package.about, package.made, [*lights(package)]
    yield f"<h1>Evidence of billing approvals</h1><p class=verdict>{escape(verdict(package, found))}</p>"
    yield f"<p class=small>The control: {escape(CONTROL)}</p>"
    over = "" if about["over"] else " The period was not over when this was made."
    yield _facts(
        {
            "Period": f"from {moment(about['start'])} to before {moment(about['end'])}.{over}",
            "Days": days_in_words(about, {each.at[:10] for each in package.history()}),
            "Rows": f"{about['rows']:,} of the history, {about['first']:,} to {about['last']:,}",
            "Made": f"{moment(made['made_at'])} with Billing Bot {made['version']}, on the machine {made['host']}, where the command "
            f"ran under the account {made['user']}: that is an account of the machine, and no person of Slack",
            "From": f"{made['database']}{', and Zuora at ' + made['zuora'] if made['zuora'] else '; Zuora was not asked'}",
            **_where(package),
            "Signing key": _signed_with(package),
        }
    )
    yield "<h2>Five lights</h2><table>"
    for each in found:
        yield f'<tr class="light {each.shade.replace(" ", "-")}"><td>{each.name}</td><td>{each.shade}</td>'
        then = f"<br><b>Next:</b> {escape(each.next)}" if each.next else ""
        yield f"<td><span class=small>{escape(each.asks)}</span><br>{escape(each.words)}{then}</td></tr>"
    yield "</table><h2>Counts</h2>"
    yield from _counts(package)
    yield "<h2>Exceptions</h2>"
    yield from _exceptions(package)
    yield "<h2>Exceptions of earlier packages</h2>"
    yield from _earlier(package)
    yield "<h2>Explanations that were signed in this period</h2>"
    yield _explanations(package)
    yield "<h2>Rows with a time before the period</h2>"
    yield from _late(package)
    yield "<h2>Changes of the policy</h2>"
    yield from _changes(package)
    yield "<h2>What people said of the decisions in their names</h2>"
    yield from _statements(package)
    if package.sample["numbers"]:
        names = ", ".join(f"R-{number}" for number in package.sample["numbers"])
        yield f"<h2>Sample</h2><p>Drawn from the seed {escape(repr(package.sample['seed']))}: {names}</p>"


def _where(package: Package) -> dict[str, str]:
    """Return which Zuora and which Slack the bot last started for; nothing if it did not start in the period."""
    starts = [each.data for each in package.entries("starts.jsonl") if each.what == "bot.started"]
    if not starts:
        return {}
    slack = starts[-1].get("slack") or {}
    names = (str(starts[-1].get("tenant") or ""), str(slack.get("url") or ""))
    return {"For": "; Slack ".join(each for each in names if each)}


def _signed_with(package: Package) -> str:
    keys = [f"{public}, from row {row:,} on" for row, public in package.signing_keys]
    return f"{'; then '.join(keys)}. {KEY}" if keys else "None: heads are not signed."


def _counts(package: Package) -> Iterator[str]:
    """Yield the numbers of requests by state, and when they were asked for."""
    states: Counter[str] = Counter()
    asked: Counter[str] = Counter()
    for line in package.lines("population.jsonl"):
        states[package.state_of(line)] += 1
        asked[line["asked_in_period"]] += 1
    whole = f"{package.about['requests']:,}"
    yield "<table class=counts><thead><tr><th>Requests that a row of the period is about</th><th></th></tr></thead>"
    yield _row("all of them", whole)
    for name, number in sorted(states.items()):
        yield _row(f"now {name}", f"{number:,}")
    for name, number in sorted(asked.items()):
        yield _row(_ASKED.get(name, name), f"{number:,}")
    yield "</table><table class=counts><thead><tr><th>Rows of the history in the period</th><th></th></tr></thead>"
    yield _row("all rows", f"{package.about['rows']:,}")
    for name, words in _ROWS.items():
        number = sum(1 for _ in package.lines(f"{name}.jsonl"))
        yield _row(f"among them {words}", f"{number:,}")
    yield "</table>"


_ASKED = {
    "yes": "asked for in the period",
    "no": "asked for in an earlier period",
    LATE: "asked for before the period, recorded in it",
}
_ROWS = {
    "refusals": "refusals: somebody wanted what they may not do",
    "policy_changes": "changes of the policy, and who confirmed them",
    "starts": "starts of the bot",
    "late": "rows with a time before the period",
}


def _exceptions(package: Package) -> Iterator[str]:
    found = package.exceptions
    first = next(found, None)
    if first is None:
        yield "<p>None: Zuora shows nothing that was done outside the bot.</p>"
    else:
        yield from _listed(package, chain([first], found))
    notes = {each.row: each.words for each in package.changes.left(package.about["first"] - 1)}
    for row in package.not_confirmed:
        yield f"<p>{escape(notes[row][0].upper() + notes[row][1:])}.</p>"
    for words in package.zuora.get("limits", ()):
        yield f'<p class="small">{escape(words)}</p>'
    yield f"<p class=small>{SEALED}</p>"


def _earlier(package: Package) -> Iterator[str]:
    """Yield the exceptions that were open when the package before ended, with what was explained of them since."""
    found = package.forward
    first = next(found, None)
    if package.about["package_before"] is None:
        first_row = package.about["first"] <= 1
        words = (
            "There is none." if first_row else "Not known: no package before this one was named."
        )
        yield f"<p>{words}</p>"
    elif first is None:
        yield "<p>None was open when the package before this one ended.</p>"
    else:
        yield from _listed(package, chain([first], found), "Which package")


def _late(package: Package) -> Iterator[str]:
    """Yield what was recorded for an older day, and stands here so that it is in some package."""
    found = list(islice(late_rows(package), MOST_LATE + 1))
    yield _table(
        (
            "Row",
            "Time that it bears",
            "By the clock",
            "Request",
            "What",
            "Why it stands here",
            "Package of its day",
        ),
        (
            (
                row.sequence,
                moment(row.at),
                clock,
                f"R-{row.request}" if row.request else "",
                row.what,
                why,
                of_day,
            )
            for row, clock, why, of_day in found[:MOST_LATE]
        ),
        "None.",
    )
    if len(found) > MOST_LATE:
        yield f'<p class="small">More than {MOST_LATE:,}: all are in late.jsonl and in the workbook.</p>'


def _explanations(package: Package) -> str:
    """Return what was signed with the button in Slack, by whom, and which exception it explains."""
    return _table(
        ("When", "Signed by", "Number", "What it explains", "Explanation"),
        (
            (moment(row.at), person(row), row.data.get("number"), about, row.data.get("words"))
            for row, about in signed(package)
        ),
        "None.",
    )


def _changes(package: Package) -> Iterator[str]:
    """Yield each change of the period, and those before it that were in force: when, what differs, who confirmed it."""
    changes, first = package.changes, package.about["first"]
    in_force = max((row for row in changes.changes if row < first), default=0)
    shown = {in_force, *package.not_confirmed, *(row for row in changes.changes if row >= first)}
    lines = [
        f"<tr><td>{moment(changes.at[row])} (row {row})</td><td>{_difference(data)}</td><td>{escape(confirmed_by(package, row))}</td></tr>"
        for row, data in changes.changes.items()
        if row in shown
    ]
    head = "<thead><tr><th>When</th><th>What differs</th><th>Confirmed</th></tr></thead>"
    yield f"<table class=changes>{head}{''.join(lines)}</table>" if lines else "<p>None.</p>"


def _difference(data: Json) -> str:
    """Return the lines that a change takes out and puts in; of the first policy and of older rows there are none."""
    if not data.get("old"):
        return "The first policy."
    found = [str(each) for each in data.get("difference", ())]
    more = [f"… {len(found) - MOST_LINES} more lines: policy_changes.jsonl"] * (
        len(found) > MOST_LINES
    )
    return f"<pre>{escape(chr(10).join([*found[:MOST_LINES], *more]))}</pre>"


def _listed(package: Package, exceptions: Iterable[Json], more: str = "") -> Iterator[str]:
    """Yield a table of exceptions; with `more` as a heading, each with the package that it stands in."""
    yield "<table class=things><thead><tr><th>When</th><th>What</th><th>Where</th><th>Id of the user in Zuora, or request</th><th>Explanation</th>"
    yield f"{f'<th>{more}</th>' if more else ''}</tr></thead>"
    for each in exceptions:
        where = each.get("number") or each.get("why", "")
        explained = each.get("explanation") or ""
        by = (
            f", signed by {package.named(str(each['explained_by']))}"
            if each.get("explained_by")
            else ""
        )
        yield _row(
            happened(each),
            each["what"],
            where,
            _by_whom(each),
            f"{explained}{by}" or ("not explained" if more else ""),
            *([of_package(each)] if more else []),
        )
    yield "</table>"


def _by_whom(found: Json) -> str:
    """Return the user in Zuora and how that is known; of what Zuora does not show, the request."""
    words = (found.get("who"), found.get("known_from"), found.get("request"))
    return "; ".join(str(each) for each in words if each)


def _statements(package: Package) -> Iterator[str]:
    """Yield how many statements were sent and answered, and each decision that somebody denies."""
    answers: dict[tuple[str, str], str] = {}
    for row in package.entries("statements.jsonl"):
        if "month" in row.data and row.what in _ANSWERS:
            answers[row.who, str(row.data["month"])] = _ANSWERS[row.what]
    states = Counter(answers.values())
    whole = count(len(answers), "monthly statement")
    parts = listed([f"{states[each]:,} {each}" for each in _ANSWERS.values() if states[each]])
    yield f"<p>{whole}{': ' if parts else ''}{parts}.</p>"
    yield _table(
        ("When", "Who", "What Slack refused", "Error", "Rows of the decisions"),
        (
            (
                moment(each.at),
                person(each),
                _refused(each),
                each.data.get("error"),
                " ".join(map(str, each.data.get("rows", ()))),
            )
            for each in package.entries("statements.jsonl")
            if each.what == "statement.refused"
        ),
        "Slack refused no receipt and no statement.",
    )
    yield _table(
        ("When", "Who", "What is not theirs"),
        ((moment(each.at), person(each), denial(each)) for each in package.denied),
        "Nobody said that a decision in their name was not theirs.",
    )


def _refused(row: HistoryRow) -> str:
    """Return what Slack refused to deliver."""
    month = row.data.get("month")
    return f"the statement for {month}" if month else "the receipt for a decision"


_ANSWERS = {
    "statement.sent": "not answered",
    "statement.refused": "not delivered, as Slack refused it",
    "statement.confirmed": "confirmed",
    "statement.denied": "denied",
}


def _request(
    package: Package, line: Json, packet: Json, history: list[HistoryRow]
) -> Iterator[str]:
    asked = history[0].data
    yield f'<section class="request"><h2>R-{line["number"]}: {escape(line["operation"].replace("_", " "))} {escape(line["subject"])}</h2>'
    yield _facts(
        {
            "Asked by": f"{person(history[0])}, {moment(history[0].at)}",
            "Reason": line["reason"],
            "Where": line["tenant"],
            "Approvals needed": _why(line, asked),
            "State": f"{line['state']} since {moment(line['state_at'])}{_ended(package, line)}{_by_hand(line, history)}",
            "Digest": line["digest"],
            **_marked_late(package, line, history),
        }
    )
    yield "<h3>Who decided</h3>"
    decided = [each for each in history if each.what in _DECIDED]
    yield _table(
        ("When", "Who", "What", "In which groups"),
        (
            (
                moment(each.at),
                person(each),
                _DECIDED[each.what] + _note(each) + _denied(package, each),
                ", ".join(each.data.get("groups", ())),
            )
            for each in decided
        ),
        "Nobody.",
    )
    if packet["card"]:
        yield f"<h3>What exactly, as the card said when it was asked for</h3><pre>{escape(as_shown(packet['card']['text'], package.named))}</pre>"
    calls = [each for each in history if each.what.startswith("call.")]
    yield "<h3>What was sent to Zuora, and what it answered</h3>"
    yield _table(
        ("When", "What", "About", "Verdict"),
        (
            (
                moment(each.at),
                f"{each.what.removeprefix('call.')} {each.data.get('method', '')} {each.data.get('address', '')}",
                str(each.data.get("subject", "")),
                f"{_verdict(each)} {each.data.get('words', '')}",
            )
            for each in calls
        ),
        "Nothing.",
    )
    yield f'<p class="small">Everything else: its line in requests.jsonl, rows {history[0].sequence} to {history[-1].sequence}.</p></section>'


def _marked_late(package: Package, line: Json, history: list[HistoryRow]) -> dict[str, str]:
    """Return the mark of a request of which something was recorded for an older day; nothing of any other."""
    rows = of_request(package, history)
    asked = f"; it was {_ASKED[LATE]}" if line["asked_in_period"] == LATE else ""
    where = "The first page says by which clock, and why it stands in this package."
    return {"⚠ Late": f"{rows}{asked}. {where}"} if rows else {}


_DECIDED = {
    "request.approved": "approved",
    "request.rejected": "rejected",
    "request.withdrawn": "withdrew",
    "request.recorded": "said what Zuora shows after a lost answer",
    "request.settled": "settled a lost answer by saying what Zuora shows",
}


def _verdict(call: HistoryRow) -> str:
    """Return what is known about a call, with what that means where the word alone does not say it."""
    said = str(call.data.get("verdict", ""))
    means = {
        "rejected": "nothing was done.",
        "lost": "no clear answer came.",
        "busy": "not done, and tried again.",
    }
    return f"{said}: {means[said]}" if said in means else said


def _by_hand(line: Json, history: Iterable[HistoryRow]) -> str:
    """Return what a person said of a lost answer, if one did; the state may rest on another call that was refused."""
    by = next(
        (
            each
            for each in history
            if each.what == "request.settled" and each.data.get("by") == "person"
        ),
        None,
    )
    if by is None:
        return ""
    if _STATE_BY_WORD.get(str(by.data.get("accepted"))) == line["state"]:
        return f", as {person(by)} said after looking in Zuora: its answer was lost"
    seen = _SEEN.get(str(by.data.get("accepted")), "what is not known")
    return f"; of a lost answer {person(by)} said: {seen}"


_STATE_BY_WORD = {"True": "succeeded", "False": "failed"}
_SEEN = {"True": "it went through", "False": "it did not go through"}


def _ended(package: Package, line: Json) -> str:
    """Return that a waiting request's time has ended, if it has."""
    at = package.overdue.get(line["number"])
    said = (
        f". Its time ended on {moment(at or '')}, not recorded yet: nobody can approve it any more"
    )
    return said if at else ""


def _why(line: Json, asked: Json) -> str:
    """Return the rule, its conditions, and the totals compared with them."""
    needed = line["approvals_needed"]
    # what verify names as damaged is still shown
    needed = (
        count(needed, "approval")
        if isinstance(needed, int)
        else "A number of approvals that cannot be read"
    )
    conditions = in_words(asked.get("conditions") or {}) or "all that no other rule is for"
    return f"{needed}, by {line['rule']}, which is for {conditions}. Compared with it: {in_words(asked.get('compared') or {})}."


def _denied(package: Package, entry: HistoryRow) -> str:
    row = package.denied_rows.get(entry.sequence)
    return f". {person(entry)} says that this is not theirs (row {row})" if row else ""


def _note(entry: HistoryRow) -> str:
    said = entry.data.get("reason") or entry.data.get("note")
    seen = _SEEN.get(str(entry.data.get("accepted")))
    return f": {f'{seen}; ' if seen else ''}typed “{said}”" if said else ""


def _facts(facts: Json) -> str:
    lines = (
        f"<tr><th>{escape(name)}</th><td>{escape(str(value))}</td></tr>"
        for name, value in facts.items()
    )
    return f'<table class="facts">{"".join(lines)}</table>'


def _table(heads: Iterable[str], lines: Iterable[Iterable[Any]], none: str) -> str:
    body = "".join(_row(*line) for line in lines)
    head = "".join(f"<th>{escape(each)}</th>" for each in heads)
    table = f"<table><thead><tr>{head}</tr></thead>{body}</table>"
    return table if body else f"<p>{none}</p>"


def _row(*cells: Any) -> str:
    return f"<tr>{''.join(f'<td>{escape(str(each))}</td>' for each in cells)}</tr>"
