"""What people type to name a thing in Zuora: a number or an id."""

import re

_BILL_RUN_NUMBER = re.compile(r"BR-\d{1,12}", re.ASCII | re.IGNORECASE)
_ID = re.compile(r"[0-9a-f]{32}", re.ASCII | re.IGNORECASE)


def bill_run_key(typed: str) -> str | None:
    """A bill run's number in upper case or its 32-digit id in lower case; None for anything else.

    Source: "The ID or number of the bill run", page *Email billing documents generated from a bill
    run*. The id's form is that of the examples there and of the SDK.
    """
    text = typed.strip()
    if _BILL_RUN_NUMBER.fullmatch(text):
        return text.upper()
    if _ID.fullmatch(text):
        return text.lower()
    return None
