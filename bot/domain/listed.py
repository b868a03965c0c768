"""One document of a request as its details list it: words, with nothing to compute."""

from typing import NamedTuple


class Listed(NamedTuple):
    """A document, in the words of the moment when it was read.

    Attributes:
        number: Its number.
        customer: Name of the customer, or number of the account.
        amount: `USD 250.50`, below zero for a credit memo; or why it is not known.
        mail: `bill-to at acme.example`, `no address` and the like; empty if there is nothing to
        say.
        mailed: When it was mailed last, `2026-11-30T14:05:00+00:00`, or words where that is not known
            or a version before this one wrote it; empty: never.
    """

    number: str
    customer: str
    amount: str
    mail: str = ""
    mailed: str = ""
