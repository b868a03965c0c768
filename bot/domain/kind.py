"""The kinds of things in Zuora that people name, in words."""

from typing import Literal

DocumentKind = Literal["invoice", "credit_memo", "debit_memo"]

Kind = DocumentKind | Literal["bill_run", "account", "subscription"]

PREFIXES: dict[Kind, str] = {
    "invoice": "INV", "credit_memo": "CM", "debit_memo": "DM", "bill_run": "BR",
}  # fmt: skip
"""What to write before a number to show its kind: `DM:A-1`."""

KIND_WORDS: dict[DocumentKind, tuple[str, str]] = {
    "invoice": ("invoice", "invoices"),
    "credit_memo": ("credit memo", "credit memos"),
    "debit_memo": ("debit memo", "debit memos"),
}
"""One and many, for people."""

WORDS: dict[Kind, tuple[str, str]] = {
    "invoice": KIND_WORDS["invoice"],
    "credit_memo": KIND_WORDS["credit_memo"],
    "debit_memo": KIND_WORDS["debit_memo"],
    "bill_run": ("bill run", "bill runs"),
    "account": ("account", "accounts"),
    "subscription": ("subscription", "subscriptions"),
}


def a_kind(kind: Kind) -> str:
    """Return `an invoice`, `a bill run`."""
    one = WORDS[kind][0]
    return f"{'an' if one[0] in 'ai' else 'a'} {one}"
