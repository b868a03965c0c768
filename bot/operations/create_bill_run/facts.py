"""What an approver must know before a bill run is created, as Zuora gives it."""

from datetime import date
from typing import Any

from pydantic import BaseModel

from bot.domain.known import NotKnown
from bot.domain.money import Amount
from bot.domain.words import listed, named
from bot.operations.create_bill_run.autopost_mails import AutoMails
from bot.operations.stored import Facts


class BilledAccount(BaseModel, frozen=True):
    """The account of a run for one account or for its subscriptions."""

    id: str
    number: str
    name: str
    currency: str | NotKnown
    batch: str
    bill_to_mail: bool | None
    profile_id: str = ""
    bill_cycle_day: str = ""

    @property
    def called(self) -> str:
        """Return `A00000001 (Aldergate Logistics)`."""
        return f"{self.number} ({named(self.name)})" if self.name else self.number


class BilledSubscription(BaseModel, frozen=True):
    """A subscription, with the id to send to Zuora.

    Attributes:
        is_latest: Whether this is its latest version; None if Zuora did not say.
    """

    id: str
    number: str
    version: int | None
    status: str = "Active"
    is_latest: bool | None = True


class OtherRun(BaseModel, frozen=True):
    """Another bill run over the same accounts that has not ended."""

    number: str
    name: str
    status: str

    @property
    def words(self) -> str:
        """Return `BR-00000417 (November, Processing)`."""
        name = f"{self.name}, " if self.name else ""
        return f"{self.number} ({name}{self.status})"


class Estimate(BaseModel, frozen=True):
    """Zuora's preview: amounts, each with its currency."""

    charges: Amount
    tax: Amount
    credits: Amount
    items: int


class CreateFacts(Facts):
    """What is known about what the run would bill.

    Attributes:
        account: The account of a run for one account or for subscriptions; else None.
        accounts: How many active accounts a run by batch covers; None if Zuora did not say.
        is_all: False if there are more accounts than were counted.
        auto_post_allowed, catch_up_allowed: Zuora's rules; None if they cannot be read.
        others: Other runs over the same accounts that have not ended, by number.
        all_runs: False if the tenant has more runs than were read for that.
        estimate: The estimate for one account; one for batches is made in the background and is no fact.
        mails: Whether Zuora would mail what the run posts by itself.
        wants_organizations: Whether Zuora would refuse it without organizations; None if not known.
        pending: How many runs wait in Zuora, however they were made.
        today: Today in the tenant's zone, for notes on the dates.
        time_zone: Name of that zone; empty if neither Zuora nor a setting gives it.
    """

    account: BilledAccount | None = None
    subscriptions: tuple[BilledSubscription, ...] = ()
    accounts: int | None = None
    is_all: bool = True
    auto_post_allowed: bool | None = None
    catch_up_allowed: bool | None = None
    others: tuple[OtherRun, ...] = ()
    all_runs: bool = True
    mails: AutoMails = AutoMails()
    wants_organizations: bool | None = False
    pending: int = 0
    estimate: Estimate | None = None
    today: date
    time_zone: str = ""

    def material(self) -> dict[str, Any]:
        """Return what an approval is bound to besides the body: whom it bills, and which other runs bill them.

        The account's name has no effect. The number of accounts in a batch and the estimate change with every new
        customer and every usage record, so they are shown but not bound; the approval is for the batch.
        """
        return {
            "account": self.account.id if self.account else "",
            "currency": self.account.currency if self.account else "",
            "subscriptions": sorted((each.number, each.id) for each in self.subscriptions),
            "others": sorted(each.number for each in self.others),
            **self.mails.material,
        }

    def differs(self, now: "CreateFacts") -> list[str]:
        """Return what changed between this and now, in words."""
        return [
            *_account_differs(self.account, now.account),
            *_subscriptions_differ(self.subscriptions, now.subscriptions),
            *_others_differ(self.others, now.others),
            *self.mails.differs(now.mails),
        ]


def _account_differs(before: BilledAccount | None, after: BilledAccount | None) -> list[str]:
    if before is None or after is None:
        return []
    found = []
    if before.id != after.id:
        found.append(f"{before.number} is another account now ({after.number})")
    if before.currency != after.currency:
        found.append(f"{before.number} was billed in {before.currency}, now in {after.currency}")
    return found


def _subscriptions_differ(
    before: tuple[BilledSubscription, ...], after: tuple[BilledSubscription, ...]
) -> list[str]:
    then, now = {each.number: each for each in before}, {each.number: each for each in after}
    return [
        f"{number} has a new version: {_version(then.get(number))} then, "
        f"{_version(now.get(number))} now"
        for number in sorted({*then, *now})
        if _id(then.get(number)) != _id(now.get(number))
    ]


def _id(subscription: BilledSubscription | None) -> str:
    return subscription.id if subscription else ""


def _version(subscription: BilledSubscription | None) -> str:
    if subscription is None:
        return "none"
    return f"version {subscription.version}" if subscription.version else "another one"


def _others_differ(before: tuple[OtherRun, ...], after: tuple[OtherRun, ...]) -> list[str]:
    then, now = {each.number for each in before}, {each.number for each in after}
    found = []
    if started := [each.words for each in after if each.number not in then]:
        found.append(f"another run over the same accounts has begun: {listed(started)}")
    if ended := [each.number for each in before if each.number not in now]:
        found.append(f"{listed(ended)} over the same accounts has ended since")
    return found
