"""*Details*: a view with everything known about a request."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from urllib.parse import quote

from bot.cards import blocks
from bot.cards.at_stake import still_true, summary_of
from bot.cards.facts import all_facts
from bot.cards.headline import title_of
from bot.domain.check import Check, counted
from bot.domain.check import lines as check_lines
from bot.domain.listed import Listed
from bot.domain.message import Blocks
from bot.domain.request import Request, State
from bot.domain.words import Line, Link, Moment, Part, Strong, count, line, named
from bot.operations.catalog import opened
from bot.operations.operation import Order, Table
from bot.operations.progress import Progress

PAGE = 50
"""Documents on one page of the view."""

TURN = "details:"
"""Prefix of the buttons that turn its pages; the value is the request and a position."""

MOST_ROWS = 200
"""How many rows of a list the view shows, so that it opens at once; the thread has the whole list."""


@dataclass(frozen=True, slots=True)
class Page:
    """Some of the documents of a request.

    Attributes:
        documents: Those that are shown.
        first: Position of the first, from 0.
        of: How many are listed in all.
        total: How many the request is about; more than `of` if not all are listed.
        link: Address of a record in Zuora, with `{number}` in it; empty: no links.
    """

    documents: Sequence[Listed]
    first: int
    of: int
    total: int
    link: str


def details(request: Request, also: Sequence[Line], page: Page) -> Blocks:
    """Return the blocks of the view.

    Args:
        request: The request.
        also: What other requests do to the same documents.
        page: Some of its documents.
    """
    order = opened(request)
    summary = summary_of(request, order, also)
    title = title_of(request, order, summary)
    return [
        blocks.header(title),
        blocks.labelled(all_facts(request, summary, also)),
        *([] if page.first else _checks(request, summary.checks)),
        blocks.labelled((*still_true(order.lines(), also), *_lines(request, order, page.link))),
        *([] if page.first else _tables(order.tables())),
        *(_documents(request, page) if page.of else []),
    ]


def _checks(request: Request, checks: Sequence[Check]) -> Blocks:
    """Return each check with its result, first what did not pass; nothing if none were stored."""
    if not checks:
        return []
    when = "" if request.state is State.WAITING else " when it was asked for"
    title = f"Seen by the bot{when}: {counted(checks)}"
    return [blocks.paragraph(Strong(title)), blocks.labelled(check_lines(checks))]


def _documents(request: Request, page: Page) -> Blocks:
    """Return one page of the documents, and the buttons that turn it."""
    last = page.first + len(page.documents)
    title = f"Documents {page.first + 1:,} to {last:,} of {page.of:,}"
    if len(page.documents) == 1:
        title = f"Document {last:,} of {page.of:,}"
    if page.total > page.of:
        title += f", the largest of {page.total:,}; the month's file has all"
    turns = [
        blocks.button(
            label,
            action_id=f"{TURN}{label.lower()}",
            value=f"{request.reference} {first}",
            spoken=f"{label} documents of {request.name}",
        )
        for label, first in (("Previous", page.first - PAGE), ("Next", page.first + PAGE))
        if 0 <= first < page.of
    ]
    return [
        blocks.paragraph(Strong(title)),
        blocks.labelled(Line("", tuple(_document(each, page.link))) for each in page.documents),
        *([blocks.actions(f"details-{request.number}", *turns)] if turns else []),
    ]


def _document(each: Listed, link: str) -> Iterator[Part]:
    """Yield `INV00000012 · Northwind Ltd · USD 88,000.00 · no address · mailed` with the moment."""
    yield in_zuora(each.number, link)
    customer = named(each.customer, 100)
    yield "".join(f" · {words}" for words in (customer, each.amount, each.mail) if words)
    if each.mailed:
        yield " · mailed "
        yield _moment(each.mailed)


def _moment(text: str) -> Part:
    """Return a moment, which Slack shows in the reader's zone; a text that is not a moment stays as it is."""
    try:
        return Moment(datetime.fromisoformat(text))
    except ValueError:
        return text


def in_zuora(number: str, link: str) -> Part:
    """Return the number, linked to its record in Zuora if the address of records is known."""
    return Link(number, link.replace("{number}", quote(number, safe=""))) if link else number


def _tables(tables: Sequence[Table]) -> Blocks:
    return [block for table in tables for block in _table(table)]


def _lines(request: Request, order: Order[Any, Any], link: str) -> Iterator[Line]:
    rule = request.rule
    number = request.subject if order.bills() is None else Progress.of(request).number
    if link and len(number.split()) == 1:  # one document, or a run that is there
        yield line("Open in Zuora", in_zuora(number, link))
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
