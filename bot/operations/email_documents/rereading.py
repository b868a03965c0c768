"""Compares a document with how it was approved, after the answer to an order to mail it was lost. No I/O."""

from bot.domain.known import is_newer
from bot.operations.email_documents.document import MailDocument
from bot.operations.email_documents.facts import EmailDocumentsFacts, changes, more
from bot.operations.progress import Reread, Settlement
from bot.operations.typed import Problems


def reread(before: EmailDocumentsFacts, now: EmailDocumentsFacts | Problems, number: str) -> Reread:
    """Compare one document with how it was approved."""
    if isinstance(now, Problems):
        return Reread(wrong=" ".join(now.by_field.values()).rstrip("."))
    was, is_now = before.named(number), now.named(number)
    if was is None:  # an older version made the order
        return Reread()
    if is_now is None and any(each.number == number for each in now.nobody):
        return Reread(wrong=f"the bill-to contact of {number} has no address now")
    done = None if is_now is None else _mailed(was, is_now)
    found = changes(was, is_now, mailed=False) if done is None else []
    return Reread(done=done, wrong="; ".join(found))


def _mailed(before: MailDocument, now: MailDocument) -> Settlement | None:
    """Return proof that it was mailed if Zuora shows or lists a mail that was not there before; else None."""
    if is_newer(before.mailed_at, now.mailed_at):
        return shown_mailed(now.number)
    if before.listed is not None and more(before.listed, now.listed or ()):
        return listed_mailed(now.number)
    return None


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
