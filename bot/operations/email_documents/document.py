"""One document, as an approver sees it."""

from dataclasses import dataclass
from decimal import Decimal

from bot.domain.kind import DocumentKind
from bot.domain.known import MailedAt, NotKnown
from bot.domain.money import Amount, Money
from bot.operations.kinds import Doubt, credited
from bot.zuora.answers import money_of


@dataclass(frozen=True, slots=True, kw_only=True)
class MailDocument:
    """One document, as an approver sees it; no pydantic model, because 50,000 of those take seven times the memory.

    Attributes:
        mailed_at: When Zuora mailed it last, which Zuora keeps only for invoices. Not known counts
            as mailed.
        trouble: What makes it wrong to send: `was reversed`.
        unchecked: What of that kind Zuora did not say.
        listed: What Zuora's mail history lists for it, to compare with what it lists later; None if it may not be read,
            or for invoices of a long list. No approval is bound to it, because old mails drop out of
            it.
        bill_to_mail: Whether the bill-to contact has an address; None if it was not read.
        mail_domain: Domain of that address; empty if not known, or if names are not read.
        more_mail: Whether the account has additional addresses; None if they were not read.
        run: Number of the bill run that made it, which has no effect; empty if none did.
    """

    kind: DocumentKind
    number: str
    id: str
    status: str
    currency: str | NotKnown
    amount: Decimal | NotKnown
    balance: Decimal | NotKnown
    account_number: str
    account_name: str
    mailed_at: MailedAt
    bill_to_mail: bool | None
    mail_domain: str = ""
    more_mail: bool | None = None
    run: str = ""
    trouble: tuple[str, ...] = ()
    unchecked: tuple[str, ...] = ()
    listed: tuple[str, ...] | None = None

    @property
    def money(self) -> Amount:
        """Return its total; not known if the amount or the currency is not."""
        return money_of(self.amount, self.currency)

    @property
    def shown(self) -> Amount:
        """Return its amount, below zero for a credit memo."""
        money = self.money
        return credited(self.kind, money) if isinstance(money, Money) else money

    @property
    def doubts(self) -> list[Doubt]:
        """Return what Zuora did not say about whether it is right to send."""
        return [Doubt(number=self.number, words=words) for words in self.unchecked]
