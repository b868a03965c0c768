"""One document, as an approver sees it."""

from dataclasses import dataclass
from decimal import Decimal

from bot.domain.key import DocumentKind
from bot.domain.known import MailedAt, NotKnown
from bot.domain.money import Amount, Money
from bot.operations.kinds import Doubt, credited
from bot.zuora.answers import money_of


@dataclass(frozen=True, slots=True, kw_only=True)
class MailDocument:
    """One document, as an approver sees it; a seventh of the memory of a pydantic model, as there may be 50,000.

    Attributes:
        mailed_at: When Zuora mailed it last. It keeps that for invoices alone. What is not known
            counts as mailed.
        trouble: What makes it wrong to send: `was reversed`.
        unchecked: What of that kind Zuora did not say.
        listed: What Zuora's mail history lists of a memo, for comparing with what it lists later;
            None where it may not be read. Nothing of it is bound: old mails drop out of it.
        bill_to_mail: Whether the bill-to contact has an address; None where it was not read.
        mail_domain: Domain of that address; empty where it is not known, or names are not read.
        more_mail: Whether the account has additional addresses; None where it was not read.
        run: Number of the bill run that made it, which has no effect; empty where there is none.
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
        """Return its total; not known where the amount or the currency is not."""
        return money_of(self.amount, self.currency)

    @property
    def shown(self) -> Amount:
        """Return its amount, below zero for a credit memo."""
        money = self.money
        return credited(self.kind, money) if isinstance(money, Money) else money

    @property
    def doubts(self) -> list[Doubt]:
        """Return what Zuora did not say of what makes it wrong to send."""
        return [Doubt(number=self.number, words=words) for words in self.unchecked]
