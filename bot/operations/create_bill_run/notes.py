"""Notes on what is allowed but perhaps not meant in a new bill run. No I/O."""

from collections.abc import Iterator
from datetime import date, timedelta

from bot.domain.words import in_days, listed
from bot.operations.create_bill_run.body import ALL_BATCHES, CreateBillRunBody
from bot.operations.create_bill_run.facts import CreateFacts
from bot.operations.create_bill_run.finding import MOST_PENDING

FAR = timedelta(days=366)
LONG_AGO = timedelta(days=92)
EVERYBODY = "AllBatches bills every active account of the tenant."
NOBODY = "No active account is in this scope, so the run would bill nothing."
NO_ORGANIZATIONS_KNOWN = "Whether this Zuora has Multi-Org could not be checked; with it, it refuses a run without organizations."
"""This is no reason to stop the request, because Zuora then refuses the run and makes nothing."""

MANY_PENDING = MOST_PENDING * 4 // 5


def notes(body: CreateBillRunBody, facts: CreateFacts) -> tuple[str, ...]:
    """Return sentences on what is allowed but perhaps not meant."""
    unsure = (NO_ORGANIZATIONS_KNOWN,) if facts.wants_organizations is None else ()
    nobody = (NOBODY,) if facts.accounts == 0 else ()
    return (
        *date_notes(body, facts.today),
        *_body_notes(body),
        *nobody,
        *_fact_notes(body, facts),
        *unsure,
    )


def cautions(body: CreateBillRunBody, facts: CreateFacts) -> tuple[str, ...]:
    """Return those notes at which an approver should stop, but for `NOBODY`, which the line with the customers says."""
    everybody = (EVERYBODY,) if ALL_BATCHES in body.batches else ()
    found = (*date_notes(body, facts.today), *everybody, *_fact_notes(body, facts))
    return tuple(each.removesuffix(".") for each in found)


def date_notes(body: CreateBillRunBody, today: date) -> Iterator[str]:
    """Yield sentences on dates that are allowed but perhaps not meant."""
    target, invoice = body.target_date, body.invoice_date
    if target and target - today > FAR:
        yield (
            "The target date is more than a year ahead: the run will take a long time and "
            "cannot be canceled while it works."
        )
    if target and today - target > LONG_AGO:
        yield "The target date is long past: only what was due by then is billed."
    if invoice and invoice != today:
        yield f"The invoice date is not today, {in_days(today)}."


def _body_notes(body: CreateBillRunBody) -> Iterator[str]:
    if ALL_BATCHES in body.batches:
        yield EVERYBODY
    if body.auto_renewal:
        yield "Subscriptions up for renewal are renewed by this run."
    else:
        yield "Subscriptions up for renewal are not renewed by this run."
    if body.auto_email and not body.no_email_for_zero_amount:
        yield "Invoices of zero are mailed too."
    if body.no_email_for_zero_amount:
        yield "Invoices of zero are not mailed."
    if body.is_scheduled:
        yield (
            "Zuora creates a new run each time; this request approves them all, and the bot "
            "follows the first."
            if body.schedule and body.schedule.repeat_type != "None"
            else "The bot follows it from now until it has run."
        )


def _fact_notes(body: CreateBillRunBody, facts: CreateFacts) -> Iterator[str]:
    if body.auto_post and facts.auto_post_allowed is None:
        yield "Whether Zuora allows a run to post itself could not be checked."
    if body.run_type == "CatchUp" and facts.catch_up_allowed is None:
        yield "Whether catch-up runs are enabled in Zuora could not be checked."
    if body.auto_email and facts.account and facts.account.bill_to_mail is False:
        yield "The account's bill-to contact has no mail address."
    if body.auto_email and facts.account and facts.account.bill_to_mail is None:
        yield "Whether the account's bill-to contact has a mail address is not known."
    yield from facts.mails.notes
    yield from _runs_and_subscriptions(facts)


def _runs_and_subscriptions(facts: CreateFacts) -> Iterator[str]:
    """Yield sentences on what Zuora decides by its own rules."""
    if others := [each for each in facts.subscriptions if each.status != "Active"]:
        names = listed([f"{each.number} ({each.status or 'state not known'})" for each in others])
        yield f"Not Active: {names}. Zuora bills what is left to bill of them, by its own rules."
    if unsaid := [each.number for each in facts.subscriptions if each.is_latest is None]:
        yield f"Zuora does not say whether this is the latest version of {listed(unsaid)}."
    if facts.pending > MOST_PENDING:
        yield (
            f"{facts.pending} bill runs are Pending in Zuora. If more than {MOST_PENDING} of them "
            "were made through the API, Zuora refuses this one."
        )
    elif facts.pending >= MANY_PENDING:
        yield f"{facts.pending} of {MOST_PENDING} allowed runs are Pending in Zuora."
