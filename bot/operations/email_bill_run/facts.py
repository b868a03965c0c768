"""What an approver must know before the documents of a bill run are mailed. No I/O."""

from collections import Counter
from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Any

from pydantic import field_validator

from bot.domain.words import at_most, count, some
from bot.operations import notices
from bot.operations.kinds import KindTotals, Largest, kinds_of, largest_of
from bot.operations.mail_checks import UNSEEN, ListedMail, MailChecks
from bot.operations.notices import Profiles
from bot.operations.run_documents import LARGEST, RunFacts
from bot.zuora.answers import BillingDocument


class EmailRunFacts(RunFacts):
    """A bill run with its documents, and what Zuora would mail of them.

    Attributes:
        checks: What may keep mails from going out.
        zero_left_out: Whether the run is set not to mail invoices of zero; None if Zuora did not
            say. A run keeps that setting, so no approval need be bound to it.
        mails_itself: Whether Zuora mails the run without an order: it was set to post and mail by itself, or posting it
            mailed; None if Zuora did not say whether it was set to. No approval need be bound to it, because the
            request does not begin while that mail may come.
        listed_lately: Each mail of the last day that Zuora's mail history lists for a few of the
            documents to mail. None if they were not looked for, or it cannot be read. No approval is bound to it,
            because old mails drop out of it.
        posting_may_mail: Whether it was posted lately, and Zuora does not say whether that mailed.
        posted_at: When it was posted, or the last of its documents anew; None if not known.
        mailed: The documents that Zuora is ordered to mail and somebody can get, counted; None in
            older requests.
        largest_mailed: The largest of those; None in older requests.
        customers: How many customers get them; None in older requests.
        nobody: Names of the customers without a known address, whose documents are not in `mailed`.
            Empty if no customer has one, because then the template names others, or nobody.
        unaddressed: How many documents these customers would otherwise get.
        again: How many of `mailed` Zuora shows as mailed before; None in older requests.
        perhaps: How many of `mailed` are mailed only if the template names more than the bill-to
            contact, or if their profile is no longer muted by then.
    """

    mailed: tuple[KindTotals, ...] | None = None
    largest_mailed: tuple[Largest, ...] | None = None
    customers: int | None = None
    nobody: tuple[str, ...] = ()
    unaddressed: int = 0
    again: int | None = None
    perhaps: int = 0
    checks: MailChecks = MailChecks()
    zero_left_out: bool | None = None
    mails_itself: bool | None = False
    posting_may_mail: bool = False
    listed_lately: tuple[ListedMail, ...] | None = None
    posted_at: datetime | None = None

    @field_validator("listed_lately", mode="before")
    @classmethod
    def _of_before(cls, found: Any) -> Any:
        """Give each mail an empty mark if an older version stored only numbers: what is listed now is then called new."""
        if not isinstance(found, list | tuple):
            return found
        return [{"number": each} if isinstance(each, str) else each for each in found]

    @property
    def listed_numbers(self) -> tuple[str, ...]:
        """Return the numbers of the documents of which a mail is listed, each once."""
        return tuple(dict.fromkeys(each.number for each in self.listed_lately or ()))

    @property
    def largest(self) -> tuple[Largest, ...]:
        """Return the largest documents that are mailed; in older requests, those of the whole run."""
        return self.documents.largest if self.largest_mailed is None else self.largest_mailed

    def mails(self, *, resend: bool) -> int:
        """Return how many mails there will be, without documents that have no address or whose notification is off.

        A document whose mail date cannot be read is included, because Zuora itself knows whether it mailed it.
        """
        if self.mailed is not None:
            return sum(kind.count for kind in self.mailed)
        return self.ordered(resend=resend)

    @property
    def mailed_again(self) -> int:
        """Return how many of the documents that are mailed were mailed before; in older requests, of the whole run."""
        if self.again is not None:
            return self.again
        return self.documents.mailed_before - len(self.documents.mailed_unknown)

    def mails_in_words(self, *, resend: bool) -> str:
        """Return `316 mails`, or `up to 316 mails` if some of them may not go out."""
        doubt = self.perhaps or (self.documents.mailed_unknown and not resend)
        return (at_most if doubt else count)(self.mails(resend=resend), "mail")

    def ordered(self, *, resend: bool) -> int:
        """Return how many documents the order is about, including those that reach nobody."""
        documents = self.documents
        if resend:
            return documents.posted
        return documents.never_mailed + len(documents.mailed_unknown)

    def listed_since(self, now: "EmailRunFacts", *, resend: bool) -> list[str]:
        """Return of which documents Zuora's mail history lists a mail that it did not list before, in words.

        If it could not be read before, any mail may be a new one; with `resend`, mails of before do not matter.
        """
        if self.listed_lately is None:
            numbers = () if resend else now.listed_numbers
            return [UNSEEN.format(some(numbers))] if numbers else []
        more = Counter(now.listed_lately or ()) - Counter(self.listed_lately)
        new = tuple(dict.fromkeys(each.number for each in more))
        return [f"{some(new)} {'was' if len(new) == 1 else 'were'} mailed meanwhile"] if new else []

    def wrong_since(self, now: RunFacts, *, resend: bool) -> list[str]:
        """Return what keeps a lost order to mail the run from being sent again: every change except mails.

        Mails of some documents may belong to that order, whose mails come one after the other, or to somebody else's.
        Without `resend` Zuora leaves out what it shows as mailed, so they do no harm.
        """
        before = self.documents
        mails = ("mailed_before", "last_mailed_at", "mailed_unknown")
        as_before = {name: getattr(before, name) for name in mails}
        same_mails = now.documents.model_copy(update=as_before)
        found = self.differs(now.model_copy(update={"documents": same_mails}))
        if resend and any(getattr(now.documents, name) != as_before[name] for name in mails):
            found.append(f"some documents of {self.number} were mailed meanwhile")
        return found


def going_out(
    documents: Sequence[BillingDocument],
    checks: MailChecks,
    profiles: Profiles,
    *,
    zero_left_out: bool | None,
    before: Collection[str],
) -> dict[str, Any]:
    """Count what Zuora will actually mail of the documents that it is ordered to mail.

    Args:
        documents: The documents that it is ordered to mail.
        checks: What is known about the notifications that mail them.
        profiles: The result of `with_profiles`.
        zero_left_out: Whether the run is set not to mail invoices of zero.
        before: Numbers of the documents that Zuora shows as mailed before.

    Returns:
        `mailed`, `largest_mailed`, `customers`, `nobody`, `unaddressed`, `again` and `perhaps` of `EmailRunFacts`.
    """
    off = notices.with_state("off", documents, profiles, checks.notices)
    muted = notices.with_state("muted", documents, profiles, checks.notices)
    mailable = [
        each
        for each in documents
        if each.number not in off
        and not (zero_left_out and each.kind == "invoice" and each.amount == 0)
    ]
    mailed = [each for each in mailable if not each.reaches_nobody]
    nobody = [each for each in mailable if each.reaches_nobody]
    if not mailed:  # the template may name who gets them, which cannot be seen
        mailed, nobody = nobody, mailed
    return {
        "mailed": tuple(kinds_of(mailed)),
        "largest_mailed": largest_of(mailed, LARGEST),
        "customers": len({each.account_number or each.account_id for each in mailed}),
        "nobody": tuple(sorted({each.customer for each in nobody})),
        "unaddressed": len(nobody),
        "again": sum(1 for each in mailed if each.number in before),
        "perhaps": sum(1 for e in mailed if e.bill_to_mail is False or e.number in muted),
    }
