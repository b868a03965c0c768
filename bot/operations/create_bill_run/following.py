"""Follows a new bill run: turns its states, one after another, into words and a result."""

from collections.abc import Mapping
from datetime import datetime, timedelta

from bot.domain.call import Call
from bot.domain.operation import OperationName
from bot.domain.words import count, in_days
from bot.operations.create_bill_run.body import CreateBillRunBody
from bot.operations.progress import Progress
from bot.operations.run_documents import RunFacts
from bot.zuora.agreement import run_and_documents
from bot.zuora.answers import Answer, BillRun
from bot.zuora.client import ZuoraClient
from bot.zuora.errors import ZuoraNotFound
from bot.zuora.readers import run_in_answer
from bot.zuora.rows import zone_of

GONE = "NotFound"
LOOKS_UNTIL_GONE = 3
"""After this many looks, a run that is not found counts as gone; at first it may be missing, because reads lag."""

LOOKS_AT_COMPLETED = 40
"""How many times a run is looked at that should post itself but stays Completed: for about 2.5 h."""

EARLY = timedelta(minutes=20)
"""How long before or after its hour a scheduled run may begin (page *Scheduled bill runs*)."""

CLOCK_MARGIN = timedelta(hours=1)
MOST_NAMES_READ = 20

HAPPENED = {
    "Pending": "is waiting its turn in Zuora",
    "Processing": "began to bill the accounts",
    "PostInProgress": "began to post its documents",
    "Paused": "was paused in Zuora; it goes on when somebody resumes it there",
    "CancelInProgress": "is being canceled in Zuora",
    "RemoveInProgress": "is being deleted in Zuora",
}


def unique_name(body: CreateBillRunBody, call: Call) -> str:
    """Return the run's name in Zuora: `November [R-17 3f9a]`.

    The end is unique to the request and to the key of its call, so that a run whose answer was
    lost can be found, also by people who look for the request.
    """
    return f"{body.name or 'Billing Bot'} [R-{call.request} {call.key[-4:]}]"


def begun(answer: Answer, time_zone: str) -> Progress:
    """Return the progress of the run that an accepted call created; its times are in this zone."""
    return first_progress(run_in_answer(answer.data, zone_of(time_zone, None)))


def first_progress(run: BillRun) -> Progress:
    """Return the progress at which following begins."""
    status = run.status or "Pending"
    return Progress(
        run_id=run.id,
        number=run.number,
        status=status,
        seen=(status,),
        not_before=_scheduled(run, status),
    )


def _scheduled(run: BillRun, status: str) -> datetime | None:
    """Return when a scheduled run is first worth a look, 20 minutes before its hour; None: at once."""
    return run.scheduled_for - EARLY if run.scheduled_for and status == "Pending" else None


async def named(name: str, call: Call, zuora: ZuoraClient) -> BillRun | None:
    """Return the bill run with that name, if Zuora shows one made since the call went out.

    Object Query may leave out the name; such a run is read by its id.

    Raises:
        ZuoraError: Zuora could not be read.
    """
    sent_at = call.first_sent_at or call.sent_at
    since = sent_at - CLOCK_MARGIN if sent_at else None
    found = await zuora.bill_runs(created_since=since)
    ours = next((run for run in found if run.name == name), None)
    if ours is not None:
        return ours
    for run in [run for run in found if not run.name][:MOST_NAMES_READ]:
        plain = await zuora.bill_run_state(run.id)
        if plain.name == name:
            return plain
    return None


async def look(body: CreateBillRunBody, before: Progress, zuora: ZuoraClient) -> Progress:
    """Look once: one call, and when the run has ended, those that count and add up what it made.

    Raises:
        ZuoraError: Zuora could not be read.
    """
    try:
        run = await zuora.bill_run_state(before.run_id)
    except ZuoraNotFound:
        return _not_found(before)
    progress = moved(before, run)
    if _waits_for_its_posting(body, progress):
        return await _completed_and_to_be_posted(progress, zuora)
    if progress.status not in ("Completed", "Posted", "Error", "Canceled"):
        return progress
    whole, documents = await zuora.run_with_documents(run.id)
    facts = RunFacts.of(documents, whole)
    return ended(body, progress, whole, facts)


def moved(before: Progress, run: BillRun) -> Progress:
    """Return the progress with the run's new state and words on it, or unchanged."""
    status = run.status or before.status
    if status == before.status:
        not_before = _scheduled(run, status)
        return before.model_copy(update={"words": "", "not_before": not_before})
    words = HAPPENED.get(status, f"is {status} now")
    return before.model_copy(
        update={
            "number": before.number or run.number,
            "status": status,
            "seen": (*before.seen, status),
            "not_before": None,
            "words": f"{before.number or run.number} {words}.",
        }
    )


