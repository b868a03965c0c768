"""Follows a cancellation after Zuora accepted it, by reading the run."""

from bot.operations.on_run import legal_steps
from bot.operations.progress import Progress, Settlement
from bot.operations.run_documents import RunFacts
from bot.zuora.answers import Answer
from bot.zuora.client import ZuoraClient
from bot.zuora.errors import ZuoraNotFound
from bot.zuora.readers import run_in_answer

CANCELING, CANCELED = "CancelInProgress", "Canceled"
MOST_LOOKS = 40
"""How many times a run is looked at that does not become Canceled: for 2.5 h. Canceling takes seconds."""


def begun(run: RunFacts, answer: Answer | None = None) -> Progress:
    """Return a cancellation that Zuora accepted; its answer may name the next occurrence."""
    following = run_in_answer(answer.data).next_run if answer else None
    return Progress(
        run_id=run.run_id,
        number=run.number,
        status=CANCELING,
        seen=(CANCELING,),
        next_run=(following[1] or following[0]) if following else "",
    )


async def settled(run: RunFacts, zuora: ZuoraClient) -> Settlement | None:
    """Return proof that a cancellation whose answer was lost did begin; None: there is none (yet).

    Raises:
        ZuoraError: Zuora could not be read.
    """
    now = await zuora.bill_run(run.run_id)
    if now.status not in (CANCELING, CANCELED):
        return None
    words = f"{run.number} is {now.status}"
    return Settlement(accepted=True, words=words, progress=begun(run))


async def look(
    run: RunFacts, progress: Progress, zuora: ZuoraClient, *, schedule_goes_on: bool
) -> Progress:
    """Look once at a cancellation.

    Zuora answers before the run is Canceled and may show the old state for a while, so an
    unchanged run is looked at again, up to a limit. `seen` notes each of these looks, so that they
    can be counted after a restart too.

    Raises:
        ZuoraError: Zuora could not be read.
    """
    number = run.number
    try:
        now = await zuora.bill_run(run.run_id)
    except ZuoraNotFound:
        return _ended(progress, "gone", f"Zuora no longer knows {number}; it was deleted.")
    if now.status in (CANCELING, run.status) and len(progress.seen) < MOST_LOOKS:
        return progress.model_copy(update={"seen": (*progress.seen, now.status)})
    if now.status == CANCELED:
        words = f"{number} is Canceled.{_what_follows(progress, schedule_goes_on=schedule_goes_on)}"
        return _ended(progress, CANCELED, words).model_copy(update={"ended": "succeeded"})
    posted = sum(1 for d in await zuora.documents_of_run(number) if d.status == "Posted")
    still = "still" if now.status in (CANCELING, run.status) else "now"
    words = (
        f"{number} is {now.status} {still}, not Canceled. Look in Zuora to see what happened to it."
    )
    legal = legal_steps(now.status, posted=posted, run_type=now.type)
    return _ended(progress, now.status, words).model_copy(update={"next_steps": legal})


def _what_follows(progress: Progress, *, schedule_goes_on: bool) -> str:
    if progress.next_run:
        return f" The schedule continues with {progress.next_run}, a new bill run."
    return " The schedule continues with a new bill run." if schedule_goes_on else ""


def _ended(progress: Progress, status: str, result: str) -> Progress:
    return progress.model_copy(
        update={
            "status": status,
            "seen": (*progress.seen, status),
            "ended": "failed",
            "result": result,
            "words": result,
        }
    )
