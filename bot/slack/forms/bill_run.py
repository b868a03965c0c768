"""The form for creating a bill run, which shows only what the choices so far allow."""

from collections.abc import Iterator, Sequence

from bot.cards.blocks import Block, context, paragraph
from bot.operations.create_bill_run import CreateBillRun
from bot.operations.create_bill_run.typed import parted
from bot.operations.typed import Problems, Values
from bot.slack.forms import bill_run_dates as dates
from bot.slack.forms import fields
from bot.slack.forms.ask_form import AskForm
from bot.slack.forms.fields import Choice
from bot.workflow.ask import WantedOrders

SCOPES: tuple[Choice, ...] = (
    ("batches", "Batches of accounts", "All accounts in them that have something due."),
    ("account", "One account", "All its subscriptions."),
    ("subscriptions", "Subscriptions of one account", "At most 50; runs now."),
)
WHEN: tuple[Choice, ...] = (
    ("adhoc", "Once, as soon as it is approved", ""),
    ("scheduled", "On a schedule", "One approval for all its runs."),
)
POSTING: tuple[Choice, ...] = (
    ("draft", "Leave drafts", "They are checked and posted later."),
    ("post", "Post them", "Without another approval."),
    ("post_and_email", "Post and mail them", "Customers get mail without another approval."),
)
OPTIONS: tuple[Choice, ...] = (
    ("auto_renewal", "Renew subscriptions", "Those with auto-renew that are up for renewal."),
    ("no_zero_mail", "No mail for invoices of zero", "Fixed when the run is created."),
)
CHARGE_TYPES: tuple[Choice, ...] = (
    ("OneTime", "One-time charges", ""),
    ("Recurring", "Recurring charges", ""),
    ("Usage", "Usage charges", ""),
)
LEAVE_OUT: tuple[Choice, ...] = (
    ("subscriptions", "Subscriptions", ""),
    ("order_line_items", "Order line items", ""),
)
RUN_TYPES: tuple[Choice, ...] = (
    ("Regular", "Regular", ""),
    ("CatchUp", "Catch-up", "Makes no invoices and cannot be undone."),
)
DAYS: tuple[Choice, ...] = tuple((str(day), str(day), "") for day in range(1, 32))


class BillRunForm(AskForm):
    """Create a bill run: by batch, for one account, or for subscriptions; now or on a schedule."""

    callback_id = CreateBillRun.form
    title = "Create a bill run"

    def __init__(self, highest_batch: int = 50) -> None:
        """Offer the tenant's batches, up to the number of the last one."""
        names = ("AllBatches", *(f"Batch{each}" for each in range(1, highest_batch + 1)))
        self._batches: tuple[Choice, ...] = tuple((name, name, "") for name in names)

    def blocks(self, values: Values) -> Sequence[Block]:
        """Return every field of the operation that these choices allow."""
        scheduled = is_scheduled(values)
        return (
            paragraph(
                "Zuora generates invoices and credit memos as drafts. A second person approves "
                "before the run is created."
            ),
            fields.radio("scope", "What to bill", values, SCOPES, changes_form=True),
            *_whom(values, self._batches, scheduled=scheduled),
            *_when(values),
            *(dates.schedule_fields(values) if scheduled else ()),
            *dates.fields_for(values, "target", scheduled=scheduled),
            *dates.fields_for(values, "invoice", scheduled=scheduled),
            *_afterwards(values, scheduled=scheduled),
            *_details(values),
        )

    def wanted(self, values: Values) -> WantedOrders | Problems:
        """Return one bill run."""
        return ((CreateBillRun, values),)


def is_scheduled(values: Values) -> bool:
    """Return whether these choices are for a schedule, which single subscriptions cannot have."""
    return values.get("when") == "scheduled" and values.get("scope") != "subscriptions"


def _whom(values: Values, batches: Sequence[Choice], *, scheduled: bool) -> Iterator[Block]:
    match values.get("scope"):
        case "account":
            yield fields.text(
                "account", "Account", values,
                hint="Its number or its id.", placeholder="A00000001", max_length=100,
            )  # fmt: skip
        case "subscriptions":
            yield fields.text(
                "subscriptions", "Subscriptions", values,
                hint="Numbers or ids separated by commas, spaces or lines, all from one account.",
                multiline=True, max_length=1800,
            )  # fmt: skip
        case _:
            yield _batches(values, batches)
            yield fields.select(
                "bill_cycle_day", "Bill cycle day", {"bill_cycle_day": "AllBillCycleDays"} | {
                    name: value for name, value in values.items() if value
                }, _cycle_days(scheduled=scheduled),
            )  # fmt: skip


def _batches(values: Values, batches: Sequence[Choice]) -> Block:
    """Return a menu, or a text field if more batches are chosen than Slack lets a menu begin with."""
    chosen = values.get("batches")
    if isinstance(chosen, str):
        chosen = parted(chosen)
    if not chosen or len(chosen) <= fields.MOST_OPTIONS:
        return fields.select("batches", "Batches", {"batches": chosen}, batches, several=True)
    typed = fields.text(
        "batches", "Batches", {"batches": ", ".join(chosen)},
        hint="Names with commas, spaces or lines between.", multiline=True, max_length=3000,
    )  # fmt: skip
    typed["element"]["action_id"] = "names"  # Slack keeps the menu's choice for the menu alone
    return typed


def _cycle_days(*, scheduled: bool) -> tuple[Choice, ...]:
    as_run = ("AsRunDay", "AsRunDay", "The day of the month on which it runs.")
    return (("AllBillCycleDays", "AllBillCycleDays", ""), *([as_run] if scheduled else []), *DAYS)


def _when(values: Values) -> Iterator[Block]:
    if values.get("scope") != "subscriptions":
        yield fields.radio("when", "When", values, WHEN, changes_form=True)


def _afterwards(values: Values, *, scheduled: bool) -> Iterator[Block]:
    if not scheduled:
        yield fields.radio("run_type", "Type", values, RUN_TYPES, changes_form=True)
    if not scheduled and values.get("run_type") == "CatchUp":
        yield context("A catch-up run makes no invoices, so nothing is posted or mailed.")
        return
    yield fields.radio("posting", "What happens to the drafts", values, POSTING)
    yield fields.checkboxes("options", "Also", values, OPTIONS)


def _details(values: Values) -> Iterator[Block]:
    yield fields.text(
        "name", "Name", values,
        hint="Zuora shows it with the request's number behind it.", max_length=100, optional=True,
    )  # fmt: skip
    yield fields.checkboxes(
        "exclude", "Leave out charges", values, CHARGE_TYPES, hint="Two types at most."
    )
    yield fields.checkboxes("leave_out", "Leave out", values, LEAVE_OUT)
    yield fields.text(
        "organizations", "Organizations", values,
        hint='Only with Multi-Org: ids or names with commas between; "Acme, Inc" in quotation marks.',
        max_length=600, optional=True,
    )  # fmt: skip
