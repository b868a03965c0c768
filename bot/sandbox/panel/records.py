"""The effects in the local Zuora, as JSON for the page."""

from collections import Counter
from decimal import Decimal
from typing import Any

from bot.sandbox.zuora.records import BillRun, Document, Kind
from bot.sandbox.zuora.server import LocalZuora
from bot.sandbox.zuora.world import World

MOST_MAILS = 400
MOST_CALLS = 120
KINDS: tuple[Kind, ...] = ("invoice", "credit_memo", "debit_memo")


def did(zuora: LocalZuora) -> dict[str, Any]:
    """Return mails with how often each went out, runs, and calls, the newest first.

    `totals` counts all of them, even if a list is cut short.
    """
    world = zuora.world
    mails = Counter(
        (mail.document, recipient) for mail in world.mails for recipient in mail.recipients
    )
    last = {
        (mail.document, recipient): mail for mail in world.mails for recipient in mail.recipients
    }
    newest_first = sorted(last.items(), key=lambda item: item[1].time, reverse=True)
    return {
        "mails": [
            {
                "document": document,
                "recipient": recipient,
                "customer": _customer(world, mail.account),
                "times": mails[document, recipient],
                "at": mail.time.isoformat(),
            }
            for (document, recipient), mail in newest_first[:MOST_MAILS]
        ],
        "runs": [_run(run) for run in reversed(world.bill_runs.values())],
        "calls": [
            {
                "at": call.time.isoformat(),
                "method": call.method,
                "path": call.path,
                "status": call.status,
                "fault": call.fault,
                "key": call.headers.get("idempotency-key", ""),
                "replayed": call.replayed,
            }
            for call in zuora.calls[: -MOST_CALLS - 1 : -1]
        ],
        "totals": {
            "mails": sum(mails.values()),
            "twice": sum(1 for times in mails.values() if times > 1),
            "runs": len(world.bill_runs),
            "calls": len(zuora.calls),
        },
    }


def record(zuora: LocalZuora, number: str) -> dict[str, Any] | None:
    """Return a run or a document by number or id, with its mails; None if there is none."""
    world = zuora.world
    for run in world.bill_runs.values():
        if number in (run.number, run.id):
            documents = [_document(each) for each in world.documents_of(run)]
            return {**_run(run), "kind": "bill run", "documents": documents}
    for kind in KINDS:
        for document in world.table(kind).values():
            if number in (document.number, document.id):
                return _document(document) | {"mails": _mails_of(world, document)}
    return None


def _run(run: BillRun) -> dict[str, Any]:
    return {
        "number": run.number,
        "name": run.name or "",
        "status": run.status,
        "at": run.created_at.isoformat(),
    }


def _document(document: Document) -> dict[str, Any]:
    mailed = document.last_email_sent
    return {
        "number": document.number,
        "kind": document.kind.replace("_", " "),
        "customer": document.account.name,
        "amount": f"{document.currency} {_digits(document.amount)}",
        "status": document.status,
        "mailed": mailed.isoformat() if mailed else None,
    }


def _digits(amount: Decimal) -> str:
    """Return an amount with all its digits, and at least two after the point."""
    _, _, exponent = amount.as_tuple()
    has = -exponent if isinstance(exponent, int) else 0
    return f"{amount:,.{max(2, has)}f}"


def _mails_of(world: World, document: Document) -> list[dict[str, Any]]:
    return [
        {"recipient": recipient, "at": mail.time.isoformat()}
        for mail in world.mails
        if mail.document == document.number
        for recipient in mail.recipients
    ]


def _customer(world: World, account: str) -> str:
    found = world.accounts.get(account)
    return found.name if found else account
