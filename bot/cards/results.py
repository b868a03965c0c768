"""The results of many calls: a progress line that is edited, and the list of what failed."""

import io
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime

from bot.cards import blocks, buttons, details, lines
from bot.domain.call import Call, Tally, Verdict
from bot.domain.message import File, Message, MessageKind
from bot.domain.request import Request
from bot.domain.spreadsheet import Sheet
from bot.domain.words import count, listed, shortened
from bot.operations.operation import Table

BAR = 20
MOST_ROWS = 25
"""Longer lists become a file; Slack takes 100 rows in a table and some 13,000 characters in a message."""

NOT_WELL = (Verdict.REFUSED, Verdict.LOST)


def progress(request: Request, tally: Tally, now: datetime) -> Message:
    """Return how many of the calls have their answer, as a bar and as figures."""
    filled = BAR * tally.answered // max(1, tally.calls)
    parts = [
        "▰" * filled + "▱" * (BAR - filled),
        f" {tally.accepted:,} of {count(tally.calls, 'mail')} accepted by Zuora",
        *(f", {each}" for each in not_well(tally)),
        _time_left(tally, now),
    ]
    text = "".join(parts)
    return Message(
        kind=MessageKind.PROGRESS,
        request=request.number,
        channel=request.channel,
        text=text,
        blocks=[blocks.paragraph(text)],
    )


def not_well(tally: Tally) -> list[str]:
    """Return `3 refused`, `4 not sent`, `1 with outcome unknown`, as far as there are any."""
    found = (
        (tally.refused, "refused"),
        (tally.held_back, "not sent"),
        (tally.lost, "with outcome unknown"),
    )
    return [f"{number:,} {words}" for number, words in found if number]


def _what(call: Call) -> str:
    if call.verdict is Verdict.LOST:
        return "outcome unknown"
    return "not sent" if call.is_held_back else "refused"


def _time_left(tally: Tally, now: datetime) -> str:
    seconds = (now - (tally.began_at or now)).total_seconds()
    left = tally.calls - tally.answered
    if not tally.answered or not left or seconds < 1:
        return "."
    return f"; about {max(1, round(seconds * left / tally.answered))} s left."


def failures(request: Request, calls: Sequence[Call]) -> list[Message]:
    """Return the list of what was refused, not sent or lost, each with why, and a button to ask again for what was not done."""
    failed = [call for call in calls if call.verdict in NOT_WELL]
    if len(calls) == 1 or not failed:
        return []
    not_done = sum(1 for call in failed if call.verdict is Verdict.REFUSED)
    title = f"Documents of {request.name}: {listed(not_well(Tally.of(calls)))}"
    rows = tuple((call.subject, _what(call), call.words) for call in failed)
    found = Table(title, ("Document", "What happened", "Why"), rows)
    row = blocks.actions(f"again-{request.number}", buttons.again(request, not_done))
    again = [row] if not_done else []
    if len(rows) <= MOST_ROWS:
        return [table(request, found, again)]
    reply = lines.reply(request, f"{title}; the list is in the file.")
    return [table(request, found), replace(reply, blocks=[*reply.blocks, *again])]


def tables(request: Request, found: Sequence[Table]) -> list[Message]:
    """Return the lists that are too long for *Details*, each as a file for the thread."""
    return [table(request, each) for each in found if len(each.rows) > details.MOST_ROWS]


def table(request: Request, found: Table, rows: Sequence[blocks.Block] = ()) -> Message:
    """Return one list for the thread: a table, or a file if it is long."""
    if len(found.rows) > MOST_ROWS:
        return _file(request, found)
    texts = [f"{found.title}:", *(" · ".join(row) for row in found.rows)]
    return Message(
        kind=MessageKind.REPLY,
        request=request.number,
        channel=request.channel,
        text="\n".join(blocks.as_text([each]) for each in texts),
        blocks=[
            blocks.paragraph(f"{found.title}:"),
            {
                "type": "table",
                "rows": [[_cell(text) for text in row] for row in (found.headings, *found.rows)],
            },
            *rows,
        ],
    )


def _cell(text: str) -> blocks.Block:
    return {"type": "raw_text", "text": shortened(text, 90) or "-"}


def _file(request: Request, found: Table) -> Message:
    content = io.StringIO()
    sheet = Sheet(content)
    for row in (found.headings, *found.rows):
        sheet.row(row)
    name = "".join(c if c.isalnum() else "-" for c in found.title.lower())[:60]
    return Message(
        kind=MessageKind.FILE,
        request=request.number,
        channel=request.channel,
        text=blocks.escaped(f"{found.title} ({len(found.rows):,} rows)"),
        blocks=[],
        file=File(name=f"{name}.csv", title=found.title, content=content.getvalue()),
    )
