"""What an approver must know before the documents of a bill run are mailed. No I/O."""

from bot.operations.mail_checks import MailChecks
from bot.operations.run_documents import RunFacts


class EmailRunFacts(RunFacts):
    """A bill run with its documents, and what Zuora would mail of them.

    Attributes:
        checks: What may keep mails from going out.
        zero_left_out: Whether the run is set not to mail invoices of zero; fixed when a run is
            made, so no approval need be bound to it. None where Zuora did not say.
        mails_itself: Whether the run was made to post and mail by itself; fixed likewise. None
            where Zuora did not say.
    """

    checks: MailChecks = MailChecks()
    zero_left_out: bool | None = None
    mails_itself: bool | None = False

    def mails(self, *, resend: bool) -> int:
        """How many documents Zuora is ordered to mail at most.

        Zuora knows by itself what it mailed: a document of which that cannot be read may go out.
        """
        documents = self.documents
        if resend:
            return documents.posted
        return documents.never_mailed + len(documents.mailed_unknown)
