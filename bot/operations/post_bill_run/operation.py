"""Post a bill run: `PUT /v1/bill-runs/{billRunId}/post`.

Source: page *Post a bill run*. It makes every draft of a Completed run final. Zuora keeps no
idempotency key for a PUT, so after a lost answer the bot only reads and never repeats the call.
"""

from collections.abc import Mapping
from datetime import date
from typing import Any

from typing_extensions import override

from bot.domain.call import Call
from bot.domain.check import Check, check
from bot.domain.mailing import Mailing
from bot.domain.operation import Deed, OperationName
from bot.domain.summary import AMOUNTS_NOT_KNOWN, Summary, alarming, warning
from bot.domain.words import Line, count, in_days, line
from bot.operations import doubts
from bot.operations.asking import Asking, DayField, run_field
from bot.operations.kinds import money_of
from bot.operations.mail_checks import read_run
from bot.operations.notices import profiles_of
from bot.operations.on_drafts import DRAFT, Drafts, DraftsFacts, OnDrafts
from bot.operations.on_run import UNKNOWN, RunBody
from bot.operations.operation import LastTime
from bot.operations.post_bill_run import following
from bot.operations.posting_mails import Mails, posting_mails
from bot.operations.progress import Progress, Settlement
from bot.operations.run_documents import RunFacts
from bot.operations.typed import Problems, Values, day
from bot.zuora.answers import Answer
from bot.zuora.aside import aside
from bot.zuora.client import ZuoraClient
from bot.zuora.effects import Prepared

MAIL_WORDS: dict[Mails, str] = {
    "yes": (
        "Posting itself mails customers: the notification “Invoice Posted” by API is active in "
        "this tenant"
    ),
    "no": "Posting itself mails nobody: the notification “Invoice Posted” by API is off",
    "not known": (
        "Whether posting itself mails customers could not be checked; assume that it does"
    ),
}


WHY_NOT_POST = {
    "Pending": "it has not run yet; wait until it is Completed",
    "Paused": "it is a scheduled run on hold; resume it in Zuora first",
    "Processing": "Zuora is still working on it; wait until it is Completed",
    "Error": "it failed and has nothing to post; make a new one",
    "PostInProgress": "it is being posted already",
    "Posted": "it was posted already",
    "CancelInProgress": "it is being canceled",
    "Canceled": "it was canceled",
    "RemoveInProgress": "it is being deleted",
}


class PostBillRunBody(RunBody):
    """Which bill run, and the date that its invoices get instead of their own, if any."""

    invoice_date: date | None = None


class PostFacts(DraftsFacts):
    """A bill run with its drafts, and whether posting mails.

    Attributes:
        mails: Whether an active notification mails customers when an invoice is posted through the
            API (page *Email delivery*); `not known` if the bot may not read settings.
    """

    mails: Mails


