"""An example of every operation: what is typed for it in a small tenant, and what it is bound to."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from bot.domain.operation import Deed, OperationName
from bot.sandbox.zuora import World
from tests.operations.picture import Picture, newly

RUN = frozenset(
    {
        "run_id", "number", "status", "target_date", "invoice_date",
        "documents.each", "documents.mailed_before", "documents.last_mailed_at",
        "documents.mailed_unknown",
    }
)  # fmt: skip
"""What is bound of a bill run."""

COUNTED = frozenset(
    {
        "documents.kinds", "documents.kinds[].kind", "documents.kinds[].count",
        "documents.kinds[].totals", "documents.kinds[].not_known", "documents.not_posted",
        "documents.trouble", "documents.unchecked",
    }
)  # fmt: skip
"""What is said of its documents where they changed; `documents.each` binds every one of them."""


@dataclass(frozen=True)
class Example:
    """One order.

    Attributes:
        typed: What is typed, by the names of the fields, in a tenant that it fills.
        path: Where the effect goes, for the faults of the local Zuora.
        digest: What an approval of it is bound to, so that what waits during an update is bound to
            the same afterwards. Where it has to change, the changelog says so.
        bound: The facts that an approval is bound to, by their paths.
        said: Facts that are said where they changed, and bound by others that change with them.
        checks: What the bot checks of it, by name; what stands there no more is checked no more.
        typed_too: Facts that the body decides: what was approved cannot differ in them.
        method: Of the effect.
        provable: Whether reading Zuora proves that a call got through whose answer was lost.
        legal_in: Of an operation on one bill run: the states of Zuora in which a run shows its button.
        foreseen: Of an operation that is `Estimated`: what is typed for one that Zuora estimates.
        addressed: What is typed besides, where the form takes the addresses of a mail.
        filled: What is typed for others of its orders, so that every field is filled in one of them.
    """

    typed: Callable[[World], dict[str, Any]]
    path: str
    digest: str
    bound: frozenset[str]
    checks: tuple[str, ...]
    said: frozenset[str] = frozenset()
    typed_too: frozenset[str] = frozenset()
    method: str = "POST"
    provable: bool = True
    legal_in: tuple[str, ...] = ()
    foreseen: Callable[[World], dict[str, Any]] | None = None
    addressed: Mapping[str, str] = field(default_factory=dict)
    filled: tuple[Callable[[World], dict[str, Any]], ...] = ()


def _of_run(status: str) -> Callable[[World], dict[str, Any]]:
    def typed(world: World) -> dict[str, Any]:
        run = world.add_bill_run(
            "BR-00000001", status=status, batches=["Batch2"],
            invoices=[("A00000001", "USD", "100.00"), ("A00000002", "EUR", "7.50")],
            credit_memos=[("A00000001", "USD", "20.00")],
        )  # fmt: skip
        return {"bill_run": run.number}

    return typed


def _with(
    typed: Callable[[World], dict[str, Any]], **more: Any
) -> Callable[[World], dict[str, Any]]:
    return lambda world: typed(world) | more


def _of_schedule(world: World) -> dict[str, Any]:
    plan = {"repeatFrom": "2026-12-01", "repeatType": "Monthly", "runTime": 4}
    run = world.add_bill_run(
        "BR-00000002", name="Monthly", status="Pending", schedule=plan,
        scheduled_at=world.started + timedelta(days=10), body={"batches": ["Batch2"]},
    )  # fmt: skip
    return {"bill_run": run.number, "cancel_once": "once"}


def _every_month(world: World) -> dict[str, Any]:
    return _batch(world) | {
        "name": "Month end", "bill_cycle_day": "15", "exclude": ["Usage"], "target_date": "",
        "target_months": "1", "target_day": "31", "invoice_months": "1", "invoice_day": "1",
        "posting": "post_and_email", "options": ["auto_renewal", "no_zero_mail"],
        "leave_out": ["subscriptions"], "organizations": "402881e5" * 4,
        "when": "scheduled", "repeat_type": "Monthly", "repeat_from": "2026-12-31",
        "repeat_to": "2027-12-31", "run_time": "6", "on_end_of_month": "yes",
    }  # fmt: skip


def _every_week(world: World) -> dict[str, Any]:
    return _batch(world) | {
        "invoice_date": "2026-12-31", "leave_out": ["order_line_items"], "organizations": "Europe",
        "when": "scheduled", "repeat_type": "Weekly", "repeat_from": "2026-12-01",
        "weekly_on": ["Mon", "Thu"], "run_time": "6",
    }  # fmt: skip


def _catch_up(world: World) -> dict[str, Any]:
    subscription = world.add_subscription("A00000001", "100.00")
    return {"scope": "subscriptions", "subscriptions": subscription.number,
            "target_date": "2026-12-31", "run_type": "CatchUp"}  # fmt: skip


def _batch(world: World) -> dict[str, Any]:
    world.add_account("A00000001", batch="Batch1")
    world.add_subscription("A00000001", "100.00")
    return {"scope": "batches", "batches": ["Batch1"], "target_date": "2026-12-31"}


def _account(world: World) -> dict[str, Any]:
    world.add_account("A00000001")
    world.add_subscription("A00000001", "100.00")
    return {"scope": "account", "account": "A00000001", "target_date": "2026-12-31",
            "posting": "post_and_email"}  # fmt: skip


def _invoices(world: World) -> dict[str, Any]:
    made = [world.add_invoice("A00000001", "USD", "10.00") for _ in range(2)]
    return {"documents": " ".join(each.number for each in made), "recipients": "template"}


def _debit_memo(world: World) -> dict[str, Any]:
    memo = world.add_debit_memo("A00000001", "USD", "10.00")
    return {"documents": memo.number, "recipients": "template"}


def _credit_memo(world: World) -> dict[str, Any]:
    memo = world.add_credit_memo("A00000001", "USD", "10.00")
    return {"documents": memo.number, "recipients": "template"}


def _of_file(typed: Callable[[World], dict[str, Any]]) -> Callable[[World], dict[str, Any]]:
    """Of a memo, with the PDF to attach."""

    def with_file(world: World) -> dict[str, Any]:
        values = typed(world)
        memos = {**world.debit_memos, **world.credit_memos}
        return values | {"pdf_file_id": memos[values["documents"]].pdf_file_id}

    return with_file


def _mixed_list(world: World) -> dict[str, Any]:
    made = (
        world.add_invoice("A00000001", "USD", "10.00"),
        world.add_credit_memo("A00000001", "USD", "4.00"),
        world.add_debit_memo("A00000002", "EUR", "7.50"),
    )
    return {"documents": " ".join(each.number for each in made), "recipients": "template"}


def _under(prefix: str, paths: frozenset[str]) -> frozenset[str]:
    return frozenset(f"{prefix}{each}" for each in paths)


DOCUMENTS = frozenset(
    {
        "documents", "documents[].number", "documents[].id", "documents[].status",
        "documents[].currency", "documents[].amount", "documents[].mailed_at",
        "documents[].trouble", "documents[].unchecked", "nobody",
        "checks.notices[].state",
    }
)  # fmt: skip
LISTED = frozenset({"documents[].listed"})
"""Said where a mail was listed meanwhile; not bound, as old mails drop out of the list."""

ADDRESSED = {"recipients": "addresses", "email_addresses": "ap@a.example, ap@b.example"}
TYPED = frozenset({"to_bill_to"})
"""What the body decides, and what is bound with that."""

MAILED = (
    "mailed before",
    "mails by itself",
    "fit to send",
    "mail addresses",
    "notifications",
    "PDFs",
)
"""What is checked of everything that is mailed."""

EXAMPLES = {
    OperationName.CREATE_BILL_RUN: Example(
        _account,
        "/v1/bill-runs",
        "d25acc1d7cc43ea35b942e498183197ad288606656e77242469d43cf4b65ccff",
        frozenset({"account.id", "account.currency", "subscriptions", "others", "mails.state"}),
        (
            "other runs",
            "pending runs",
            "dates",
            "organizations",
            "auto-post allowed",
            "notification",
            "mail address",
        ),
        foreseen=_batch,
        filled=(_batch, _every_month, _every_week, _catch_up),
    ),
    OperationName.POST_BILL_RUN: Example(
        _of_run("Completed"),
        "/v1/bill-runs/*/post",
        "ad4ce5ef4f9d3b5d92943f8a7a335ab1037b9f917e1c52e5b4dccd4f9aa5e258",
        method="PUT",
        legal_in=("Completed",),
        bound=_under("run.", RUN) | {"mails"},
        checks=("state", "count", "amounts", "totals of zero", "mails on posting"),
        said=_under("run.", COUNTED),
        filled=(_with(_of_run("Completed"), invoice_date="2026-12-24"),),
    ),
    OperationName.CANCEL_BILL_RUN: Example(
        _of_run("Completed"),
        "/v1/bill-runs/*/cancel",
        "bb1832c7bdff404f87d729c61ff220f0f21e24d92ab845c3190b3eb0b1339ac9",
        method="PUT",
        legal_in=("Pending", "Completed"),
        bound=_under("run.", RUN) | {"schedule", "scheduled_for"},
        checks=("state", "count", "amounts", "nothing posted", "kind of run", "schedule"),
        said=_under("run.", COUNTED),
        filled=(_of_schedule, _with(_of_schedule, cancel_once="all")),
    ),
    OperationName.EMAIL_BILL_RUN: Example(
        _of_run("Posted"),
        "/v1/bill-runs/*/emails",
        "c1b002a1a607fe017abce4f9fb251a43686e55223f9c571cd97d3515a2e76ea3",
        RUN | {"checks.notices[].state"},
        ("state", "count", "amounts", "posted", *MAILED),
        COUNTED | {"listed_lately"},
        legal_in=("Posted",),
        filled=(_with(_of_run("Posted"), resend="yes"),),
    ),
    OperationName.EMAIL_INVOICE: Example(
        _invoices,
        "/v1/*/*/emails",
        "07a26d1d625fca784cc402c160400a655a6950ff7da1339b133ba609175a9fe7",
        DOCUMENTS,
        ("posted", "amounts", *MAILED),
        LISTED,
        typed_too=TYPED,
        addressed=ADDRESSED,
        filled=(_with(_invoices, **ADDRESSED, additional=True),),
    ),
    OperationName.EMAIL_DEBIT_MEMO: Example(
        _debit_memo,
        "/v1/*/*/emails",
        "14fd5f0544948994c3780e2a78c84692b6991d39d0ef04b87d4d3d292b2f85e2",
        DOCUMENTS,
        ("posted", "amounts", *MAILED),
        LISTED,
        typed_too=TYPED,
        addressed=ADDRESSED,
        filled=(
            _with(_debit_memo, **ADDRESSED, additional=True),
            _of_file(_debit_memo),
        ),
    ),
    OperationName.EMAIL_CREDIT_MEMO: Example(
        _credit_memo,
        "/v1/*/*/emails",
        "4bbcf274fc9c18aae5c5939ad87dbf3ff8d5b071bb9e81a1fe71e743acbe5f7a",
        DOCUMENTS,
        ("posted", "amounts", *MAILED),
        LISTED,
        typed_too=TYPED,
        addressed=ADDRESSED,
        filled=(
            _with(_credit_memo, **ADDRESSED, additional=True),
            _of_file(_credit_memo),
        ),
    ),
    OperationName.EMAIL_MIXED_LIST: Example(
        _mixed_list,
        "/v1/*/*/emails",
        "78c5514502d7d910a4a58abba01237c54273940ff3dbf5eb6430dca4c2ae368e",
        DOCUMENTS,
        ("posted", "amounts", *MAILED),
        LISTED,
        typed_too=TYPED,
        addressed=ADDRESSED,
        filled=(_with(_mixed_list, **ADDRESSED, additional=True),),
    ),
}

SHOWN: dict[Deed, Callable[[Picture, Picture], bool]] = {
    Deed.CREATED: lambda before, after: bool(after.runs.keys() - before.runs.keys()),
    Deed.POSTED: lambda before, after: newly("Posted", before, after),
    Deed.CANCELED: lambda before, after: newly("Canceled", before, after),
    Deed.MAILED: lambda before, after: len(after.mails) > len(before.mails),
}
"""How Zuora shows each deed, by what the tenant held before and afterwards."""
