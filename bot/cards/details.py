"""*Details*: a view with everything that is known of a request and is not needed at a glance."""

from collections.abc import Iterator, Sequence

from bot.cards import blocks
from bot.cards.card import all_facts, headline, marked, still_true, with_what_else
from bot.domain.message import Blocks
from bot.domain.request import Request, State
from bot.domain.words import Line, Strong, count, line
from bot.operations.catalog import opened
from bot.operations.operation import Table

MOST_ROWS = 200
"""Of one list in the view, so that it opens at once; the whole list stands in the thread."""


def details(request: Request, also: Sequence[Line]) -> Blocks:
    """The blocks of the view.

    Args:
        request: The request.
        also: What other requests do to the same documents.
    """
    order = opened(request)
    summary = with_what_else(order.summary(), also)
    waiting = request.state is State.WAITING
    title = marked(summary) if waiting else f"{headline(request)}: {summary.headline}"
    return [
        blocks.header(title),
        blocks.labelled(all_facts(request, summary, also)),
        blocks.labelled((*still_true(order.lines(), also), *_lines(request))),
        *(block for table in order.tables() for block in _table(table)),
    ]


def _lines(request: Request) -> Iterator[Line]:
    rule = request.rule
    yield line("Zuora", request.tenant)
    yield line("Rule", f"{rule.name}: {count(rule.approvals, 'approval')}")
    yield line("Digest", request.digest[:16])


def _table(table: Table) -> Blocks:
    rows = table.rows[:MOST_ROWS]
    left_out = len(table.rows) - len(rows)
    more = f" (the first {len(rows):,} of {len(table.rows):,})" if left_out else ""
    return [
        blocks.paragraph(Strong(f"{table.title}{more}")),
        blocks.labelled(Line("", (" · ".join(row),)) for row in rows),
    ]
