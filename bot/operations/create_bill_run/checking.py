"""The checks before a bill run is created. No I/O."""

from collections.abc import Iterator

from bot.domain.check import Check, check
from bot.domain.words import count, in_days, listed, some
from bot.operations.create_bill_run import notes
from bot.operations.create_bill_run.body import CreateBillRunBody
from bot.operations.create_bill_run.facts import CreateFacts
from bot.operations.create_bill_run.finding import MOST_PENDING
from bot.zuora.bill_runs import MOST_LISTED

SHOWN = 4


def all_checked(body: CreateBillRunBody, facts: CreateFacts) -> Iterator[Check]:
    """Yield each check that concerns this run, with what it compared."""
    yield _other_runs(facts)
    yield _pending(facts)
    yield _dates(body, facts)
    if facts.subscriptions:
        yield _subscriptions(facts)
    if body.batches:
        yield _accounts(facts)
    if not body.organizations:
        yield check(
            "organizations",
            "this Zuora has no Multi-Org, for which a run needs organizations",
            not_known="whether this Zuora has Multi-Org"
            if facts.wants_organizations is None
            else "",
        )
    yield from _rules(body, facts)
    if body.auto_email:
        yield from _mails(facts)


def _other_runs(facts: CreateFacts) -> Check:
    runs = some([run.words for run in facts.others], SHOWN)
    of = "every run" if facts.all_runs else f"the newest {MOST_LISTED:,} runs"
    return check(
        "other runs",
        f"none of Zuora's runs over the same accounts is still open; {of} looked at",
        found=f"over the same accounts and not ended: {runs}" if facts.others else "",
        not_known="" if facts.all_runs else f"only {of} were looked at",
    )


def _pending(facts: CreateFacts) -> Check:
    number = f"{facts.pending:,} of the {MOST_PENDING:,} allowed"
    many = facts.pending >= notes.MANY_PENDING
    return check(
        "pending runs",
        f"{number} are Pending in Zuora",
        found=f"{number} are Pending in Zuora" if many else "",
        not_known="" if facts.all_runs else f"only the newest {MOST_LISTED:,} runs were looked at",
    )


def _dates(body: CreateBillRunBody, facts: CreateFacts) -> Check:
    found = " ".join(notes.date_notes(body, facts.today))
    return check(
        "dates",
        f"a target date is at most {notes.LONG_AGO.days} days past and {notes.FAR.days} days ahead, an "
        f"invoice date is {in_days(facts.today)}, the tenant's day",
        found=found.rstrip("."),
    )


def _subscriptions(facts: CreateFacts) -> Check:
    odd = [
        f"{each.number} ({each.status or 'state not known'})"
        for each in facts.subscriptions
        if each.status != "Active"
    ]
    unsaid = [each.number for each in facts.subscriptions if each.is_latest is None]
    return check(
        "subscriptions",
        f"{count(len(facts.subscriptions), 'subscription')} Active, in the latest version, of one account",
        found=f"not Active: {listed(odd)}" if odd else "",
        not_known=f"whether this is the latest version of {listed(unsaid)}" if unsaid else "",
    )


def _accounts(facts: CreateFacts) -> Check:
    number = facts.accounts
    more = "" if facts.is_all else " or more"
    return check(
        "accounts",
        f"{count(number or 0, 'active account')}{more} in this scope",
        found="no active account is in this scope" if number == 0 else "",
        not_known="Zuora did not say how many are active" if number is None else "",
    )


def _rules(body: CreateBillRunBody, facts: CreateFacts) -> Iterator[Check]:
    unread = "Zuora's billing rules cannot be read"
    if body.auto_post:
        allowed = facts.auto_post_allowed
        rule = "Zuora's billing rule lets a run post itself"
        yield check("auto-post allowed", rule, not_known="" if allowed else unread)
    if body.run_type == "CatchUp":
        allowed = facts.catch_up_allowed
        rule = "catch-up runs are enabled in Zuora"
        yield check("catch-up allowed", rule, not_known="" if allowed else unread)


def _mails(facts: CreateFacts) -> Iterator[Check]:
    """Yield the checks of whether Zuora would mail what the run posts."""
    yield facts.mails.checked()
    account = facts.account
    if account is None:
        return
    has = account.bill_to_mail
    yield check(
        "mail address",
        f"the bill-to contact of {account.called} has one",
        found="the account's bill-to contact has no mail address" if has is False else "",
        not_known="whether the bill-to contact has a mail address" if has is None else "",
    )
