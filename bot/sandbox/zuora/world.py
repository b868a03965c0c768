"""The tenant's data and the builders that tests and the sandbox fill it with."""

import itertools
from collections.abc import Iterable, Mapping
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any, TypeVar

from bot.sandbox.zuora.agenda import Agenda
from bot.sandbox.zuora.records import (
    Account,
    BillRun,
    Contact,
    Document,
    HistoryRow,
    Kind,
    Mail,
    PreviewRun,
    Profile,
    Subscription,
)

Line = tuple[str, str, str]
"""Account number, currency, amount."""

USER_ID = "2c92c0f95e1a0000015e1a0000000001"
PROFILE_ID = "2c92c0f95e1a0000015e1a0000000002"
_PREFIX: Mapping[Kind, str] = {"invoice": "INV", "credit_memo": "CM", "debit_memo": "DM"}


class World:
    """Everything the tenant holds, by number, in the order it was made."""

    def __init__(self, now: datetime | None = None) -> None:
        self.started = now or datetime(2026, 11, 2, 9, 0, tzinfo=UTC)
        self.agenda = Agenda()
        self.profiles: dict[str, Profile] = {
            PROFILE_ID: Profile(PROFILE_ID, "Default Profile", "CP-00000001")
        }
        self.accounts: dict[str, Account] = {}
        self.subscriptions: dict[str, Subscription] = {}
        self.bill_runs: dict[str, BillRun] = {}
        self.invoices: dict[str, Document] = {}
        self.credit_memos: dict[str, Document] = {}
        self.debit_memos: dict[str, Document] = {}
        self.preview_runs: dict[str, PreviewRun] = {}
        self.mails: list[Mail] = []
        self.history: list[HistoryRow] = []
        self.plans: list[Mapping[str, Any]] = []
        """Fields for the next runs that the API creates, one mapping a run: `ends_in` and so on."""
        self._ids = 0

    def new_id(self) -> str:
        """Return an unused id of 32 hexadecimal digits."""
        self._ids += 1
        return f"8ad08c84{self._ids:024x}"

    def table(self, kind: Kind) -> dict[str, Document]:
        """Return the documents of one kind."""
        tables = {
            "invoice": self.invoices,
            "credit_memo": self.credit_memos,
            "debit_memo": self.debit_memos,
        }
        return tables[kind]

    def documents_of(self, run: BillRun) -> list[Document]:
        """Return the invoices, then the credit memos, that a run generated."""
        both = itertools.chain(self.invoices.values(), self.credit_memos.values())
        return [document for document in both if document.source_id == run.number]

    def add_profile(self, name: str, **fields: Any) -> Profile:
        """Add a communication profile beside the default one."""
        number = f"CP-{len(self.profiles) + 1:08d}"
        profile = Profile(self.new_id(), name, number, **fields)
        self.profiles[profile.id] = profile
        return profile

    def add_account(
        self,
        number: str | None = None,
        *,
        name: str | None = None,
        currency: str = "USD",
        email: str | None = "",
        batch: str = "Batch1",
        **fields: Any,
    ) -> Account:
        """Add an account; `email` "" makes an address from the number, None means no address."""
        number = number or _unused("A", self.accounts)
        address = f"billing.{number.lower()}@example.com" if email == "" else email
        account = Account(
            id=self.new_id(),
            number=number,
            name=name or f"Customer {number}",
            currency=currency,
            bill_to=Contact(self.new_id(), "Accounts", "Payable", address),
            created_at=self.started - timedelta(days=400),
            batch=batch,
            communication_profile_id=fields.pop("communication_profile_id", PROFILE_ID),
            **fields,
        )
        self.accounts[number] = account
        return account

    def add_subscription(
        self,
        account: str,
        monthly: str = "100.00",
        *,
        number: str | None = None,
        billed_to: date | None = None,
        **fields: Any,
    ) -> Subscription:
        """Add a subscription with one monthly charge to an account (made when there is none)."""
        first = self.started.date().replace(day=1)
        subscription = Subscription(
            id=self.new_id(),
            number=number or _unused("A-S", self.subscriptions),
            account=self.account(account),
            monthly=Decimal(monthly),
            starts=fields.pop("starts", first - timedelta(days=365)),
            billed_to=billed_to or first,
            created_at=self.started - timedelta(days=365),
            **fields,
        )
        self.subscriptions[subscription.number] = subscription
        return subscription

    def account(self, number: str, currency: str = "USD") -> Account:
        """Return the account of that number, making it when there is none."""
        return self.accounts.get(number) or self.add_account(number, currency=currency)

    def add_document(
        self, kind: Kind, account: str, currency: str, amount: str | Decimal, **fields: Any
    ) -> Document:
        """Add a document; it is posted and made through the API unless `fields` say otherwise."""
        number = fields.pop("number", None) or _unused(_PREFIX[kind], self.table(kind))
        day = fields.pop("document_date", None) or self.started.date()
        status = fields.pop("status", "Posted")
        created = fields.pop("created_at", self.started)
        document = Document(
            id=self.new_id(),
            number=number,
            kind=kind,
            account=self.account(account, currency),
            currency=currency,
            amount=Decimal(amount) if kind == "invoice" else abs(Decimal(amount)),
            document_date=day,
            target_date=fields.pop("target_date", None) or day,
            status=status,
            created_at=created,
            source=fields.pop("source", "API"),
            due_date=None if kind == "credit_memo" else day + timedelta(days=30),
            posted_at=created if status == "Posted" else None,
            pdf_file_id=self.new_id() if status == "Posted" else None,
            **fields,
        )
        document.balance = document.amount
        self.table(kind)[number] = document
        return document

    def add_invoice(self, account: str, currency: str, amount: str, **fields: Any) -> Document:
        """Add an invoice that no bill run made."""
        return self.add_document("invoice", account, currency, amount, **fields)

    def add_credit_memo(self, account: str, currency: str, amount: str, **fields: Any) -> Document:
        """Add a credit memo that no bill run made."""
        return self.add_document("credit_memo", account, currency, amount, **fields)

    def add_debit_memo(self, account: str, currency: str, amount: str, **fields: Any) -> Document:
        """Add a debit memo."""
        return self.add_document("debit_memo", account, currency, amount, **fields)

    def add_bill_run(
        self,
        number: str | None = None,
        *,
        name: str | None = "Month end",
        status: str = "Posted",
        invoices: Iterable[Line] = (),
        credit_memos: Iterable[Line] = (),
        **fields: Any,
    ) -> BillRun:
        """Add a bill run with its documents, in states that fit the run's.

        Beside the run's own fields, `mailed_at` (datetime) marks run and documents as mailed. A
        run whose number is in use replaces the other one and its documents.
        """
        if number in self.bill_runs:
            self.remove_bill_run(self.bill_runs[number])
        run = self.new_run(name=name, number=number, status=status, **_run_fields(self, fields))
        for line in invoices:
            self.add_run_document(run, "invoice", *line)
        for line in credit_memos:
            self.add_run_document(run, "credit_memo", *line)
        run.number_of_accounts = len({d.account.number for d in self.documents_of(run)})
        if status in {"Completed", "Posted", "Error", "PostInProgress"}:
            run.executed_at = run.executed_at or run.created_at + timedelta(seconds=20)
            run.ended_at = run.ended_at or run.created_at + timedelta(seconds=95)
        if status == "Posted":
            run.posted_at = run.posted_at or run.created_at + timedelta(minutes=30)
        if mailed_at := run.last_email_sent:
            run.invoices_emailed = True
            for document in self.documents_of(run):
                document.last_email_sent = document.updated_at = mailed_at
        return run

    def new_run(self, *, number: str | None = None, **fields: Any) -> BillRun:
        """Store a bill run of these fields under the next number."""
        number = number or _unused("BR-", self.bill_runs)
        created = fields.pop("created_at", self.started)
        run = BillRun(
            id=self.new_id(), number=number, created_at=created, updated_at=created, **fields
        )
        self.bill_runs[number] = run
        return run

    def remove_bill_run(self, run: BillRun) -> None:
        """Take a run and its documents away."""
        for document in self.documents_of(run):
            self.table(document.kind).pop(document.number, None)
        self.bill_runs.pop(run.number, None)

    def add_run_document(
        self, run: BillRun, kind: Kind, account: str, currency: str, amount: str | Decimal
    ) -> Document:
        """Add a document that a run generated: posted with the run if that is, else a draft."""
        states = {"Posted": "Posted", "Canceled": "Canceled"}
        document = self.add_document(
            kind,
            account,
            currency,
            amount,
            status=states.get(run.status, "Draft"),
            source="BillRun",
            source_id=run.number,
            bill_run_id=run.id,
            document_date=run.invoice_date,
            target_date=run.target_date,
            created_at=run.created_at,
        )
        document.posted_at = None
        return document

    def posted_at(self, document: Document) -> datetime | None:
        """Return when it was posted: with its run, unless it was posted alone."""
        run = self.bill_runs.get(document.source_id or "")
        with_run = run.posted_at if run and document.status == "Posted" else None
        return document.posted_at or with_run


Entry = TypeVar("Entry", Account, Subscription, BillRun, Document, PreviewRun)


def find(table: Mapping[str, Entry], key: str, *, by_number: bool = True) -> Entry | None:
    """Return the entry of that id or, when allowed, that number."""
    if by_number and key in table:
        return table[key]
    return next((entry for entry in table.values() if entry.id == key), None)


def _unused(prefix: str, table: Mapping[str, object]) -> str:
    number = len(table) + 1
    while f"{prefix}{number:08d}" in table:
        number += 1
    return f"{prefix}{number:08d}"


def _run_fields(world: World, fields: dict[str, Any]) -> dict[str, Any]:
    day = world.started.date()
    given = dict(fields)
    mailed_at = given.pop("mailed_at", None)
    given["target_date"] = given.get("target_date") or day
    given["invoice_date"] = given.get("invoice_date") or day
    if not given.get("filters"):
        given.setdefault("batches", ["AllBatches"])
        given.setdefault("bill_cycle_day", "AllBillCycleDays")
    return {**given, "last_email_sent": mailed_at}
