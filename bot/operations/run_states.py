"""What may be done with a bill run in which state. No I/O.

Source: page *Bill run status types*; that nothing of a run may be posted when it is canceled is
from the older page *CRUD: Post or cancel a bill run*; that a catch-up run cannot be undone is from
the page *Catch-up bill runs*.
"""

WHY_NOT_POST = {
    "Pending": "it has not run yet; wait until it is Completed",
    "Paused": "it is a scheduled run on hold; resume it in Zuora first",
    "Processing": "it is still being worked on; wait until it is Completed",
    "Error": "it failed and has nothing to post; make a new one",
    "PostInProgress": "it is being posted already",
    "Posted": "it was posted already",
    "CancelInProgress": "it is being canceled",
    "Canceled": "it was canceled",
    "RemoveInProgress": "it is being deleted",
}
WHY_NOT_CANCEL = {
    "Paused": "Zuora does not cancel a paused schedule; resume it in Zuora first",
    "Processing": "a run that is being worked on cannot be canceled; wait until it is Completed",
    "Error": "it failed, so there is nothing to cancel; it can be deleted in Zuora",
    "PostInProgress": "it is being posted",
    "Posted": "its documents are posted",
    "CancelInProgress": "it is being canceled already",
    "Canceled": "it was canceled already",
    "RemoveInProgress": "it is being deleted",
}
UNKNOWN = "this bot does not know that state; look in Zuora"
CATCH_UP = "CatchUp"


def why_not_post(status: str) -> str:
    """Why a run in this state cannot be posted; empty if it can."""
    return "" if status == "Completed" else WHY_NOT_POST.get(status, UNKNOWN)


def why_not_cancel(status: str, *, posted: int, run_type: str) -> str:
    """Why a run cannot be canceled; empty if it can.

    Args:
        status: Zuora's word.
        posted: How many of its documents are posted.
        run_type: `Regular` or `CatchUp`; empty where Zuora did not say.
    """
    if status not in ("Pending", "Completed"):
        return WHY_NOT_CANCEL.get(status, UNKNOWN)
    if posted:
        return f"{posted:,} of its documents {'is' if posted == 1 else 'are'} posted"
    if run_type == CATCH_UP and status == "Completed":
        return "a catch-up run cannot be undone"
    return ""


def legal_steps(status: str, *, posted: int, run_type: str) -> tuple[str, ...]:
    """Names of the operations that Zuora takes for a run in this state."""
    legal = []
    if not why_not_post(status):
        legal.append("post_bill_run")
    if status == "Posted":
        legal.append("email_bill_run")
    if not why_not_cancel(status, posted=posted, run_type=run_type):
        legal.append("cancel_bill_run")
    return tuple(legal)
