"""Follows a posting after Zuora accepted it, by reading the run and its documents."""

from collections.abc import Sequence

from bot.domain.operation import OperationName
from bot.domain.words import count
from bot.operations.kinds import kinds_of
from bot.operations.on_drafts import Drafts, drafts_among
from bot.operations.progress import Progress, Settlement
from bot.operations.run_documents import RunFacts
from bot.zuora.answers import BillingDocument
from bot.zuora.client import ZuoraClient
from bot.zuora.errors import ZuoraNotFound

POSTING, POSTED, COMPLETED = "PostInProgress", "Posted", "Completed"


def begun(run: RunFacts) -> Progress:
    """Return a posting that Zuora has accepted."""
    return Progress(run_id=run.run_id, number=run.number, status=POSTING, seen=(POSTING,))


async def settled(run: RunFacts, drafts: Drafts, zuora: ZuoraClient) -> Settlement | None:
    """Return proof that a posting whose answer was lost did begin; None: there is none (yet).

    Raises:
        ZuoraError: Zuora could not be read.
    """
    now, documents = await zuora.run_with_documents(run.run_id)
    words = f"{run.number} is {now.status}"
    if now.status == COMPLETED:
        left = len(drafts_among(documents))
        if left >= drafts.count:
            return None
        posted = drafts.count - left
        words = (
            f"{count(posted, 'draft')} of {run.number} {'was' if posted == 1 else 'were'} posted"
        )
    elif now.status not in (POSTING, POSTED):
        return None
    return Settlement(accepted=True, words=words, progress=begun(run))


async def look(run: RunFacts, drafts: Drafts, progress: Progress, zuora: ZuoraClient) -> Progress:
    """Look once at a posting.

    Raises:
        ZuoraError: Zuora could not be read.
    """
    try:
        now = await zuora.bill_run_state(run.run_id)
    except ZuoraNotFound:
        return _ended(progress, "gone", f"Zuora no longer knows {run.number}; it was deleted.")
    match now.status:
        case "PostInProgress":
            return _seen(progress, POSTING)
        case "Posted":
            _, documents = await zuora.run_with_documents(run.run_id)
            return _posted(progress, run.number, documents)
        case "Completed":
            _, documents = await zuora.run_with_documents(run.run_id)
            return _back(progress, run.number, drafts, documents)
        case other:
            words = f"{run.number} is {other} now, not Posted. Look in Zuora to see what happened to it."
            return _ended(progress, other, words)


LOOKS_AT_COMPLETED = 5
"""After this many looks, within a minute or two, a run that does not move counts as not posted."""


def _posted(progress: Progress, number: str, documents: Sequence[BillingDocument]) -> Progress:
    posted = [document for document in documents if document.status == POSTED]
    figures = " and ".join(kind.words for kind in kinds_of(posted)) or "it has no document"
    found = _ended(progress, POSTED, f"{number} is Posted: {figures}.")
    return found.model_copy(
        update={"ended": "succeeded", "next_steps": (OperationName.EMAIL_BILL_RUN,)}
    )


def _back(
    progress: Progress, number: str, drafts: Drafts, documents: Sequence[BillingDocument]
) -> Progress:
    """Return the progress of a run that is Completed after posting began, because some invoices failed to post.

    Zuora may show the old state for a while, so if all drafts are still there, the run must be seen like that several
    times.
    """
    left = Drafts.of(documents)
    if left.count >= drafts.count and progress.seen.count(COMPLETED) < LOOKS_AT_COMPLETED:
        return progress.model_copy(update={"seen": (*progress.seen, COMPLETED), "words": ""})
    if left.count >= drafts.count:
        words = f"Posting of {number} failed: nothing of it was posted, {left.figures} wait."
    else:
        words = (
            f"Posting of {number} failed in part: {left.count:,} of "
            f"{count(len(documents), 'document')} {'is' if left.count == 1 else 'are'} not posted "
            f"({left.figures})."
        )
    words += " The run is Completed again and can be posted again; Zuora shows there what failed."
    found = _ended(progress, COMPLETED, words)
    return found.model_copy(update={"next_steps": (OperationName.POST_BILL_RUN,)})


def _seen(progress: Progress, status: str) -> Progress:
    seen = progress.seen if status in progress.seen else (*progress.seen, status)
    return progress.model_copy(update={"status": status, "seen": seen})


def _ended(progress: Progress, status: str, result: str) -> Progress:
    found = _seen(progress, status)
    return found.model_copy(update={"ended": "failed", "result": result, "words": result})
