"""Compares a document with how it was approved, after the answer to an order to mail it was lost. No I/O."""

from bot.domain.call import Call
from bot.domain.known import is_newer
from bot.operations.email_documents.facts import EmailDocumentsFacts, changes
from bot.operations.progress import Reread, Settlement
from bot.operations.typed import Problems


def reread(before: EmailDocumentsFacts, now: EmailDocumentsFacts | Problems, call: Call) -> Reread:
    """Compare the document of a call with how it was approved."""
    number = call.subject
    if isinstance(now, Problems):
        return Reread(wrong=" ".join(now.by_field.values()).rstrip("."))
    was, is_now = before.named(number), now.named(number)
    if was is None:  # an older version made the order
        return Reread()
    if is_now is None and any(each.number == number for each in now.nobody):
        return Reread(wrong=f"the bill-to contact of {number} has no address now")
    if is_now is not None and is_newer(was.mailed_at, is_now.mailed_at, call.first_sent_at):
        return Reread(done=shown_mailed(number))
    return Reread(wrong="; ".join(changes(was, is_now, mailed=False)))


def shown_mailed(number: str) -> Settlement:
    """Prove it by a mail date that the invoice did not have."""
    return Settlement(
        accepted=True, words=f"Zuora shows a mail of {number} that was not there before"
    )


def listed_mailed(number: str) -> Settlement:
    """Prove it by a mail that Zuora's mail history did not list before."""
    return Settlement(
        accepted=True,
        words=f"Zuora's mail history lists a mail of {number} that was not there before",
    )