def ended(body: CreateBillRunBody, progress: Progress, run: BillRun, facts: RunFacts) -> Progress:
    """Return the progress with how the run ended, by its last state and the states before."""
    number = progress.number
    match progress.status:
        case "Completed" if "PostInProgress" in progress.seen:
            return _post_failed(progress, facts)
        case "Completed":
            result = (
                f"{number} completed{_until(run)}: {_made(facts, run)}{_completed(body, facts)}"
            )
            drafts = (
                (OperationName.POST_BILL_RUN, OperationName.CANCEL_BILL_RUN)
                if facts.documents.kinds
                else ()
            )
            return _end(progress, "succeeded", result, drafts)
        case "Posted":
            result = f"{number} posted{_until(run)}: {_made(facts, run)}{_posted(body, facts)}"
            unmailed = facts.documents.posted and not body.auto_email
            return _end(
                progress, "succeeded", result, (OperationName.EMAIL_BILL_RUN,) if unmailed else ()
            )
        case "Error":
            why = run.error_message or "Zuora gave no reason"
            return _end(progress, "failed", f"{number} ended in Error: {why.rstrip('.')}.")
        case _:
            result = f"{number} was canceled in Zuora; its drafts are canceled with it."
            return _end(progress, "failed", result)


def _end(
    progress: Progress, how: str, result: str, next_steps: tuple[OperationName, ...] = ()
) -> Progress:  # fmt: skip
    changes: Mapping[str, object] = {
        "ended": how, "result": result, "words": "", "next_steps": next_steps,
    }  # fmt: skip
    return progress.model_copy(update=changes)


def _waits_for_its_posting(body: CreateBillRunBody, progress: Progress) -> bool:
    """Return whether a Completed run will go on, because it posts itself and no posting was seen yet."""
    return (
        body.auto_post and progress.status == "Completed" and "PostInProgress" not in progress.seen
    )


async def _completed_and_to_be_posted(progress: Progress, zuora: ZuoraClient) -> Progress:
    """Return the progress of a Completed run that should post itself.

    Posting can begin and fail between two looks. `seen` notes every look, so that they can be counted after a restart
    too.
    """
    looks = progress.seen.count("Completed")
    if progress.words:
        words = f"{progress.number} completed; Zuora posts it by itself."
        return progress.model_copy(update={"words": words})
    if looks % 5 == 1 or looks >= LOOKS_AT_COMPLETED:
        documents = await zuora.documents_of_run(progress.number)
        run = await zuora.bill_run(progress.run_id)  # after them: posting may just have begun
        run_and_documents(documents, run)
        facts = RunFacts.of(documents, run)
        if run.status != "Completed":
            return progress
        if facts.documents.posted and facts.documents.not_posted:
            return _post_failed(progress, facts)
        if looks >= LOOKS_AT_COMPLETED and not facts.documents.kinds:
            result = f"{progress.number} completed{_until(run)}: {_made(facts, run)}{_NOTHING_DUE}"
            return _end(progress, "succeeded", result)
        if looks >= LOOKS_AT_COMPLETED:
            result = (
                f"{progress.number} completed but Zuora has not posted it: {_made(facts, run)} "
                "Nothing was mailed by it. Post it, or look in Zuora to see why it waits."
            )
            return _end(
                progress,
                "failed",
                result,
                (OperationName.POST_BILL_RUN, OperationName.CANCEL_BILL_RUN),
            )
    return progress.model_copy(update={"seen": (*progress.seen, "Completed")})


def _post_failed(progress: Progress, facts: RunFacts) -> Progress:
    documents = facts.documents
    total = documents.posted + documents.not_posted
    result = (
        f"Some of {progress.number} failed to post: {documents.posted:,} of "
        f"{count(total, 'document')} posted, {documents.not_posted:,} did not. "
        "It is Completed again, so it can be posted again."
    )
    return _end(progress, "failed", result, (OperationName.POST_BILL_RUN,))


def _not_found(before: Progress) -> Progress:
    looks = before.seen.count(GONE) + 1
    if looks < LOOKS_UNTIL_GONE:
        return before.model_copy(update={"seen": (*before.seen, GONE), "words": ""})
    return _end(before, "failed", f"{before.number} is gone: somebody deleted it in Zuora.")


def _until(run: BillRun) -> str:
    """Return ` for target date 30 Nov 2026`; empty if Zuora gives none."""
    return f" for target date {in_days(run.target_date)}" if run.target_date else ""


def _made(facts: RunFacts, run: BillRun) -> str:
    """Return counts, and totals for each currency."""
    made = "; ".join(kind.words for kind in facts.documents.kinds)
    counted = run.account_count if isinstance(run.account_count, int) else 0
    accounts = f" from {count(counted, 'account')}" if counted else ""
    return f"{made}{accounts}." if made else "it made no document."


_NOTHING_DUE = (
    " Nothing was due for these accounts by then, or their bill cycle day comes later, or billing "
    "them failed; accounts that failed are listed only on the run's page in Zuora."
)


def _completed(body: CreateBillRunBody, facts: RunFacts) -> str:
    if body.run_type == "CatchUp":
        return " A catch-up run makes none; the billed-through dates were moved on."
    if not facts.documents.kinds:
        return _NOTHING_DUE
    are = "It is a draft" if _is_one(facts) else "They are drafts"
    return f" {are}: nothing is posted or mailed. Zuora lists accounts that failed only on the run's page."


def _posted(body: CreateBillRunBody, facts: RunFacts) -> str:
    if not facts.documents.kinds:
        return _NOTHING_DUE
    them = "it" if _is_one(facts) else "them"
    if body.auto_email:
        return f" Zuora mails {them} by itself. The bot cannot see delivery."
    return f" This run does not mail {them}."


def _is_one(facts: RunFacts) -> bool:
    return sum(kind.count for kind in facts.documents.kinds) == 1