class PostBillRun(OnDrafts[PostBillRunBody, PostFacts]):
    """Post a completed bill run."""

    name = OperationName.POST_BILL_RUN
    deed = Deed.POSTED
    last_time = LastTime.ANOTHER
    short = "post"
    counted_as = "Bill runs"
    button = "Post…"
    asking = Asking(
        title="Post a bill run",
        intro="Posting makes the drafts of a Completed bill run final, and can itself mail "
        "customers. A second person approves before anything is posted.",
        number=run_field("It must be Completed."),
        fields=(
            DayField(
                "invoice_date",
                "New invoice date",
                "Empty: the invoices keep their date. It must not be in a closed period.",
            ),
        ),
    )
    form = "ask:post_bill_run"
    body_type = PostBillRunBody
    facts_type = PostFacts
    done = "Posted"
    only = "Only a Completed bill run can be posted."
    goes_on = "posts the run"

    def sends(self) -> bool:
        """Return True, because posting can mail, even if the check says no: settings can change until then."""
        return True

    @classmethod
    @override
    def why_not(cls, status: str, *, posted: int = 0, run_type: str = "") -> str:
        """Return why Zuora would refuse it; only a Completed run is posted (page *Bill run status types*)."""
        return "" if status == "Completed" else WHY_NOT_POST.get(status, UNKNOWN)

    def mailings(self) -> tuple[Mailing, ...]:
        """Return the drafts, if posting mails or it is not known whether it does."""
        run = self.facts.run
        if self.facts.mails == "no":
            return ()
        return run.mailings("posting", (each for each in run.reached if each.status == DRAFT))

    @classmethod
    @override
    def read_more(cls, values: Values) -> Mapping[str, Any] | Problems:
        """Return a date or none."""
        typed = str(values.get("invoice_date") or "").strip()
        invoice_date = day(typed)
        if typed and invoice_date is None:
            return Problems({"invoice_date": "Give a date as year-month-day, like 2026-11-30."})
        return {"invoice_date": invoice_date}

    @classmethod
    async def look_up(cls, body: PostBillRunBody, zuora: ZuoraClient) -> PostFacts | Problems:
        """Read the run, every document of it, and which notifications are active."""
        found = await read_run(cls, body.bill_run, zuora)
        if isinstance(found, Problems):
            return found
        run, documents, profiles = found
        of_these = profiles_of(documents, profiles)
        used = tuple(each for each in of_these if each is not None) or profiles
        notifications = None if used is None else await zuora.mail_notifications(used)
        return PostFacts(
            run=await aside(RunFacts.of, documents, run),
            drafts=Drafts.of(documents),
            mails=posting_mails(notifications, of_these),
        )

    def material(self) -> dict[str, Any]:
        """Bind every document, and whether posting mails."""
        return {**self.facts.run.material(), "mails": self.facts.mails}

    def differs(self, now: PostFacts) -> list[str]:
        """Compare the run, its documents, and what posting mails."""
        found = self.facts.run.differs(now.run)
        if self.facts.mails != now.mails:
            found.append(
                f"whether posting mails customers was “{self.facts.mails}” and is “{now.mails}” now"
            )
        return found

    @override
    def checked(self) -> tuple[Check, ...]:
        """Return the run, its drafts, and whether posting mails."""
        zero = self.facts.drafts.zero
        mails = MAIL_WORDS[self.facts.mails]
        return (
            *super().checked(),
            check(
                "totals of zero",
                "no draft has a total of zero",
                found=f"{zero:,} of {count(self.facts.drafts.count, 'draft')}" if zero else "",
            ),
            check(
                "mails on posting",
                mails,
                found=mails if self.facts.mails == "yes" else "",
                not_known=mails if self.facts.mails == "not known" else "",
            ),
        )

    def act(self, call: Call, zuora: ZuoraClient) -> Prepared:
        """Ask Zuora to post the run that was approved, by its id."""
        wanted = (
            {"invoiceDate": self.body.invoice_date.isoformat()} if self.body.invoice_date else {}
        )
        return zuora.post_bill_run(self.facts.run.run_id, wanted, track_id=call.track_id)

    @override
    async def settle(self, call: Call, zuora: ZuoraClient) -> Settlement | None:
        """Prove it by a run that moved on, or by drafts that are posted now.

        A Completed run with all its drafts proves nothing, because the call may still be waiting.
        """
        return await following.settled(self.facts.run, self.facts.drafts, zuora)

    @override
    def begun(self, answer: Answer) -> Progress:
        """Return where following begins; Zuora posts after its answer, whatever state the answer shows."""
        return following.begun(self.facts.run)

    async def look(self, progress: Progress, zuora: ZuoraClient) -> Progress:
        """Look once: the run is still posting, Posted, or Completed again because some failed to post."""
        return await following.look(self.facts.run, self.facts.drafts, progress, zuora)

    def title(self) -> str:
        """Return `post bill run BR-00000417`."""
        return f"post bill run {self.facts.run.number}"

    def summary(self) -> Summary:
        """Return what becomes final, and whether posting itself mails."""
        run, drafts = self.facts.run, self.facts.drafts
        what = f"{drafts.what} of " if drafts.count else ""
        mails = {
            "yes": ("posting mails customers",),
            "not known": ("posting may mail customers",),
            "no": (),
        }[self.facts.mails]
        return Summary(
            headline=f"Post {what}bill run {run.number}{drafts.whose}",
            risks=(*mails, *((AMOUNTS_NOT_KNOWN,) if drafts.amount_unknown else ())),
            money=money_of(drafts.kinds),
            lines=(
                line("Dates", _dates(self.body, run)),
                line("Mail", f"{MAIL_WORDS[self.facts.mails]}."),
                *warning(
                    *alarming(drafts.lines()),
                    f"{drafts.zero:,} with a total of zero" if drafts.zero else "",
                ),
                *([line("Largest", " · ".join(drafts.largest))] if drafts.largest else []),
            ),
        )

    def lines(self) -> tuple[Line, ...]:
        """Return what a controller decides on."""
        run = self.facts.run
        already = run.documents.posted
        return (
            line("Bill run", f"{run.number} · {run.name or 'no name'} · {run.status}"),
            *self.facts.drafts.lines(),
            *([line("Posted already", count(already, "document"))] if already else []),
            *doubts.counted_lines(run.documents),
            line("Dates", _dates(self.body, run)),
            line("Mail", f"{MAIL_WORDS[self.facts.mails]}."),
        )

    def effect(self) -> str:
        """Return `post 5 documents`, or `post the run, which has no drafts`."""
        drafts = self.facts.drafts.count
        return (
            f"post {count(drafts, 'document')}" if drafts else "post the run, which has no drafts"
        )

    def warning(self) -> str:
        """Return that posting is final, and may be the moment when customers are mailed."""
        final = "A posted run cannot be canceled any more."
        return final if self.facts.mails == "no" else f"{final} {MAIL_WORDS[self.facts.mails]}."


def _dates(body: PostBillRunBody, run: RunFacts) -> str:
    target = in_days(run.target_date)
    if body.invoice_date is None:
        return f"target date {target} · invoice date {in_days(run.invoice_date)} stays"
    return (
        f"target date {target} · all its invoices are re-dated from {in_days(run.invoice_date)} "
        f"to {in_days(body.invoice_date)}"
    )
