"""Reads accounts, and fills in documents from them."""

from dataclasses import replace

from bot.zuora import agreement, calls, rows
from bot.zuora.answers import Account, BillingDocument
from bot.zuora.caller import Caller
from bot.zuora.readers import account_of


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
