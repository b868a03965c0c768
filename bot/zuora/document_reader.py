"""One document of one kind, from a row of an object query or of `/v1`, with what its account says."""

from dataclasses import dataclass, replace
from sys import intern
from typing import Final

from bot.domain.kind import DocumentKind
from bot.zuora import agreement, calls, rows
from bot.zuora.answers import Account, BillingDocument
from bot.zuora.caller import Caller
from bot.zuora.readers import MAIL_FIELDS, account_of, document_of
from bot.zuora.rows import Here, ZuoraRow

OBJECTS: Final[dict[DocumentKind, str]] = {
    "invoice": "invoices",
    "credit_memo": "credit-memos",
    "debit_memo": "debit-memos",
}
EXPANDED: Final = (("expand[]", "account"), ("expand[]", "billToContact"), calls.NULLS)
"""What an object query returns with each document."""


@dataclass(frozen=True, slots=True)
class DocumentReader:
    """Reads rows of one kind.

    Attributes:
        caller: Sends the calls, and knows whether names are read.
        here: The time and zone for reading.
    """

    caller: Caller
    kind: DocumentKind
    here: Here

    def document(self, row: ZuoraRow, *, leaves_out_null: bool = False) -> BillingDocument:
        """Return `document_of` the row, without the customer's name if names are not read.

        Raises:
            ZuoraContradicts: A bill run made it, and Zuora does not say which.
        """
        found = document_of(self.kind, row, self.here, leaves_out_null=leaves_out_null)
        agreement.run_is_named(found, row)
        return found if self.caller.names else replace(found, account_name="")

    @staticmethod
    def compare_account(document: BillingDocument, row: ZuoraRow) -> None:
        """Compare it with the account that an object query returns with it."""
        owner = rows.part(row, "account")
        if owner:
            agreement.with_account(
                document,
                Account(
                    id=rows.text(owner, "id"),
                    number=rows.text(owner, "accountNumber"),
                ),
            )

    def with_contact(self, document: BillingDocument, row: ZuoraRow) -> BillingDocument:
        """Return the document with what the row says about its bill-to contact's address."""
        contact = rows.part(row, "billToContact")
        if not contact:
            return document
        return replace(
            document,
            bill_to_mail=rows.mailable(contact, *MAIL_FIELDS),
            mail_domain=intern(rows.domain(contact, *MAIL_FIELDS) if self.caller.names else ""),
        )


async def account(caller: Caller, key: str) -> Account:
    """Return one account by id or number.

    Raises:
        ZuoraNotFound: There is no such account.
        ZuoraContradicts: The answer is about another one.
        ZuoraError: See `Caller.read`.
    """
    found = account_of(rows.as_row((await caller.read(calls.get("v1", "accounts", key))).data))
    agreement.answered(key, "account", found.id, found.number)
    return found if caller.names else replace(found, name="", mail_domain="")


def with_account(document: BillingDocument, owner: Account) -> BillingDocument:
    """Return the document with what its account says about it.

    Raises:
        ZuoraContradicts: It is the account of something else.
    """
    agreement.with_account(document, owner)
    silent = document.currency in (rows.MISSING, rows.NULL)
    return replace(
        document,
        account_number=document.account_number or owner.number,
        account_name=document.account_name or owner.name,
        currency=owner.currency if silent else document.currency,
        bill_to_mail=owner.bill_to_mail,
        mail_domain=owner.mail_domain,
        more_mail=owner.more_mail,
        profile_id=owner.communication_profile_id or document.profile_id,
    )
