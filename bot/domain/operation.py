"""The names of the operations and their deeds, which is all that every layer may know about them."""

from enum import StrEnum


class OperationName(StrEnum):
    """Every operation, as the database, the policy file and the history name it.

    Everything else about an operation is in its folder of `bot.operations`.
    """

    CREATE_BILL_RUN = "create_bill_run"
    POST_BILL_RUN = "post_bill_run"
    CANCEL_BILL_RUN = "cancel_bill_run"
    EMAIL_BILL_RUN = "email_bill_run"
    EMAIL_INVOICE = "email_invoice"
    EMAIL_DEBIT_MEMO = "email_debit_memo"
    EMAIL_CREDIT_MEMO = "email_credit_memo"
    EMAIL_MIXED_LIST = "email_mixed_list"


class Deed(StrEnum):
    """What an operation does in Zuora, as the month's figures and the evidence count it."""

    CREATED = "created"
    POSTED = "posted"
    CANCELED = "canceled"
    MAILED = "mailed"
