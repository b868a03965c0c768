"""The private card of a bill run: its state, and a button for each thing that is legal now."""

from collections.abc import Sequence

from bot.cards import blocks
from bot.domain.key import bill_run_key
from bot.domain.message import Blocks, Words
from bot.domain.words import Line, Moment, Part, all_of, count, in_days, line
from bot.operations import doubts
from bot.operations.cancel_bill_run.facts import TYPE_NOT_SAID
from bot.operations.cancel_bill_run.operation import CATCH_UP, NO_CATCH_UP
from bot.operations.catalog import STEPS
from bot.operations.email_bill_run.operation import EmailBillRun
from bot.operations.on_run import legal_steps
from bot.operations.run_documents import DocumentsFacts, lines_of
from bot.zuora.answers import BillingDocument, BillRun
from bot.zuora.rows import known

RUN = "run:"
"""Prefix of the `action_id` of these buttons.

Their value is the run's number, or its id if the number is not in Zuora's usual form. There is no request behind
such a card: a button only opens a form with the number filled in, which the same person could have typed.
"""

WHAT_IT_MEANS = {
    "Pending": "It waits for its turn.",
    "Paused": "Its schedule is on hold; only people can resume it, in Zuora.",
    "Processing": "Zuora bills its accounts. Nothing can be done until it is Completed.",
    "Completed": "Its documents are drafts; no customer has seen them.",
    "Error": "It failed. It can be deleted in Zuora and made again.",
    "PostInProgress": "Zuora posts its documents.",
    "Posted": "Its documents are posted.",
    "CancelInProgress": "Zuora cancels it.",
    "Canceled": "It was canceled; it can be deleted in Zuora.",
    "RemoveInProgress": "Zuora deletes it.",
}


def run_card(
    tenant: str,
    run: BillRun,
    documents: Sequence[BillingDocument],
    place: str = "",
    *,
    steps: bool = True,
) -> Words:
    """Return the card as plain text and as blocks.

    Args:
        tenant: Which Zuora.
        run: The run.
        documents: All of its documents.
        place: Key of the place that it is read in.
        steps: Whether the reader may ask for something, and sees the buttons for that.
    """
    facts = DocumentsFacts.of(documents, run, lines_of(documents))
    title = f"Bill run {run.number}: {run.status}"
    lines = (line("Zuora", tenant), *_lines(run, facts))
    text = f"{blocks.escaped(title)}\n{blocks.lines_as_text(lines)}"
    named = ";".join(each for each in (bill_run_key(run.number) or run.id, place) if each)
    legal = legal_steps(run.status, posted=facts.posted, run_type=run.type)
    if not facts.posted:  # the form would refuse a run without anything to mail
        legal = tuple(name for name in legal if name != EmailBillRun.name)
    shown = [
        blocks.header(title),
        blocks.labelled(lines),
        *(_buttons(named, legal) if steps else []),
    ]
    return Words(text, shown)


def _lines(run: BillRun, facts: DocumentsFacts) -> tuple[Line, ...]:
    return (
        line("Name", run.name or "none"),
        line("State", f"{run.status or 'not known'}. {_meaning(run, facts)}"),
        *_no_cancel(run),
        *([line("Zuora says", run.error_message)] if run.error_message else []),
        *_when(run),
        *(line(kind.label, kind.figures) for kind in facts.kinds),
        *([] if facts.kinds else [line("Documents", "none")]),
        line("Emailed", *_mailed(run, facts)),
        *doubts.run_lines(facts),
    )


def _no_cancel(run: BillRun) -> tuple[Line, ...]:
    """Return why a run that waits or holds drafts has no button to cancel it."""
    if run.status not in ("Pending", "Completed"):
        return ()
    if run.type == CATCH_UP:
        return (line("Kind", f"catch-up run; {NO_CATCH_UP}"),)
    return () if run.type else (line("⚠ Kind", TYPE_NOT_SAID),)


def _meaning(run: BillRun, facts: DocumentsFacts) -> str:
    if run.status in ("Completed", "Posted") and not facts.kinds:
        return "It has no documents."
    if run.status == "Completed" and facts.posted:
        return (
            f"{count(facts.posted, 'document')} posted, {facts.not_posted:,} not: some failed to "
            "post, or were unposted. Post it again to post the rest."
        )
    return WHAT_IT_MEANS.get(run.status, "This bot does not know that state; look in Zuora.")


def _when(run: BillRun) -> tuple[Line, ...]:
    dates = f"target date {in_days(run.target_date)} · invoice date {in_days(run.invoice_date)}"
    found = [] if run.schedule else [line("Dates", dates)]
    if run.schedule:
        until = f" until {in_days(run.schedule.repeat_to)}" if run.schedule.repeat_to else ""
        found.append(line("Schedule", f"{run.schedule.repeat_type or 'once'}{until}", *_next(run)))
    return tuple(found)


def _next(run: BillRun) -> tuple[Part, ...]:
    """Return when it runs next, give or take 20 minutes (page *Scheduled bill runs*)."""
    if run.status != "Pending" or run.scheduled_for is None:
        return ()
    return (" · this occurrence runs ", Moment(run.scheduled_for), ", give or take 20 minutes")


def _mailed(run: BillRun, facts: DocumentsFacts) -> tuple[Part, ...]:
    if not facts.posted:
        return ("no; only posted documents can be" if facts.kinds else "no; there are none",)
    if not facts.mailed_before:
        return (f"Zuora shows no mail of {count(facts.posted, 'document')}",)
    last = facts.last_mailed_at or known(run.last_emailed_at)
    when: tuple[Part, ...] = (", last ", Moment(last)) if last else ()
    mailed = facts.mailed_before
    of = count(facts.posted, "document")
    part = all_of(mailed, "document") if mailed == facts.posted else f"{mailed:,} of {of}"
    return (part, *when)


def _buttons(number: str, legal: Sequence[str]) -> Blocks:
    if not legal:
        return [blocks.context("Nothing can be done with it from here right now.")]
    buttons = (
        blocks.button(
            STEPS[name].button,
            action_id=f"{RUN}{name}",
            value=number,
            spoken=f"{STEPS[name].button} {number}",
        )
        for name in legal
    )
    return [blocks.actions("run-steps", *buttons)]
